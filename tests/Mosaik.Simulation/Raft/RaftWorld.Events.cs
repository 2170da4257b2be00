using Mosaik.Groups;
using Mosaik.Groups.Raft;
using Mosaik.Simulation.Raft.Cluster;

namespace Mosaik.Simulation.Raft;

// Runs whose steps are events, in any order (spec/groups-safety.md §10.1).
internal sealed partial class RaftWorld
{
    private void RunEvents(int steps)
    {
        for (int step = 0; step < steps && !IsOver; step++)
            TakeStep();
    }

    private void TakeStep()
    {
        CutChangeOff();
        double u = _random.NextDouble();
        if (u < 0.72)
            DeliverOne();
        else if (u < 0.76)
            TimeOutOne();
        else if (u < 0.86)
            Call(Any(_random.NextBelow(4) == 0 || !_cluster.Leaders.Any() ? _cluster.Nodes : _cluster.Leaders)!);
        else if (u < 0.91)
            HeartbeatOne();
        else if (u < 0.92)
            PassSome();
        else if (u < 0.925)
            ChangeNode();
        else if (u < 0.94)
            RepeatOne();
        else if (u < 0.985 && _plan.Faults != RaftFaults.None)
            ChangeBond(isLoss: u < 0.957);
        else if (u >= 0.985 && _plan.Faults == RaftFaults.Restarts)
            RestartOne(Any(_cluster.Nodes)!);
    }

    // Now and then a leader is cut off with a change of the roster that nobody has committed.
    private void CutChangeOff()
    {
        if (!_plan.IsMajority || _plan.Faults == RaftFaults.None)
            return;
        foreach (ClusterNode leader in _cluster.Leaders)
        {
            if (leader.Core.RosterInForce.Count == leader.Core.Voters.Count || leader.Core.Voters.Count == 0 || _random.NextBelow(8) > 0)
                continue;
            _cluster.Isolate(leader.Name);
            Faults.Count(FaultKind.Partition);
            return;
        }
    }

    private void DeliverOne()
    {
        var loaded = _cluster.Loaded;
        if (loaded.Count == 0)
            return;
        (string from, string to) = loaded[_random.NextBelow(loaded.Count)];
        if (_random.NextBelow(6) == 0)
            TakeTurn(_cluster[to], loaded);
        else
            _cluster.Deliver(from, to, 1);
    }

    // Several inputs before the node says anything: messages of any peers, and calls.
    private void TakeTurn(ClusterNode node, IReadOnlyList<(string From, string To)> loaded)
    {
        List<ClusterEvent> events = [];
        string[] sources = [.. loaded.Where(l => l.To == node.Name).Select(l => l.From)];
        for (int i = 2 + _random.NextBelow(4); i > 0; i--)
        {
            if (_random.NextBelow(6) == 0 && _plan.Style != RaftStyle.Newcomer)
                events.Add(_cluster.Calling(node.Name, SubmitMode.Execute, NextCommands(1)));
            else if (_cluster.Arriving(sources[_random.NextBelow(sources.Length)], node.Name) is { } message)
                events.Add(message);
        }

        if (events.Count > 0)
            _cluster.Turn(node, [.. events]);
    }

    // Tickets expire and are renewed, a machine's preference changes, bonds are slow for a while.
    private void ChangeNode()
    {
        if (_plan.Faults == RaftFaults.None)
            return;
        ClusterNode node = Any(_cluster.Nodes)!;
        switch (_random.NextBelow(3))
        {
            case 0:
                _cluster.Authorize(node.Name, _random.NextBelow(2) == 0);
                break;
            case 1:
                node.Machine.Preference = _random.NextBelow(4) switch
                {
                    0 when !_plan.IsMajority => LeadershipPreference.Observer,
                    1 => LeadershipPreference.Reluctant(),
                    _ => LeadershipPreference.Normal,
                };
                break;
            default:
                (string, string) bond = ((Any(_cluster.Leaders) ?? node).Name, node.Name);
                if (!_slow.Remove(bond))
                    _slow.Add(bond);
                break;
        }
    }

    private void TimeOutOne()
    {
        if (Any(_cluster.Nodes.Where(n => !n.IsLeader && n.Core.ElectionDeadline < TimeSpan.MaxValue)) is { } node)
            _cluster.TimeOut(node.Name);
    }

    private void HeartbeatOne()
    {
        if (Any(_cluster.Leaders) is { } leader)
            _cluster.Heartbeat(leader.Name);
    }

    // A clock runs on: requests expire, catch-ups repeat themselves, lost voters are given up.
    private void PassSome()
    {
        ClusterNode node = Any(_cluster.Nodes)!;
        TimeSpan time = _random.NextBelow(4) == 0
            ? _plan.Limits.Patience : TimeSpan.FromMilliseconds(_random.NextBelow(1500));
        if (time < _plan.Limits.Patience)
            _cluster.Pass(node.Name, time);
        else if (node.IsLeader && _plan.IsMajority)
            PassUnderLead(node);
    }

