using Mosaik.Primitives;

namespace Mosaik.Groups.Raft;

/// <summary>Something a person may want to read in the log (spec/groups.md §14). Nothing depends on it.</summary>
internal abstract record RaftEvent
{
    private RaftEvent()
    {
    }

    /// <summary>This node asks for votes.</summary>
    public sealed record ElectionStarted(Term Term) : RaftEvent;

    /// <summary>A leader is known that was not known before; also this node itself.</summary>
    public sealed record LeaderElected(PeerId Leader, Term Term) : RaftEvent;

    /// <summary>The leader is not known any more.</summary>
    public sealed record LeaderLost(PeerId Leader, Term Term) : RaftEvent;

    /// <summary>Two leaders in one term.</summary>
    public sealed record RivalLeader(PeerId Rival, Term Term) : RaftEvent;

    /// <summary>A leader with less than what is committed here is not followed.</summary>
    public sealed record RefusedLeader(PeerId Leader, Term Term, LogCursor End, LogCursor Committed) : RaftEvent;

    /// <summary>The log is behind the leader's, or differs from it.</summary>
    public sealed record CatchUpStarted(PeerId Leader, LogCursor Target, LogCursor Last) : RaftEvent;

    /// <summary>The log is that of the leader again.</summary>
    public sealed record CatchUpCompleted(PeerId Leader, LogCursor Last) : RaftEvent;

    /// <summary>Majority: more processes with role Voter than may run.</summary>
    public sealed record TooManyVoters(int Seen, int Limit) : RaftEvent;

    /// <summary>Majority: too few members of the roster are bonded to elect a leader.</summary>
    public sealed record NoQuorum(int Present, int Needed) : RaftEvent;

    /// <summary>Majority: a member was added to the committed roster. The reason is known on the leader only.</summary>
    public sealed record VoterAdded(GroupMember Member, LogIndex Index, int Members) : RaftEvent;

    /// <summary>Majority: a member was removed from the committed roster. The reason is known on the leader only.</summary>
    public sealed record VoterRemoved(GroupMember Member, VoterRemoval? Reason, LogIndex Index, int Members) : RaftEvent;
}

/// <summary>Why the leader removes a member of the roster (spec/groups-safety.md §7.16).</summary>
internal enum VoterRemoval
{
    /// <summary>Its peer is bonded with another incarnation.</summary>
    Superseded,

    /// <summary>It said good-bye.</summary>
    Departed,

    /// <summary>It was without a bond for too long.</summary>
    Absent,

    /// <summary>All members are there, and there is one too many.</summary>
    Surplus,
}
