using Mosaik.Primitives;

namespace Mosaik.Discovery;

/// <summary>Peers in the order in which their entries were last received.</summary>
internal sealed class ReceiptOrder
{
    private CatalogPlace? _first;
    private CatalogPlace? _last;

    /// <summary>The peer's entry has been received. It is in no other order.</summary>
    public void Touch(CatalogPlace place, long nowMs)
    {
        place.ReceivedMs = nowMs;
        if (place == _last)
            return;
        Remove(place);
        place.Previous = _last;
        if (_last is null)
            _first = place;
        else
            _last.Next = place;
        _last = place;
    }

    /// <summary>Takes a peer out, if it is in.</summary>
    public void Remove(CatalogPlace place)
    {
        if (place.Previous is null && place != _first)
            return;
        if (place.Previous is null)
            _first = place.Next;
        else
            place.Previous.Next = place.Next;
        if (place.Next is null)
            _last = place.Previous;
        else
            place.Next.Previous = place.Previous;
        place.Previous = place.Next = null;
    }

    /// <summary>The peers received last after a time and not after another one.</summary>
    public IEnumerable<PeerId> Between(long afterMs, long untilMs)
    {
        for (CatalogPlace? place = _first; place is not null && place.ReceivedMs <= untilMs; place = place.Next)
        {
            if (place.ReceivedMs > afterMs)
                yield return place.Id;
        }
    }

    /// <summary>The first peer received before a time that may be taken; null when there is none.</summary>
    public CatalogPlace? Oldest(long beforeMs, Predicate<CatalogPlace> mayTake)
    {
        CatalogPlace? place = _first;
        while (place is not null && place.ReceivedMs < beforeMs && !mayTake(place))
            place = place.Next;
        return place is not null && place.ReceivedMs < beforeMs ? place : null;
    }
}
