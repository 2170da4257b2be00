using System.Globalization;
using Mosaik.Groups;
using Mosaik.Groups.Raft;
using Mosaik.Simulation.Raft.Cluster;
using Mosaik.Simulation.Raft.Oracle;
using Mosaik.Simulation.Raft.Trace;
using Mosaik.Testing;

namespace Mosaik.Simulation.Raft;

/// <summary>One run: a cluster, its faults, its clients, and at the end a healed network in which everything has to come right.</summary>
internal sealed partial class RaftWorld
{
    private readonly RunOptions _options;
    private readonly SimulationRandom _random;
    private readonly RaftCluster _cluster;
    private readonly RaftPlan _plan;
    private readonly RaftTrace _trace;
    private readonly HashSet<(string, string)> _slow = [];
    private int _commands;
    private byte _identities;

    public RaftWorld(ulong seed, int? nodes, int? voters, RaftFaults faults, RunOptions options)
    {
        _options = options;
        var root = new SimulationRandom(seed);
        _random = root.Stream("schedule");
        _plan = RaftPlan.Draw(root.Stream("plan"), nodes, voters, faults);
        SimulationRandom slowness = root.Stream("slowness");
        _cluster = new RaftCluster(seed)
        {
            ChecksState = false,
            ChecksHistory = _plan.Style != RaftStyle.TwoFoundings,
            SkipsEntries = (from, to) => _slow.Contains((from, to)) && slowness.NextBelow(3) > 0,
        };
        Oracle = new RaftOracle(_cluster, _plan.IsMajority)
        {
            HasPlain = _plan.Plain > 0,
            IsWithinBudget = _plan.Style != RaftStyle.TwoFoundings,
        };
        _trace = new RaftTrace(Oracle, options.Log);
        _cluster.Observer = _trace;
    }

    public RaftOracle Oracle { get; }

    public FaultCounters Faults { get; } = new();

    /// <summary>The fingerprint of everything that happened.</summary>
    public ulong Hash => _trace.Hash;

    public TimeSpan VirtualTime { get; private set; }

    public string Note => string.Create(CultureInfo.InvariantCulture,
        $"{_plan}, {_commands} calls, {Oracle.History.Acknowledged} acknowledged, {Oracle.History.Reads} strong reads");

    private bool IsOver => Oracle.Step >= _options.Until;

    public IReadOnlyList<string> Recent(int changes, int lines) => _trace.Recent(changes, lines);

    public void Run()
    {
        StartNodes();
        switch (_plan.Style)
        {
            case RaftStyle.Meshes:
                RunMeshes();
                break;
            case RaftStyle.Time:
                RunTime();
                break;
            case RaftStyle.Rolling:
                RunRolling();
                break;
            case RaftStyle.SeparateBoot:
                BootApart();
                RunEvents(_plan.Steps);
                break;
            case RaftStyle.Sides:
                RunSides();
                break;
            case RaftStyle.Newcomer:
                RunNewcomer();
                break;
            case RaftStyle.Losses:
                RunLosses();
                break;
            case RaftStyle.Returns:
                RunReturns();
                break;
            case RaftStyle.TwoFoundings:
                RunTwoFoundings();
                break;
            default:
                RunEvents(_plan.Steps);
                break;
        }

        if (IsOver)
            return;
        if (_plan.Style != RaftStyle.TwoFoundings)
            Heal();
        VirtualTime = _cluster.Nodes.Max(n => n.Age);
    }

    private void StartNodes()
    {
        int voters = _plan.IsMajority ? _plan.Voters : _plan.Nodes;
        for (int i = 0; i < voters; i++)
        {
            _cluster.Start($"n{i}", Configure, isYoung: _plan.Style == RaftStyle.Time || _random.NextBelow(8) == 0,
                isPlain: i >= voters - _plan.Plain, clock: AnyClock());
            if (!_plan.IsMajority && i >= 2 && _random.NextBelow(8) == 0)
                _cluster[$"n{i}"].Machine.Preference = LeadershipPreference.Observer;
        }

        for (int i = 0; i < _plan.Learners; i++)
            _cluster.Start($"x{i}", s => Configure(s) with { IsVoter = false }, clock: AnyClock());
        if (_plan.Style is not (RaftStyle.SeparateBoot or RaftStyle.Sides))
            _cluster.Mesh();
        if (_plan is { IsMajority: true, Style: RaftStyle.Events or RaftStyle.Meshes, Faults: RaftFaults.Restarts } && _random.NextBelow(3) == 0)
            LoseFounder();
        if (_plan.IsMajority && _plan.Style != RaftStyle.Time)
            Found();
        for (int i = 0; i < _plan.Spares; i++)
            Join($"s{i}");
    }

