using System.Diagnostics;
using System.Threading.Channels;
using Mosaik.Discovery;
using Mosaik.Networking;
using Mosaik.Primitives;
using Mosaik.Waiting;

namespace Mosaik.Streams;

/// <summary>
/// The one fan-out of a stream on this node, shared by all its producer handles.
/// </summary>
/// <remarks>
/// <para>Publishing happens on the sender's thread: encode, enter the lock, hand a reference to every active
/// subscription, leave, wake the idle writers, or write in the place of one of them. One writer loop per subscription
/// (<see cref="Subscription{T}"/>) takes what waits and writes it in one piece. Senders that find no room wait in a
/// first-in-first-out line and are served by whoever makes room. Which subscription gets what is decided by
/// <see cref="FanOutCore"/>; this class adds the lock, the line of senders, the online flag and the life cycle.</para>
/// <para>Life: one handle from the beginning; <see cref="MarkClosed"/>, then <see cref="CloseAsync"/>, once
/// each.</para>
/// <para>Lock order: the channel set's lock may be held when <see cref="_lock"/> is taken, never the other way
/// round. No user code and no await under the lock. Source: spec/streams.md §3–§5, §11.</para>
/// </remarks>
internal sealed partial class StreamSink<T> : StreamSink
{
    private readonly Lock _lock = new();
    private readonly StreamContext _context;
    private readonly ProducerOptions<T> _options;
    private readonly IDatumCodec<T> _codec;
    private readonly int _maxDatumBytes;
    private readonly ChannelTally _onlineWhen;
    private readonly ConditionSource _onlineSource;
    private readonly FanOutCore _core;
    private readonly CriteriaTable<T> _criteria = new();
    private readonly ConsumerGate? _gate;
    private readonly LogLimiter _undeliveredLog;
    private readonly LinkedList<PendingSend<T>> _line = [];
    private readonly List<Subscription<T>> _subscriptions = [];
    private readonly Signal _attention;
    private readonly Completion _whenClosed;
    private readonly Task _watch;

    private volatile bool _online;
    private volatile bool _closed;
    private bool _serving;
    private int _handles = 1;

    /// <summary>A sink with one open handle.</summary>
    public StreamSink(StreamContext context, StreamId streamId, ProducerOptions<T> options)
    {
        _context = context;
        _options = options;
        _codec = options.Codec ?? DatumCodec.Default<T>();
        _maxDatumBytes = options.MaxDatumBytes ?? context.Options.MaxDatumBytes;
        StreamId = streamId;
        _core = new FanOutCore(
            options.BufferSize, options.MaxBufferedBytes, options.Lagging, options.StallTimeout);
        _attention = new Signal(context.Scheduler, context.TimeProvider);
        _whenClosed = new Completion(context.Scheduler);
        Labels = context.Metrics.LabelsOf(streamId);
        Channels = new ChannelSet(context.Scheduler);
        _undeliveredLog = new LogLimiter(context.TimeProvider, TimeSpan.FromMinutes(1));
        var fresh = new ChannelCondition(Channels);
        _onlineWhen = (options.OnlineWhen?.Invoke(fresh) ?? fresh).NewTally();
        _onlineSource = new ConditionSource(met: false, context.Scheduler);
        When = new StreamWhen(Channels, _onlineSource);
        Channels.Observe(_onlineWhen, OnChannelsChanged);
        var rules = new PeerRules(context, streamId, options.AcceptIf, options.Tickets);
        _gate = rules.AreEmpty ? null : new ConsumerGate(context, rules, Revoke);
        _watch = context.Scheduler.Start(WatchAsync);
    }

    /// <inheritdoc/>
    public override StreamId StreamId { get; }

    /// <inheritdoc/>
    public override Type ElementType => typeof(T);

    /// <summary>The channels of all consumers.</summary>
    public ChannelSet Channels { get; }

    /// <summary>Whether the online condition holds.</summary>
    public bool IsOnline => _online;

    /// <summary>Metric labels, built once.</summary>
    internal TagList Labels { get; }

    /// <summary>What all streams of the node share.</summary>
    internal StreamContext Context => _context;

    /// <summary>The conditions to wait for.</summary>
    public StreamWhen When { get; }

    /// <summary>The settings of the one who made the stream.</summary>
    public ProducerOptions<T> Options => _options;

    /// <summary>Counts a further handle; false when the last one was closed already.</summary>
    public bool TryOpenHandle()
    {
        lock (_lock)
        {
            if (_closed || _handles == 0)
                return false;
            _handles++;
            return true;
        }
    }

    /// <summary>A handle is gone; true when it was the last one.</summary>
    public bool CloseHandle()
    {
        lock (_lock)
            return --_handles == 0;
    }

