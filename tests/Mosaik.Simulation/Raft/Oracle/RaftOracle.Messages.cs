using Mosaik.Groups;
using Mosaik.Groups.Raft;
using Mosaik.Primitives;
using Mosaik.Simulation.Raft.Cluster;

namespace Mosaik.Simulation.Raft.Oracle;

// What is said and answered (spec/groups.md §6.2, §6.7–§6.9; spec/groups-safety.md §5 H3–H6, H9, §7.9, §7.11, §7.13).
internal sealed partial class RaftOracle
{
    // When forwarded reads arrived.
    private readonly Dictionary<(ClusterNode Node, PeerId Asker, ulong Request), long> _forwarded = [];

    private void TakeAcknowledgement(NodeView view, Candidacy led, ClusterNode from, in AppendEntriesResponse response)
    {
        ulong index = Math.Min(response.LastIndex.Value, (ulong)view.Log.Count);
        led.HeardAt[view.Seen(from)] = view.Node.Now;
        if (response.Tail.Round is { } round)
            led.Answered[view.Seen(from)] = Math.Max(led.Answered.GetValueOrDefault(view.Seen(from)), round);
        if (isMajority && response.Vote == Vote.Granted)
            led.Acknowledged[view.Seen(from)] = Math.Max(led.Acknowledged.GetValueOrDefault(view.Seen(from)), index);
        else if (!isMajority && response.Vote == Vote.Granted)
            led.Committee[view.Seen(from)] = Math.Max(led.Committee.GetValueOrDefault(view.Seen(from)), index);
        else if (!isMajority && response.Vote == Vote.Abstained)
            led.Committee.Remove(view.Seen(from));
    }

    private void CheckAnswer(NodeView view, in ClusterInput input)
    {
        if (input.Kind != InputKind.Message)
            return;
        byte[] message = input.Message!;
        switch ((RaftMessageKind)message[0])
        {
            case RaftMessageKind.RequestVote when _expected is { } expected:
                CheckVote(view, input.From!, expected);
                break;
            case RaftMessageKind.RequestVoteResponse when RequestVoteResponse.TryRead(message, true, out RequestVoteResponse vote):
                CheckTold(view, vote.Term);
                break;
            case RaftMessageKind.AppendEntriesResponse
                when AppendEntriesResponse.TryRead(message, true, out AppendEntriesResponse response):
                CheckTold(view, response.Term);
                break;
            case RaftMessageKind.AppendEntries
                when AppendEntries.TryRead(message, view.IsExtended(input.From!), out AppendEntries entries):
                CheckTold(view, entries.Term);
                CheckFollowing(view, input.From!, entries);
                break;
        }
    }

    // Whoever hears of a greater term takes it (§6.2 rule 5).
    private static void CheckTold(NodeView view, Term term) =>
        Require(view.Node.Core.Term >= term, "TERM", view, $"hears of term {term} and stays in its own");

