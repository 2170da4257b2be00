using System.Collections.Immutable;
using Mosaik.Networking;

namespace Mosaik.Streams;

/// <summary>
/// The channels of one producer or consumer, and everybody who waits for something about them.
/// </summary>
/// <remarks>
/// Every addition, removal and state change is told to the registered conditions in the order in which it happened.
/// Conditions are held weakly while nobody waits on them: one that nobody refers to any more is forgotten. No user code
/// other than a condition's own predicates runs under the lock; waits are completed on the network's scheduler.
/// </remarks>
internal sealed class ChannelSet
{
    private readonly Lock _lock = new();
    private readonly List<WeakReference<ChannelCondition>> _conditions = [];
    private readonly HashSet<ChannelCondition> _awaited = [];
    private ImmutableArray<ChannelInfo> _channels = [];
    private Action<ImmutableArray<ChannelInfo>>? _observer;
    private int _pruneAt = 16;

    public ChannelSet(TaskScheduler scheduler) => Scheduler = scheduler;

    /// <summary>Where waits continue.</summary>
    public TaskScheduler Scheduler { get; }

    /// <summary>Whether the stream has been closed: nothing will change any more.</summary>
    public bool IsClosed { get; private set; }

    /// <summary>The channels that have not terminated.</summary>
    public ImmutableArray<ChannelInfo> Snapshot
    {
        get
        {
            lock (_lock)
                return _channels;
        }
    }

    /// <summary>
    /// Has the owner called now and, under the lock, after every change, before any condition sees it: whoever is
    /// woken by a change finds the online flag set already.
    /// </summary>
    public void Observe(Action<ImmutableArray<ChannelInfo>> observer)
    {
        lock (_lock)
        {
            _observer = observer;
            observer(_channels);
        }
    }

    /// <summary>A channel has been made; one that has ended meanwhile is not shown any more.</summary>
    public void Add(ChannelInfo channel)
    {
        lock (_lock)
        {
            if (IsClosed || channel.State == ChannelState.Terminated)
                return;
            _channels = _channels.Add(channel);
            Notify();
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
            if (state == ChannelState.Terminated)
                _channels = _channels.Remove(channel);
            Notify();
            return before;
        }
    }

    /// <summary>The stream is closed: all channels terminate, then waits that cannot be met any more fail.</summary>
    public void Close(CloseCode? reason)
    {
        lock (_lock)
        {
            foreach (var channel in _channels)
            {
                channel.SetState(ChannelState.Terminated, reason);
                _channels = _channels.Remove(channel);
                Notify();
            }

            IsClosed = true;
            foreach (var condition in Living())
                condition.OnClosed();
            _conditions.Clear();
        }
    }

    /// <summary>Runs <paramref name="action"/> while no channel can change.</summary>
    public T Locked<T>(Func<ImmutableArray<ChannelInfo>, T> action)
    {
        lock (_lock)
            return action(_channels);
    }

    /// <summary>Tells the condition about every change from now on. Called inside <see cref="Locked{T}"/>.</summary>
    public void Register(ChannelCondition condition)
    {
        if (_conditions.Count >= _pruneAt)
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

    private void Notify()
    {
        _observer?.Invoke(_channels);
        // A condition may complete waits here: their continuations are posted, so none of them runs under the lock.
        foreach (var condition in Living())
            condition.OnChanged(_channels);
    }

    private IEnumerable<ChannelCondition> Living()
    {
        // By index: a predicate, which is user code, may begin a wait of its own and so register a condition.
        for (var i = 0; i < _conditions.Count; i++)
            if (_conditions[i].TryGetTarget(out var condition))
                yield return condition;
    }
}
