using Mosaik.Groups.Raft;
using Mosaik.Simulation.Raft.Cluster;

namespace Mosaik.Simulation.Raft;

// Runs in which time passes everywhere, and their healed end.
internal sealed partial class RaftWorld
{
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(25);
    private static readonly TimeSpan SilenceLimit = TimeSpan.FromSeconds(4.5);

    private readonly Dictionary<string, double> _drift = [];
    private readonly Dictionary<(string, string), TimeSpan> _silentFor = [];
    private readonly Dictionary<(string, string), double> _speed = [];

    private void RunTime()
    {
        int ticks = 800 + _random.NextBelow(1200);
        double rate = 0.02 + (0.2 * _random.NextDouble());
        for (int i = 0; i < ticks && !IsOver; i++)
        {
            if (_random.NextBelow(120) == 0)
                InjectFault();
            PassTick(rate);
        }
    }

    private void PassTick(double callRate)
    {
        foreach (ClusterNode node in _cluster.Nodes.ToArray())
        {
            if (!_drift.TryGetValue(node.Name, out double drift))
                _drift.Add(node.Name, drift = 0.95 + (0.1 * _random.NextDouble()));
            _cluster.Pass(node.Name, Tick * drift);
        }

        foreach ((string from, string to) in _cluster.Loaded)
        {
            if (_random.NextDouble() < _speed.GetValueOrDefault((from, to), 0.7))
                _cluster.Deliver(from, to, 1 + _random.NextBelow(8));
        }

        // Silent bonds are noticed by both ends after a while.
        foreach (var pair in _silentFor.Keys.ToArray())
        {
            _silentFor[pair] += Tick;
            if (_silentFor[pair] < SilenceLimit)
                continue;
            _silentFor.Remove(pair);
            _cluster.Unbond(pair.Item1, pair.Item2);
        }

        if (_random.NextDouble() < callRate)
            Call(Any(_cluster.Nodes)!);
    }

    private void InjectFault()
    {
        string[] names = [.. _cluster.Nodes.Select(n => n.Name)];
        string a = names[_random.NextBelow(names.Length)];
        string b = names[_random.NextBelow(names.Length)];
        switch (_random.NextBelow(7))
        {
            case 0 when a != b:
                _speed[(a, b)] = _random.NextBelow(2) == 0 ? 0.03 : 0.7;
                Faults.Count(FaultKind.LatencyTail);
                break;
            case 1 when _plan.Faults != RaftFaults.None:
                Silence(names.Where(_ => _random.NextBelow(2) == 0).ToHashSet(), names);
                break;
            case 2 when _plan.Faults != RaftFaults.None:
                Silence([_cluster.Leaders.FirstOrDefault()?.Name ?? a], names);
                break;
            case 3 when _plan.Faults != RaftFaults.None && a != b && _cluster.AreBonded(_cluster[a], _cluster[b]):
                _cluster.Unbond(a, b);
                Faults.Count(FaultKind.Partition);
                break;
            case 4 when _plan.Faults == RaftFaults.Restarts:
                RestartOne(_cluster[a]);
                break;
            default:
                Reconnect();
                break;
        }
    }

    private void Silence(HashSet<string> side, string[] names)
    {
        foreach (string one in side)
        {
            foreach (string other in names.Where(n => !side.Contains(n)))
            {
                if (!_cluster.AreBonded(_cluster[one], _cluster[other]))
                    continue;
                _cluster.Cut(one, other);
                (string, string) pair = string.CompareOrdinal(one, other) < 0 ? (one, other) : (other, one);
                _silentFor.TryAdd(pair, TimeSpan.Zero);
            }
        }

        Faults.Count(FaultKind.Partition);
    }

    private void Reconnect()
    {
        foreach ((string a, string b) in _silentFor.Keys)
            _cluster.Uncut(a, b);
        _silentFor.Clear();
        _cluster.Mesh();
    }

