using Mosaik.Primitives;

namespace Mosaik.Groups.Raft;

/// <summary>The bonds, ascending by peer: whatever walks them does so in the same order on every run.</summary>
internal sealed class BondTable
{
    private readonly List<BondView> _bonds = [];

    public int Count => _bonds.Count;

    public List<BondView>.Enumerator GetEnumerator() => _bonds.GetEnumerator();

    public BondView? Find(PeerId peer)
    {
        int at = Search(peer);
        return at >= 0 ? _bonds[at] : null;
    }

    public bool Contains(PeerId peer) => Search(peer) >= 0;

    /// <summary>Whether exactly this process is bonded.</summary>
    public bool Contains(GroupMember member) => Find(member.PeerId) is { } bond && bond.Member == member;

    public void Add(BondView bond) => _bonds.Insert(~Search(bond.Peer), bond);

    public BondView? Remove(PeerId peer)
    {
        int at = Search(peer);
        if (at < 0)
            return null;
        BondView bond = _bonds[at];
        _bonds.RemoveAt(at);
        return bond;
    }

    private int Search(PeerId peer)
    {
        int low = 0;
        int high = _bonds.Count - 1;
        while (low <= high)
        {
            int middle = (low + high) >>> 1;
            int order = _bonds[middle].Peer.CompareTo(peer);
            if (order == 0)
                return middle;
            if (order < 0)
                low = middle + 1;
            else
                high = middle - 1;
        }

        return ~low;
    }
}
