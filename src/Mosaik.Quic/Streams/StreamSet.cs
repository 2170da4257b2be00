using System.Diagnostics.CodeAnalysis;
using Mosaik.Quic.Wire;

namespace Mosaik.Quic.Streams;

/// <summary>
/// All streams of one connection: opening, limits, credit, who sends next, what the application hears.
/// </summary>
/// <remarks>
/// <para>
/// Order of calls: construct with our transport parameters; <see cref="ApplyPeerParameters"/> once the peer's are
/// known; then in any order frames of the peer (On…), operations of the application (<see cref="TryOpen"/>,
/// <see cref="Write"/>, <see cref="Read"/> …), and, whenever <see cref="HasPendingFrames"/>, <see cref="WriteFrames"/>
/// into a packet, whose recorded frames come back once each through <see cref="OnAcknowledged"/> or
/// <see cref="OnLost"/> (an OnLost may be followed by a late OnAcknowledged). After each batch of calls the events are
/// polled. A non-null <see cref="QuicError"/> ends the connection; nothing may be called afterwards but
/// <see cref="Dispose"/>.
/// </para>
/// <para>
/// Sending: three lists hold the streams that have something to send, so that no call ever searches. <em>Control</em>:
/// RESET_STREAM, STOP_SENDING, MAX_STREAM_DATA, STREAM_DATA_BLOCKED. <em>Urgent</em>: lost data and lone FINs, which
/// need no credit. <em>New</em>: first transmissions, round robin, one frame per turn; the head waits for connection
/// credit. A stream is in a list exactly while it has something for it, which makes <see cref="HasPendingFrames"/>
/// exact: it never promises a frame that WriteFrames cannot produce, and a packet is never empty because of it.
/// </para>
/// <para>
/// Streams end when both halves are terminal <em>and consumed</em>: the application has read to the end, has seen −1
/// after a reset, or has called <see cref="StopSending"/>. Only then the id is forgotten and the peer gets a new stream
/// in exchange (E13). A handle that is dropped must therefore call StopSending and Finish or Reset. Frames for
/// forgotten streams are ignored.
/// </para>
/// <para>
/// Not done here: packets, timers, priorities. Receive credit of the connection also stops rising while
/// <see cref="WindowsFrozen"/> is set by the endpoint.
/// </para>
/// </remarks>
internal sealed partial class StreamSet : IDisposable
{
    private readonly bool _isServer;
    private readonly TransportParameters _local;
    private readonly BlockPool _pool;
    private readonly int _unsentLimit;
    private readonly int _unacknowledgedLimit;
    private readonly int _unacknowledgedResume;
    private readonly Dictionary<ulong, StreamState> _streams = [];
    private readonly Queue<StreamEvent> _events = new();
    private readonly LocalStreams[] _localStreams = [new(), new()];   // by KindIndex
    private readonly RemoteStreams[] _remoteStreams;
    private TransportParameters? _peer;
    private SendCredit _sendCredit;
    private ReceiveCredit _receiveCredit;
    private StreamState? _lastFound;
    private int _unacknowledged;
    private bool _windowsFrozen;