    // Spares and restarts only count once the founding entry is everywhere (spec/groups-safety.md §7.2).
    private void Found()
    {
        if (_random.NextBelow(3) > 0 || _plan.Faults == RaftFaults.Restarts)
        {
            for (int i = 0; i < 40 && !_cluster.Leaders.Any(); i++)
            {
                _cluster.TimeOut(Any(_cluster.Nodes.Where(n => n.Settings.IsVoter))!.Name);
                _cluster.DeliverAll();
            }

            _cluster.Settle();
        }
    }

    // Timing that is not part of the group's id may differ from node to node.
    private RaftSettings Configure(RaftSettings settings) => _plan.Limits.Apply(settings) with
    {
        Voters = _plan.Voters,
        ElectionTimeout = TimeSpan.FromSeconds(2) + TimeSpan.FromMilliseconds(_random.NextBelow(2) * 400),
    };

    private TimeSpan AnyClock() => TimeSpan.FromMilliseconds(_random.NextBelow(100_000));

    private void Join(string name)
    {
        _cluster.Start(name, Configure, clock: AnyClock());
        foreach (ClusterNode other in _cluster.Nodes.ToArray())
            _cluster.Bond(name, other.Name);
        Faults.Count(FaultKind.Join);
    }

    private ClusterNode? Any(IEnumerable<ClusterNode> nodes)
    {
        ClusterNode[] all = [.. nodes];
        return all.Length == 0 ? null : all[_random.NextBelow(all.Length)];
    }

    private void Call(ClusterNode node)
    {
        int kind = _random.NextBelow(10);
        if (kind < 3)
        {
            _cluster.Query(node.Name, isStrong: kind < 2);
            return;
        }

        int count = kind == 3 ? 2 + _random.NextBelow(3) : 1;
        _cluster.Submit(node.Name, kind < 8 ? SubmitMode.Execute : SubmitMode.Feed, NextCommands(count));
    }

    private string[] NextCommands(int count) => [.. Enumerable.Range(0, count).Select(_ => $"c{++_commands}")];

    // In Majority only while of every roster in force anywhere a quorum keeps its memory (§7.4).
    private bool MayLose(ClusterNode lost)
    {
        if (!_plan.IsMajority)
            return true;
        var survivors = _cluster.Nodes.Where(n => n != lost).Select(n => n.Member).ToHashSet();
        foreach (ClusterNode node in _cluster.Nodes)
        {
            var roster = node.Core.RosterInForce;
            if (roster.Count == 0 && lost.Settings.IsVoter)
                return false;
            if (roster.Count > 0 && roster.Count(survivors.Contains) < (roster.Count / 2) + 1)
                return false;
        }

        return true;
    }

    // What may be heard in one turn with the bond of the successor; entries could make a candidate in the middle of it.
    private ClusterEvent? LastWord(ClusterNode node, string other)
    {
        if (_cluster.Arriving(node.Name, other) is not { } word)
            return null;
        if ((RaftMessageKind)word.Input.Message![0] != RaftMessageKind.AppendEntries)
            return word;
        _cluster.Turn(_cluster[other], word);
        return null;
    }

    private void RestartOne(ClusterNode node)
    {
        if (!MayLose(node))
            return;
        string[] bonded = [.. _cluster.Nodes.Where(o => o != node && _cluster.AreBonded(node, o)).Select(o => o.Name)];
        Oracle.Forget(node);

        // What two plain processes of one name found cannot be told apart: they send no incarnation (§6.3).
        byte? identity = _random.NextBelow(3) == 0 || node.IsPlain ? ++_identities : null;

        // Its peers may learn of it by the bond with its successor, and its store may still have what it wrote (D8).
        bool isSilent = identity is null && _random.NextBelow(3) == 0;
        var last = isSilent ? bonded.ToDictionary(o => o, o => LastWord(node, o)) : [];
        ClusterNode next = _cluster.Restart(
            node.Name, isYoung: _random.NextBelow(3) == 0, identity, isSilent, keepsLog: _random.NextBelow(2) == 0);
        next.Machine.Preference = node.Machine.Preference;
        Faults.Count(FaultKind.Restart);
        foreach (string other in bonded)
            _cluster.Bond(node.Name, other, last.GetValueOrDefault(other));
    }
}
