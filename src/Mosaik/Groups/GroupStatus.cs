using Mosaik.Primitives;

namespace Mosaik.Groups;

/// <summary>What a group's driver publishes about it: one immutable object at a time (spec/groups.md §8).</summary>
internal sealed record GroupStatus
{
    public PeerId? Leader { get; init; }

    public bool IsLeader { get; init; }

    public bool IsOnline { get; init; }

    public bool IsAuthorized { get; init; } = true;

    public bool IsRosterComplete { get; init; }

    public LogCursor Committed { get; init; }

    public LogCursor Log { get; init; }

    public GroupState State { get; init; }

    public bool IsVoter { get; init; }

    public IReadOnlyList<GroupMember> Voters { get; init; } = [];

    /// <summary>The leader known last, also while none is known.</summary>
    public PeerId? LastLeader { get; private set; }

    /// <summary>How often a leader became known.</summary>
    public long Elections { get; private set; }

    /// <summary>How often a leader became known that was another one than before.</summary>
    public long LeaderChanges { get; private set; }

    /// <summary>How often the committed index has moved.</summary>
    public long CommittedMoves { get; private set; }

    /// <summary>How often it has moved backwards.</summary>
    public long CommittedReverts { get; private set; }

    /// <summary>How often the log's end has moved.</summary>
    public long LogMoves { get; private set; }

    /// <summary>How often it has moved backwards.</summary>
    public long LogReverts { get; private set; }

    /// <summary>This status after changes, its counters moved accordingly; the same object if nothing has changed.</summary>
    /// <param name="changed">A copy of this one that nobody else has seen: one is made at every turn that changes anything.</param>
    public GroupStatus Next(GroupStatus changed)
    {
        if (changed == this)
            return this;
        var isElected = changed.Leader is not null && changed.Leader != Leader;
        changed.LastLeader = changed.Leader ?? LastLeader;
        changed.Elections += isElected ? 1 : 0;
        changed.LeaderChanges += isElected && changed.Leader != LastLeader ? 1 : 0;
        changed.CommittedMoves += changed.Committed.Index != Committed.Index ? 1 : 0;
        changed.CommittedReverts += changed.Committed.Index < Committed.Index ? 1 : 0;
        changed.LogMoves += changed.Log != Log ? 1 : 0;
        changed.LogReverts += changed.Log.Index < Log.Index ? 1 : 0;
        return changed;
    }
}
