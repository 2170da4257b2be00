using Mosaik.Groups;
using Mosaik.Groups.Raft;
using Mosaik.Primitives;
using Mosaik.Simulation.Raft.Cluster;

namespace Mosaik.Simulation.Raft.Oracle;

// What has to be done, not only what must not be (spec/groups.md §6.7, §6.8; spec/groups-safety.md §5 H2, H4, H7).
internal sealed partial class RaftOracle
{
    // Whose founding a command of term 1 belongs to; clients of groups that do not know each other may write the same.
    private readonly Dictionary<string, HashSet<UniqueId>> _foundings = [];
    private bool _hasSharedCommands;

    private void CheckDuties(NodeView view, in ClusterInput input, int inputs)
    {
        RaftCore core = view.Node.Core;
        NoteBroadcasts(view);
        if (core.Role == RaftRole.Leader && view.Candidacy is { ElectedAtIndex: not null } led)
        {
            CheckReplication(view);
            CheckOrder(view);
            CheckCommitDuty(view, led);
            if (isMajority)
                CheckReplacementDue(view);
        }

        bool isStill = core.Role == RaftRole.Follower && core.State == RaftState.Running && core.Leader == view.Leader && core.Term == view.Term;
        bool isServed = inputs == 1 && input.Kind == InputKind.Message && (RaftMessageKind)input.Message![0] == RaftMessageKind.StateSync;
        if (isStill && isServed && view.IsAuthorized && view.IsCatchingUp && !core.IsCatchingUp)
            Require(core.Online, "CATCH-UP", view, "has caught up and is not online");
        bool isBack = core.Role == RaftRole.Follower && core.Online && view.IsCatchingUp && !core.IsCatchingUp;
        if (isBack && core.Leader is { } leader && view.Bonds.ContainsKey(leader))
            CheckCaughtUp(view, leader);
        if (inputs == 1 && input.Kind == InputKind.Message && (RaftMessageKind)input.Message![0] == RaftMessageKind.Forward && core.Role != RaftRole.Leader
            && view.Role != RaftRole.Leader)
            Require(view.Kept == view.Log.Count, "I2", view, "appends what was forwarded to it, and does not lead");
        Require(!core.IsCatchingUp || (core.Leader is { } source && view.Bonds.ContainsKey(source)), "CATCH-UP", view,
            "catches up without a leader");
        if (inputs == 1 && input.Kind == InputKind.BondUp && view.IsCatchingUp && core.IsCatchingUp)
            CheckNewSource(view, input.From!.Peer);
        if (view.Role == RaftRole.Leader && core.Role == RaftRole.Follower && core.Term == view.Term && view.Bonds.Count > 0
            && core.Committed.Index > view.Committed.Index)
            Require(view.Announced == core.Committed.Index.Value, "REMOVED", view, "leaves the lead and does not say what it has committed");
        if (core.IsCatchingUp && !view.IsCatchingUp)
            Require(view.Outbox.Any(o => ReplayOf(o.Message) is Groups.Sync.ReplayMessage.AvailabilityRequest), "H3", view,
                "begins a catch-up and asks nobody what there is");
    }

    // A new bond may have what is missing (§6.9 rule 6).
    private static void CheckNewSource(NodeView view, PeerId peer) =>
        Require(view.Outbox.Any(o => o.To == peer && ReplayOf(o.Message) is Groups.Sync.ReplayMessage.AvailabilityRequest), "H3", view,
            "catches up and does not ask a new member what it has");

    // Its leader is told how far the log is its own now, and what is committed up to there is committed here (§6.9 rule 7).
    private static void CheckCaughtUp(NodeView view, PeerId leader)
    {
        AppendEntriesResponse? told = null;
        foreach ((PeerId? to, byte[] message) in view.Outbox)
        {
            if (to == leader && (RaftMessageKind)message[0] == RaftMessageKind.AppendEntriesResponse
                && AppendEntriesResponse.TryRead(message, true, out AppendEntriesResponse response))
                told = response;
        }

        Require(told is not null, "CATCH-UP", view, "does not tell its leader that it has caught up");
        RaftCore core = view.Node.Core;
        ulong committed = Math.Min(view.Commits.GetValueOrDefault((leader, core.Term)), told!.Value.LastIndex.Value);
        Require(core.Committed.Index.Value >= committed, "CATCH-UP", view, $"has caught up and does not commit {committed}");
    }

