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

        ClusterNode? leader = Any(_cluster.Leaders);
        if (leader is null || Any(_cluster.Nodes.Where(n => IsFollowing(n, leader))) is not { } follower)
            return;
        ulong last = leader.Core.LogPosition.Index.Value;
        ulong previous = last - (ulong)_random.NextBelow((int)Math.Min(last, MostRepeated) + 1);
        int count = _random.NextBelow((int)Math.Min(last - previous, MostRepeated) + 1);
        var at = new LogIndex(previous);
        IReadOnlyList<LogEntry> entries = leader.Log.GetRange(new LogRange(at.Next, new LogIndex(previous + (ulong)count)));
        var tail = new MessageTail(_plan.IsMajority ? null : leader.Core.FoundingLineage, _plan.IsMajority ? 1 : null);
        SharedFrame frame = RaftFrames.AppendEntries(
            leader.Core.Term, leader.Peer, new LogCursor(leader.Log.TermAt(at)!.Value, at), [.. entries],   // in its log
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