    private void CheckFollowing(NodeView view, ClusterNode from, in AppendEntries entries)
    {
        RaftCore core = view.Node.Core;
        AppendEntriesResponse? answer = null;
        foreach ((PeerId? to, byte[] message) in view.Outbox)
        {
            if (to == from.Peer && (RaftMessageKind)message[0] == RaftMessageKind.AppendEntriesResponse
                && AppendEntriesResponse.TryRead(message, true, out AppendEntriesResponse response))
                answer = response;
        }

        if (entries.Term < view.Term)
        {
            Require(answer is { Vote: Vote.Denied } stale && stale.Term == view.Term && stale.LastIndex == view.Last.Index, "H5", view,
                $"does not tell {from.Name} that its term {entries.Term} is over");
            return;
        }

        bool follows = core.Role == RaftRole.Follower && core.Leader == from.Peer && core.Term == entries.Term;
        bool wasAccepted = view.Role == RaftRole.Follower && view.Leader == from.Peer && view.Term == entries.Term;
        if (!isMajority && !wasAccepted && view.Leader is not null && view.Leader != from.Peer && view.Term == entries.Term
            && MayCampaign(view) && view.HasCampaigned)
            Require(core.Term > entries.Term || core.Role == RaftRole.Candidate, "RIVAL", view, $"sees two leaders in term {entries.Term}");
        bool refuses = !isMajority && !wasAccepted && MustRefuse(view, entries);
        Require(!refuses || !follows, "H6", view, $"follows {from.Name}, which lacks what is committed here and is not ahead");
        bool isRival = view.Term == entries.Term && (view.Role == RaftRole.Leader
            || (view.Role == RaftRole.Follower && view.Leader is not null && view.Leader != from.Peer));
        Require(follows || refuses || isRival, "FOLLOW", view, $"does not follow {from.Name}, which leads term {entries.Term}");
        if (!follows)
            return;
        CheckConsistent(view, from, entries);
        if (!view.IsAuthorized)
            return;
        if (core.Online)
        {
            ulong verified = entries.EndIndex.Value;
            Require(core.Committed.Index.Value >= Math.Min(entries.LeaderCommit.Value, verified), "COMMIT", view,
                $"does not commit {entries.LeaderCommit} with {from.Name}");
            Require(answer is null || answer.Value.LastIndex.Value >= verified, "H9", view, $"acknowledges {answer?.LastIndex}, not {verified}");
            Require(answer is not null, "H4", view, $"does not answer {from.Name}");
            Vote expected = isMajority ? view.Node.Settings.IsVoter ? Vote.Granted : Vote.Abstained
                : view.Node.Machine.Preference.IsObserver ? Vote.Abstained : Vote.Granted;
            Require(answer!.Value.Vote == expected, "I12", view, $"answers {answer.Value.Vote} to {from.Name}");
        }
        else if (isMajority)
        {
            Require(answer is { Vote: Vote.Denied }, "DENIED", view, $"does not tell {from.Name} that its log differs");
            Require(answer!.Value.LastIndex == core.Committed.Index, "DENIED", view, $"denies with {answer.Value.LastIndex}");
        }

        if (isMajority && answer is { } told && entries.Tail.Round is { } round)
            Require(told.Tail.Round is { } seen && seen >= round, "ROUND", view, $"answers round {told.Tail.Round}, not {round}");
    }

    // Answers are cumulative: who is online at the end of a turn has told its leader all that came in it (§6.8).
    private static void CheckTurn(NodeView view, int inputs)
    {
        RaftCore core = view.Node.Core;
        if (inputs == 1 || core.Role != RaftRole.Follower || !core.Online || core.Leader is not { } leader
            || !view.Ends.TryGetValue((leader, core.Term), out ulong end))
            return;
        AppendEntriesResponse? told = null;
        foreach ((PeerId? to, byte[] message) in view.Outbox)
        {
            if (to == leader && (RaftMessageKind)message[0] == RaftMessageKind.AppendEntriesResponse
                && AppendEntriesResponse.TryRead(message, true, out AppendEntriesResponse response))
                told = response;
        }

        Require(told is { } last && last.Term == core.Term && last.LastIndex.Value >= end, "H4", view,
            $"answers {told?.LastIndex} to what ends at {end}");
    }

    private static void NoteHeard(NodeView view, ClusterNode from, in AppendEntries entries)
    {
        view.Ends[(from.Peer, entries.Term)] = entries.EndIndex.Value;
        view.Commits[(from.Peer, entries.Term)] =
            Math.Max(entries.LeaderCommit.Value, view.Commits.GetValueOrDefault((from.Peer, entries.Term)));
        if (entries.Tail.Round is { } round)
            view.Rounds[(from.Peer, entries.Term)] = Math.Max(round, view.Rounds.GetValueOrDefault((from.Peer, entries.Term)));
    }

    // Whose log is the leader's up to the place where the entries go follows it at once (§6.8).
    private void CheckConsistent(NodeView view, ClusterNode from, in AppendEntries entries)
    {
        int previous = (int)entries.Previous.Index.Value;
        bool isUnknown = HasPlain || entries.Tail.Lineage is null || view.IsFoundingUnknown || view.Founding != entries.Tail.Lineage;
        if (!isMajority && entries.Previous.Term == Term.One && isUnknown)
            return;
        bool isRunning = view.Node.Core.State == RaftState.Running && view.IsAuthorized;
        if (!isRunning || !IsWithinBudget || LeaderOf(view, from.Peer) is not { } theirs || theirs.Log.Count < previous)
            return;
        bool had = previous == 0 || (previous <= view.Kept && IsSame(view.Log[previous - 1], theirs.Log[previous - 1]));
        Require(!had || view.Node.Core.Online, "FOLLOW", view, $"has what {from.Name} has at {previous} and does not follow it");
    }

