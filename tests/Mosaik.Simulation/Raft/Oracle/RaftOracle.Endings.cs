using Mosaik.Groups.Raft;
using Mosaik.Primitives;
using Mosaik.Simulation.Raft.Cluster;

namespace Mosaik.Simulation.Raft.Oracle;

// Calls end as soon as they can, not only some day (spec/groups.md §7.2–§7.5; spec/groups-safety.md §5 H11, §7.13).
internal sealed partial class RaftOracle
{
    // Calls that were sent to a leader: by whom and under which id.
    private readonly Dictionary<(ClusterNode Node, ulong Request), ulong> _requests = [];

    // Executes whose entries have a place.
    private readonly HashSet<ulong> _placed = [];

    private void CheckEndings(NodeView view, in ClusterInput input, int inputs)
    {
        RaftCore core = view.Node.Core;
        bool leads = view.Role == RaftRole.Leader && core.Role == RaftRole.Leader && view.Term == core.Term;
        if (inputs == 1)
            CheckCalled(view, input, leads);
        foreach (OpenCall open in History.OpenOn(view.Node))
        {
            if (open.Mode == SubmitMode.Execute && _placed.Contains(open.Token) && !view.Node.Commands.ContainsKey(open.Token))
                Require(PlaceOf(view, open.Last!) is not { } place || place > core.Committed.Index.Value, "H11", view,
                    $"has committed {open.Last} and does not tell its caller");
        }

        if (isMajority && view.Candidacy is { ElectedAtIndex: not null } led && core.Role == RaftRole.Leader)
            CheckReadsDue(view, led, input, inputs, leads);
    }

    private void CheckCalled(NodeView view, in ClusterInput input, bool leads)
    {
        ClusterNode node = view.Node;
        if (input.Kind is InputKind.Submit or InputKind.Query)
        {
            foreach ((_, byte[] message) in view.Outbox.Where(o => (RaftMessageKind)o.Message[0] == RaftMessageKind.Forward))
            {
                if (ForwardMessage.Read(message, true) is ForwardMessage.Command { RequestId: { } command })
                    _requests[(node, command)] = input.Token;
                else if (ForwardMessage.Read(message, true) is ForwardMessage.Query query)
                    _requests[(node, query.RequestId)] = input.Token;
            }

            if (!leads || input.Kind == InputKind.Query || node.Commands.ContainsKey(input.Token))
                return;
            Require(input.Mode == SubmitMode.Execute, "CALL", view, $"has appended {input.What} and does not say so");
            _placed.Add(input.Token);
        }
        else if (input.Kind == InputKind.Message && (RaftMessageKind)input.Message![0] == RaftMessageKind.Forward
            && view.Role == RaftRole.Follower && view.Leader == input.From!.Peer)
        {
            CheckAnswered(view, ForwardMessage.Read(input.Message, true));
        }
        else if (leads && !isMajority && ForwardedIn(input) is ForwardMessage.Query asked)
        {
            Require(HasForwarded(view, m => m is ForwardMessage.QueryResponse answer && answer.RequestId == asked.RequestId), "CALL", view,
                "does not answer a query that was forwarded to it");
        }
    }

    private static ForwardMessage? ForwardedIn(in ClusterInput input) =>
        input.Kind == InputKind.Message && (RaftMessageKind)input.Message![0] == RaftMessageKind.Forward
            ? ForwardMessage.Read(input.Message, true) : null;

    // What the leader says of a call is passed on to its caller.
    private void CheckAnswered(NodeView view, ForwardMessage? message)
    {
        ClusterNode node = view.Node;
        switch (message)
        {
            case ForwardMessage.CommandAck ack when OpenRequest(node, ack.RequestId) is { } call:
                if (call.Mode == SubmitMode.Execute)
                    _placed.Add(call.Token);
                else
                    Require(node.Commands.TryGetValue(call.Token, out CommandCompletion done) && done.Assigned == ack.Assigned, "CALL", view,
                        $"hears that {call.What} is appended and does not say so");
                break;
            case ForwardMessage.QueryResponse response when OpenRequest(node, response.RequestId) is { } call:
                Require(node.Queries.ContainsKey(call.Token), "CALL", view, "hears the answer to a query and does not say so");
                break;
        }
    }

    // Those that have just ended are still among them.
    private OpenCall? OpenRequest(ClusterNode node, ulong request)
    {
        if (!_requests.Remove((node, request), out ulong token))
            return null;
        foreach (OpenCall open in History.OpenOn(node))
        {
            if (open.Token == token)
                return open;
        }

        return null;
    }

    private ulong? PlaceOf(NodeView view, string command)
    {
        for (int i = view.Log.Count - 1; i >= 0; i--)
        {
            if (CommandOf(view.Log[i]) == command)
                return (ulong)i + 1;
        }

        return null;
    }

    // A strong read is answered once a quorum has answered a round that began after it.
    private void CheckReadsDue(NodeView view, Candidacy led, in ClusterInput input, int inputs, bool leads)
    {
        ClusterNode node = view.Node;
        if (node.Core.Committed.Term == node.Core.Term)
            led.SettledAt ??= Step;
        if (inputs == 1 && leads && ForwardedIn(input) is ForwardMessage.Query asked)
            led.Reads[(input.From!.Peer, asked.RequestId)] = (Step, node.Now);
        foreach ((PeerId? to, byte[] message) in view.Outbox)
        {
            if (to is { } asker && (RaftMessageKind)message[0] == RaftMessageKind.Forward
                && ForwardMessage.Read(message, true) is ForwardMessage.QueryResponse answer)
                led.Reads.Remove((asker, answer.RequestId));
        }

        if (led.SettledAt is not { } settled)
            return;
        bool isAsked = inputs == 1 && leads && settled < Step
            && (input is { Kind: InputKind.Query, IsStrong: true } || ForwardedIn(input) is ForwardMessage.Query);
        Require(!isAsked || view.Bonds.Count == 0 || HasSent(view, RaftMessageKind.AppendEntries), "READ", view,
            "does not begin a round for a read at once");
        foreach (OpenCall open in History.OpenOn(node))
        {
            if (open is { Mode: null, IsStrong: true } && !node.Queries.ContainsKey(open.Token))
                Require(!IsConfirmed(view, led, Math.Max(open.Begin, settled)), "READ", view, "does not answer a read that is confirmed");
        }

        foreach ((var read, (long step, TimeSpan at)) in led.Reads)
        {
            if (node.Now < at + node.Settings.QueryTimeout)
                Require(!IsConfirmed(view, led, Math.Max(step, settled)), "READ", view, $"does not answer the read {read.Request} that is confirmed");
        }
    }

    // By a round of a later step; that of the same step may have begun before.
    private static bool IsConfirmed(NodeView view, Candidacy led, long after)
    {
        if (view.RosterAt(ulong.MaxValue) is not { } inForce)
            return false;
        int confirmed = inForce.Roster.Members.Count(m => m == view.Node.Member
            || (led.Answered.TryGetValue(m, out ulong round) && led.RoundSentAt.TryGetValue(round, out long sent) && sent > after));
        return confirmed >= QuorumOf(inForce.Roster);
    }
}
