using Mosaik.Quic.Recovery;
using Mosaik.Quic.Wire;

namespace Mosaik.Quic.Streams;

/// <summary>All streams of one connection.</summary>
internal sealed class StreamSet : IDisposable
{
    public StreamSet(bool isServer, TransportParameters local) => throw new NotSupportedException();

    /// <summary>Takes over the limits the peer's transport parameters grant; before that nothing can be opened or sent.</summary>
    public void ApplyPeerParameters(TransportParameters peer) => throw new NotSupportedException();

    /// <summary>Bytes received and not yet read by the application, all streams together.</summary>
    public ulong BufferedReceiveBytes => throw new NotSupportedException();

    /// <summary>Bytes written and not yet acknowledged, all streams together (at most 10,000,000, E15).</summary>
    public ulong UnacknowledgedBytes => throw new NotSupportedException();

    /// <summary>While true MAX_DATA is not raised: the endpoint holds too much unread data (E14).</summary>
    public bool WindowsFrozen { get; set; }

    /// <summary>Streams the peer opened and reset before the application had read a byte of them (E13).</summary>
    public ulong EarlyResets => throw new NotSupportedException();

    /// <summary>Streams that are known: not yet finished and consumed.</summary>
    public int Count => throw new NotSupportedException();

    /// <summary>Opens a stream; false when the peer allows no more (STREAMS_BLOCKED is queued, StreamsAvailable follows).</summary>
    public bool TryOpen(bool bidirectional, out StreamId id) => throw new NotSupportedException();

    /// <summary>
    /// Takes over bytes to send and returns how many; fewer than given means that a Writable event follows. −1: the stream
    /// takes no more data (finished, reset, stopped by the peer, or unknown).
    /// </summary>
    public int Write(ulong id, ReadOnlySpan<byte> data) => throw new NotSupportedException();

    /// <summary>Ends the sending half with FIN behind what was written.</summary>
    public void Finish(ulong id) => throw new NotSupportedException();

    /// <summary>Ends the sending half at once with RESET_STREAM; data not yet acknowledged is dropped.</summary>
    public void Reset(ulong id, ulong code) => throw new NotSupportedException();

    /// <summary>Asks the peer to stop sending; what it still sends is dropped. Counts as having consumed the stream.</summary>
    public void StopSending(ulong id, ulong code) => throw new NotSupportedException();

    /// <summary>
    /// Reads available bytes and returns credit for them; 0 with <paramref name="fin"/> = end, 0 without = nothing yet,
    /// −1 = reset by the peer, stopped by us, or unknown.
    /// </summary>
    public int Read(ulong id, Span<byte> destination, out bool fin) => throw new NotSupportedException();

    /// <summary>True when everything written to the stream is acknowledged (FIN included once finished); else one AllAcknowledged event follows.</summary>
    public bool NotifyWhenAcknowledged(ulong id) => throw new NotSupportedException();

    /// <summary>STREAM.</summary>
    public QuicError? OnStream(ulong id, ulong offset, ReadOnlySpan<byte> data, bool fin) => throw new NotSupportedException();

    /// <summary>RESET_STREAM.</summary>
    public QuicError? OnResetStream(ulong id, ulong code, ulong finalSize) => throw new NotSupportedException();

    /// <summary>STOP_SENDING.</summary>
    public QuicError? OnStopSending(ulong id, ulong code) => throw new NotSupportedException();

    /// <summary>MAX_DATA.</summary>
    public QuicError? OnMaxData(ulong limit) => throw new NotSupportedException();

    /// <summary>MAX_STREAM_DATA.</summary>
    public QuicError? OnMaxStreamData(ulong id, ulong limit) => throw new NotSupportedException();

    /// <summary>MAX_STREAMS.</summary>
    public QuicError? OnMaxStreams(bool bidirectional, ulong limit) => throw new NotSupportedException();

    /// <summary>DATA_BLOCKED.</summary>
    public QuicError? OnDataBlocked(ulong limit) => throw new NotSupportedException();

    /// <summary>STREAM_DATA_BLOCKED.</summary>
    public QuicError? OnStreamDataBlocked(ulong id, ulong limit) => throw new NotSupportedException();

    /// <summary>STREAMS_BLOCKED.</summary>
    public QuicError? OnStreamsBlocked(bool bidirectional, ulong limit) => throw new NotSupportedException();

    /// <summary>True exactly when <see cref="WriteFrames"/> has something to write into a packet with enough room.</summary>
    public bool HasPendingFrames => throw new NotSupportedException();

    /// <summary>Writes what fits: control frames, lost data, then new data of the streams in turn; records every frame.</summary>
    public void WriteFrames(ref FrameWriter writer, ref SentFrameList sent) => throw new NotSupportedException();

    /// <summary>A frame that <see cref="WriteFrames"/> recorded was acknowledged. Kinds of other owners are ignored.</summary>
    public void OnAcknowledged(in SentFrame frame) => throw new NotSupportedException();

    /// <summary>A frame that <see cref="WriteFrames"/> recorded was lost, or is to be sent again by a probe.</summary>
    public void OnLost(in SentFrame frame) => throw new NotSupportedException();

    /// <summary>The next event, in the order in which they happened.</summary>
    public bool TryPollEvent(out StreamEvent streamEvent) => throw new NotSupportedException();

    /// <summary>Gives every pooled buffer back.</summary>
    public void Dispose() => throw new NotSupportedException();
}
