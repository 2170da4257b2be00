using Mosaik.Groups;
using Mosaik.Groups.Raft;
using Mosaik.Simulation.Raft.Cluster;

namespace Mosaik.Simulation.Raft;

// Leaders that repeat themselves. This project's never do, and nothing in the protocol forbids it.
internal sealed partial class RaftWorld
{
    private const int MostRepeated = 6;

    // A leader says a part of its log again, and what it has committed since. All of it is true, so its follower has to take it
    // as the rules say: skip what it holds, keep what lies behind, acknowledge and commit what it was shown and no more (§6.8).
    private void RepeatOne()
    {
        if (_random.NextBelow(3) == 0)
        {
            RefuseOne();
            return;
        }

        if (_random.NextBelow(4) == 0)
        {
            SayByHalves();
            return;
        }

        ClusterNode? leader = Any(_cluster.Leaders);
        if (leader is null || Any(_cluster.Nodes.Where(n => IsFollowing(n, leader))) is not { } follower)
            return;
        ulong last = leader.Core.LogPosition.Index.Value;
        ulong previous = last - (ulong)_random.NextBelow((int)Math.Min(last, MostRepeated) + 1);
        int count = _random.NextBelow((int)Math.Min(last - previous, MostRepeated) + 1);
        var at = new LogIndex(previous);
        IReadOnlyList<LogEntry> entries = leader.Log.GetRange(new LogRange(at.Next, new LogIndex(previous + (ulong)count)));
        Say(leader, follower, new LogCursor(leader.Log.TermAt(at)!.Value, at), entries);   // in its log
    }

    // The commands of one call do not fit through its bonds together: its followers have the first of them, and say so, before
    // they have the rest. A call is done with its last command (§7.4).
    private void SayByHalves()
    {
        if (Any(_cluster.Leaders) is not { } leader)
            return;
        ClusterNode[] followers = [.. _cluster.Nodes.Where(n => IsFollowing(n, leader) && n.Core.Online
            && n.Core.LogPosition == leader.Core.LogPosition && _cluster.InFlight(leader.Name, n.Name) == 0)];
        ClusterNode[] longer = [.. _cluster.Nodes.Where(n => IsFollowing(n, leader) && n.Core.Online
            && n.Core.LogPosition.Index > leader.Core.LogPosition.Index && _cluster.InFlight(leader.Name, n.Name) == 0)];
        LogCursor before = leader.Core.LogPosition;
        int count = 2 + _random.NextBelow(3);
        _cluster.Execute(leader.Name, NextCommands(count));
        int half = 1 + _random.NextBelow(count - 1);
        if (!leader.IsLeader || leader.Core.LogPosition.Index.Value != before.Index.Value + (ulong)count)
            return;
        IReadOnlyList<LogEntry> entries = leader.Log.GetRange(
            new LogRange(before.Index.Next, new LogIndex(before.Index.Value + (ulong)half)));
        if (longer.Length > 0)
        {
            CommitWithout(leader, longer, before);
            return;
        }

        foreach (ClusterNode follower in followers)
        {
            _cluster.Drop(leader.Name, follower.Name);
            Say(leader, follower, before, entries);
            _cluster.Deliver(leader.Name, follower.Name, 1);
            _cluster.Deliver(follower.Name, leader.Name);
        }
    }

    // Those whose logs go on, with something else, hear that it is committed before they hear what it is.
    private void CommitWithout(ClusterNode leader, ClusterNode[] longer, LogCursor before)
    {
        foreach (ClusterNode other in _cluster.Nodes.Where(n => _cluster.AreBonded(n, leader)).Except(longer).ToArray())
        {
            _cluster.Deliver(leader.Name, other.Name);
            _cluster.Deliver(other.Name, leader.Name);
        }

        foreach (ClusterNode follower in longer.Where(f => IsFollowing(f, leader)))
        {
            _cluster.Drop(leader.Name, follower.Name);
            Say(leader, follower, before, []);
            _cluster.Deliver(leader.Name, follower.Name, 1);
        }
    }

    private void Say(ClusterNode leader, ClusterNode follower, LogCursor previous, IReadOnlyList<LogEntry> entries)
    {
        var tail = new MessageTail(_plan.IsMajority ? null : leader.Core.FoundingLineage, _plan.IsMajority ? 1 : null);
        SharedFrame frame = RaftFrames.AppendEntries(leader.Core.Term, leader.Peer, previous, [.. entries],
            entries.Sum(e => (long)e.Bytes.Length), leader.Core.Committed.Index, tail);
        _cluster.Inject(leader.Name, follower.Name, frame.Payload[1..].ToArray());
        frame.Release();
        Faults.Count(FaultKind.Repeat);
    }

    // Whoever does not know that its founding is the leader's takes more of what it hears than is said here.
    private bool IsFollowing(ClusterNode node, ClusterNode leader) => node != leader && _cluster.AreBonded(node, leader)
        && node.Core.Leader == leader.Peer && node.Core.Term == leader.Core.Term && node.Core.Role == RaftRole.Follower
        && (_plan.IsMajority || leader.Log.TermAt(LogIndex.One) > Term.One
            || (leader.Core.FoundingLineage is { } founding && node.Core.FoundingLineage == founding && _plan.Plain == 0));
}
