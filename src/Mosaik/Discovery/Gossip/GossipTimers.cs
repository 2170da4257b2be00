using System.Diagnostics.CodeAnalysis;

namespace Mosaik.Discovery.Gossip;

/// <summary>Timers of the loop: those of equal time in the order in which they were set (spec/gossip.md §9.1).</summary>
internal sealed class GossipTimers
{
    private readonly PriorityQueue<Action, (TimeSpan At, long Number)> _heap = new();
    private long _last;

    /// <summary>When the next one is due.</summary>
    public TimeSpan? Next => _heap.TryPeek(out _, out (TimeSpan At, long Number) key) ? key.At : null;

    public void Set(TimeSpan at, Action action) => _heap.Enqueue(action, (at, ++_last));

    public bool TryTakeDue(TimeSpan now, [MaybeNullWhen(false)] out Action action)
    {
        if (Next is { } next && next <= now)
            return _heap.TryDequeue(out action, out _);
        action = null;
        return false;
    }
}
