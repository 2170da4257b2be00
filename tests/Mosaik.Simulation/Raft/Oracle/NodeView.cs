using Mosaik.Groups;
using Mosaik.Groups.Raft;
using Mosaik.Primitives;
using Mosaik.Simulation.Raft.Cluster;

namespace Mosaik.Simulation.Raft.Oracle;

/// <summary>What the oracle knows of one process: its state before the current input, and what it was told in its term.</summary>
internal sealed class NodeView(ClusterNode node)
{
    public ClusterNode Node { get; } = node;

    /// <summary>The log as it was after the last input.</summary>
    public List<LogEntry> Log { get; } = [];

    public Term Term { get; set; }

    public GroupMember? Vote { get; set; }

    public RaftRole Role { get; set; }

    public LogCursor Committed { get; set; }

    public PeerId? Leader { get; set; }

    public TimeSpan ElectionDeadline { get; set; } = TimeSpan.MaxValue;

    public int Resets { get; set; }

    public int Divergences { get; set; }

    public int StateChecked { get; set; }

    public ulong StateIndex { get; set; }

    /// <summary>The stripe of its terms above the founding one; null before the first.</summary>
    public ulong? Stripe { get; set; }

    public bool HasCampaigned { get; set; }

    /// <summary>When the leader it follows was heard last, on the node's clock.</summary>
    public TimeSpan LeaderHeardAt { get; set; } = TimeSpan.MinValue;

    /// <summary>Its own candidacy or leadership; null as a follower.</summary>
    public Candidacy? Candidacy { get; set; }

    /// <summary>What it sent because of the current input.</summary>
    public List<(PeerId? To, byte[] Message)> Outbox { get; } = [];

    public LogCursor Last => Log.Count == 0 ? LogCursor.Zero : new LogCursor(Log[^1].Term, new LogIndex((ulong)Log.Count));

    /// <summary>The roster of the last roster entry at or below an index, and where it is; null before the founding.</summary>
    public (Roster Roster, ulong Index)? RosterAt(ulong index)
    {
        for (int i = (int)Math.Min(index, (ulong)Log.Count) - 1; i >= 0; i--)
        {
            if (RosterEntry.IsAboutRoster(Log[i].Bytes.Span)
                && RosterEntry.TryRead(Log[i].Bytes.Span, Node.Settings.Voters, out RosterEntry? entry))
                return (entry!.Roster, (ulong)i + 1);
        }

        return null;
    }
}

/// <summary>One term in which a process asked for votes, and led if it got them: what others told it.</summary>
internal sealed class Candidacy(Term term, GroupMember self, IEnumerable<GroupMember> bonded)
{
    public Term Term { get; } = term;

    public HashSet<GroupMember> Requested { get; } = [self, .. bonded];

    public HashSet<GroupMember> Granted { get; } = [self];

    public HashSet<GroupMember> Abstained { get; } = [];

    /// <summary>Length of the log at the election; null while it is a candidate.</summary>
    public ulong? ElectedAtIndex { get; set; }

    public TimeSpan ElectedAt { get; set; }

    /// <summary>Available: who counts, and what each has acknowledged.</summary>
    public Dictionary<GroupMember, ulong> Committee { get; } = [];

    /// <summary>Majority: what each process has acknowledged, counted or not.</summary>
    public Dictionary<GroupMember, ulong> Acknowledged { get; } = [];

    /// <summary>When each process answered last.</summary>
    public Dictionary<GroupMember, TimeSpan> HeardAt { get; } = [];

    /// <summary>The step at which each round was sent.</summary>
    public Dictionary<ulong, long> RoundSentAt { get; } = [];

    /// <summary>The greatest round each process has answered.</summary>
    public Dictionary<GroupMember, ulong> Answered { get; } = [];
}
