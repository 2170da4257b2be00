using Mosaik.Groups;
using Mosaik.Groups.Raft;
using Mosaik.Groups.Sync;
using Mosaik.Primitives;
using Mosaik.Simulation.Raft.Cluster;

namespace Mosaik.Simulation.Raft.Oracle;

// Calls and queries: how they end, why, and what is served to others (spec/groups.md §6.9, §7; spec/groups-safety.md §5 H3, H11).
internal sealed partial class RaftOracle
{
    private const int LeaderRequests = 2;

    // What was forwarded and is not acknowledged: to whom, by whom, which call.
    private readonly Dictionary<(ClusterNode Node, PeerId Asker, ulong Request), string[]> _forwardedCommands = [];

    private void CheckCalls(NodeView view, in ClusterInput input, int inputs)
    {
        ClusterNode node = view.Node;
        RaftCore core = node.Core;
        if (inputs == 1 && input.Kind is InputKind.Submit)
            CheckSubmitted(view, input);
        else if (inputs == 1 && input.Kind is InputKind.Query)
            CheckAsked(view, input);
        else if (inputs == 1 && input.Kind == InputKind.Message && (RaftMessageKind)input.Message![0] == RaftMessageKind.Forward)
            CheckForwarded(view, input);
        bool hasLeft = view.Term != core.Term || (view.Leader is not null && view.Leader != core.Leader);

        // Within one turn a leader may be lost and found again.
        bool hasLost = hasLeft || (inputs > 1 && node.Events.Skip(view.Events).OfType<RaftEvent.LeaderLost>().Any());
        foreach ((_, CommandCompletion done) in node.Commands)
            CheckEnded(view, done, hasLost);
        foreach ((_, QueryCompletion done) in node.Queries)
        {
            Require(done.Outcome is QueryOutcome.Answered or QueryOutcome.Offline, "CALL", view,
                $"ends a query with {done.Outcome}");
        }

        foreach (OpenCall open in History.OpenOn(node))
        {
            if (open.Begin > view.TurnBegan || node.Commands.ContainsKey(open.Token) || node.Queries.ContainsKey(open.Token))
                continue;
            Require(!hasLeft, "H11", view, $"keeps the call {open.What} under another leader than it was made under");
            if (input.Kind == InputKind.Timer && open.Timeout(node.Settings) is { } most)
                Require(node.Now < open.At + most, "I15", view, $"lets the call {open.What} wait for ever");
        }
    }

    // Who cannot serve a call says so at once, and why (§7.4).
    private static void CheckSubmitted(NodeView view, in ClusterInput input)
    {
        CommandFailure expected = CommandFailure.None;
        if (!view.IsAuthorized)
            expected = CommandFailure.Unauthorized;
        else if (view.Role == RaftRole.Candidate)
            expected = CommandFailure.Candidate;
        else if (view.Leader is not { } leader || (view.Role != RaftRole.Leader && !view.Bonds.ContainsKey(leader)))
            expected = CommandFailure.NoLeader;
        bool isDone = view.Node.Commands.TryGetValue(input.Token, out CommandCompletion done);
        if (expected != CommandFailure.None)
            Require(isDone && done.Outcome == CommandOutcome.NotSubmitted && done.Failure == expected, "CALL", view,
                $"ends {input.What} with {(isDone ? done.Failure : "nothing")}, not {expected}");
        else
            Require(!isDone || (view.Role == RaftRole.Leader && done.Outcome is CommandOutcome.Done or CommandOutcome.Unknown), "CALL", view,
                $"ends {input.What} at once with {done.Outcome} {done.Failure}");
    }

    private void CheckAsked(NodeView view, in ClusterInput input)
    {
        bool isLocal = !input.IsStrong || (view.Role == RaftRole.Leader && !isMajority);
        bool isServed = view.Role == RaftRole.Leader
            || (view.Role == RaftRole.Follower && view.Leader is { } leader && view.Bonds.ContainsKey(leader));
        bool isDone = view.Node.Queries.TryGetValue(input.Token, out QueryCompletion done);
        if (isLocal)
        {
            Require(isDone && done.Outcome == QueryOutcome.Answered, "CALL", view, "does not answer a query from its own state");
            CheckResult(view, done.Result, done.Position);
        }
        else if (!isServed)
        {
            Require(isDone && done.Outcome == QueryOutcome.Offline, "CALL", view, "knows no leader and does not say so");
        }
        else
        {
            Require(!isDone || done.Outcome == QueryOutcome.Answered, "CALL", view, "refuses a query that its leader can answer");
        }
    }

    // An answer is the state at its position.
    private void CheckResult(NodeView view, ReadOnlyMemory<byte> result, LogIndex position)
    {
        Require(position.Value <= view.Node.Core.Committed.Index.Value, "CALL", view, $"answers with the state at {position}");
        IEnumerable<string> state = view.Log.Take((int)position.Value).Select(CommandOf).OfType<string>();
        Require(JournalMachine.Decode(result.Span) == string.Join(',', state), "CALL", view, $"answers with another state than that at {position}");
    }