    // What is committed when a heartbeat is due is what a spare voter has to have at the next one (§7.16, rule 4).
    private static void NoteHeartbeat(NodeView view)
    {
        bool isDue = view.Bonds.Count == 0 || view.Node.Now >= view.BroadcastAt + view.Node.Settings.HeartbeatInterval;
        view.IsTick = view.Role == RaftRole.Leader && view.Bonds.Count > 0
            && view.Node.Now >= view.BroadcastAt + view.Node.Settings.HeartbeatInterval;
        if (view.Role == RaftRole.Leader && isDue)
            view.AtHeartbeat = view.Bonds.Count == 0 ? (0, 0) : (view.Committed.Index.Value, view.AtHeartbeat.Last);
    }

    private static void NoteBroadcasts(NodeView view)
    {
        ClusterNode node = view.Node;
        bool isLeading = node.Core.Role == RaftRole.Leader;
        if (view.Role != RaftRole.Leader && isLeading)
            view.AtHeartbeat = (ulong.MaxValue, ulong.MaxValue);
        foreach ((PeerId? to, byte[] message) in view.Outbox)
        {
            if (to is not null || (RaftMessageKind)message[0] != RaftMessageKind.AppendEntries
                || !AppendEntries.TryRead(message, true, out AppendEntries entries) || entries.Term != node.Core.Term)
                continue;
            view.BroadcastAt = node.Now;
            view.Announced = entries.LeaderCommit.Value;
        }

        if (view.Bonds.Count > 0)
            return;
        (view.BroadcastAt, view.Announced) = (node.Now, node.Core.Committed.Index.Value);
        if (view.Candidacy is { } led)
            led.WasAlone = true;
    }

    // What a leader appends it sends, to everybody and at once, and what it commits it announces.
    private static void CheckReplication(NodeView view)
    {
        if (view.Bonds.Count == 0)
            return;
        RaftCore core = view.Node.Core;
        ulong end = (ulong)view.Kept;
        foreach ((PeerId? to, byte[] message) in view.Outbox)
        {
            if (to is not null || (RaftMessageKind)message[0] != RaftMessageKind.AppendEntries
                || !AppendEntries.TryRead(message, true, out AppendEntries entries) || entries.Entries.Count == 0)
                continue;
            Require(entries.Previous.Index.Value == end, "REPLICATE", view, $"sends entries behind {entries.Previous}, not {end}");
            CheckBatch(view, entries);
            foreach (LogEntry entry in entries.Entries)
                Require(IsSame(entry, view.Log[(int)end++]), "REPLICATE", view, $"sends another entry {end} than it has");
        }

        Require(end == (ulong)view.Log.Count, "REPLICATE", view, $"has sent entries up to {end} only");
        Require(view.Announced == core.Committed.Index.Value, "ANNOUNCE", view, $"has announced {view.Announced} as committed");
    }

    // One message holds no more than a batch, unless it is a single call, which stays together (§6.7).
    private static void CheckBatch(NodeView view, in AppendEntries entries)
    {
        RaftSettings settings = view.Node.Settings;
        long bytes = 0;
        foreach (LogEntry entry in entries.Entries)
            bytes += entry.Bytes.Length - (settings.IsMajority ? 1 : 0);
        int count = entries.Entries.Count;
        bool isWithin = count <= settings.MaxBatchCommands && bytes <= settings.MaxBatchBytes;
        Require(count == 1 || isWithin || view.CallSizes.Contains(count), "BATCH", view, $"sends {count} entries of {bytes} bytes at once");
    }

    // A leader appends everything that reaches it, once and in the order in which it came (§7.6).
    private void CheckOrder(NodeView view)
    {
        Term term = view.Node.Core.Term;
        string[] appended = [.. view.Log.Skip(view.Kept).Where(e => e.Term == term).Select(CommandOf).OfType<string>()];
        if (view.Role != RaftRole.Leader || view.Term != term)
        {
            // Elected in this turn: what came before was turned away.
            Require(appended.All(view.Called.Contains), "ORDER", view, $"appends [{string.Join(',', appended)}], which came in another term");
            return;
        }

        Require(appended.SequenceEqual(view.Called), "ORDER", view,
            $"appends [{string.Join(',', appended)}]; what reached it was [{string.Join(',', view.Called)}]");
    }

