using Mosaik.Groups;
using Mosaik.Groups.Raft;
using Mosaik.Simulation.Raft.Cluster;

namespace Mosaik.Simulation.Raft;

// Runs in which time passes everywhere, and their healed end.
internal sealed partial class RaftWorld
{
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(25);
    private const int CalmTicks = 30;
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
            if (_random.NextBelow(60) == 0)
                RepeatOne();
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
        switch (_random.NextBelow(8))
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
            case 7:
                ChangeNode();
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
            byte? identity = _random.NextBelow(2) == 0 ? ++_identities : null;

            // Where absence is no reason, only a good-bye or a successor of the same name is one.
            bool departs = _random.NextBelow(2) == 0 || (identity is not null && !_plan.Limits.IsReplacing);
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

    private bool WaitFor(Func<bool> condition, int mostTicks = 8000, double callRate = 0)
    {
        for (int i = 0; i < mostTicks; i++)
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
        _slow.Clear();
        foreach (ClusterNode node in _cluster.Nodes.ToArray())
        {
            _cluster.Authorize(node.Name, isAuthorized: true);

            // An observer with the greatest log denies everybody and never campaigns: that is its right (§6.4, §6.6).
            if (node.Machine.Preference.IsObserver)
                node.Machine.Preference = LeadershipPreference.Normal;
        }

        _cluster.Mesh();
        if (_plan.IsMajority && _cluster.Nodes.All(n => n.Core.LogPosition.Index.IsZero) && TooManyToFound())
            return;
        int calm = 0;
        if (!WaitFor(() => (calm = IsConverged() ? calm + 1 : 0) > CalmTicks))
            throw new InvariantViolationException("I13", $"not converged after the faults are over; {_cluster}");
        Serve();
        if (!WaitFor(() => !Oracle.History.Open.Any()))
            throw new InvariantViolationException("I15", $"{Oracle.History.Open.Count()} calls are never completed; {_cluster}");
        CheckQuiet();
        ClusterNode leader = _cluster.Leaders.Single();
        foreach (ClusterNode node in _cluster.Nodes)
        {
            if (!node.Commanded.SequenceEqual(leader.Commanded))
                throw new InvariantViolationException("I13", $"{node.Name} has another log than {leader.Name}; {_cluster}");
        }

        if (_plan.IsMajority && _plan.Steps % 8 == 0)
            Crowd(leader);
        Oracle.History.Judge(leader.Commanded, _plan.IsMajority);
        if (_plan.IsMajority && !IsRosterSettled(leader))
            throw new InvariantViolationException("I13", $"the roster has {leader.Core.Voters.Count} members; {_cluster}");
    }

    // Every node serves every kind of call (I20).
    private void Serve()
    {
        const int MostTicks = 80;
        List<(ulong Token, string What)> calls = [];
        foreach (ClusterNode node in _cluster.Nodes.ToArray())
        {
            calls.Add((_cluster.Query(node.Name, isStrong: false), $"weak query on {node.Name}"));
            calls.Add((_cluster.Execute(node.Name, NextCommands(1)), $"execute of c{_commands} on {node.Name}"));
            calls.Add((_cluster.Execute(node.Name, NextCommands(2)), $"execute of two commands on {node.Name}"));
            calls.Add((_cluster.Feed(node.Name, NextCommands(1)), $"feed of c{_commands} on {node.Name}"));
            calls.Add((_cluster.Query(node.Name, isStrong: true), $"strong query on {node.Name}"));
        }

        ulong last = (ulong)_commands;
        for (int i = 0; i < MostTicks && calls.Any(c => !Oracle.History.IsServed(c.Token)); i++)
            PassTick(0);
        if (calls.Find(c => !Oracle.History.IsServed(c.Token)) is { What: not null } open)
            throw new InvariantViolationException("I20", $"the {open.What} fails in a healthy group; {_cluster}");
        if (!WaitFor(IsConverged, MostTicks) || _cluster.Nodes.Any(n => n.Commanded.Count == 0))
            throw new InvariantViolationException("I20", $"c{last} does not reach everybody; {_cluster}");
    }

    // More voters than may run (§7.2): the leader says so, and has nothing to do with them.
    private void Crowd(ClusterNode leader)
    {
        for (int i = _cluster.Nodes.Count(n => n.Settings.IsVoter); i <= _plan.Voters + (_plan.Voters / 2); i++)
            Join($"u{i}");
        PassUnderLead(leader, TimeSpan.FromSeconds(40));
    }

    // A group that has nothing to do only heartbeats.
    private void CheckQuiet()
    {
        const int Ticks = 80;
        const int Heartbeats = 6;
        for (int i = 0; i < CalmTicks; i++)
            PassTick(0);
        long before = _cluster.Delivered;
        for (int i = 0; i < Ticks; i++)
            PassTick(0);
        long most = 2L * Heartbeats * (_cluster.Nodes.Count() - 1);
        if (_cluster.Delivered - before > most)
            throw new InvariantViolationException("QUIET", $"{_cluster.Delivered - before} messages in 2 s of nothing, {most} are enough; {_cluster}");
    }

    // Rule 7.2: with surplus voters around nobody founds; that is not a fault of the group.
    private bool TooManyToFound() => _cluster.Nodes.Count(n => n.Settings.IsVoter) != _plan.Voters;

    private bool IsConverged()
    {
        if (_cluster.Leaders.Count() != 1)
            return false;
        ClusterNode leader = _cluster.Leaders.Single();
        bool isComplete = !_plan.IsMajority || IsRosterSettled(leader);

        // In Available what a follower has beyond the leader's log stays until the next command takes its place.
        return isComplete && _cluster.Nodes.All(n => n.Core.Online && n.Core.Leader == leader.Peer
            && (!_plan.IsMajority || (n.Core.LogPosition == leader.Core.LogPosition && n.Core.Committed == leader.Core.Committed)));
    }

    // Nothing is left to replace. Where absence is no reason, a member that is gone without a word stays, and with it whoever was
    // added: nobody knows that it will not come back (§7.16, rules 1 and 5).
    private bool IsRosterSettled(ClusterNode leader)
    {
        IReadOnlyList<GroupMember> roster = leader.Core.RosterInForce;
        bool waits = !_plan.Limits.IsReplacing && roster.Any(m => !_cluster.Nodes.Any(n => n.Member == m || n.Peer == m.PeerId));
        if (!waits)
            return roster.Count == _plan.Voters && leader.Core.Voters.Count == _plan.Voters && leader.Core.IsRosterComplete;
        return leader.Core.Voters.Count == roster.Count && roster.All(m => !_cluster.Nodes.Any(n => n.Peer == m.PeerId && n.Member != m));
    }
}
