using Mosaik.Primitives;
using Mosaik.Quic;

namespace Mosaik.Discovery.Gossip.Protocol;

/// <summary>A small set of peers in the order of insertion, so that a seed replays, with random choice.</summary>
internal sealed class PeerSet
{
    private readonly List<PeerId> _items = [];

    public int Count => _items.Count;

    public IReadOnlyList<PeerId> Items => _items;

    public bool Contains(PeerId peer) => _items.Contains(peer);

    public bool Add(PeerId peer)
    {
        if (_items.Contains(peer))
            return false;
        _items.Add(peer);
        return true;
    }

    public bool Remove(PeerId peer) => _items.Remove(peer);

    /// <summary>One of those that are allowed, each equally likely; null if there is none.</summary>
    public PeerId? Pick(RandomSource random, Func<PeerId, bool>? isAllowed = null)
    {
        if (isAllowed is null)
            return _items.Count == 0 ? null : _items[random.NextBelow(_items.Count)];
        List<PeerId> allowed = _items.FindAll(p => isAllowed(p));
        return allowed.Count == 0 ? null : allowed[random.NextBelow(allowed.Count)];
    }

    /// <summary>Up to so many, in random order, without one peer.</summary>
    public IEnumerable<PeerId> Sample(RandomSource random, int count, PeerId? except = null)
    {
        List<PeerId> candidates = _items.FindAll(p => p != except);
        int taken = Math.Min(count, candidates.Count);
        for (int i = 0; i < taken; i++)
        {
            int other = i + random.NextBelow(candidates.Count - i);
            (candidates[i], candidates[other]) = (candidates[other], candidates[i]);
        }

        return candidates.GetRange(0, taken);
    }
}
