using Mosaik.Groups;
using Mosaik.Groups.Raft;
using Mosaik.Primitives;
using Mosaik.Simulation.Raft.Cluster;

namespace Mosaik.Simulation.Raft;

// What no honest member says. It is refused, by closing the bond, and nothing of it is taken (spec/groups.md §5, §13;
// spec/groups-safety.md §6).
internal sealed partial class RaftWorld
{
    private const ulong TooLarge = 1UL << 62;

    private void RefuseOne()
    {
        ClusterNode node = Any(_cluster.Nodes)!;
        if (Any(_cluster.Nodes.Where(n => n != node && _cluster.AreBonded(n, node))) is not { } from)
            return;
        (string what, byte[] message) = AnyWrong(node, from);
        string before = StateOf(node);
        RaftEffects effects = node.Effects;
        node.Core.Receive(from.Peer, message, node.Now, effects);
        node.Core.Flush(node.Now, effects);
        bool isClosed = effects.Closes.Count == 1 && effects.Closes[0].Peer == from.Peer && effects.Termination is null;
        bool isSilent = effects.Frames.Count + effects.Commands.Count + effects.Queries.Count + effects.Divergences.Count == 0;
        if (!isClosed || !isSilent || StateOf(node) != before)
            throw new InvariantViolationException("REFUSE", $"{node.Name} takes {what} from {from.Name}; it was {before}, it is {StateOf(node)}");

        // The bond may stay: that it was honest so far is what the rest of the run is about.
        effects.Clear();
        Faults.Count(FaultKind.Malformed);
    }

    private static string StateOf(ClusterNode node) =>
        $"{node} follows {node.Core.Leader}, voted for {node.Core.VotedFor}, roster of {node.Core.RosterInForce.Count}, "
        + $"committee of {node.Core.CommitteeSize}, {node.Core.PendingCount} calls, timer {node.Core.ElectionDeadline}";

    private (string What, byte[] Message) AnyWrong(ClusterNode node, ClusterNode from)
    {
        Term later = new(node.Core.Term.Value + 1 + (ulong)_random.NextBelow(3));
        LogCursor last = node.Core.LogPosition;
        var ahead = new LogCursor(later, last.Index.Next);
        int kinds = _plan.IsMajority ? 12 : 8;
        return _random.NextBelow(kinds) switch
        {
            0 => ("a candidacy in another's name", Bytes(RaftFrames.RequestVote(later, node.Peer, ahead))),
            1 => ("entries in another's name", Bytes(Entries(node.Core.Term, node.Peer, last))),
            2 when later.Value % 2 == 0 => ("entries at no index", Bytes(Entries(later, from.Peer, new LogCursor(later, new LogIndex(TooLarge))))),
            2 => ("an entry at no index", Bytes(Entries(later, from.Peer, new LogCursor(later, new LogIndex(TooLarge - 1)), [(byte)EntryKind.NoOp]))),
            3 => ("entries of no term", Bytes(Entries(new Term(TooLarge), from.Peer, last))),
            4 => ("a candidacy of no term", Bytes(RaftFrames.RequestVote(new Term(TooLarge), from.Peer, ahead))),
            5 => ("an answer of no term", Bytes(RaftFrames.AppendEntriesResponse(new Term(TooLarge), last.Index, Vote.Granted, default))),
            6 => ("half a candidacy", Bytes(RaftFrames.RequestVote(later, from.Peer, ahead))[..20]),
            7 => ("nothing known", [(byte)(9 + _random.NextBelow(100)), 1, 2, 3]),
            8 => ("an entry without a kind", Bytes(Entries(later, from.Peer, last, []))),
            9 => ("an entry of an unknown kind", Bytes(Entries(later, from.Peer, last, [9, 1]))),
            10 => ("a no-op that says something", Bytes(Entries(later, from.Peer, last, [(byte)EntryKind.NoOp, 1]))),
            _ => ("a roster that cannot be", Bytes(Entries(later, from.Peer, last, AnyWrongRoster(node)))),
        };
    }

    // Each breaks one rule of the form: how many, in which order, whether with the one that is named.
    private byte[] AnyWrongRoster(ClusterNode node)
    {
        int n = _plan.Voters;
        GroupMember[] all = [.. Enumerable.Range(0, n + 2).Select(i => new GroupMember(PeerId.FromRawUnchecked([.. Enumerable.Repeat((byte)(i + 1), PeerId.Length)]), node.Settings.Incarnation))];
        RosterEntry entry = _random.NextBelow(6) switch
        {
            0 => new RosterEntry(RosterChangeKind.Founding, default, new Roster(all.Take(n - 1))),
            1 => new RosterEntry(RosterChangeKind.Founding, default, new Roster(all.Take(n + 1))),
            2 => new RosterEntry(RosterChangeKind.Add, all[0], new Roster(all)),
            3 => new RosterEntry(RosterChangeKind.Add, all[^1], new Roster(all.Take(n + 1))),
            4 => new RosterEntry(RosterChangeKind.Remove, all[0], new Roster(all.Take(n))),
            _ => new RosterEntry(RosterChangeKind.Remove, all[^1], new Roster(all.Take(n + 1))),
        };
        byte[] bytes = entry.Encode().ToArray();
        return _random.NextBelow(4) switch
        {
            0 => [.. new RosterEntry(RosterChangeKind.Founding, default, new Roster(all.Take(n))).Encode().Span, 0],
            1 when n > 1 => Reversed(new RosterEntry(RosterChangeKind.Founding, default, new Roster(all.Take(n))).Encode().ToArray(), n),
            _ => bytes,
        };
    }

    private static byte[] Reversed(byte[] founding, int members)
    {
        int at = founding.Length - (members * GroupMember.Length);
        Span<byte> first = founding.AsSpan(at, GroupMember.Length);
        Span<byte> second = founding.AsSpan(at + GroupMember.Length, GroupMember.Length);
        byte[] kept = first.ToArray();
        second.CopyTo(first);
        kept.CopyTo(second);
        return founding;
    }

    private static SharedFrame Entries(Term term, PeerId leader, LogCursor previous, byte[]? entry = null)
    {
        LogEntry[] entries = entry is null ? [] : [new LogEntry(term, entry)];
        return RaftFrames.AppendEntries(term, leader, previous, entries, entry?.Length ?? 0, LogIndex.Zero, default);
    }

    private static byte[] Bytes(SharedFrame frame)
    {
        byte[] bytes = frame.Payload[1..].ToArray();
        frame.Release();
        return bytes;
    }
}
