using Mosaik.Primitives;

namespace Mosaik.Discovery;

/// <summary>
/// When entries expire, as a min-heap of lower bounds: refreshing an entry does not touch it, and a bound that turns
/// out to be
/// too early is simply put back. So a keep-alive costs nothing here.
/// </summary>
internal sealed class ExpiryHeap
{
    private readonly PriorityQueue<PeerId, long> _queue = new();
    private readonly Dictionary<PeerId, long> _watched = [];

    /// <summary>No watched entry expires before this; <see cref="long.MaxValue"/> for none.</summary>
    public long EarliestMs
    {
        get
        {
            while (_queue.TryPeek(out PeerId id, out long expiry))
            {
                if (_watched.TryGetValue(id, out long bound) && bound == expiry)
                    return expiry;
                _queue.Dequeue(); // replaced by an earlier bound and already taken
            }
            return long.MaxValue;
        }
    }

    /// <summary>Makes sure that the peer is looked at when this expiry has passed.</summary>
    public void Watch(PeerId id, long expiryMs)
    {
        if (_watched.TryGetValue(id, out long bound) && bound <= expiryMs)
            return;
        _watched[id] = expiryMs;
        _queue.Enqueue(id, expiryMs);
    }

    /// <summary>A peer whose bound has passed. It is no longer watched.</summary>
    public bool TryTakeExpired(long nowMs, out PeerId id)
    {
        if (EarliestMs >= nowMs)
        {
            id = default;
            return false;
        }
        id = _queue.Dequeue();
        _watched.Remove(id);
        return true;
    }
}
