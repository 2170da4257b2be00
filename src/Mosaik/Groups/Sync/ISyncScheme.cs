using Mosaik.Groups.Raft;

namespace Mosaik.Groups.Sync;

/// <summary>How members that are behind catch up (spec/groups.md §11.1): log replay, or snapshots.</summary>
internal interface ISyncScheme
{
    /// <summary>Whether the log is never pruned, so that it can be compared and replayed from its start.</summary>
    bool KeepsHistory { get; }

    /// <summary>The part every member has, in every role.</summary>
    ISyncProvider CreateProvider(ISyncHost host);

    /// <summary>
    /// The part of a member whose log does not contain what precedes the leader's entries; lives until it is complete, or
    /// term, role, leader or the leader's bond change.
    /// </summary>
    ISyncCatchUp CreateCatchUp(ISyncHost host, BondView leader, in AppendEntries first);
}

/// <summary>What became of a message.</summary>
internal enum SyncReception
{
    /// <summary>It was dealt with.</summary>
    Handled,

    /// <summary>It is for the other part.</summary>
    NotMine,

    /// <summary>Nobody can read it; the bond is closed.</summary>
    Malformed,
}
