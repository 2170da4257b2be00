using System.Runtime.InteropServices;

namespace Mosaik.Groups.Raft;

/// <summary>The end of a submitted call; every token is completed exactly once while the group runs.</summary>
/// <param name="Token">The token given with the call.</param>
/// <param name="Outcome">How it ended.</param>
/// <param name="Failure">Why it failed.</param>
/// <param name="Assigned">The indices it was given; null when it was given none, or they are not known.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct CommandCompletion(
    ulong Token, CommandOutcome Outcome, CommandFailure Failure, LogRange? Assigned);

/// <summary>How a submitted call ended (spec/groups.md §7.4).</summary>
internal enum CommandOutcome
{
    /// <summary>As asked: appended (feed) or committed here (execute).</summary>
    Done,

    /// <summary>It never left this node.</summary>
    NotSubmitted,

    /// <summary>It may be in the log, or get there.</summary>
    Unknown,

    /// <summary>It is not in the log of this node any more; a member that still holds it may bring it back.</summary>
    Lost,
}

/// <summary>Why a submitted call failed.</summary>
internal enum CommandFailure
{
    /// <summary>It did not.</summary>
    None,

    /// <summary>No leader is known.</summary>
    NoLeader,

    /// <summary>This node is a candidate.</summary>
    Candidate,

    /// <summary>The local tickets are not valid.</summary>
    Unauthorized,

    /// <summary>The leader did not acknowledge it in time.</summary>
    ForwardTimeout,

    /// <summary>Term, leader or role changed before it was committed.</summary>
    LeadershipLost,

    /// <summary>Its place in the log holds another entry, or none.</summary>
    Overwritten,
}
