using System.Collections.Immutable;

namespace Mosaik.Groups.Raft;

/// <summary>The processes that vote and are counted, ascending (spec/groups-safety.md §7). Immutable.</summary>
internal sealed class Roster
{
    public Roster(IEnumerable<GroupMember> members)
    {
        Members = [.. members.Order()];
        List = Members;
    }

    /// <summary>The members, ascending.</summary>
    public ImmutableArray<GroupMember> Members { get; }

    /// <summary>The same, for those who publish it: always the same object.</summary>
    public IReadOnlyList<GroupMember> List { get; }

    /// <summary>How many.</summary>
    public int Count => Members.Length;

    /// <summary>How many of them decide: more than half.</summary>
    public int Quorum => (Count / 2) + 1;

    public bool Contains(GroupMember member) => Members.BinarySearch(member) >= 0;

    public Roster With(GroupMember member) => new(Members.Add(member));

    public Roster Without(GroupMember member) => new(Members.Remove(member));

    public bool IsSameAs(Roster other) => Members.AsSpan().SequenceEqual(other.Members.AsSpan());

    public override string ToString() => string.Join(", ", Members);
}
