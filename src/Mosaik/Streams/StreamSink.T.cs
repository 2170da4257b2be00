using System.Collections.Immutable;
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
/// subscription, leave, wake the idle writers. One writer loop per subscription (<see cref="Subscription{T}"/>) takes
/// what waits and writes it in one piece. Senders that find no room wait in a first-in-first-out line and are served
/// by whoever makes room. Which subscription gets what is decided by <see cref="FanOutCore"/>; this class adds the
/// lock, the line of senders, the online flag and the life cycle.</para>
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
    private readonly ChannelCondition _onlineWhen;
    private readonly FanOutCore _core;
    private readonly LinkedList<PendingSend<T>> _line = [];
    private readonly List<Subscription<T>> _subscriptions = [];
    private readonly Signal _stallSignal;
    private readonly Completion _whenClosed;
    private readonly Task _stallWatch;

    private volatile bool _online;
    private volatile bool _closed;
    private bool _serving;
    private int _handles;

    public StreamSink(StreamContext context, StreamId streamId, ProducerOptions<T> options)
    {
        _context = context;
        _options = options;
        _codec = options.Codec ?? new PostcardDatumCodec<T>();
        _maxDatumBytes = options.MaxDatumBytes ?? context.Options.MaxDatumBytes;
        StreamId = streamId;
        _core = new FanOutCore(
            options.BufferSize, options.MaxBufferedBytes, options.Lagging, options.StallTimeout);
        Channels = new ChannelSet(context.Scheduler);
        var fresh = new ChannelCondition(Channels);
        _onlineWhen = options.OnlineWhen?.Invoke(fresh) ?? fresh;
        Channels.Observe(OnChannelsChanged);
        _stallSignal = new Signal(context.Scheduler, context.TimeProvider);
        _whenClosed = new Completion(context.Scheduler);
        Labels = context.Metrics.LabelsOf(streamId);
        _stallWatch = context.Scheduler.Start(WatchStallsAsync);
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

    /// <summary>The condition that makes the producer online, with a fresh memory.</summary>
    public ChannelCondition OnlineCondition() => _onlineWhen.Clone();

    /// <summary>Counts a further handle; false when the sink is closed already.</summary>
    public bool TryOpenHandle()
    {
        lock (_lock)
        {
            if (_closed)
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
    public override async Task ServeAsync(Link link, PeerInfo peer)
    {
        var refusal = Refuse(peer);
        Subscription<T>? subscription = null;
        if (refusal is null)
        {
            lock (_lock)
            {
                // Step 9: life and capacity are checked again, now for good.
                refusal = _closed ? CloseCode.StreamNotFound
                    : _core.ActiveCount >= _options.MaxConsumers ? CloseCode.NoCapacity
                    : null;
                if (refusal is null)
                    _subscriptions.Add(subscription = new Subscription<T>(this, link, peer.Entry, _core));
            }
        }

        if (subscription is null)
        {
            var code = refusal ?? CloseCode.StreamNotFound;
            _context.Metrics.SubscriptionRejected(Labels);
            StreamsLog.ConsumerRefused(_context.Logger, StreamId, link.RemoteId, code);
            await link.CloseAsync(code).ConfigureAwait(false);
            return;
        }

        _context.Metrics.SubscriptionAccepted(Labels);
        using (subscription)
            await subscription.RunAsync().ConfigureAwait(false);
    }

    /// <summary>Whether the last handle was disposed or the network has stopped.</summary>
    public bool IsClosed => _closed;

    /// <summary>Completes when a closed sink has drained and all its links are closed.</summary>
    public ValueTask WhenClosedAsync() => _whenClosed.WaitAsync();

    /// <summary>Waits until all consumers have what was accepted so far.</summary>
    public async ValueTask FlushAsync(CancellationToken cancellationToken)
    {
        Subscription<T>[] subscriptions;
        lock (_lock)
            subscriptions = [.. _subscriptions];
        foreach (var subscription in subscriptions)
            await subscription.FlushAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public override async ValueTask CloseAsync()
    {
        List<PendingSend<T>> waiting = [];
        Subscription<T>[] subscriptions;
        lock (_lock)
        {
            if (_closed)
                return;
            _closed = true;
            _online = false;
            while (_line.First is { } first)
                waiting.Add(Withdraw(first.Value));
            subscriptions = [.. _subscriptions];
        }

        foreach (var pending in waiting)
            pending.Completion.TrySetException(new ChannelClosedException());
        foreach (var subscription in subscriptions)
            subscription.BeginDrain();
        foreach (var subscription in subscriptions)
            await subscription.EndedAsync().ConfigureAwait(false);
        Channels.Close(CloseCode.GracefulShutdown);
        _stallSignal.Set();
        await _stallWatch.ConfigureAwait(false);
        _whenClosed.TrySetResult();
    }

    /// <summary>Completes when the writer has handed over everything that waits now; null if nothing does.</summary>
    internal Completion? WhenIdle(Subscription<T> subscription)
    {
        lock (_lock)
        {
            if (subscription.Backlog.Count == 0 || !_subscriptions.Contains(subscription))
                return null;
            return subscription.Idle ??= new Completion(_context.Scheduler);
        }
    }

    /// <summary>The next batch for a writer; 0 makes it idle until it is woken.</summary>
    internal int Take(Backlog backlog, Span<DatumFrame> batch, int maxBytes)
    {
        lock (_lock)
            return FanOutCore.Take(backlog, batch, maxBytes);
    }

    /// <summary>A writer's batch was accepted by its transport: there may be room for those in line.</summary>
    internal void HandedOver(Subscription<T> subscription)
    {
        bool serve;
        Completion? idle = null;
        lock (_lock)
        {
            _core.HandedOver(subscription.Backlog, _context.Now);
            serve = _line.Count > 0;
            if (subscription.Backlog.Count == 0)
                (idle, subscription.Idle) = (subscription.Idle, null);
        }

        idle?.TrySetResult();
        if (serve)
            ServeLine();
    }

    /// <summary>A subscription is over; what waited for it is released. Returns how many datums it did not get.</summary>
    internal long Remove(Subscription<T> subscription)
    {
        long missed;
        Completion? idle;
        lock (_lock)
        {
            missed = _core.Remove(subscription.Backlog) + subscription.Backlog.Dropped;
            _subscriptions.Remove(subscription);
            (idle, subscription.Idle) = (subscription.Idle, null);
        }

        idle?.TrySetResult();
        ServeLine();
        return missed;
    }

    private CloseCode? Refuse(PeerInfo peer)
    {
        if (_core.ActiveCount >= _options.MaxConsumers)
            return CloseCode.NoCapacity;
        if (_options.AcceptIf is not { } accept)
            return null;
        try
        {
            return accept(peer) ? null : CloseCode.NotAllowed;
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            // User code: a predicate that throws says no (spec/streams.md §3.1).
            StreamsLog.PredicateFailed(_context.Logger, StreamId, peer.Id, error);
            return CloseCode.NotAllowed;
        }
    }

    /// <summary>Called by the channel set, under its lock, after every change (spec/streams.md §5).</summary>
    private void OnChannelsChanged(ImmutableArray<ChannelInfo> channels)
    {
        var online = !_closed && _onlineWhen.Evaluate(channels);
        if (online == _online)
            return;
        _online = online;
        if (online)
            ServeLine();
    }

    /// <summary>Under the lock: a sender finds no room, so the stall clock runs (rule L4).</summary>
    private void NoteBlocked()
    {
        if (_core.StallDeadline is not null)
            return;
        _core.NoteBlocked(_context.Now);
        if (_core.StallDeadline is not null)
            _stallSignal.Set();
    }

    private async Task WatchStallsAsync()
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

            effects.Run();
            ServeLine();
            if (wait is { } left)
                await _stallSignal.WaitAsync(left > TimeSpan.Zero ? left : TimeSpan.FromMilliseconds(1)).ConfigureAwait(false);
            else
                await _stallSignal.WaitAsync().ConfigureAwait(false);
        }
    }
}
