using System.Diagnostics.CodeAnalysis;
using Mosaik.Discovery;
using Mosaik.Groups.Raft;
using Mosaik.Networking;
using Mosaik.Primitives;
using Mosaik.Waiting;

namespace Mosaik.Groups.Bonds;

/// <summary>
/// An established bond: two independent loops over one link, and a heartbeat (spec/groups.md §4.5, §4.6, §4.9).
/// </summary>
/// <remarks>
/// <para>The reader cuts frames, answers pings and hands Raft messages over through a bounded inbox; a full inbox stops the
/// reading of this bond only. The writer gathers everything that waits into one write. A blocked write stops neither reading
/// nor the heartbeat, which runs on a timer of its own.</para>
/// <para>It ends exactly once, whoever is first: a close from either side, a violation, silence, a full queue. The inbox can
/// be read by one reader, the group's driver; everything else is thread-safe.</para>
/// </remarks>
internal sealed partial class BondConnection
{
    /// <summary>Raft messages that wait for the driver.</summary>
    internal const int InboxCapacity = 1024;

    /// <summary>Bytes of them above which reading stops until the driver has caught up.</summary>
    internal const long InboxBytes = 64L * 1024 * 1024;

    private const int MaxBatchBytes = 64 * 1024;

    private readonly GroupContext _context;
    private readonly IBondOwner _owner;
    private readonly Link _link;
    private readonly BondQueue _queue = new();
    private readonly Mailbox<InboundMessage> _inbox;
    private readonly Signal _work;
    private readonly Signal _room;
    private readonly Completion _flushed;
    private readonly Lock _heartbeatLock = new();
    private readonly HeartbeatCore _heartbeat;
    private readonly ITimer _heartbeatTimer;
    private readonly long _formedAt;
    private SignedPeerEntry _peer;
    private long _inboxBytes;
    private bool _isLeaving;
    private bool _hasEnded;

