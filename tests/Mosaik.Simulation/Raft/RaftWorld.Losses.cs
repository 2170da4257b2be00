using Mosaik.Groups;
using Mosaik.Groups.Raft;
using Mosaik.Simulation.Raft.Cluster;

namespace Mosaik.Simulation.Raft;

// Majority: voters that are lost together, and what lies beyond the budget (spec/groups-safety.md §7.4, §7.10, §7.16).
internal sealed partial class RaftWorld
{
    private const string Second = "m";

    // Members are lost at about the same time, each in a way of its own, while a spare is there: who goes first is ruled. One may
    // come back while its successor is being added.
    private void RunLosses()
    {
        int lost = _plan.Voters > 3 ? 2 : 1;
        Write(_cluster.Converge(), 1 + _random.NextBelow(3));
        if (_cluster.Leaders.FirstOrDefault() is not { } leader)
            return;
        List<ClusterNode> gone = [];
        if (lost > 1 && _random.NextBelow(2) == 0)
        {
            LoseSlowly(leader);
            lost--;
        }

        for (; lost > 0; lost--)
        {
            if (Any(_cluster.Nodes.Where(n => n != leader && leader.Core.Voters.Contains(n.Member) && _cluster.AreBonded(n, leader))) is { } next)
                Lose(next, gone);
            _cluster.Pass(leader.Name, TimeSpan.FromMilliseconds(_random.NextBelow(400)));
            if (_random.NextBelow(2) == 0)
                _cluster.DeliverAll();
        }

        bool returns = _random.NextBelow(3) == 0;
        if (leader.IsLeader)
            PassUnderLead(leader, _plan.Limits.Patience, () =>
            {
                if (returns && leader.Core.RosterInForce.Count > leader.Core.Voters.Count)
                    _cluster.Mesh();
            });
        foreach (ClusterNode old in gone)
        {
            _cluster.Start(old.Name, s => old.Settings with { Self = s.Self, Incarnation = s.Incarnation }, identity: ++_identities);
            foreach (ClusterNode other in _cluster.Nodes.ToArray())
                _cluster.Bond(old.Name, other.Name);
        }

        RunEvents(_random.NextBelow(150));
    }

    // One is almost given up for its absence when the next one goes, whose reason counts more.
    private void LoseSlowly(ClusterNode leader)
    {
        if (Any(_cluster.Nodes.Where(n => n != leader && leader.Core.Voters.Contains(n.Member))) is not { } absent)
            return;
        _cluster.Isolate(absent.Name);
        PassUnderLead(leader, _plan.Limits.Patience - leader.Settings.HeartbeatInterval);
    }

    private void Lose(ClusterNode node, List<ClusterNode> gone)
    {
        switch (_random.NextBelow(4))
        {
            case 0 when MayLose(node):
                Oracle.Forget(node);
                _cluster.Crash(node.Name, departs: true);
                gone.Add(node);
                break;
            case 1:
                RestartOne(node);
                break;
            default:
                _cluster.Isolate(node.Name);
                break;
        }

        Faults.Count(FaultKind.Partition);
    }

    // D3: the founder is elected, its entry reaches a learner at most, and its successor asks the same voters in the same term.
    private void LoseFounder()
    {
        string founder = "n0";
        string[] voters = [.. _cluster.Nodes.Where(n => n.Settings.IsVoter && n.Name != founder).Select(n => n.Name)];
        _cluster.TimeOut(founder);
        foreach (string voter in voters)
        {
            _cluster.Deliver(founder, voter);
            _cluster.Deliver(voter, founder);
        }

        if (Any(_cluster.Nodes.Where(n => !n.Settings.IsVoter)) is { } learner)
            _cluster.Deliver(founder, learner.Name);
        Oracle.Forget(_cluster[founder]);
        _cluster.Restart(founder);
        foreach (string voter in voters)
            _cluster.Bond(founder, voter);
        Faults.Count(FaultKind.Restart);
        _cluster.TimeOut(founder);
        _cluster.DeliverAll();
        _cluster.Mesh();
    }

    // All n voters without memory found the group anew; when its two halves of history meet, what is committed in one of them
    // stays untouched: its processes end (rules 4 and 10).
    private void RunTwoFoundings()
    {
        string[] second = [.. Enumerable.Range(0, _plan.Voters).Select(i => $"{Second}{i}")];
        foreach (string name in second)
            _cluster.Start(name, Configure, clock: AnyClock());
        _cluster.Mesh(second);

        // In a later term: entries of one index and term are one entry, as far as anybody can tell.
        ClusterNode founder = _cluster[second[_random.NextBelow(second.Length)]];
        Term first = _cluster.Nodes.Max(n => n.Core.Term);
        while (founder.Core.Term <= first)
            _cluster.TimeOut(founder.Name);
        _cluster.DeliverAll();

        foreach (ClusterNode leader in _cluster.Leaders.ToArray())
            Write(leader, _random.NextBelow(4));
        _cluster.Mesh();
        for (int i = _random.NextBelow(200); i > 0 && !IsOver; i--)
            DeliverOne();
        _slow.Clear();
        if (!IsOver && !WaitFor(IsOneFounding, callRate: 0.05))
            throw new InvariantViolationException("TWO", $"processes of two foundings live under one leader; {_cluster}");
    }

    private bool IsOneFounding()
    {
        foreach (ClusterNode ended in _cluster.Nodes.Where(n => n.Core.State == RaftState.Terminated).ToArray())
            _cluster.Crash(ended.Name);
        _cluster.Mesh();
        ClusterNode[] leaders = [.. _cluster.Leaders];
        return (leaders.Length == 1 && _cluster.Nodes.All(n => n.Core.Online)) || !_cluster.Nodes.Any(CanBeElected);
    }

    // Whether of the processes that are left enough are of the node's roster.
    private bool CanBeElected(ClusterNode node)
    {
        var roster = node.Core.RosterInForce;
        return roster.Count > 0 && roster.Count(m => _cluster.Nodes.Any(n => n.Member == m)) >= (roster.Count / 2) + 1;
    }
}
