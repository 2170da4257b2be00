using Mosaik.Groups;
using Mosaik.Simulation.Raft.Cluster;

namespace Mosaik.Simulation.Raft;

// Majority: a leader that removes itself (spec/groups-safety.md §4 D15; §7.16, rules 5 and 7).
internal sealed partial class RaftWorld
{
    // One is away for too long and another is added for it. Before that is settled it is back, and the lead goes to the one that
    // was added: as soon as all are there it has to remove itself, and does not count from then on.
    private void RunReturns()
    {
        Write(_cluster.Converge(), 1 + _random.NextBelow(3));
        if (_cluster.Leaders.FirstOrDefault() is not { } leader
            || Any(_cluster.Nodes.Where(n => n != leader && leader.Core.Voters.Contains(n.Member))) is not { } away)
            return;
        _cluster.Isolate(away.Name);
        bool isAdding = false;
        PassUnderLead(leader, _plan.Limits.Patience + leader.Settings.HeartbeatInterval, () =>
        {
            if (isAdding || leader.Core.RosterInForce.Count == leader.Core.Voters.Count)
                return;
            isAdding = true;
            HandOver(leader, away);
        });
        if (!isAdding)
            RunEvents(_random.NextBelow(100));
        else if (_cluster.Nodes.FirstOrDefault(IsRemoved) is { } removed)
            LeadRemoved(removed);
        RunEvents(_random.NextBelow(150));
    }

    // Everybody gets the change from the leader; who was added asks for the lead before the leader hears that they have it.
    private void HandOver(ClusterNode leader, ClusterNode away)
    {
        GroupMember added = leader.Core.RosterInForce.First(m => !leader.Core.Voters.Contains(m));
        ClusterNode next = _cluster.Nodes.First(n => n.Member == added);
        _cluster.Mesh();
        for (int i = 0; i < 6; i++)
        {
            foreach (ClusterNode other in _cluster.Nodes.ToArray())
                _cluster.Deliver(leader.Name, other.Name);
            _cluster.Deliver(away.Name, leader.Name);
        }

        _cluster.Isolate(leader.Name);
        Faults.Count(FaultKind.Partition);
        _cluster.TimeOut(next.Name);
        _cluster.DeliverAll();
        if (_random.NextBelow(4) > 0)
            _cluster.Bond(leader.Name, next.Name);
    }

    private static bool IsRemoved(ClusterNode node) => node.IsLeader && node.Core.RosterInForce.Count > 0
        && !node.Core.RosterInForce.Contains(node.Member);

    // Some of the others answer, one after the other: fewer than a quorum confirm nothing, commit nothing and keep no lead.
    private void LeadRemoved(ClusterNode leader)
    {
        ClusterNode[] others = [.. _cluster.Nodes.Where(n => n != leader && _cluster.AreBonded(n, leader))];
        int answering = _random.NextBelow((_plan.Voters / 2) + 2);
        ClusterNode[] heard = [.. others.OrderBy(_ => _random.NextBelow(1000)).Take(answering)];
        for (int i = _random.NextBelow(8); i >= 0 && leader.IsLeader && !IsOver; i--)
        {
            if (_random.NextBelow(2) == 0)
                _cluster.Query(_random.NextBelow(2) == 0 ? leader.Name : Any(others)!.Name, isStrong: true);
            else if (_random.NextBelow(3) == 0)
                Call(leader);
            foreach (ClusterNode other in heard)
            {
                _cluster.Deliver(other.Name, leader.Name);
                _cluster.Deliver(leader.Name, other.Name);
                _cluster.Deliver(other.Name, leader.Name);
            }

            if (leader.IsLeader && _random.NextBelow(3) > 0)
                _cluster.Heartbeat(leader.Name);
        }
    }
}
