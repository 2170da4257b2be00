using System.Globalization;
using System.Text;
using Mosaik.Groups;
using Mosaik.Groups.Raft;
using Mosaik.Simulation.Raft.Cluster;
using Mosaik.Simulation.Raft.Oracle;
using Mosaik.Testing;

namespace Mosaik.Simulation.Raft;

/// <summary>One run: a cluster, its faults, its clients, and at the end a healed network in which everything has to come right.</summary>
internal sealed partial class RaftWorld
{
    private const int KeptEvents = 4000;

    private readonly RunOptions _options;
    private readonly SimulationRandom _random;
    private readonly RaftCluster _cluster;
    private readonly RaftPlan _plan;
    private readonly Queue<string> _recent = [];
    private int _commands;
    private byte _identities;

    public RaftWorld(ulong seed, int? nodes, int? voters, RaftFaults faults, RunOptions options)
    {
        _options = options;
        var root = new SimulationRandom(seed);
        _random = root.Stream("schedule");
        _plan = RaftPlan.Draw(root.Stream("plan"), nodes, voters, faults);
        _cluster = new RaftCluster(seed) { ChecksState = false, Trace = Record };
        Oracle = new RaftOracle(_cluster, _plan.IsMajority);
        _cluster.Observer = Oracle;
    }

    public RaftOracle Oracle { get; }

    public FaultCounters Faults { get; } = new();

    /// <summary>The fingerprint of everything that happened.</summary>
    public ulong Hash { get; private set; }

    public TimeSpan VirtualTime { get; private set; }

    public string Note => string.Create(CultureInfo.InvariantCulture,
        $"{_plan}, {_commands} calls, {Oracle.History.Acknowledged} acknowledged, {Oracle.History.Reads} strong reads");

    private bool IsOver => Oracle.Step >= _options.Until;

    public IReadOnlyList<string> Recent(int count) => [.. _recent.TakeLast(count)];

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
            case RaftStyle.Newcomer:
                RunNewcomer();
                break;
            default:
                RunEvents(_plan.Steps);
                break;
        }

        if (IsOver)
            return;
        Heal();
        VirtualTime = _cluster.Nodes.Max(n => n.Now);
    }

    private void StartNodes()
    {
        int voters = _plan.IsMajority ? _plan.Voters : _plan.Nodes;
        for (int i = 0; i < voters; i++)
        {
            _cluster.Start($"n{i}", Configure, isYoung: _plan.Style == RaftStyle.Time || _random.NextBelow(8) == 0);
            if (!_plan.IsMajority && i >= 2 && _random.NextBelow(8) == 0)
                _cluster[$"n{i}"].Machine.Preference = LeadershipPreference.Observer;
        }

        for (int i = 0; i < _plan.Learners; i++)
            _cluster.Start($"x{i}", s => Configure(s) with { IsVoter = false });
        if (_plan.Style != RaftStyle.SeparateBoot)
            _cluster.Mesh();
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

    private RaftSettings Configure(RaftSettings settings) => settings with { Voters = _plan.Voters };

    private void Join(string name)
    {
        _cluster.Start(name, Configure);
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
            Oracle.History.Next(null, isStrong: kind < 2);
            _cluster.Query(node.Name, isStrong: kind < 2);
            return;
        }

        int count = kind == 3 ? 2 + _random.NextBelow(3) : 1;
        string[] commands = [.. Enumerable.Range(0, count).Select(_ => $"c{++_commands}")];
        SubmitMode mode = kind < 8 ? SubmitMode.Execute : SubmitMode.Feed;
        Oracle.History.Next(mode, isStrong: false, commands);
        _cluster.Submit(node.Name, mode, commands);
    }

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

    private void RestartOne(ClusterNode node)
    {
        if (!MayLose(node))
            return;
        string[] bonded = [.. _cluster.Nodes.Where(o => o != node && _cluster.AreBonded(node, o)).Select(o => o.Name)];
        Oracle.Forget(node);
        byte? identity = _random.NextBelow(3) == 0 ? ++_identities : null;
        ClusterNode next = _cluster.Restart(node.Name, isYoung: _random.NextBelow(3) == 0, identity);
        next.Machine.Preference = node.Machine.Preference;
        Faults.Count(FaultKind.Restart);
        foreach (string other in bonded)
            _cluster.Bond(node.Name, other);
    }

    private void Record(string what)
    {
        if (_recent.Count == KeptEvents)
            _recent.Dequeue();
        string line = string.Create(CultureInfo.InvariantCulture, $"{Oracle.Step} {what}");
        _recent.Enqueue(line);
        _options.Log?.WriteLine(line);
        byte[] bytes = Encoding.UTF8.GetBytes(line);
        Hash = XxHash3.Hash([.. BitConverter.GetBytes(Hash), .. bytes.AsSpan(0, Math.Min(bytes.Length, 100))]);
    }
}
