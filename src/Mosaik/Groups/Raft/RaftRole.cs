namespace Mosaik.Groups.Raft;

/// <summary>What a node does in the current term.</summary>
internal enum RaftRole
{
    /// <summary>Follows a leader, or waits for one.</summary>
    Follower,

    /// <summary>Asks for votes.</summary>
    Candidate,

    /// <summary>Makes the log.</summary>
    Leader,
}
