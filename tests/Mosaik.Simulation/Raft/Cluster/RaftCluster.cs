using Mosaik.Groups;
using Mosaik.Groups.Raft;
using Mosaik.Groups.Sync;
using Mosaik.Primitives;
using Mosaik.Testing;

namespace Mosaik.Simulation.Raft.Cluster;

/// <summary>
/// Cores joined by reliable ordered links, driven event by event: the schedule says which message arrives and whose timer
/// fires. Deterministic: a run is a function of the seed and of the calls.
/// </summary>
/// <remarks>
/// Every node has its own clock, which moves only when the schedule says so. Verbs as in spec/groups-safety.md §1: isolate,
/// cut, settle, crash, restart. After every event the state of the node touched is compared with its log.
/// </remarks>
internal sealed partial class RaftCluster(ulong seed = 1)
{
    private const int MaxRounds = 400;
    private static readonly Action<ClusterNode> AdvanceNode = static n => n.Core.Advance(n.Now, n.Effects);

    private readonly SimulationRandom _random = new(seed);
    private readonly SortedDictionary<string, ClusterNode> _nodes = new(StringComparer.Ordinal);
    private readonly Dictionary<PeerId, ClusterNode> _byPeer = [];
    private readonly CallLedger _ledger = new();
    private readonly Dictionary<Term, GroupMember> _leaders = [];
    private readonly Dictionary<ulong, LogEntry> _committed = [];
    private int _processes;
    private ulong _tokens;

    /// <summary>Called with every event, for a trace.</summary>
    public Action<string>? Trace { get; set; }

    /// <summary>Sees every input and every message; null = nobody looks.</summary>
    public IClusterObserver? Observer { get; set; }

    /// <summary>Whether every step compares state and log (quadratic in the length of the log).</summary>
    public bool ChecksState { get; set; } = true;

    /// <summary>Whether every step compares who leads which term, and in Majority what is committed at which index.</summary>
    public bool ChecksHistory { get; set; } = true;

    public IEnumerable<ClusterNode> Nodes => _nodes.Values;

    public ClusterNode this[string name] => _nodes[name];

    public IEnumerable<ClusterNode> Leaders => Nodes.Where(n => n.IsLeader);

    /// <summary>
    /// Starts a process. Its clock starts at zero or as told; unless it is to be young, it moves past the bootstrap delay. A
    /// log that is given is one that another process has left behind.
    /// </summary>
    public ClusterNode Start(
        string name, Func<RaftSettings, RaftSettings>? configure = null, bool isYoung = false, bool isPlain = false,
        byte? identity = null, ISyncScheme? sync = null, TimeSpan clock = default, InMemoryLogStore? log = null)
    {
        var settings = new RaftSettings
        {
            Self = IdentityOf(name, identity),
            Incarnation = Incarnation.Random(_random.Stream($"incarnation/{_processes}")),
        };
        settings = configure?.Invoke(settings) ?? settings;
        var node = new ClusterNode(name, settings, _random.Stream($"core/{_processes++}"), sync, log)
        {
            IsPlain = isPlain,
            StartedAt = clock,
            Now = clock,
        };
        _nodes[name] = node;
        _byPeer[node.Peer] = node;
        Turn(node, new ClusterEvent(new ClusterInput(InputKind.Start) { What = "start" }, n => n.Core.Start(n.Now, n.Effects)));
        if (!isYoung)
            node.Now += settings.BootstrapDelay + TimeSpan.FromTicks(1);
        return node;
    }

    /// <summary>
    /// The process is gone with its memory; its bonds end. If silently, its peers do not know before they bond with another
    /// process of its name.
    /// </summary>
    public void Crash(string name, bool departs = false, bool isSilent = false)
    {
        ClusterNode node = this[name];
        foreach (ClusterNode other in Nodes.Where(o => o != node && AreBonded(o, node)).ToArray())
        {
            if (isSilent)
                RemoveLink(name, other.Name);
            else
                Unbond(name, other.Name, departed: departs ? node : null);
        }

        _nodes.Remove(name);
        _byPeer.Remove(node.Peer);
    }

    /// <summary>A new process of the same name; with the same peer id unless another is given. Bonds are not made.</summary>
    public ClusterNode Restart(
        string name, bool isYoung = false, byte? identity = null, bool isSilent = false, bool keepsLog = false)
    {
        ClusterNode old = this[name];
        Crash(name, isSilent: isSilent);
        return Start(name, s => old.Settings with { Self = identity is null ? old.Peer : s.Self, Incarnation = s.Incarnation },
            isYoung, old.IsPlain, identity, clock: old.StartedAt, log: keepsLog ? old.Log : null);
    }

