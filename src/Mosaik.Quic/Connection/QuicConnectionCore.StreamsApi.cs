using Mosaik.Quic.Streams;

namespace Mosaik.Quic.Connection;

// What the handles above do with streams. Every call may make output or events due; the owner is told.
internal sealed partial class QuicConnectionCore
{
    /// <summary>By so much the endpoint may believe that more is unread than is (E14).</summary>
    private const int MaxStaleBytes = 1024;

    private readonly Queue<ConnectionEvent> _events = new();

    /// <summary>True while streams may be opened and written.</summary>
    public bool IsOpen => State == ConnectionState.Open;

    /// <summary>Bytes received and not yet read.</summary>
    public ulong BufferedReceiveBytes => _streams.BufferedReceiveBytes;

    /// <summary>Bytes written and not yet acknowledged.</summary>
    public ulong UnacknowledgedBytes => _streams.UnacknowledgedBytes;

    /// <summary>
    /// Opens a stream; false when the connection is not open or the peer allows no more of the kind now.
    /// </summary>
    public bool TryOpenStream(bool bidirectional, out StreamId id)
    {
        if (!IsOpen)
        {
            id = default;
            return false;
        }
        bool opened = _streams.TryOpen(bidirectional, out id);
        Touch();
        return opened;
    }

    /// <summary>
    /// Takes over bytes to send, returns how many; fewer than given: a Writable event follows. −1: nothing can be
    /// written
    /// any more.
    /// </summary>
    public int Write(ulong id, ReadOnlySpan<byte> data)
    {
        if (!IsOpen)
            return -1;
        int accepted = _streams.Write(id, data);
        Touch();
        return accepted;
    }

    /// <summary>Ends the sending half with FIN.</summary>
    public void Finish(ulong id)
    {
        if (!IsOpen)
            return;
        _streams.Finish(id);
        Touch();
    }

    /// <summary>Ends the sending half with RESET_STREAM.</summary>
    public void Reset(ulong id, ulong code)
    {
        if (!IsOpen)
            return;
        _streams.Reset(id, code);
        Touch();
    }

    /// <summary>Asks the peer to stop sending.</summary>
    public void StopSending(ulong id, ulong code)
    {
        if (!IsOpen)
            return;
        _streams.StopSending(id, code);
        Touch();
    }

    /// <summary>
    /// Reads what is there, also after the connection ended; 0 with <paramref name="fin"/> = end of stream, 0 without =
    /// nothing
    /// yet, −1 = reset or unknown.
    /// </summary>
    public int Read(ulong id, Span<byte> destination, out bool fin)
    {
        int read = _streams.Read(id, destination, out fin);
        // A read of little, or of nothing, leaves nothing to do. Saying otherwise would cost a turn for every datum.
        bool isOver = fin || read < 0;
        if (IsOpen && (isOver || _streams.HasPendingFrames || Hooks.BufferedBytes > MaxStaleBytes))
            Touch();
        return read;
    }

    /// <summary>
    /// True when everything written to the stream is acknowledged; otherwise one AllAcknowledged event follows.
    /// </summary>
    public bool NotifyWhenAcknowledged(ulong id) => _streams.NotifyWhenAcknowledged(id);

    /// <summary>The next event, in the order in which things happened.</summary>
    public bool TryPollEvent(out ConnectionEvent e)
    {
        if (_events.TryDequeue(out e))
            return true;
        if (CloseInfo is null && _streams.TryPollEvent(out StreamEvent streamEvent))
        {
            e = new ConnectionEvent(ConnectionEventKind.Stream, streamEvent);
            return true;
        }
        return false;
    }

    /// <summary>
    /// Exports keying material (RFC 8446 §7.5); false before the handshake is complete. Works after the close, too.
    /// </summary>
    public bool ExportKeyingMaterial(ReadOnlySpan<byte> label, ReadOnlySpan<byte> context, Span<byte> output) =>
        IsHandshakeComplete && _tls is not null && _tls.ExportKeyingMaterial(label, context, output);

    /// <summary>Stops or resumes raising our receive windows (spec/reliability.md E14).</summary>
    public void SetWindowsFrozen(bool frozen) => _streams.WindowsFrozen = frozen;

    private void Touch() => _owner.OnWork(this);

    private void RaiseEvent(in ConnectionEvent e)
    {
        CollectStreamEvents();
        _events.Enqueue(e);
    }

    /// <summary>
    /// Moves stream events into the queue, so that they keep their place before an event of the connection.
    /// </summary>
    private void CollectStreamEvents()
    {
        while (_streams.TryPollEvent(out StreamEvent streamEvent))
            _events.Enqueue(new ConnectionEvent(ConnectionEventKind.Stream, streamEvent));
    }
}