    // The leader's replacement delay passes while those that are there keep answering.
    private void PassUnderLead(ClusterNode leader, TimeSpan? time = null, Action? meanwhile = null)
    {
        TimeSpan left = time ?? _plan.Limits.Patience;
        while (left > TimeSpan.Zero && leader.IsLeader && !IsOver)
        {
            _cluster.Heartbeat(leader.Name);
            left -= leader.Settings.HeartbeatInterval;
            meanwhile?.Invoke();
            foreach (ClusterNode other in _cluster.Nodes.Where(n => n != leader && _cluster.AreBonded(n, leader)).ToArray())
            {
                _cluster.Deliver(leader.Name, other.Name);
                _cluster.Deliver(other.Name, leader.Name);
            }
        }
    }

    private void ChangeBond(bool isLoss)
    {
        ClusterNode a = Any(_cluster.Nodes)!;
        ClusterNode b = Any(_cluster.Nodes)!;
        if (a == b)
            return;
        if (!isLoss)
        {
            _cluster.Bond(a.Name, b.Name);
        }
        else if (_cluster.AreBonded(a, b))
        {
            _cluster.Unbond(a.Name, b.Name);
            Faults.Count(FaultKind.Partition);
        }
    }

    private void RunMeshes()
    {
        for (int episode = 0; episode < 30 && !IsOver; episode++)
        {
            if (_plan.Faults != RaftFaults.None)
                DrawMesh();
            if (_plan.Faults == RaftFaults.Restarts && _random.NextBelow(4) == 0)
                RestartOne(Any(_cluster.Nodes)!);
            if (_random.NextBelow(6) == 0 && Any(_cluster.Leaders) is { } leader && _plan.IsMajority)
                PassUnderLead(leader);
            int[] lengths = [5, 15, 40];
            int length = lengths[_random.NextBelow(lengths.Length)];
            for (int i = 0; i < length && !IsOver; i++)
                TakeMeshStep();
        }
    }

    private void DrawMesh()
    {
        double density = 0.45 + (0.55 * _random.NextDouble());
        string[] names = [.. _cluster.Nodes.Select(n => n.Name)];
        for (int i = 0; i < names.Length; i++)
        {
            for (int k = 0; k < i; k++)
            {
                bool isBonded = _cluster.AreBonded(_cluster[names[i]], _cluster[names[k]]);
                bool wanted = _random.NextDouble() < density;
                if (wanted && !isBonded)
                    _cluster.Bond(names[i], names[k]);
                else if (!wanted && isBonded)
                    _cluster.Unbond(names[i], names[k]);
            }
        }

        Faults.Count(FaultKind.Partition);
    }

    private void TakeMeshStep()
    {
        CutChangeOff();
        double u = _random.NextDouble();
        if (u < 0.64)
            DeliverOne();
        else if (u < 0.66)
            RepeatOne();
        else if (u < 0.70)
            TimeOutOne();
        else if (u < 0.76)
            _cluster.DeliverAll();
        else if (u < 0.88)
            Call(Any(_random.NextBelow(4) == 0 || !_cluster.Leaders.Any() ? _cluster.Nodes : _cluster.Leaders)!);
        else if (u < 0.97)
            HeartbeatOne();
        else
            PassSome();
    }

    // D1 and D2a: what an established group has committed survives a newcomer, and a member that was alone and wrote nothing.
    private void RunNewcomer()
    {
        foreach (ClusterNode node in _cluster.Nodes)
            node.Machine.Preference = LeadershipPreference.Normal;
        _cluster.Converge();
        List<string> established = [];
        void Commit(int count)
        {
            for (int i = 0; i < count; i++)
            {
                string command = NextCommands(1)[0];
                established.Add(command);
                _cluster.Execute(_cluster.Leaders.First(l => l.Core.Online && _cluster.Nodes.Any(n => _cluster.AreBonded(l, n))).Name, command);
                _cluster.Settle();
            }
        }

        Commit(1 + _random.NextBelow(5));
        bool isMember = _plan.Nodes >= 3 && _random.NextBelow(2) == 0;
        ClusterNode stranger;
        if (isMember)
        {
            stranger = Any(_cluster.Nodes.Where(n => !n.IsLeader))!;
            _cluster.Isolate(stranger.Name);
        }
        else
        {
            stranger = _cluster.Start("late", Configure);
        }

        _cluster.TimeOut(stranger.Name);
        for (int i = isMember ? 0 : _random.NextBelow(4); i > 0; i--)
        {
            _cluster.Feed(stranger.Name, NextCommands(1));
        }

        if (isMember && stranger.Core.Term > Term.One)
            Commit(1 + _random.NextBelow(4));
        _cluster.Mesh();
        for (int i = 0; i < 200; i++)
            DeliverOne();
        ClusterNode leader = _cluster.Converge();
        bool isShorter = !isMember && established.Count > 3;
        if ((isMember || isShorter) && !established.All(leader.Commanded.Contains))
            throw new InvariantViolationException("I22", $"entries of the established members are gone; {_cluster}");
    }
}