    private bool MustRefuse(NodeView view, in AppendEntries entries)
    {
        if (!MayCampaign(view) || entries.EndIndex >= view.Committed.Index)
            return false;
        LogCursor end = entries.Previous;
        foreach (LogEntry entry in entries.Entries)
            end = new LogCursor(entry.Term, end.Index.Next);
        return end < view.Last;
    }

    private void CheckOutbox(NodeView view)
    {
        foreach ((PeerId? to, byte[] message) in view.Outbox)
        {
            switch ((RaftMessageKind)message[0])
            {
                case RaftMessageKind.AppendEntriesResponse
                    when AppendEntriesResponse.TryRead(message, true, out AppendEntriesResponse response):
                    CheckVerified(view, to, response);
                    break;
                case RaftMessageKind.AppendEntries when AppendEntries.TryRead(message, true, out AppendEntries entries):
                    CheckEntries(view, entries);
                    break;
                case RaftMessageKind.RequestVote when RequestVote.TryRead(message, true, out RequestVote request):
                    view.Campaigns.Add(request.Term);
                    CheckRequest(view, to, request);
                    break;
                case RaftMessageKind.Forward when to is { } caller:
                    CheckForwardAnswer(view, caller, message);
                    break;
            }
        }

        CheckReplay(view);
    }

    // A candidate asks everybody, with the end of its log.
    private static void CheckRequest(NodeView view, PeerId? to, in RequestVote request)
    {
        Require(to is null && request.Candidate == view.Node.Peer, "CAMPAIGN", view, "does not ask everybody for itself");
        if (view.Inputs > 1 || view.IsTruncated)
            return;
        LogCursor last = view.Kept == 0 ? LogCursor.Zero : new LogCursor(view.Log[view.Kept - 1].Term, new LogIndex((ulong)view.Kept));
        Require(request.Last == last, "CAMPAIGN", view, $"campaigns with the log {request.Last}, it has {last}");
    }

    // What is acknowledged is in the log, and is what the leader has there (H9).
    private void CheckVerified(NodeView view, PeerId? to, in AppendEntriesResponse response)
    {
        if (to is not { } leading)
            throw Violation("ANSWER", view, "answers its leader to everybody");
        Require(response.Tail.Round is not { } round || round <= view.Rounds.GetValueOrDefault((leading, response.Term)), "ROUND", view,
            $"answers round {response.Tail.Round}, which it has not heard");
        Require(response.Vote == Vote.Denied || view.Commits.ContainsKey((leading, response.Term)), "ANSWER", view,
            $"accepts what a leader of term {response.Term} sent, and has not heard one");
        if (response.Vote == Vote.Denied || response.Term != view.Node.Core.Term)
            return;
        ulong index = response.LastIndex.Value;
        Require(index <= (ulong)view.Log.Count, "H9", view, $"acknowledges {index}, its log ends at {view.Log.Count}");
        if (!IsWithinBudget || ProcessOf(leading) is not { } leader || leader.Core.Role != RaftRole.Leader
            || leader.Core.Term != response.Term || !_views.TryGetValue(leader, out NodeView? theirs))
            return;
        Require(index <= (ulong)theirs.Log.Count, "H9", view, $"acknowledges {index}, the leader's log ends at {theirs.Log.Count}");
        for (int i = 0; i < (int)index; i++)
            Require(IsSame(view.Log[i], theirs.Log[i]), "H9", view, $"acknowledges {index} to {leader.Name}, whose entry {i + 1} differs");
    }

    private void CheckEntries(NodeView view, in AppendEntries entries)
    {
        if (isMajority && view.Candidacy is { } led && entries.Term == led.Term)
        {
            Require(entries.Tail.Round is not null, "ROUND", view, "sends entries without a round");
            led.RoundSentAt.TryAdd(entries.Tail.Round!.Value, Step);
        }

        if (!isMajority && entries.Term == view.Node.Core.Term)
            Require(entries.Tail.Lineage == (entries.EndIndex.IsZero ? null : view.Node.Core.FoundingLineage), "H7", view,
                "sends entries under another founding than theirs");

        // Later entries of the same step may be committed already; nothing beyond what is committed is ever announced.
        Require(entries.LeaderCommit <= view.Node.Core.Committed.Index, "COMMIT", view, $"announces {entries.LeaderCommit} as committed");
    }