    /// <inheritdoc/>
    public override async Task ServeAsync(Link link, PeerInfo peer, Criteria criteria)
    {
        CriteriaMatcher<T>? matcher = null;
        var refusal = _core.ActiveCount >= _options.MaxConsumers ? CloseCode.NoCapacity : Prepare(criteria, out matcher);
        if (refusal is null && _gate?.Enter(peer) == false)
            refusal = CloseCode.NotAllowed;
        else if (refusal is null)
            refusal = await ServeAllowedAsync(link, peer.Entry, criteria, matcher).ConfigureAwait(false);
        if (refusal is not { } code)
            return;
        _context.Metrics.SubscriptionRejected(Labels);
        if (_context.LogLimiter.TryPass(code.Name, out var suppressed))
            StreamsLog.ConsumerRefused(_context.Logger, StreamId, link.RemoteId, code, suppressed);
        await link.CloseAsync(code).ConfigureAwait(false);
    }

    /// <summary>Judges all consumers again (spec/streams.md §4.6).</summary>
    public void Reevaluate() => _gate?.ReevaluateAll();

    /// <summary>Whether the last handle was disposed or the network has stopped.</summary>
    public bool IsClosed => _closed;

    /// <summary>Completes when a closed sink has drained and all its links are closed.</summary>
    public ValueTask WhenClosedAsync() => _whenClosed.WaitAsync();

