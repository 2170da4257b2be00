using Mosaik.Primitives;

namespace Mosaik.Groups.Raft;

/// <summary>
/// Available: who counts for a leader, and how far each has acknowledged (rule H2, spec/groups.md §6.7). The leader is a
/// member with its own last index.
/// </summary>
internal sealed class Committee
{
    private readonly List<(PeerId Peer, ulong Index)> _members = [];
    private ulong[] _sorted = [];
    private ulong _quorumIndex;
    private bool _isStale = true;

    /// <summary>How many members, the leader included.</summary>
    public int Count => _members.Count;

    public bool Contains(PeerId peer) => IndexOf(peer) >= 0;

    /// <summary>Adds a member, or raises what it has acknowledged.</summary>
    public void Acknowledge(PeerId peer, ulong index)
    {
        int at = IndexOf(peer);
        if (at < 0)
            _members.Add((peer, index));
        else if (index > _members[at].Index)
            _members[at] = (peer, index);
        else
            return;
        _isStale = true;
    }

    /// <summary>Takes a member out: its bond is gone, or it abstains.</summary>
    public void Remove(PeerId peer)
    {
        int at = IndexOf(peer);
        if (at < 0)
            return;
        _members.RemoveAt(at);
        _isStale = true;
    }

    /// <summary>The greatest index that more than half of the members have acknowledged.</summary>
    public ulong QuorumIndex
    {
        get
        {
            if (!_isStale)
                return _quorumIndex;
            int count = _members.Count;
            if (_sorted.Length < count)
                _sorted = new ulong[Math.Max(8, count * 2)];
            for (int i = 0; i < count; i++)
                _sorted[i] = _members[i].Index;
            _sorted.AsSpan(0, count).Sort();
            _quorumIndex = count == 0 ? 0 : _sorted[count - ((count / 2) + 1)];
            _isStale = false;
            return _quorumIndex;
        }
    }

    private int IndexOf(PeerId peer)
    {
        for (int i = 0; i < _members.Count; i++)
        {
            if (_members[i].Peer == peer)
                return i;
        }

        return -1;
    }
}