    // The leader serves all it has, others what is committed; who is not online serves nothing (H3).
    private static void CheckAvailability(NodeView view, LogRange range)
    {
        RaftCore core = view.Node.Core;
        if (view.Inputs > 1)
            return;
        ulong expected = core.Role == RaftRole.Leader ? (ulong)view.Log.Count : core.Online ? core.Committed.Index.Value : 0;

        // A leader may append a change of the roster in the same turn, behind its answer.
        bool isBefore = core.Role == RaftRole.Leader && range.End.Value == (ulong)view.Kept;
        Require(range.End.Value == expected || isBefore, "H3", view, $"offers up to {range.End}, not {expected}");
    }

    private TimeSpan QuorumDeadline(NodeView view)
    {
        if (view.Candidacy is not { ElectedAtIndex: not null } led || view.RosterAt(ulong.MaxValue) is not { } inForce)
            return TimeSpan.MaxValue;
        List<TimeSpan> heard = [];
        foreach (GroupMember member in inForce.Roster.Members)
        {
            TimeSpan at = member == view.Node.Member ? TimeSpan.MaxValue : led.HeardAt.GetValueOrDefault(member, led.ElectedAt);
            heard.Add(at < led.ElectedAt ? led.ElectedAt : at);
        }

        heard.Sort();
        TimeSpan quorum = heard[^((heard.Count / 2) + 1)];
        return quorum == TimeSpan.MaxValue ? quorum : quorum + view.Node.Settings.ElectionTimeout;
    }

    // A leader whom no quorum answers any more steps down (§7.11); a leader that is alone is not asked in Available.
    private void CheckLeader(NodeView view, in ClusterInput input, int inputs)
    {
        bool gaveUp = isMajority && inputs == 1 && input.Kind == InputKind.Timer && view.Role == RaftRole.Leader
            && view.Node.Core.Role != RaftRole.Leader && view.RosterAt(ulong.MaxValue)?.Roster.Contains(view.Node.Member) == true;
        Require(!gaveUp || view.Node.Now >= QuorumDeadline(view), "CHECK-QUORUM", view, "gives up although a quorum answers");

        if (isMajority && input.Kind == InputKind.Timer && view.Node.Core.Role == RaftRole.Leader
            && view.Role == RaftRole.Leader && view.Term == view.Node.Core.Term)
            Require(view.Node.Now <= QuorumDeadline(view), "CHECK-QUORUM", view, "leads although no quorum answers");
        if (input.Kind == InputKind.BondUp && view.Node.Core.Role == RaftRole.Leader)
            Require(HasSent(view, RaftMessageKind.AppendEntries), "HEARTBEAT", view, "does not greet a new bond");
    }

    // A strong read is answered only after a quorum has answered a round that began after the read arrived (§7.13).
    private void CheckReads(NodeView view, in ClusterInput input)
    {
        if (!isMajority)
            return;
        if (input.Kind == InputKind.Message && ForwardedQuery(input.Message!) is { } arrived)
            _forwarded[(view.Node, input.From!.Peer, arrived)] = Step;
        if (view.Candidacy is not { ElectedAtIndex: not null } led || view.Node.Core.Role != RaftRole.Leader)
            return;
        foreach (ulong token in History.AnsweredNow(view.Node))
            CheckConfirmed(view, led, History.AskedAt(token));
        foreach ((PeerId? to, byte[] message) in view.Outbox)
        {
            if (to is { } asker && (RaftMessageKind)message[0] == RaftMessageKind.Forward
                && ForwardMessage.Read(message, true) is ForwardMessage.QueryResponse answer
                && _forwarded.TryGetValue((view.Node, asker, answer.RequestId), out long asked))
                CheckConfirmed(view, led, asked);
        }
    }

    private static ulong? ForwardedQuery(byte[] message) => (RaftMessageKind)message[0] == RaftMessageKind.Forward
        && ForwardMessage.Read(message, true) is ForwardMessage.Query query ? query.RequestId : null;

    private static void CheckConfirmed(NodeView view, Candidacy led, long askedAt)
    {
        if (view.RosterAt(ulong.MaxValue) is not { } inForce)
            return;
        Require(view.Node.Core.Committed.Term == view.Node.Core.Term, "READ", view, "answers before an entry of its term is committed");
        int confirmed = inForce.Roster.Members.Count(m => m == view.Node.Member
            || (led.Answered.TryGetValue(m, out ulong round) && led.RoundSentAt.TryGetValue(round, out long sent) && sent >= askedAt));
        Require(confirmed >= (inForce.Roster.Members.Length / 2) + 1, "READ", view,
            $"answers a read that {confirmed} of {inForce.Roster.Members.Length} have confirmed");
    }
}