    /// <summary>Submits a call; its token.</summary>
    public ulong Submit(string name, SubmitMode mode, params string[] commands)
    {
        ClusterEvent call = Calling(name, mode, commands);
        Turn(this[name], call);
        return call.Input.Token;
    }

    /// <summary>A call for a turn.</summary>
    public ClusterEvent Calling(string name, SubmitMode mode, params string[] commands)
    {
        ulong token = ++_tokens;
        var encoded = commands.Select(JournalMachine.Encode).ToArray();
        _ledger.Submitted(this[name], token, mode, commands);
        var input = new ClusterInput(InputKind.Submit)
        {
            What = $"{mode} {string.Join(',', commands)}",
            Token = token,
            Mode = mode,
            Commands = commands,
        };
        return new ClusterEvent(input, n => n.Core.Submit(token, encoded, mode, n.Now, n.Effects));
    }

    public ulong Execute(string name, params string[] commands) => Submit(name, SubmitMode.Execute, commands);

    public ulong Feed(string name, params string[] commands) => Submit(name, SubmitMode.Feed, commands);

    /// <summary>Asks for the whole state; its token.</summary>
    public ulong Query(string name, bool isStrong)
    {
        ulong token = ++_tokens;
        _ledger.Asked(this[name], token, isStrong);
        var input = new ClusterInput(InputKind.Query) { What = $"query strong={isStrong}", Token = token, IsStrong = isStrong };
        Turn(this[name], new ClusterEvent(input, n => n.Core.Query(token, default, isStrong, n.Now, n.Effects)));
        return token;
    }

    /// <summary>The answer to a query as text; null while there is none.</summary>
    public string? AnswerTo(string name, ulong token) =>
        this[name].Queries.TryGetValue(token, out QueryCompletion done) && done.Outcome == QueryOutcome.Answered
            ? JournalMachine.Decode(done.Result.Span)
            : null;

    /// <summary>Lets time pass on one node, and what is due happen.</summary>
    public void Pass(string name, TimeSpan time)
    {
        const int MaxTurns = 1000;
        ClusterNode node = this[name];
        TimeSpan end = node.Now + time;
        int turns = 0;
        while (node.Core.NextDeadline <= end)
        {
            if (node.Core.NextDeadline > node.Now)
                (node.Now, turns) = (node.Core.NextDeadline, 0);
            else if (++turns > MaxTurns)
                throw new ClusterException($"{node}\nwakes for ever at {node.Now}.");
            Turn(node, new ClusterEvent(new ClusterInput(InputKind.Timer) { What = "timer" }, AdvanceNode));
        }

        node.Now = end;
    }

    /// <summary>The election timer of a node fires now, whatever else is due.</summary>
    public void TimeOut(string name)
    {
        ClusterNode node = this[name];
        if (node.Core.ElectionDeadline > node.Now && node.Core.ElectionDeadline < TimeSpan.MaxValue)
            node.Now = node.Core.ElectionDeadline;
        Turn(node, new ClusterEvent(new ClusterInput(InputKind.Timer) { What = "time-out" }, AdvanceNode));
    }

    /// <summary>A leader's heartbeat is due.</summary>
    public void Heartbeat(string name) => Pass(name, this[name].Settings.HeartbeatInterval);

    /// <summary>Delivers everything and lets leaders heartbeat until nothing changes any more.</summary>
    public void Settle()
    {
        string before = "";
        for (int i = 0; i < MaxRounds; i++)
        {
            DeliverAll();
            string now = Fingerprint();
            if (now == before && i > 4)
                return;
            before = now;
            foreach (ClusterNode node in Nodes.Where(n => n.IsLeader || n.Core.IsCatchingUp).ToArray())
                Pass(node.Name, node.Settings.HeartbeatInterval);
        }

        throw new ClusterException($"Nothing settles:\n{this}");
    }

    /// <summary>
    /// Elects until there is one leader: settles, and while there is none, the timer that is due first fires.
    /// </summary>
    public ClusterNode Converge(int rounds = 60)
    {
        for (int i = 0; i < rounds; i++)
        {
            Settle();
            ClusterNode[] leaders = [.. Leaders];
            if (leaders.Length == 1 && Nodes.All(n => n.Core.Online))
                return leaders[0];
            if (leaders.Length == 0 || i % 3 == 2)
                FireNextTimer();
        }

        throw new ClusterException($"No single leader after {rounds} rounds:\n{this}");
    }

