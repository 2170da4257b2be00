using System.Collections;
using Mosaik.Primitives;

namespace Mosaik.Discovery.Gossip.Protocol;

/// <summary>A handful of peers in ascending order; enumerating them allocates nothing.</summary>
internal sealed class SortedPeers : IReadOnlyCollection<PeerId>
{
    private readonly List<PeerId> _items = [];

    /// <inheritdoc/>
    public int Count => _items.Count;

    public bool Contains(PeerId peer) => _items.BinarySearch(peer) >= 0;

    public bool Add(PeerId peer)
    {
        int at = _items.BinarySearch(peer);
        if (at >= 0)
            return false;
        _items.Insert(~at, peer);
        return true;
    }

    public bool Remove(PeerId peer)
    {
        int at = _items.BinarySearch(peer);
        if (at < 0)
            return false;
        _items.RemoveAt(at);
        return true;
    }

    public List<PeerId>.Enumerator GetEnumerator() => _items.GetEnumerator();

    IEnumerator<PeerId> IEnumerable<PeerId>.GetEnumerator() => _items.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => _items.GetEnumerator();
}
