using System.Net;
using Mosaik.Primitives;

namespace Mosaik.Networking.Transport;

/// <summary>A connection to a peer that has proved its id.</summary>
/// <remarks>
/// Thread-safe. After it has ended, every operation fails with a <see cref="TransportException"/> that carries
/// <see cref="CloseInfo"/>; data that had arrived before is read first.
/// </remarks>
public interface ITransportConnection
{
    /// <summary>A number no other connection of the process has.</summary>
    long Id { get; }

    /// <summary>The peer.</summary>
    PeerId RemoteId { get; }

    /// <summary>The protocol both ends agreed on.</summary>
    string Alpn { get; }

    /// <summary>True if this end dialled.</summary>
    bool IsDialler { get; }

    /// <summary>The peer's address on the path in use.</summary>
    IPEndPoint RemoteEndPoint { get; }

    /// <summary>The smoothed round-trip time of the path in use; null if unknown. Cheap.</summary>
    TimeSpan? Rtt { get; }

    /// <summary>How the connection ended; null while it is open.</summary>
    TransportCloseInfo? CloseInfo { get; }

    /// <summary>Opens a stream; waits while the peer's limit of open streams is reached.</summary>
    /// <param name="direction">Who sends.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The stream. The peer hears of it with the first bytes.</returns>
    ValueTask<ITransportStream> OpenStreamAsync(
        TransportStreamDirection direction, CancellationToken cancellationToken = default);

    /// <summary>The next stream of one direction that the peer has opened, waiting for it.</summary>
    /// <param name="direction">Who sends.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The stream.</returns>
    ValueTask<ITransportStream> AcceptStreamAsync(
        TransportStreamDirection direction, CancellationToken cancellationToken = default);

    /// <summary>
    /// Closes with a code; completes when this end is closed. Bytes not yet acknowledged may be lost. Closing a closed
    /// connection does nothing.
    /// </summary>
    /// <param name="code">The code.</param>
    /// <param name="reason">Text for people.</param>
    /// <returns>A task for the local end.</returns>
    ValueTask CloseAsync(CloseCode code, string reason);

    /// <summary>The same without waiting for the message to leave.</summary>
    /// <param name="code">The code.</param>
    /// <param name="reason">Text for people.</param>
    void Abort(CloseCode code, string reason);

    /// <summary>Waits until the connection has ended.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>How it ended; never fails but for the token.</returns>
    ValueTask<TransportCloseInfo> WaitClosedAsync(CancellationToken cancellationToken = default);

    /// <summary>Derives a secret that both ends share (RFC 8446 §7.5).</summary>
    /// <param name="label">1 to 249 bytes, not necessarily text.</param>
    /// <param name="context">Any bytes.</param>
    /// <param name="output">Receives the secret.</param>
    void ExportKeyingMaterial(ReadOnlySpan<byte> label, ReadOnlySpan<byte> context, Span<byte> output);
}
