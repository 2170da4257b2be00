using Mosaik.Groups;
using Mosaik.Simulation.Raft.Cluster;

namespace Mosaik.Simulation.Raft;

// Available: histories that were made apart meet (spec/groups-safety.md §4, CE2, D7, D9).
internal sealed partial class RaftWorld
{
    // Every node may have led itself before it meets the others (CE2, D7). Their clients may begin with the same commands: equal
    // bytes, at equal places, of another founding.
    private void BootApart()
    {
        bool isSame = _random.NextBelow(3) == 0;
        foreach (ClusterNode node in _cluster.Nodes.ToArray())
        {
            if (_random.NextDouble() >= 0.8 || node.Machine.Preference.IsObserver)
                continue;
            _cluster.TimeOut(node.Name);
            for (int i = isSame ? _random.NextBelow(3) : 0; i > 0 && node.IsLeader; i--)
                _cluster.Feed(node.Name, $"same{node.Log.Last.Index.Value}");
            for (int i = _random.NextBelow(4); i > 0; i--)
                Call(node);
        }

        if (_random.NextBelow(3) == 0)
            MeetWithoutTickets();
        if (_random.NextBelow(2) == 0)
        {
            _cluster.Mesh();
        }
        else
        {
            for (int i = 0; i < 10; i++)
                ChangeBond(isLoss: false);
        }
    }

    // Who has lost its tickets neither campaigns nor refuses: it takes over the founding of another leader, also from the first entry
    // on, and what is left of its own must not pass for the other's.
    private void MeetWithoutTickets()
    {
        ClusterNode[] alone = [.. _cluster.Nodes.Where(n => n.Core.Term.IsZero || n.IsLeader)];
        if (alone.Length < 2)
            return;
        ClusterNode leader = Any(alone)!;   // there are two
        ClusterNode other = Any(alone.Where(n => n != leader))!;
        foreach (ClusterNode node in (ClusterNode[])[leader, other])
        {
            node.Machine.Preference = LeadershipPreference.Normal;
            if (!node.IsLeader)
                _cluster.TimeOut(node.Name);
        }

        for (int i = 1 + _random.NextBelow(3); i > 0 && other.IsLeader; i--)
            _cluster.Feed(other.Name, SameOrOwn(other));
        _cluster.Authorize(other.Name, isAuthorized: false);
        _cluster.Bond(leader.Name, other.Name);
        for (int i = _random.NextBelow(4); i >= 0; i--)
        {
            _cluster.DeliverAll();
            if (leader.IsLeader)
                _cluster.Feed(leader.Name, SameOrOwn(leader));
        }

        _cluster.DeliverAll();
        if (_random.NextBelow(2) == 0)
            _cluster.Authorize(other.Name, isAuthorized: true);
    }

    private string SameOrOwn(ClusterNode node) => _random.NextBelow(2) == 0 && node.Log.Last.Index.Value < 2 && node.Core.Term == Term.One
        ? $"same{node.Log.Last.Index.Value}" : NextCommands(1)[0];

    // Two leaders with histories of their own behind a common beginning; who comes new follows one of them and has bonds with
    // followers of the other, who are online and serve what they have committed.
    private void RunSides()
    {
        foreach (ClusterNode node in _cluster.Nodes)
            node.Machine.Preference = LeadershipPreference.Normal;
        bool isShared = _random.NextBelow(3) > 0;
        if (isShared)
            _cluster.Mesh();
        ClusterNode one = isShared ? _cluster.Converge() : Any(_cluster.Nodes)!;
        if (isShared)
            Write(one, _random.NextBelow(6));
        _cluster.Isolate(one.Name);
        string[] others = [.. _cluster.Nodes.Where(n => n != one).Select(n => n.Name)];
        _cluster.Mesh(others);
        for (int i = _random.NextBelow(2); i >= 0; i--)
        {
            string? same = _random.NextBelow(3) == 0 ? $"same{i}." : null;
            _cluster.TimeOut(others[_random.NextBelow(others.Length)]);
            _cluster.DeliverAll();
            if (Any(_cluster.Leaders.Where(n => n != one)) is { } other)
                Write(other, 1 + _random.NextBelow(6), same);
            _cluster.TimeOut(one.Name);
            if (isShared && _random.NextBelow(4) > 0)
                Outrank(one);
            Write(one, 1 + _random.NextBelow(6), same);
        }

        string late = _cluster.Start("late", Configure, clock: AnyClock()).Name;
        _cluster.Bond(late, one.Name);
        foreach (string name in others.Where(n => !_cluster[n].IsLeader))
            _cluster.Bond(late, name);
        for (int i = 0; i < 60; i++)
            DeliverOne();
        _cluster.Mesh();
        RunEvents(_random.NextBelow(100));
    }

    // What it writes from here on is of a later term than what the others have.
    private void Outrank(ClusterNode one)
    {
        while (_cluster.Nodes.Any(n => n != one && n.Core.Term >= one.Core.Term))
        {
            _cluster.Authorize(one.Name, isAuthorized: false);
            _cluster.Authorize(one.Name, isAuthorized: true);
            _cluster.TimeOut(one.Name);
        }
    }

    // The first commands may be those that others write elsewhere.
    private void Write(ClusterNode leader, int commands, string? same = null)
    {
        int shared = same is null ? 0 : _random.NextBelow(commands + 1);
        for (int i = 0; i < commands && leader.IsLeader; i++)
        {
            _cluster.Feed(leader.Name, i < shared ? [$"{same}{i}"] : NextCommands(1));
            _cluster.DeliverAll();
        }

        _cluster.Settle();
    }
}