    // Every process is replaced; the next one when the roster is complete (D10).
    private void RunRolling()
    {
        string[] names = [.. _cluster.Nodes.Where(n => n.Settings.IsVoter).Select(n => n.Name)];
        foreach (string name in names)
        {
            ClusterNode old = _cluster[name];
            if (!WaitFor(() => _cluster.Nodes.Any(n => n.Core.IsRosterComplete) && MayLose(old), callRate: 0.05))
                throw new InvariantViolationException("I13", $"the roster is not complete again; {_cluster}");
            Oracle.Forget(old);
            Faults.Count(FaultKind.Restart);
            bool departs = _random.NextBelow(2) == 0;
            byte? identity = _random.NextBelow(2) == 0 ? ++_identities : null;
            RaftSettings settings = old.Settings;
            _cluster.Crash(name, departs);
            _cluster.Start(name, s => settings with { Self = identity is null ? old.Peer : s.Self, Incarnation = s.Incarnation },
                identity: identity);
            _cluster.Mesh();
            ClusterNode successor = _cluster[name];
            if (!WaitFor(() => successor.Core.IsRosterComplete || IsOver, callRate: 0.05))
                throw new InvariantViolationException("I13", $"{name} never saw a complete roster; {_cluster}");
            if (IsOver)
                return;
        }
    }

    private bool WaitFor(Func<bool> condition, double callRate = 0)
    {
        const int MostTicks = 8000;
        for (int i = 0; i < MostTicks; i++)
        {
            if (condition())
                return true;
            PassTick(callRate);
        }

        return false;
    }

    // All bonds are made again, no faults any more: within a bounded time one leader, equal logs and states, everybody online,
    // commands commit, and no call is left open (I13, I15, I20).
    private void Heal()
    {
        foreach (string name in _cluster.Nodes.Select(n => n.Name).ToArray())
            _cluster.Isolate(name);
        _silentFor.Clear();
        _speed.Clear();
        _cluster.Mesh();
        if (_plan.IsMajority && _cluster.Nodes.All(n => n.Core.LogPosition.Index.IsZero) && TooManyToFound())
            return;
        if (!WaitFor(IsConverged))
            throw new InvariantViolationException("I13", $"not converged after the faults are over; {_cluster}");
        ClusterNode leader = _cluster.Leaders.Single();
        string last = $"c{++_commands}";
        Oracle.History.Next(SubmitMode.Execute, isStrong: false, last);
        _cluster.Execute(leader.Name, last);
        if (!WaitFor(() => _cluster.Nodes.All(n => n.Machine.State.Count > 0 && n.Machine.State[^1] == last)))
            throw new InvariantViolationException("I20", $"{last} does not reach everybody; {_cluster}");
        if (!WaitFor(() => !Oracle.History.Open.Any()))
            throw new InvariantViolationException("I15", $"{Oracle.History.Open.Count()} calls are never completed; {_cluster}");
        foreach (ClusterNode node in _cluster.Nodes)
        {
            if (!node.Commanded.SequenceEqual(leader.Commanded))
                throw new InvariantViolationException("I13", $"{node.Name} has another log than {leader.Name}; {_cluster}");
        }

        Oracle.History.Judge(leader.Commanded, _plan.IsMajority);
        if (_plan.IsMajority && leader.Core.Voters.Count != _plan.Voters)
            throw new InvariantViolationException("I13", $"the roster has {leader.Core.Voters.Count} members; {_cluster}");
    }

    // Rule 7.2: with surplus voters around nobody founds; that is not a fault of the group.
    private bool TooManyToFound() => _cluster.Nodes.Count(n => n.Settings.IsVoter) != _plan.Voters;

    private bool IsConverged()
    {
        if (_cluster.Leaders.Count() != 1)
            return false;
        ClusterNode leader = _cluster.Leaders.Single();
        bool isComplete = !_plan.IsMajority || (leader.Core.RosterInForce.Count == _plan.Voters && leader.Core.IsRosterComplete);

        // In Available what a follower has beyond the leader's log stays until the next command takes its place.
        return isComplete && _cluster.Nodes.All(n => n.Core.Online && n.Core.Leader == leader.Peer
            && (!_plan.IsMajority || (n.Core.LogPosition == leader.Core.LogPosition && n.Core.Committed == leader.Core.Committed)));
    }
}
