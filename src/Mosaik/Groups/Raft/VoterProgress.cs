namespace Mosaik.Groups.Raft;

/// <summary>
/// Majority: what the leader knows of every process it hears from, member of the roster or not: how far it has
/// acknowledged, when it was heard last and in which round (spec/groups-safety.md §7.8, §7.11, §7.13).
/// </summary>
/// <remarks>Kept by (peer, incarnation). What outsiders acknowledged counts from the moment they are added.</remarks>
internal sealed class VoterProgress
{
    private const int MaxTracked = 4096;

    private readonly Dictionary<GroupMember, Entry> _entries = [];

    /// <summary>An answer of the leader's term.</summary>
    public void Heard(GroupMember member, TimeSpan now, ulong round)
    {
        if (Track(member) is not { } entry)
            return;
        entry.HeardAt = now;
        entry.Round = Math.Max(entry.Round, round);
    }

    public void Acknowledge(GroupMember member, ulong index)
    {
        if (Track(member) is { } entry)
            entry.Index = Math.Max(entry.Index, index);
    }

    public ulong IndexOf(GroupMember member) => _entries.TryGetValue(member, out Entry? entry) ? entry.Index : 0;

    public ulong RoundOf(GroupMember member) => _entries.TryGetValue(member, out Entry? entry) ? entry.Round : 0;

    public TimeSpan? HeardAt(GroupMember member) => _entries.TryGetValue(member, out Entry? entry) ? entry.HeardAt : null;

    /// <summary>Forgets an outsider whose bond is gone.</summary>
    public void Forget(GroupMember member) => _entries.Remove(member);

    private Entry? Track(GroupMember member)
    {
        if (_entries.TryGetValue(member, out Entry? entry))
            return entry;
        if (_entries.Count >= MaxTracked)
            return null;
        _entries.Add(member, entry = new Entry());
        return entry;
    }

    private sealed class Entry
    {
        public ulong Index;
        public ulong Round;
        public TimeSpan? HeardAt;
    }
}
