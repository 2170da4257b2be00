namespace Mosaik.Groups.Raft;

/// <summary>The answers to one candidacy. Who was asked is fixed at its start (spec/groups.md §6.5).</summary>
internal sealed class Election
{
    private readonly SortedSet<GroupMember> _requested = [];
    private readonly SortedSet<GroupMember> _granted = [];
    private readonly SortedSet<GroupMember> _abstained = [];

    public Election(GroupMember self, BondTable bonds)
    {
        _requested.Add(self);
        _granted.Add(self);
        foreach (BondView bond in bonds)
            _requested.Add(bond.Member);
    }

    /// <summary>Everybody who was asked, the candidate included, ascending.</summary>
    public IReadOnlyCollection<GroupMember> Requested => _requested;

    /// <summary>Who said yes, the candidate included, ascending.</summary>
    public IReadOnlyCollection<GroupMember> Granted => _granted;

    /// <summary>Available: more than half of those who did not abstain.</summary>
    public bool HasMajorityOfPresent => _granted.Count >= ((_requested.Count - _abstained.Count) / 2) + 1;

    public bool IsGranted(GroupMember member) => _granted.Contains(member);

    public bool IsAbstained(GroupMember member) => _abstained.Contains(member);

    /// <summary>Notes an answer; the first of a member counts, and only if it was asked.</summary>
    public void Answer(GroupMember member, Vote vote)
    {
        if (!_requested.Contains(member) || _granted.Contains(member) || _abstained.Contains(member))
            return;
        if (vote == Vote.Granted)
            _granted.Add(member);
        else if (vote == Vote.Abstained)
            _abstained.Add(member);
    }
}
