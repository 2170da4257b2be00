using Mosaik.Groups;
using Mosaik.Groups.Raft;
using Mosaik.Groups.Sync;
using Mosaik.Networking;
using Mosaik.Primitives;
using Mosaik.Testing;

namespace Mosaik.Simulation.Raft.Cluster;

/// <summary>One process of a <see cref="RaftCluster"/>: a core with its own clock, and everything it ever said.</summary>
internal sealed class ClusterNode
{
    private const int Shown = 24;

    public ClusterNode(
        string name, RaftSettings settings, SimulationRandom random, ISyncScheme? sync = null, InMemoryLogStore? log = null)
    {
        Name = name;
        Settings = settings;
        Log = log ?? Log;
        Core = new RaftCore(settings, Log, Machine, random, sync);
    }

    public string Name { get; }

    public RaftSettings Settings { get; }

    public PeerId Peer => Settings.Self;

    public GroupMember Member => Settings.Member;

    public InMemoryLogStore Log { get; } = new();

    /// <summary>When it was started, on its own clock.</summary>
    public TimeSpan StartedAt { get; init; }

    /// <summary>How long it has been running.</summary>
    public TimeSpan Age => Now - StartedAt;

    public JournalMachine Machine { get; } = new();

    public RaftCore Core { get; }

    /// <summary>What the core has asked for and nobody has done yet.</summary>
    public RaftEffects Effects { get; } = new();

    /// <summary>The node's own clock: schedules let timers fire in any order.</summary>
    public TimeSpan Now { get; set; }

    /// <summary>Whether it is a member of the Rust kind: it sends no extension block.</summary>
    public bool IsPlain { get; init; }

    public Dictionary<ulong, CommandCompletion> Commands { get; } = [];

    public Dictionary<ulong, QueryCompletion> Queries { get; } = [];

    public List<RaftDivergence> Divergences { get; } = [];

    public List<RaftEvent> Events { get; } = [];

    /// <summary>Bonds the core wanted closed.</summary>
    public List<(PeerId Peer, CloseCode Code)> Closes { get; } = [];

    public string? Termination { get; set; }

    /// <summary>Up to where the cluster has compared what this node has committed.</summary>
    public ulong CheckedCommit { get; set; }

    /// <summary>The commands of the log, without entries of the protocol.</summary>
    public IReadOnlyList<string> Commanded => [.. CommandsUpTo(Core.LogPosition.Index)];

    /// <summary>The commands of the log that are committed: what the state has to be.</summary>
    public IReadOnlyList<string> CommittedCommands => [.. CommandsUpTo(Core.Committed.Index)];

    public bool IsLeader => Core.Role == RaftRole.Leader;

    public override string ToString() =>
        $"{Name}: {Core.Role} t{Core.Term} {(Core.Online ? "online" : "offline")} last {Core.LogPosition} "
        + $"committed {Core.Committed.Index} [{(Commanded.Count > Shown ? "…," : "")}{string.Join(',', Commanded.TakeLast(Shown))}]";

    private IEnumerable<string> CommandsUpTo(LogIndex end)
    {
        for (ulong i = 1; i <= end.Value; i++)
        {
            if (!Log.TryGet(new LogIndex(i), out LogEntry entry))
                continue;
            if (!Settings.IsMajority)
                yield return JournalMachine.Decode(entry.Bytes.Span);
            else if ((EntryKind)entry.Bytes.Span[0] == EntryKind.Command)
                yield return JournalMachine.Decode(entry.Bytes.Span[1..]);
        }
    }
}
