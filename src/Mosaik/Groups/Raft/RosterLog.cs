namespace Mosaik.Groups.Raft;

/// <summary>
/// The roster entries of the log: the last one is in force from the moment it is in the log, and truncation brings the one
/// before it back (spec/groups-safety.md §7.3).
/// </summary>
/// <remarks>What lies before the last committed one is forgotten: nothing committed is ever truncated.</remarks>
internal sealed class RosterLog
{
    private readonly List<(ulong Index, RosterEntry Entry)> _entries = [];

    /// <summary>The roster in force; null before the founding entry.</summary>
    public Roster? Current => _entries.Count > 0 ? _entries[^1].Entry.Roster : null;

    /// <summary>The index of the entry in force; 0 when there is none.</summary>
    public ulong LastIndex => _entries.Count > 0 ? _entries[^1].Index : 0;

    /// <summary>The entry in force.</summary>
    public RosterEntry? Last => _entries.Count > 0 ? _entries[^1].Entry : null;

    /// <summary>Takes an entry of the log in; false when it may not follow the roster in force.</summary>
    public bool TryAppend(ulong index, RosterEntry entry)
    {
        // Only the first entry of all can be the founding one.
        if (!entry.Follows(Current) || (entry.Change == RosterChangeKind.Founding && index != 1))
            return false;
        _entries.Add((index, entry));
        return true;
    }

    public void Truncate(ulong at) => _entries.RemoveAll(e => e.Index >= at);

    /// <summary>The entry at an index, if it is about the roster.</summary>
    public RosterEntry? At(ulong index)
    {
        foreach ((ulong at, RosterEntry entry) in _entries)
        {
            if (at == index)
                return entry;
        }

        return null;
    }

    /// <summary>Everything anew, from an installed state.</summary>
    public void Reset(ulong index, RosterEntry? entry)
    {
        _entries.Clear();
        if (entry is not null)
            _entries.Add((index, entry));
    }

    /// <summary>The last entry that is committed.</summary>
    public (LogIndex Index, RosterEntry Entry)? LastCommitted(ulong committed)
    {
        int last = _entries.FindLastIndex(e => e.Index <= committed);
        return last < 0 ? null : (new LogIndex(_entries[last].Index), _entries[last].Entry);
    }

    /// <summary>The roster of the last entry that is committed, and everything before it forgotten.</summary>
    public Roster? Commit(ulong committed)
    {
        int last = _entries.FindLastIndex(e => e.Index <= committed);
        if (last > 0)
        {
            _entries.RemoveRange(0, last);
            last = 0;
        }

        return last < 0 ? null : _entries[last].Entry.Roster;
    }
}
