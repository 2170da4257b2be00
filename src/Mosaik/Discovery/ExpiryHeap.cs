using System.Diagnostics.CodeAnalysis;

namespace Mosaik.Discovery;

/// <summary>
/// When entries expire, as a min-heap of lower bounds: refreshing an entry does not touch it, and a bound that turns
/// out to be too early is simply put back. So a keep-alive costs nothing here.
/// </summary>
internal sealed class ExpiryHeap
{
    private readonly PriorityQueue<CatalogPlace, long> _queue = new();

    /// <summary>No watched entry expires before this; <see cref="long.MaxValue"/> for none.</summary>
    public long EarliestMs
    {
        get
        {
            while (_queue.TryPeek(out CatalogPlace? place, out long expiry))
            {
                if (place.WatchedMs == expiry)
                    return expiry;
                _queue.Dequeue(); // replaced by an earlier bound and already taken
            }
            return long.MaxValue;
        }
    }

    /// <summary>Makes sure that the peer is looked at when this expiry has passed.</summary>
    public void Watch(CatalogPlace place, long expiryMs)
    {
        if (place.WatchedMs <= expiryMs)
            return;
        place.WatchedMs = expiryMs;
        _queue.Enqueue(place, expiryMs);
    }

    /// <summary>A peer whose bound has passed. It is no longer watched.</summary>
    public bool TryTakeExpired(long nowMs, [NotNullWhen(true)] out CatalogPlace? place)
    {
        place = null;
        if (EarliestMs >= nowMs)
            return false;
        place = _queue.Dequeue();
        place.WatchedMs = long.MaxValue;
        return true;
    }
}
