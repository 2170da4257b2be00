using System.Net;
using Mosaik.Quic.Driver;

namespace Mosaik.Quic;

/// <summary>A connection whose handshake is complete: both sides have proved their keys.</summary>
/// <remarks>
/// Thread-safe and cheap. When the connection ends, every pending and later operation fails with a
/// <see cref="QuicException"/> that carries <see cref="QuicCloseInfo"/>, after data that had arrived was read. Disposal
/// closes with code 0 and does not wait for the peer.
/// </remarks>
public sealed class QuicConnection : IAsyncDisposable
{
    private readonly ConnectionDriver _driver;

    internal QuicConnection(ConnectionDriver driver) => _driver = driver;

    /// <summary>What is behind the handle, for tests. Its core may be looked at between turns only.</summary>
    internal ConnectionDriver Driver => _driver;

    /// <summary>A number that no other connection of this process has.</summary>
    public long Id => _driver.Id;

    /// <summary>True if this side dialled.</summary>
    public bool IsClient => _driver.IsClient;

    /// <summary>The 32-byte public key the peer has proved.</summary>
    public ReadOnlyMemory<byte> PeerKey => _driver.PeerKey;

    /// <summary>The protocol both sides agreed on.</summary>
    public string Alpn => _driver.Alpn;

    /// <summary>The peer's address on the path in use; it changes when the peer migrates.</summary>
    public IPEndPoint RemoteEndPoint => _driver.RemoteEndPoint;

    /// <summary>The smoothed round-trip time of the path in use, sampled at most every 250 ms.</summary>
    public TimeSpan SmoothedRtt => _driver.SmoothedRtt;

    /// <summary>How the connection ended; null while it lives.</summary>
    public QuicCloseInfo? CloseInfo => _driver.CloseInfo;

    /// <summary>Completes when the connection has ended, with the reason. Any number may wait.</summary>
    public ValueTask<QuicCloseInfo> WaitClosedAsync(CancellationToken cancellationToken = default) =>
        _driver.WaitClosedAsync(cancellationToken);

    /// <summary>
    /// Opens a stream; waits while the peer's limit of concurrent streams is reached, first come first served.
    /// </summary>
    /// <remarks>The peer hears of the stream with the first bytes written to it.</remarks>
    public ValueTask<QuicStream> OpenStreamAsync(
        QuicStreamDirection direction, CancellationToken cancellationToken = default) =>
        _driver.OpenStreamAsync(direction, cancellationToken);

    /// <summary>
    /// The next stream of one direction the peer has opened. Any number may wait, first come first served.
    /// </summary>
    public ValueTask<QuicStream> AcceptStreamAsync(
        QuicStreamDirection direction, CancellationToken cancellationToken = default) =>
        _driver.AcceptStreamAsync(direction, cancellationToken);

    /// <summary>
    /// Closes with an application code; completes when the close packet has been handed to the network. Data not yet
    /// acknowledged may be lost: <see cref="QuicStream.WaitAllAcknowledgedAsync"/> comes first where that matters.
    /// Closing a closed connection does nothing.
    /// </summary>
    public ValueTask CloseAsync(ulong code, string reason = "") => _driver.CloseAsync(code, reason);

    /// <summary>Like <see cref="CloseAsync"/>, without waiting for the packet to leave.</summary>
    public void Abort(ulong code = 0, string reason = "") => _driver.Abort(code, reason);

    /// <summary>Derives a secret from the handshake, equal on both sides (RFC 8446 §7.5; spec/quic.md §3.10).</summary>
    /// <param name="label">1 to 249 bytes, not necessarily text.</param>
    /// <param name="context">Any bytes; empty and absent are the same.</param>
    /// <param name="output">Receives the secret.</param>
    /// <exception cref="ArgumentException">A length is out of range.</exception>
    public void ExportKeyingMaterial(ReadOnlySpan<byte> label, ReadOnlySpan<byte> context, Span<byte> output) =>
        _driver.ExportKeyingMaterial(label, context, output);

    /// <summary>Closes with code 0 and an empty reason, and waits until the close packet has left.</summary>
    public ValueTask DisposeAsync() => _driver.CloseAsync(0, "");
}