    public BondConnection(
        GroupContext context, IBondOwner owner, Link link, long number, SignedPeerEntry peer, BondExtension? extension)
    {
        _context = context;
        _owner = owner;
        _link = link;
        _peer = peer;
        Number = number;
        Extension = extension;
        Handle = new Bond(this);
        Id = BondProof.BondIdOf(link);
        _inbox = new Mailbox<InboundMessage>(InboxCapacity, context.Scheduler);
        _work = new Signal(context.Scheduler, context.TimeProvider);
        _room = new Signal(context.Scheduler, context.TimeProvider);
        _flushed = new Completion(context.Scheduler);
        Ended = new Completion<CloseCode>(context.Scheduler);
        _formedAt = context.TimeProvider.GetTimestamp();
        _heartbeat = new HeartbeatCore(context.Options.Consensus, context.Random, context.Now);
        _heartbeatTimer = context.TimeProvider.CreateTimer(
            static self => ((BondConnection)self!).OnTick(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        link.Receiver.State.ViolationCode = CloseCode.ProtocolViolation; // the handshake is over
        link.Receiver.MaxPayload = BondMessage.MaxPayload;
    }

    /// <summary>A number no other bond of the group has.</summary>
    public long Number { get; }

    /// <summary>Equal on both ends (spec/groups.md §4.3).</summary>
    public UniqueId Id { get; }

    public PeerId PeerId => _link.RemoteId;

    /// <summary>The link below.</summary>
    public Link Link => _link;

    /// <summary>What the application gets to see.</summary>
    public Bond Handle { get; }

    /// <summary>When bytes came last: a timestamp of the node's clock.</summary>
    public long LastReadAt => _link.Receiver.LastReadAt;

    /// <summary>What the peer said of itself in the handshake; null from a plain peer.</summary>
    public BondExtension? Extension { get; }

    /// <summary>Whether both ends understand extensions.</summary>
    public bool IsExtended => Extension is not null;

    /// <summary>The peer's entry as it is known now.</summary>
    public SignedPeerEntry Peer
    {
        get => Volatile.Read(ref _peer);
        set => Volatile.Write(ref _peer, value);
    }

    public TimeSpan? Rtt => _link.Rtt;

    /// <summary>Whether the peer has said goodbye.</summary>
    public bool HasDeparted { get; private set; }

    /// <summary>Whether at least one heartbeat was missed.</summary>
    public bool HasMissedHeartbeat
    {
        get
        {
            lock (_heartbeatLock)
                return _heartbeat.Missed > 0;
        }
    }

    /// <summary>Why it ended, once it has.</summary>
    public CloseCode EndCode { get; private set; }

    /// <summary>Completes with the code when the bond has ended.</summary>
    public Completion<CloseCode> Ended { get; }

    /// <summary>Messages that wait for the driver.</summary>
    public bool HasMessages => _inbox.Count > 0;

    /// <summary>Takes a message; to be released.</summary>
    public bool TryTake([MaybeNullWhen(false)] out InboundMessage message)
    {
        if (!_inbox.TryRead(out message))
            return false;
        if (Interlocked.Add(ref _inboxBytes, -message.Bytes.Length) <= InboxBytes)
            _room.Set();
        return true;
    }

    /// <summary>Queues a frame; the caller keeps its own reference. What cannot be queued is skipped or ends the bond.</summary>
    public void Send(SharedFrame frame, FrameKind kind)
    {
        switch (_queue.Add(frame, kind))
        {
            case BondQueue.Result.Queued:
                _work.Set();
                break;
            case BondQueue.Result.Skipped:
                _context.Metrics.Skipped();
                if (_context.LogLimiter.TryPass(nameof(GroupsLog.SlowBond), out var suppressed))
                    GroupsLog.SlowBond(_context.Logger, _context.GroupId, PeerId, suppressed);
                break;
            case BondQueue.Result.Full:
                Close(CloseCode.Timeout);
                break;
        }
    }

    /// <summary>Closes at once; what waits is discarded.</summary>
    public void Close(CloseCode code) => _link.Abort(code);

    /// <summary>Says goodbye, waits until that was acknowledged or the bond has ended, and lets the peer close.</summary>
    public async Task DepartAsync(CancellationToken cancellationToken)
    {
        Send(BondMessage.DepartureFrame, FrameKind.Message);
        Volatile.Write(ref _isLeaving, true);
        _work.Set();
        try
        {
            await _flushed.WaitAsync(cancellationToken).ConfigureAwait(false);
            await Ended.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // The peer had its time.
        }

        Close(CloseCode.Cancelled);
    }

    /// <summary>Reads and writes until the bond ends.</summary>
    public async Task RunAsync()
    {
        var writer = _context.Scheduler.Start(WriteAsync);
        var watch = _context.Scheduler.Start(WatchAsync);
        OnTick(); // the first one is immediate
        try
        {
            await ReadAsync().ConfigureAwait(false);
        }
        catch (Exception error) when (error is MosaikException or OperationCanceledException)
        {
            // The link has ended, and its end says why.
        }
        catch (Exception error)
        {
            GroupsLog.BondFailed(_context.Logger, error, _context.GroupId, PeerId);
        }

        Close(CloseCode.Cancelled); // of no effect if somebody has closed before
        var info = await _link.Connection.WaitClosedAsync().ConfigureAwait(false);
        lock (_heartbeatLock)
            _hasEnded = true;
        await _heartbeatTimer.DisposeAsync().ConfigureAwait(false);
        await watch.ConfigureAwait(false);
        await writer.ConfigureAwait(false);
        await _link.DisposeAsync().ConfigureAwait(false);
        EndCode = info.RemoteCode ?? _link.Receiver.State.ClosedWith ?? CloseCode.None;
        _flushed.TrySetResult();
        await _owner.OnEndedAsync(this).ConfigureAwait(false);
        Ended.TrySetResult(EndCode); // when the list of bonds no longer shows it
    }
}
