namespace Mosaik.Groups.Raft;

/// <summary>The first byte of an entry in profiles that change the group's id (spec/groups-safety.md §6).</summary>
internal enum EntryKind : byte
{
    /// <summary>A command follows.</summary>
    Command = 0,

    /// <summary>Nothing follows: the first entry of a new leader.</summary>
    NoOp = 1,

    /// <summary>The first roster.</summary>
    Founding = 2,

    /// <summary>The roster changes by one member.</summary>
    RosterChange = 4,
}
