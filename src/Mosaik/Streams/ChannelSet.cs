using System.Collections.Immutable;
using Mosaik.Networking;

namespace Mosaik.Streams;

/// <summary>
/// The channels of one producer or consumer, and everybody who waits for something about them.
/// </summary>
/// <remarks>
/// Every addition, removal and state change is told to the registered conditions in the order in which it happened, at
/// a cost that does not depend on the number of channels. Conditions are held weakly while nobody waits on them: one
/// that nobody refers to any more is forgotten. No user code other than a condition's own predicates runs under the
/// lock; waits are completed on the network's scheduler.
/// </remarks>
internal sealed class ChannelSet
{
    private readonly Lock _lock = new();
    private readonly Dictionary<long, ChannelInfo> _channels = [];
    private readonly List<WeakReference<ChannelCondition>> _conditions = [];
    private readonly HashSet<ChannelCondition> _awaited = [];
    private ImmutableArray<ChannelInfo>? _snapshot = [];
    private ChannelTally? _ownTally;
    private Action? _observer;
    private int _pruneAt = 16;
    private bool _notifying;

    public ChannelSet(TaskScheduler scheduler) => Scheduler = scheduler;

    /// <summary>Where waits continue.</summary>
    public TaskScheduler Scheduler { get; }

    /// <summary>
    /// Makes what a wait fails with once nothing will change any more; null while the stream is open.
    /// </summary>
    public Func<Exception>? ClosedWith { get; private set; }

    /// <summary>How many channels are connected. Under the lock, as in an observer.</summary>
    public int ConnectedCount { get; private set; }

    /// <summary>The channels that have not terminated, oldest first.</summary>
    public ImmutableArray<ChannelInfo> Snapshot
    {
        get
        {
            lock (_lock)
                return _snapshot ??= [.. _channels.Values.OrderBy(static c => c.Generation)];
        }
    }

    /// <summary>
    /// Keeps the owner's tally from now on, and has the owner called now and, under the lock, after every change,
    /// before any condition sees it: whoever is woken by a change finds the online flag set already.
    /// </summary>
    public void Observe(ChannelTally tally, Action observer)
    {
        lock (_lock)
        {
            _ownTally = tally;
            _observer = observer;
            Seed(tally);
            observer();
        }
    }

    /// <summary>A channel has been made; one that has ended meanwhile is not shown any more.</summary>
    public void Add(ChannelInfo channel)
    {
        lock (_lock)
        {
            if (ClosedWith is not null || channel.State == ChannelState.Terminated || !_channels.TryAdd(channel.Generation, channel))
                return;
            _snapshot = null;
            Notify(channel, ChannelState.Connecting);
        }
    }

    /// <summary>A channel changes its state; a terminated one leaves the set.</summary>
    /// <returns>The state before, or null when there was no change.</returns>
    public ChannelState? SetState(ChannelInfo channel, ChannelState state, CloseCode? reason = null)
    {
        lock (_lock)
        {
            var before = channel.State;
            if (before == state || before == ChannelState.Terminated)
                return null;
            channel.SetState(state, reason);
            if (_channels.ContainsKey(channel.Generation))
            {
                if (state == ChannelState.Terminated)
                    Forget(channel);
                Notify(channel, before);
            }

            return before;
        }
    }

    /// <summary>The stream is closed: all channels terminate, then waits that cannot be met any more fail.</summary>
    public void Close(CloseCode? reason, Func<Exception> error)
    {
        lock (_lock)
        {
            if (ClosedWith is not null)
                return;
            foreach (var channel in _channels.Values.OrderBy(static c => c.Generation).ToArray())
            {
                var before = channel.State;
                channel.SetState(ChannelState.Terminated, reason);
                Forget(channel);
                Notify(channel, before);
            }

            ClosedWith = error;
            foreach (var condition in Living())
                condition.OnClosed(error);
            _conditions.Clear();
        }
    }

    /// <summary>Runs <paramref name="action"/> while no channel can change.</summary>
    public T Locked<T>(Func<T> action)
    {
        lock (_lock)
            return action();
    }

    /// <summary>Counts the channels of now into a tally. Under the lock.</summary>
    public void Seed(ChannelTally tally)
    {
        foreach (var channel in _channels.Values)
            if (channel.IsConnected)
                tally.OnConnected(channel);
    }

    /// <summary>Tells the condition about every change from now on. Called inside <see cref="Locked{T}"/>.</summary>
    public void Register(ChannelCondition condition)
    {
        if (_conditions.Count >= _pruneAt && !_notifying)
        {
            _conditions.RemoveAll(static reference => !reference.TryGetTarget(out _));
            _pruneAt = Math.Max(16, _conditions.Count * 2);
        }

        _conditions.Add(new WeakReference<ChannelCondition>(condition));
    }

    /// <summary>Somebody waits on the condition, perhaps without any other reference to it. Under the lock.</summary>
    public void Hold(ChannelCondition condition) => _awaited.Add(condition);

    /// <summary>Nobody waits on the condition any more. Under the lock.</summary>
    public void LetGo(ChannelCondition condition) => _awaited.Remove(condition);

    private static void Apply(ChannelTally tally, ChannelInfo channel, bool wasConnected)
    {
        var isConnected = channel.IsConnected;
        if (isConnected && !wasConnected)
            tally.OnConnected(channel);
        else if (!isConnected && wasConnected)
            tally.OnDisconnected(channel);
        if (channel.State == ChannelState.Terminated)
            tally.OnRemoved(channel);
    }

    private void Forget(ChannelInfo channel)
    {
        _channels.Remove(channel.Generation);
        _snapshot = null;
    }

    private void Notify(ChannelInfo channel, ChannelState before)
    {
        var wasConnected = before == ChannelState.Connected;
        if (channel.IsConnected != wasConnected)
            ConnectedCount += wasConnected ? -1 : 1;
        if (_ownTally is { } own)
            Apply(own, channel, wasConnected);
        _observer?.Invoke();

        // A condition may complete waits here: their continuations are posted, so none of them runs under the lock.
        _notifying = true;
        foreach (var condition in Living())
        {
            Apply(condition.Tally!, channel, wasConnected); // registered conditions have one
            condition.OnChanged();
        }

        _notifying = false;
    }

    private IEnumerable<ChannelCondition> Living()
    {
        // By index up to the count of now: a predicate, which is user code, may begin a wait of its own and so register
        // a condition, which has counted this change already.
        var count = _conditions.Count;
        for (var i = 0; i < count && i < _conditions.Count; i++)
            if (_conditions[i].TryGetTarget(out var condition))
                yield return condition;
    }
}