    /// <summary>
    /// A set without streams. Nothing can be opened or sent before <see cref="ApplyPeerParameters"/>.
    /// </summary>
    /// <param name="isServer">Our role.</param>
    /// <param name="local">Our transport parameters: what we grant the peer.</param>
    /// <param name="pool">The pool of the endpoint; null for one of its own.</param>
    /// <param name="unsentPerStream">Bytes of one stream that may be written and not yet in packets (E15).</param>
    /// <param name="unacknowledged">Bytes of all streams that may be written and not yet acknowledged (E15).</param>
    public StreamSet(
        bool isServer, TransportParameters local, BlockPool? pool = null,
        int unsentPerStream = StreamLimits.UnsentPerStream, int unacknowledged = StreamLimits.UnacknowledgedPerConnection)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(unsentPerStream);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(unacknowledged);
        _pool = pool ?? new BlockPool();
        _unsentLimit = unsentPerStream;
        _unacknowledgedLimit = unacknowledged;
        // Waiting writers go on when there is room for half of what one may have, or half of all.
        _unacknowledgedResume = Math.Max(unacknowledged / 2, unacknowledged - unsentPerStream);
        _isServer = isServer;
        _local = local;
        _receiveCredit = new ReceiveCredit(Math.Min(local.InitialMaxData, StreamLimits.LargestWindow));
        _remoteStreams = [new(local.InitialMaxStreamsBidi), new(local.InitialMaxStreamsUni)];
    }

    /// <summary>
    /// Bytes received and not yet read by the application, all streams together; gaps count as received.
    /// </summary>
    public ulong BufferedReceiveBytes => _receiveCredit.Received - _receiveCredit.Consumed;

    /// <summary>Bytes written and not yet acknowledged, all streams together (E15).</summary>
    public ulong UnacknowledgedBytes => (ulong)_unacknowledged;

    /// <summary>While true MAX_DATA is not raised: the endpoint holds too much unread data (E14).</summary>
    public bool WindowsFrozen
    {
        get => _windowsFrozen;
        set
        {
            if (_windowsFrozen == value)
                return;
            _windowsFrozen = value;
            _connectionFramesMayBeDue = true;
        }
    }

    /// <summary>Streams the peer opened and reset before the application had read a byte of them (E13).</summary>
    public ulong EarlyResets { get; private set; }

    /// <summary>
    /// How often the peer waited for credit of the connection: the application reads too slowly for it.
    /// </summary>
    public ulong TimesPeerWasBlocked { get; private set; }

    /// <summary>Streams that are known: not yet finished and consumed.</summary>
    public int Count => _streams.Count;

    /// <summary>The memory that buffers of all streams hold. Walks all streams; for tests and diagnostics.</summary>
    public long MemoryHeld
    {
        get
        {
            long sum = 0;
            foreach (StreamState stream in _streams.Values)
                sum += (stream.Send?.MemoryHeld ?? 0) + (stream.Receive?.MemoryHeld ?? 0);
            return sum;
        }
    }

    /// <summary>Takes over the limits the peer's transport parameters grant. Called once.</summary>
    public void ApplyPeerParameters(TransportParameters peer)
    {
        _peer = peer;
        _sendCredit.TryRaise(peer.InitialMaxData);
        foreach (bool bidirectional in (ReadOnlySpan<bool>)[true, false])
        {
            if (_localStreams[KindIndex(bidirectional)].Raise(
                bidirectional ? peer.InitialMaxStreamsBidi : peer.InitialMaxStreamsUni))
            {
                RaiseStreamsAvailable(bidirectional);
            }
        }
    }

    /// <summary>
    /// Opens a stream; false when the peer allows no more (STREAMS_BLOCKED is queued, StreamsAvailable follows).
    /// </summary>
    public bool TryOpen(bool bidirectional, out StreamId id)
    {
        _connectionFramesMayBeDue = true;
        bool opened = _localStreams[KindIndex(bidirectional)].TryOpen(out ulong index);
        id = opened ? StreamId.Create(index, _isServer, bidirectional) : default;
        if (opened)
            Add(id);
        return opened;
    }

    /// <summary>The next event, in the order in which they happened.</summary>
    public bool TryPollEvent(out StreamEvent streamEvent) => _events.TryDequeue(out streamEvent);

    /// <summary>Gives every pooled buffer back.</summary>
    public void Dispose()
    {
        foreach (StreamState stream in _streams.Values)
        {
            stream.Send?.Release();
            stream.Receive?.Drop(ref _receiveCredit);
        }
        _streams.Clear();
        _lastFound = null;
        _control.Clear();
        _urgent.Clear();
        _new.Clear();
        _memoryWaiters.Clear();
        _unacknowledged = 0;
    }

    private static int KindIndex(bool bidirectional) => bidirectional ? 0 : 1;

    private bool IsLocal(StreamId id) => id.IsServerInitiated == _isServer;

    private bool TryFind(ulong id, [NotNullWhen(true)] out StreamState? stream)
    {
        stream = _lastFound;
        if (stream is not null && stream.Id == id)
            return true;
        if (!_streams.TryGetValue(id, out stream))
            return false;
        _lastFound = stream;
        return true;
    }

    /// <summary>
    /// Finds the stream a frame is for, opening it and all lower ones of its kind if the peer may (RFC 9000 §3.2). Null
    /// without error: the stream is finished and forgotten.
    /// </summary>
    private QuicError? FindForFrame(ulong value, bool isForReceivingHalf, out StreamState? stream)
    {
        if (TryFind(value, out stream))
            return HalfExists(stream.Id, isForReceivingHalf) ? null : QuicError.StreamStateError;
        var id = new StreamId(value);
        if (!HalfExists(id, isForReceivingHalf))
            return QuicError.StreamStateError;
        if (IsLocal(id))
            return id.Index >= _localStreams[KindIndex(id.IsBidirectional)].Opened ? QuicError.StreamStateError : null;
        RemoteStreams kind = _remoteStreams[KindIndex(id.IsBidirectional)];
        if (id.Index >= kind.Limit)
            return QuicError.StreamLimitError;
        _connectionFramesMayBeDue = true;
        while (kind.Opened <= id.Index)
        {
            stream = Add(StreamId.Create(kind.Opened++, id.IsServerInitiated, id.IsBidirectional));
            _events.Enqueue(new StreamEvent(StreamEventKind.Opened, stream.Id));
        }
        return null;
    }

    private bool HalfExists(StreamId id, bool receiving) => id.IsBidirectional || IsLocal(id) != receiving;

    private StreamState Add(StreamId id)
    {
        bool local = IsLocal(id);
        bool both = id.IsBidirectional;
        SendStream? send = null;
        ReceiveStream? receive = null;
        if (both || local)
        {
            ulong limit = !both ? _peer?.InitialMaxStreamDataUni ?? 0
                : local ? _peer?.InitialMaxStreamDataBidiRemote ?? 0 : _peer?.InitialMaxStreamDataBidiLocal ?? 0;
            send = new SendStream(limit, _pool);
        }
        if (both || !local)
        {
            receive = new ReceiveStream(!both ? _local.InitialMaxStreamDataUni
                : local ? _local.InitialMaxStreamDataBidiLocal : _local.InitialMaxStreamDataBidiRemote, _pool);
        }
        var stream = new StreamState(id, send, receive);
        _streams.Add(id, stream);
        return stream;
    }

    /// <summary>Forgets a stream whose halves are both done and consumed.</summary>
    private void RemoveIfTerminal(StreamState stream)
    {
        if (!stream.IsTerminal || !_streams.Remove(stream.Id))
            return;
        _connectionFramesMayBeDue = true;
        stream.Send?.Release();
        stream.Receive?.Drop(ref _receiveCredit);
        stream.Control = StreamControl.None;
        Leave(stream.ControlNode);
        Leave(stream.UrgentNode);
        Leave(stream.NewNode);
        Leave(stream.MemoryNode);
        if (_lastFound == stream)
            _lastFound = null;
        if (!IsLocal(stream.Id))
            _remoteStreams[KindIndex(stream.Id.IsBidirectional)].Finished++;
        _events.Enqueue(new StreamEvent(StreamEventKind.Finished, stream.Id));
    }

    private void RaiseStreamsAvailable(bool bidirectional) => _events.Enqueue(new StreamEvent(
        StreamEventKind.StreamsAvailable, StreamId.Create(0, serverInitiated: false, bidirectional)));
}