    /// <summary>Calls of living processes that have not ended.</summary>
    public IReadOnlyList<string> OpenCalls => _ledger.Open(this);

    /// <summary>The node's tickets expire, or are renewed.</summary>
    public void Authorize(string name, bool isAuthorized) => Turn(this[name], new ClusterEvent(
        new ClusterInput(InputKind.Tickets) { What = isAuthorized ? "tickets renewed" : "tickets expired", IsAuthorized = isAuthorized },
        n => n.Core.SetAuthorized(isAuthorized, n.Now, n.Effects)));

    /// <summary>Any input, and everything it causes.</summary>
    public void Step(ClusterNode node, string what, Action<ClusterNode> input) =>
        Turn(node, new ClusterEvent(new ClusterInput(InputKind.Other) { What = what }, input));

    /// <summary>Inputs that are worked off together, and everything they cause.</summary>
    public void Turn(ClusterNode node, params ReadOnlySpan<ClusterEvent> events)
    {
        foreach (ClusterEvent next in events)
        {
            Trace?.Invoke(next.Input.Describe(node));
            Observer?.Before(node, next.Input);
            next.Run(node);
        }

        node.Core.Flush(node.Now, node.Effects);
        Execute(node);
        Observer?.After(node, events[^1].Input, events.Length);
        if (ChecksHistory)
        {
            CheckLeaders(node);
            CheckCommitted(node);
        }

        if (ChecksState && !node.Machine.State.SequenceEqual(node.CommittedCommands) && node.Core.State == RaftState.Running)
            throw new ClusterException(
                $"{node}\nhas the state [{string.Join(',', node.Machine.State)}], which is not its committed log.");
    }

    public override string ToString() => string.Join('\n', Nodes);

    // Election Safety; the founding term of Available may have several leaders, told apart by lineage.
    private void CheckLeaders(ClusterNode node)
    {
        if (!node.IsLeader || (!node.Settings.IsMajority && node.Core.Term == Term.One))
            return;
        if (!_leaders.TryAdd(node.Core.Term, node.Member) && _leaders[node.Core.Term] != node.Member)
            throw new ClusterException($"Two leaders in term {node.Core.Term}:\n{this}");
    }

    // State-Machine Safety, which only Majority promises: one entry per index, whoever commits it.
    private void CheckCommitted(ClusterNode node)
    {
        if (!node.Settings.IsMajority)
            return;
        for (ulong i = node.CheckedCommit + 1; i <= node.Core.Committed.Index.Value; i++)
        {
            if (i <= node.Log.Available.Start.Value)
                continue;
            if (!node.Log.TryGet(new LogIndex(i), out LogEntry entry))
                throw new ClusterException($"{node}\nhas committed entry {i}, which its log does not have.");
            if (!_committed.TryGetValue(i, out LogEntry first))
                _committed.Add(i, entry);
            else if (first.Term != entry.Term || !first.Bytes.Span.SequenceEqual(entry.Bytes.Span))
                throw new ClusterException($"{node}\ncommits another entry {i} than was committed first:\n{this}");
        }

        node.CheckedCommit = node.Core.Committed.Index.Value;
    }

    private static PeerId IdentityOf(string name, byte? identity)
    {
        Span<byte> bytes = stackalloc byte[PeerId.Length];
        bytes.Clear();
        System.Text.Encoding.UTF8.GetBytes(name.AsSpan(0, Math.Min(name.Length, PeerId.Length)), bytes);
        bytes[^1] = identity ?? 0;
        return PeerId.FromRawUnchecked(bytes);
    }

    private void FireNextTimer()
    {
        ClusterNode? next = null;
        TimeSpan least = TimeSpan.MaxValue;
        foreach (ClusterNode node in Nodes)
        {
            TimeSpan left = node.Core.ElectionDeadline == TimeSpan.MaxValue
                ? TimeSpan.MaxValue : node.Core.ElectionDeadline - node.Now;
            if (left < least)
                (next, least) = (node, left);
        }

        if (next is null)
            return;

        // The same time passes everywhere; leaders have heartbeated before.
        foreach (ClusterNode node in Nodes.Where(n => n != next && !n.IsLeader).ToArray())
            node.Now += least > TimeSpan.Zero ? least : TimeSpan.Zero;
        TimeOut(next.Name);
    }

    private string Fingerprint() => string.Join('|', Nodes.Select(n =>
        $"{n.Name}{n.Core.Role}{n.Core.Term}{n.Core.LogPosition}{n.Core.Committed}{n.Core.Online}{n.Core.Leader}{n.Core.IsCatchingUp}"
        + $"{n.Core.RosterInForce.Count}"));
}
