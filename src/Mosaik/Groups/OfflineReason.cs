namespace Mosaik.Groups;

/// <summary>Why a call failed (spec/groups.md §7.4, §7.5).</summary>
public enum OfflineReason
{
    /// <summary>No leader is known.</summary>
    NoLeader,

    /// <summary>This node is asking for votes.</summary>
    Candidate,

    /// <summary>This node's own tickets are not valid.</summary>
    Unauthorized,

    /// <summary>The leader did not acknowledge in time.</summary>
    ForwardTimeout,

    /// <summary>Term, leader or role changed before the entry was committed.</summary>
    LeadershipLost,

    /// <summary>The place in the log holds another entry, or a snapshot was installed over it.</summary>
    Overwritten,

    /// <summary>A strong query was not answered in time.</summary>
    QueryTimeout,
}
