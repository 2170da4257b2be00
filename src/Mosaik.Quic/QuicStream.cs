using Mosaik.Quic.Driver;

namespace Mosaik.Quic;

/// <summary>One stream of a connection: ordered bytes, in one or both directions.</summary>
/// <remarks>
/// One reader and one writer at a time; the two are independent of each other and of other streams. A second concurrent
/// read or write throws <see cref="InvalidOperationException"/>. Operations that can finish at once do so without
/// allocation; cancelling a pending one withdraws it without effect. A stream is not disposed: it ends when both
/// directions have ended.
/// </remarks>
public sealed class QuicStream
{
    private readonly StreamDriver _driver;

    internal QuicStream(StreamDriver driver) => _driver = driver;

    /// <summary>The stream id on the wire (RFC 9000 §2.1).</summary>
    public long Id => (long)_driver.Id;

    /// <summary>Whether both sides send.</summary>
    public QuicStreamDirection Direction =>
        _driver.IsBidirectional ? QuicStreamDirection.Bidirectional : QuicStreamDirection.Unidirectional;

    /// <summary>True if this side opened the stream.</summary>
    public bool IsLocal => _driver.IsLocal;

    /// <summary>False for a unidirectional stream of our own.</summary>
    public bool CanRead => _driver.CanRead;

    /// <summary>False for a unidirectional stream of the peer.</summary>
    public bool CanWrite => _driver.CanWrite;

    /// <summary>
    /// Writes all of <paramref name="data"/>; waits while the stream holds more than 256 KiB that are not yet in
    /// packets. Completion means that the bytes are taken over, not that they have arrived.
    /// </summary>
    /// <remarks>A cancelled write may have taken over a first part; the stream should then be reset.</remarks>
    /// <exception cref="QuicException">The peer stopped reading, the stream was reset or finished, or the connection
    /// ended.</exception>
    public ValueTask WriteAsync(ReadOnlyMemory<byte> data, CancellationToken cancellationToken = default) =>
        _driver.WriteAsync(data, complete: false, cancellationToken);

    /// <summary>
    /// Writes <paramref name="data"/> and, if <paramref name="completeWrites"/>, FIN in the same packet.
    /// </summary>
    /// <exception cref="QuicException">As for
    /// <see cref="WriteAsync(ReadOnlyMemory{byte}, CancellationToken)"/>.</exception>
    public ValueTask WriteAsync(
        ReadOnlyMemory<byte> data, bool completeWrites, CancellationToken cancellationToken = default) =>
        _driver.WriteAsync(data, completeWrites, cancellationToken);

    /// <summary>
    /// Reads what has arrived, waiting for at least one byte. 0 = the peer finished, or the buffer is empty.
    /// </summary>
    /// <exception cref="QuicException">The peer reset the stream or the connection ended; data that had arrived comes
    /// first.</exception>
    public ValueTask<int> ReadAsync(Memory<byte> destination, CancellationToken cancellationToken = default) =>
        _driver.ReadAsync(destination, cancellationToken);

    /// <summary>
    /// Ends our direction after the bytes written so far (FIN). Nothing happens if it has already ended.
    /// </summary>
    public void CompleteWrites() => _driver.CompleteWrites();

    /// <summary>Abandons our direction (RESET_STREAM): bytes not yet delivered may be lost.</summary>
    public void Reset(ulong code) => _driver.Reset(code);

    /// <summary>Tells the peer that we read no more (STOP_SENDING) and drops what arrives.</summary>
    public void StopSending(ulong code) => _driver.StopSending(code);

    /// <summary>Completes when the peer has acknowledged every byte written so far; needs no FIN.</summary>
    /// <exception cref="QuicException">The stream was reset or stopped, or the connection ended before.</exception>
    public ValueTask WaitAllAcknowledgedAsync(CancellationToken cancellationToken = default) =>
        _driver.WaitAllAcknowledgedAsync(cancellationToken);
}