    /// <summary>Waits until the consumers subscribed now have acknowledged what was accepted before the call.</summary>
    public async ValueTask FlushAsync(CancellationToken cancellationToken)
    {
        List<(Subscription<T> Subscription, Completion? HandedOver)> waits = [];
        lock (_lock)
        {
            foreach (var subscription in _subscriptions)
            {
                Completion? handedOver = null;
                if (subscription.Backlog.Count > 0)
                {
                    handedOver = new Completion(_context.Scheduler);
                    subscription.Flushes.Enqueue((subscription.Backlog.Given, handedOver));
                }

                waits.Add((subscription, handedOver));
            }
        }

        foreach (var (subscription, handedOver) in waits)
        {
            if (handedOver is not null)
                await handedOver.WaitAsync(cancellationToken).ConfigureAwait(false);
            await subscription.WaitAllAcknowledgedAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    public override void MarkClosed()
    {
        List<PendingSend<T>> waiting = [];
        lock (_lock)
        {
            if (_closed)
                return;
            _closed = true;
            _online = false;
            _onlineSource.Set(false);
            _onlineSource.Fail(ClosedException);
            while (_line.First is { } first)
                waiting.Add(Withdraw(first.Value));
        }

        foreach (var pending in waiting)
            pending.Completion.TrySetException(ClosedException());
    }

    /// <inheritdoc/>
    public override async Task CloseAsync()
    {
        Subscription<T>[] subscriptions;
        lock (_lock)
            subscriptions = [.. _subscriptions];
        using (var deadline = new Deadline(_context.TimeProvider, _context.Options.DrainTimeout, "Draining"))
        {
            foreach (var subscription in subscriptions)
                subscription.BeginDrain();
            try
            {
                foreach (var subscription in subscriptions)
                    await subscription.EndedAsync(deadline.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                // A consumer that does not take its data in time does not hold up the others' 204.
                foreach (var subscription in subscriptions)
                    subscription.EndDrain();
            }
        }

        foreach (var subscription in subscriptions)
            await subscription.EndedAsync().ConfigureAwait(false);
        Channels.Close(CloseCode.GracefulShutdown, ClosedException);
        if (_gate is not null)
            await _gate.StopAsync().ConfigureAwait(false);
        _attention.Set();
        await _watch.ConfigureAwait(false);
        _whenClosed.TrySetResult();
    }

    /// <summary>The writer of a subscription asks for its next batch.</summary>
    internal int Take(Backlog backlog, Span<DatumFrame> batch, int maxBytes)
    {
        lock (_lock)
            return FanOutCore.Take(backlog, batch, maxBytes);
    }

    /// <summary>A sender asks for what waits, to write it in the writer's place; 0 if the writer is to do it.</summary>
    internal int TryLend(Backlog backlog, Span<DatumFrame> batch)
    {
        lock (_lock)
            return FanOutCore.TryLend(backlog, batch, _context.Now);
    }

    /// <summary>The sender is done; false if the writer is to be woken.</summary>
    internal bool TryReturn(Backlog backlog)
    {
        lock (_lock)
            return FanOutCore.TryReturn(backlog);
    }

    /// <summary>The writer ends; false while a sender is writing.</summary>
    internal bool TryRetire(Backlog backlog)
    {
        lock (_lock)
            return FanOutCore.TryRetire(backlog);
    }

    /// <summary>The transport has accepted a batch: there may be room for waiting senders.</summary>
    internal void HandedOver(Subscription<T> subscription)
    {
        lock (_lock)
        {
            _core.HandedOver(subscription.Backlog, _context.Now);
            var done = subscription.Backlog.Given - subscription.Backlog.Count;
            while (subscription.Flushes.TryPeek(out var flush) && flush.Given <= done)
                subscription.Flushes.Dequeue().HandedOver.TrySetResult();
        }

        ServeLine();
    }

    /// <summary>StartStream is written: datums flow.</summary>
    internal void Connected(ChannelInfo channel)
    {
        if (Channels.SetState(channel, ChannelState.Connected) is not null)
            _context.Metrics.ConsumersConnected(StreamId, Labels, 1);
    }

    /// <summary>
    /// A subscription has ended: its channel terminates, its place is free, what waited for it is released.
    /// </summary>
    internal void Ended(Subscription<T> subscription, ChannelInfo channel, CloseCode reason)
    {
        var before = Channels.SetState(channel, ChannelState.Terminated, reason);
        long missed;
        lock (_lock)
        {
            missed = _core.Remove(subscription.Backlog);
            if (_options.Lagging != LagPolicy.Skip)
                missed += subscription.Backlog.Dropped; // skipped ones were counted when they were skipped
            _criteria.Remove(subscription.Backlog.Filter);
            _subscriptions.Remove(subscription);
            channel.SetDropped(reason == CloseCode.TooSlow ? missed : subscription.Backlog.Dropped);
            while (subscription.Flushes.TryDequeue(out var flush))
                flush.HandedOver.TrySetResult();
        }

        _gate?.Leave(channel.ConsumerId);
        if (before == ChannelState.Connected)
            _context.Metrics.ConsumersConnected(StreamId, Labels, -1);
        StreamsLog.ConsumerLeft(_context.Logger, StreamId, channel.ConsumerId, reason);
        if (reason == CloseCode.TooSlow)
        {
            _context.Metrics.Dropped(Labels, missed);
            StreamsLog.ConsumerLagging(_context.Logger, StreamId, channel.ConsumerId, missed);
        }

        ServeLine();
    }

    /// <summary>
    /// Prepares criteria; null when it can serve them. Those it cannot evaluate are left to the consumer, by not
    /// confirming them; those that make no sense break the protocol.
    /// </summary>
    private static CloseCode? Prepare(Criteria criteria, out CriteriaMatcher<T>? matcher)
    {
        matcher = null;
        return !criteria.MatchesAll
            && CriteriaMatcher<T>.TryPrepare(criteria, out matcher, out _) == CriteriaOutcome.Malformed
            ? CloseCode.ProtocolViolation
            : null;
    }

    /// <summary>Step 9 and the whole subscription; a code if it was refused for good.</summary>
    private async Task<CloseCode?> ServeAllowedAsync(Link link, PeerEntry peer, Criteria criteria, CriteriaMatcher<T>? matcher)
    {
        Subscription<T> subscription;
        lock (_lock)
        {
            // Life and capacity are checked again, now for good.
            CloseCode? refusal = _closed ? CloseCode.StreamNotFound
                : _core.ActiveCount >= _options.MaxConsumers ? CloseCode.NoCapacity
                : null;
            if (refusal is not null)
            {
                _gate?.Leave(link.RemoteId);
                return refusal;
            }

            var filter = _criteria.Add(matcher);
            _subscriptions.Add(subscription = new Subscription<T>(this, link, peer, _core, criteria, filter));
        }

        _context.Metrics.SubscriptionAccepted(Labels);
        if (_gate?.IsRevoked(link.RemoteId) == true)
            subscription.Revoke(); // the rules have said no since they said yes
        ServeLine(); // the newcomer has room
        await subscription.RunAsync().ConfigureAwait(false);
        return null;
    }

    /// <summary>The rules no longer allow a peer: its subscriptions end with 10403.</summary>
    private void Revoke(PeerId peer)
    {
        Subscription<T>[] revoked;
        lock (_lock)
            revoked = [.. _subscriptions.Where(s => s.ConsumerId == peer)];
        foreach (var subscription in revoked)
            subscription.Revoke();
    }

    /// <summary>What calls on a closed stream fail with.</summary>
    private ChannelClosedException ClosedException() => StreamClosedException.Of(StreamId, _context.IsStopping);

    /// <summary>Called by the channel set, under its lock, after every change (spec/streams.md §5).</summary>
    private void OnChannelsChanged()
    {
        var isMet = _context.IsMet(_onlineWhen, StreamId);
        lock (_lock)
        {
            if (_closed || isMet == _online)
                return;
            _online = isMet;
            _onlineSource.Set(isMet);
        }

        // Serving may encode, which is user code: not under the channel set's lock.
        if (isMet)
            _attention.Set();
    }

    /// <summary>Under the lock: a sender finds no room, so the stall clock runs (rule L4).</summary>
    private void NoteBlocked()
    {
        if (_core.StallDeadline is not null)
            return;
        _core.NoteBlocked(_context.Now);
        if (_core.StallDeadline is not null)
            _attention.Set();
    }

    /// <summary>Serves the line when the producer comes online, and ends stalls.</summary>
    private async Task WatchAsync()
    {
        while (!_closed)
        {
            PublishEffects effects = default;
            TimeSpan? wait;
            lock (_lock)
            {
                _core.OnStallCheck(_context.Now, ref effects);
                wait = _core.StallDeadline - _context.Now;
            }

            effects.Run(inPerson: false);
            ServeLine();
            if (wait is { } left)
                await _attention.WaitAsync(left > TimeSpan.Zero ? left : TimeSpan.FromMilliseconds(1)).ConfigureAwait(false);
            else
                await _attention.WaitAsync().ConfigureAwait(false);
        }
    }
}