    private void CheckForwarded(NodeView view, in ClusterInput input)
    {
        RaftCore core = view.Node.Core;
        bool leads = core.Role == RaftRole.Leader && view.Role == RaftRole.Leader && core.Term == view.Term;
        switch (ForwardMessage.Read(input.Message, true))
        {
            case ForwardMessage.Command { RequestId: { } id } command:
                string[] commands = [.. command.Commands.Select(c => JournalMachine.Decode(c.Span))];
                _forwardedCommands[(view.Node, input.From!.Peer, id)] = commands;
                Require(!leads || view.Log.Count - view.Kept >= commands.Length, "CALL", view, $"does not append {commands[0]}, forwarded to it");
                Require(!leads || HasForwarded(view, m => m is ForwardMessage.CommandAck ack && ack.RequestId == id), "CALL", view,
                    $"does not acknowledge {commands[0]}, forwarded to it");
                break;
            case ForwardMessage.QueryResponse response:
                foreach ((_, QueryCompletion done) in view.Node.Queries)
                    Require(done.Position == response.Position && done.Result.Span.SequenceEqual(response.Result.Span), "CALL", view,
                        "answers a query with something else than its leader said");
                break;
        }
    }

    private static bool HasForwarded(NodeView view, Predicate<ForwardMessage> isIt) => view.Outbox.Any(
        o => (RaftMessageKind)o.Message[0] == RaftMessageKind.Forward && ForwardMessage.Read(o.Message, true) is { } message && isIt(message));

    // What is said to followers about their calls (from CheckOutbox).
    private void CheckForwardAnswer(NodeView view, PeerId to, byte[] message)
    {
        switch (ForwardMessage.Read(message, true))
        {
            case ForwardMessage.CommandAck ack when _forwardedCommands.Remove((view.Node, to, ack.RequestId), out string[]? commands):
                for (int i = 0; i < commands.Length; i++)
                {
                    ulong index = ack.Assigned.Start.Value + (ulong)i;
                    Require(index <= (ulong)view.Log.Count && CommandOf(view.Log[(int)index - 1]) == commands[i], "I16", view,
                        $"says that {commands[i]} is entry {index}");
                }

                break;
            case ForwardMessage.QueryResponse response:
                CheckResult(view, response.Result, response.Position);
                break;
        }
    }

    private void CheckEnded(NodeView view, in CommandCompletion done, bool hasLeft)
    {
        if (History.Find(done.Token) is not { } call || call.Begin > view.TurnBegan)
            return;
        ClusterNode node = view.Node;
        bool isExplained = done.Failure switch
        {
            CommandFailure.LeadershipLost => hasLeft || view.Role != node.Core.Role,
            CommandFailure.ForwardTimeout => node.Now >= call.At + node.Settings.ForwardTimeout,
            CommandFailure.Overwritten => view.IsTruncated || view.Committed != node.Core.Committed,
            CommandFailure.None => true,
            _ => false,
        };
        CommandOutcome told = done.Failure switch
        {
            CommandFailure.None => CommandOutcome.Done,
            CommandFailure.Overwritten => CommandOutcome.Lost,
            _ => CommandOutcome.Unknown,
        };
        isExplained &= done.Outcome == told;
        Require(isExplained, "CALL", view, $"ends {call.What} with {done.Outcome} {done.Failure}, for which there is no reason");
        if (done is { Outcome: CommandOutcome.Lost, Assigned: { } range } && range.End.Value <= (ulong)view.Log.Count)
            Require(CommandOf(view.Log[(int)range.End.Value - 1]) != call.Last, "CALL", view, $"says that {call.What} is lost, and has it");
        if (done is { Outcome: CommandOutcome.Done, Assigned: { } place } && call.Mode == SubmitMode.Feed && node.Core.Role == RaftRole.Leader)
            Require(CommandOf(view.Log[(int)place.End.Value - 1]) == call.Last, "I16", view, $"says that {call.What} is at {place}");
    }

    // Requests and answers of log replay stay within their bounds (§6.9 rules 5, 6; I17).
    private void CheckReplay(NodeView view)
    {
        Dictionary<PeerId, int> asked = [];
        foreach ((PeerId? to, byte[] message) in view.Outbox)
        {
            if (to is not { } peer)
                continue;
            switch (ReplayOf(message))
            {
                case ReplayMessage.FetchRequest request:
                    asked[peer] = asked.GetValueOrDefault(peer) + 1;
                    Require(request.Range.Count <= (ulong)view.Node.Settings.ReplayBatchSize, "I17", view, $"asks for {request.Range} at once");
                    Require(view.Inputs > 1 || asked[peer] <= (peer == view.Node.Core.Leader ? LeaderRequests : 1), "I17", view, "asks one member too much at once");
                    break;
                case ReplayMessage.FetchResponse { Entries.Count: > 0 } answer:
                    CheckServed(view, answer);
                    break;
                case ReplayMessage.AvailabilityResponse available:
                    CheckAvailability(view, available.Range);
                    break;
            }
        }
    }

    private static ReplayMessage? ReplayOf(byte[] message) =>
        (RaftMessageKind)message[0] == RaftMessageKind.StateSync ? ReplayMessage.Read(message, true) : null;

    private void CheckServed(NodeView view, ReplayMessage.FetchResponse answer)
    {
        RaftCore core = view.Node.Core;
        Require(answer.Entries.Count <= view.Node.Settings.ReplayBatchSize, "I17", view, $"serves {answer.Entries.Count} entries at once");
        Require(view.Inputs > 1 || core.Role == RaftRole.Leader || (core.Online && answer.Range.End <= core.Committed.Index), "H3", view,
            $"serves {answer.Range}, which it may not");
        ulong index = answer.Range.Start.Value;
        if (view.IsTruncated)
            return;
        foreach (LogEntry entry in answer.Entries)
            Require(IsSame(entry, view.Log[(int)index++ - 1]), "H3", view, $"serves another entry {index - 1} than it has");
        Require(index == answer.Range.End.Value + 1, "H3", view, $"serves {answer.Entries.Count} entries as {answer.Range}");
        Require(isMajority || answer.Lineage == view.Node.Core.FoundingLineage, "H7", view, "serves entries under another founding");
    }
}