    private static void NoteCalled(NodeView view, in ClusterInput input)
    {
        int before = view.Called.Count;
        if (input.Kind == InputKind.Submit)
            view.Called.AddRange(input.Commands);
        else if (input.Kind == InputKind.Message && (RaftMessageKind)input.Message![0] == RaftMessageKind.Forward
            && ForwardMessage.Read(input.Message, true) is ForwardMessage.Command forwarded)
            view.Called.AddRange(forwarded.Commands.Select(static c => JournalMachine.Decode(c.Span)));
        if (view.Called.Count > before)
            view.CallSizes.Add(view.Called.Count - before);
    }

    // A leader commits what it can (§6.7; §7.8).
    private void CheckCommitDuty(NodeView view, Candidacy led)
    {
        ClusterNode node = view.Node;
        List<ulong> indices;
        if (isMajority)
        {
            if (view.RosterAt(ulong.MaxValue) is not { } inForce)
                return;
            indices = [.. inForce.Roster.Members.Select(m => m == node.Member ? (ulong)view.Log.Count : led.Acknowledged.GetValueOrDefault(m))];
        }
        else
        {
            led.Committee[node.Member] = (ulong)view.Log.Count;
            indices = [.. led.Committee.Values];
            Require(node.Core.CommitteeSize == indices.Count, "H2", view,
                $"has a committee of {node.Core.CommitteeSize}; by what it was told it is {indices.Count}");
        }

        indices.Sort();
        ulong quorum = indices[^((indices.Count / 2) + 1)];
        if (quorum > 0 && view.Log[(int)quorum - 1].Term == node.Core.Term)
            Require(node.Core.Committed.Index.Value >= quorum, "COMMIT", view, $"does not commit {quorum}, which a quorum has");
    }

    // Whose founding the entries of term 1 are (H7).
    private void CheckLineage(NodeView view)
    {
        if (isMajority)
            return;
        RaftCore core = view.Node.Core;
        HashSet<UniqueId>? foundings = FoundingsOf(view);
        bool isFounder = view.Log.Count == 0 && core.Role == RaftRole.Leader && core.Term == Term.One;
        if (view.Kept == 0 && view.Log.Count > 0)
            view.IsFoundingUnknown = core.IsCatchingUp || view.IsCatchingUp;
        view.IsFoundingUnknown |= view.IsCatchingUp && core.FoundingLineage is null;

        // A catch-up learns it when it is complete, if its leader knows it; one that ends before leaves it unknown. Who sends no
        // extension block says nothing of it.
        bool isTrue = core.FoundingLineage is { } said ? foundings?.Contains(said) == true : foundings is null;
        bool isRight = isFounder ? core.FoundingLineage == Lineage.Of(view.Node.Member)
            : isTrue || ((view.IsFoundingUnknown || HasPlain) && core.FoundingLineage is null);
        if (isTrue)
            view.IsFoundingUnknown = false;
        Require(isRight, "H7", view, "is mistaken about whose founding its entries of term 1 are");
    }

    // The foundings that all entries of term 1 of a log can belong to; null when there are none.
    private HashSet<UniqueId>? FoundingsOf(NodeView view)
    {
        if (isMajority || view.Log.Count == 0 || view.Log[0].Term != Term.One)
            return null;
        HashSet<UniqueId> all = [.. _foundings.GetValueOrDefault(CommandOf(view.Log[0])!, [])];   // commands only in Available
        for (int i = 1; _hasSharedCommands && i < view.Log.Count && view.Log[i].Term == Term.One; i++)
            all.IntersectWith(_foundings.GetValueOrDefault(CommandOf(view.Log[i])!, []));
        return all;
    }

    private void NoteFounding(NodeView view, ulong index, LogEntry entry)
    {
        if (isMajority || entry.Term != Term.One || CommandOf(entry) is not { } command)
            return;
        if (view.Node.Core.Role == RaftRole.Leader && view.Node.Core.Term == Term.One)
        {
            if (!_foundings.TryGetValue(command, out HashSet<UniqueId>? foundings))
                _foundings.Add(command, foundings = []);
            else
                _hasSharedCommands = true;
            foundings.Add(Lineage.Of(view.Node.Member));
            if (HasPlain)
                foundings.Add(Lineage.Of(new GroupMember(view.Node.Peer, Incarnation.None)));
        }

        Require(_foundings.TryGetValue(command, out HashSet<UniqueId>? own) && (index == 1 || FoundingsOf(view)?.Overlaps(own) == true), "I3",
            view, $"mixes foundings: {command} at {index}");
    }
}
