using System.Runtime.InteropServices;
using Mosaik.Discovery.Gossip.Protocol;

namespace Mosaik.Discovery.Gossip;

/// <summary>
/// Timers of the loop, its own and those of the core: those of equal time in the order in which they were set
/// (spec/gossip.md §9.1).
/// </summary>
internal sealed class GossipTimers
{
    private readonly PriorityQueue<Due, (TimeSpan At, long Number)> _heap = new();
    private long _last;

    /// <summary>When the next one is due.</summary>
    public TimeSpan? Next => _heap.TryPeek(out _, out (TimeSpan At, long Number) key) ? key.At : null;

    public void Set(TimeSpan at, Action action) => _heap.Enqueue(new Due(action, null), (at, ++_last));

    public void Set(TimeSpan at, GossipEffect.Schedule timer) => _heap.Enqueue(new Due(null, timer), (at, ++_last));

    /// <summary>The next one that is due: an action of the loop, or a timer of the core.</summary>
    public bool TryTakeDue(TimeSpan now, out Due due)
    {
        if (_heap.TryPeek(out due, out (TimeSpan At, long Number) key) && key.At <= now)
        {
            _heap.Dequeue();
            return true;
        }

        due = default;
        return false;
    }

    /// <summary>One of the two.</summary>
    [StructLayout(LayoutKind.Auto)]
    internal readonly record struct Due(Action? Action, GossipEffect.Schedule? Timer);
}
