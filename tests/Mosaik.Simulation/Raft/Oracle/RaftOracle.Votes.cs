using Mosaik.Groups;
using Mosaik.Groups.Raft;
using Mosaik.Simulation.Raft.Cluster;

namespace Mosaik.Simulation.Raft.Oracle;

// Candidacies, votes and elections (spec/groups.md §6.3–§6.6; spec/groups-safety.md §5 H1, H5, H7, H10, §7.2–§7.6, §7.12).
internal sealed partial class RaftOracle
{
    private const ulong Stripes = 1UL << 20;
    private readonly Dictionary<Term, GroupMember> _leaders = [];

    private ExpectedVote? _expected;

    // What a message changes in the oracle's books, and what it has to be answered with.
    private void Receiving(NodeView view, ClusterNode from, byte[] message)
    {
        _expected = null;
        switch ((RaftMessageKind)message[0])
        {
            case RaftMessageKind.RequestVote when RequestVote.TryRead(message, true, out RequestVote request):
                NoteFounded(view, from, request.Last.Index);
                _expected = isMajority ? ExpectMajority(view, from, request) : ExpectAvailable(view, from, request);
                break;
            case RaftMessageKind.AppendEntries
                when AppendEntries.TryRead(message, view.IsExtended(from), out AppendEntries entries):
                view.HeardFrom.Add((from.Peer, entries.Term));
                NoteFounded(view, from, entries.EndIndex);
                NoteHeard(view, from, entries);
                break;
            case RaftMessageKind.RequestVoteResponse when RequestVoteResponse.TryRead(message, true, out RequestVoteResponse vote):
                Require(vote.Vote != Vote.Granted || view.Campaigns.Contains(vote.Term), "ANSWER", view,
                    $"gets a vote of {from.Name} in term {vote.Term}, for which this process has not asked");
                if (view.Candidacy is { } candidacy && vote.Term == candidacy.Term)
                    TakeVote(view, candidacy, from, vote.Vote);
                break;
            case RaftMessageKind.AppendEntriesResponse
                when AppendEntriesResponse.TryRead(message, true, out AppendEntriesResponse response):
                if (view.Candidacy is { ElectedAtIndex: not null } led && response.Term == led.Term)
                    TakeAcknowledgement(view, led, from, response);
                break;
        }
    }

    private static void NoteFounded(NodeView view, ClusterNode from, LogIndex last)
    {
        if (from.Settings.IsVoter && !last.IsZero)
            view.Founded.Add(from.Peer);
    }

    private static void TakeVote(NodeView view, Candidacy candidacy, ClusterNode from, Vote vote)
    {
        if (!candidacy.Requested.Contains(view.Seen(from)) && candidacy.ElectedAtIndex is null)
            return;
        if (vote == Vote.Granted)
            candidacy.Granted.Add(view.Seen(from));
        else if (vote == Vote.Abstained)
            candidacy.Abstained.Add(view.Seen(from));
        if (candidacy.ElectedAtIndex is not { } elected || view.Node.Settings.IsMajority)
            return;
        if (vote == Vote.Granted)
            candidacy.Committee[view.Seen(from)] = Math.Max(candidacy.Committee.GetValueOrDefault(view.Seen(from)), elected);
        else if (vote == Vote.Abstained)
            candidacy.Committee.Remove(view.Seen(from));
    }

    private static ExpectedVote ExpectAvailable(NodeView view, ClusterNode from, in RequestVote request)
    {
        RaftCore core = view.Node.Core;
        if (request.Term < view.Term)
            return new ExpectedVote(view.Term, Vote.Denied, IsRecorded: false);
        GroupMember? vote = request.Term > view.Term ? null : view.Vote;
        bool isBehind = (vote is null || vote == view.Seen(from)) && request.Last < view.Last;
        Vote answer;
        bool recorded = true;
        if (vote is not null && vote != view.Seen(from))
            (answer, recorded) = (Vote.Denied, false);
        else if (request.Last < view.Last)
            (answer, recorded) = (Vote.Denied, false);
        else if (view.Node.Age < view.Node.Settings.BootstrapDelay || view.Last != request.Last
            || view.Node.Machine.Preference.IsObserver || core.State != RaftState.Running)
            answer = Vote.Abstained;
        else
            answer = Vote.Granted;
        return new ExpectedVote(request.Term, answer, recorded) { IsBehind = isBehind };
    }

    private ExpectedVote? ExpectMajority(NodeView view, ClusterNode from, in RequestVote request)
    {
        (Roster Roster, ulong Index)? inForce = view.RosterAt(ulong.MaxValue);
        bool isOutsider = inForce is { } known && !known.Roster.Contains(view.Seen(from));
        if (isOutsider && request.Last < view.Last)
            return ExpectOutrun(view, request.Term);
        bool isIgnored = false;
        if (request.Term > view.Term)
            isIgnored = view.Role == RaftRole.Leader ? view.Node.Now < QuorumDeadline(view) : HearsLeader(view);
        if (isIgnored)
            return new ExpectedVote(default, default, IsRecorded: false) { IsSilent = true };
        if (request.Term < view.Term)
            return new ExpectedVote(view.Term, Vote.Denied, IsRecorded: false);
        if (!view.Node.Settings.IsVoter)
            return new ExpectedVote(request.Term, Vote.Abstained, IsRecorded: false);
        bool isNew = request.Term > view.Term;
        GroupMember? vote = isNew ? null : view.Vote;
        RaftRole role = isNew ? RaftRole.Follower : view.Role;
        bool isGranted = (vote is null || vote == view.Seen(from)) && request.Last >= view.Last && role == RaftRole.Follower;
        return new ExpectedVote(request.Term, isGranted ? Vote.Granted : Vote.Denied, isGranted)
        {
            IsBehind = (vote is null || vote == view.Seen(from)) && request.Last < view.Last,
        };
    }

    // It is not answered. Where nobody leads it is outrun, for it takes the votes of others in every term in which it asks first.
    private ExpectedVote ExpectOutrun(NodeView view, Term asked)
    {
        bool isBefore = view.Role == RaftRole.Follower ? asked >= view.Term : asked > view.Term;
        bool isOutrun = isBefore && view.Inputs == 1 && view.Role != RaftRole.Leader && !HearsLeader(view) && MayCampaign(view);
        if (isOutrun || view.Inputs > 1)
            view.Asked.Add(asked);
        if (isOutrun && asked > view.Outrun)
            view.Outrun = asked;
        return new ExpectedVote(default, default, IsRecorded: false) { IsSilent = true, IsBehind = isOutrun };
    }

    private bool HearsLeader(NodeView view) => view.Leader is { } leader && view.Role == RaftRole.Follower
        && view.Bonds.ContainsKey(leader)
        && view.LeaderHeardAt != TimeSpan.MinValue
        && view.Node.Now < view.LeaderHeardAt + view.Node.Settings.ElectionTimeout;

    private void CheckVote(NodeView view, ClusterNode from, ExpectedVote expected)
    {
        RequestVoteResponse? answer = null;
        foreach ((Primitives.PeerId? to, byte[] message) in view.Outbox)
        {
            if (to == from.Peer && (RaftMessageKind)message[0] == RaftMessageKind.RequestVoteResponse
                && RequestVoteResponse.TryRead(message, true, out RequestVoteResponse response))
                answer = response;
        }

        if (expected.IsSilent)
        {
            Require(answer is null && view.Node.Core.Term == view.Term, "STICKY", view,
                $"lets itself be disturbed by the candidate {from.Name}");
            return;
        }

        Require(answer is not null, "H5", view, $"does not answer the candidate {from.Name}");
        Require(answer!.Value.Term == expected.Term && answer.Value.Vote == expected.Vote, "VOTE", view,
            $"answers {answer.Value.Vote} in term {answer.Value.Term} to {from.Name}, the rules say {expected.Vote} in {expected.Term}");
        Require(!expected.IsRecorded || view.Node.Core.Term > expected.Term || view.Node.Core.VotedFor == view.Seen(from), "H1", view,
            $"does not record its answer to {from.Name}");
    }

    private void CheckCandidacy(NodeView view, in ClusterInput input, int inputs)
    {
        ClusterNode node = view.Node;
        RaftCore core = node.Core;
        bool campaigns = core.Term > view.Term && core.VotedFor == node.Member;
        if (!campaigns)
        {
            bool isDue = input.Kind == InputKind.Timer && node.Now >= view.ElectionDeadline && view.Role != RaftRole.Leader;
            if (isDue && HasToCampaign(view))
                throw Violation("CAMPAIGN", view, "does not campaign although its timer has fired");
            bool isOver = isDue && (view.HasCampaigned || node.Age >= LatestFirst(node));
            Require(!isOver || (core.Leader is null && core.Role == RaftRole.Follower), "CAMPAIGN", view,
                "keeps a leader that it has not heard for an election time-out");
            return;
        }

        GroupMember[] bonded = [.. view.Bonds.Values.Select(b => b.Member)];
        view.Candidacy = new Candidacy(core.Term, node.Member, bonded);
        Require(view.HasCampaigned || node.Age >= node.Settings.BootstrapDelay, "H10", view, "campaigns within the bootstrap delay");
        view.HasCampaigned = true;
        Require(!node.Machine.Preference.IsObserver, "I12", view, "campaigns as an observer");
        Require(view.IsAuthorized, "I12", view, "campaigns without tickets");
        Require(core.Role == RaftRole.Leader || bonded.Length == 0 || HasSent(view, RaftMessageKind.RequestVote), "CAMPAIGN", view,
            "asks nobody for a vote");
        Term known = view.Term;
        if (input.Kind == InputKind.Message && (RaftMessageKind)input.Message![0] == RaftMessageKind.AppendEntries
            && AppendEntries.TryRead(input.Message, view.IsExtended(input.From!), out AppendEntries entries) && entries.Term > known)
            known = entries.Term;
        if (isMajority)
        {
            Require(node.Settings.IsVoter, "I12", view, "campaigns as a learner");
            bool isNext = core.Term == known.Next || view.Asked.Any(a => a > known && core.Term == a.Next);
            Require((isNext && core.Term > view.Outrun) || (inputs > 1 && core.Term > known), "TERM", view,
                $"takes term {core.Term} after {known}, an outsider {view.Outrun}");
            Require(view.Log.Count > 0 || MayFound(view), "FOUNDING", view,
                $"wants to found the group among {VotersAround(view)} voters, {view.Founded.Count} of which have a log");
        }
        else if (known.IsZero)
        {
            Require(core.Term == Term.One || inputs > 1, "H7", view, $"takes term {core.Term} as the founding one");
        }
        else
        {
            view.Stripe ??= core.Term.Value % Stripes;
            Require(core.Term.Value % Stripes == view.Stripe && (core.Term.Value - known.Value <= Stripes || inputs > 1), "H7", view,
                $"takes term {core.Term} after {known}, its stripe is {view.Stripe}");
        }
    }

    private bool HasToCampaign(NodeView view)
    {
        ClusterNode node = view.Node;
        if (!MayCampaign(view))
            return false;
        int factor = node.Machine.Preference.Factor * 3;
        TimeSpan latest = (node.Settings.BootstrapDelay + node.Settings.ElectionTimeout + node.Settings.ElectionTimeoutJitter) * factor;
        if (!view.HasCampaigned && node.Age < latest)
            return false;
        if (!isMajority)
            return true;
        return node.Settings.IsVoter && (view.Log.Count > 0 || MayFound(view));
    }

    private static bool MayFound(NodeView view) =>
        VotersAround(view) == view.Node.Settings.Voters && view.Founded.Count == 0;

    private static int VotersAround(NodeView view) => 1 + view.Bonds.Values.Count(b => b.IsVoter);

    private void CheckElection(NodeView view)
    {
        ClusterNode node = view.Node;
        if (view.Candidacy is not { ElectedAtIndex: null } candidacy)
            return;
        if (node.Core.Role == RaftRole.Candidate && node.Core.Term == candidacy.Term)
            Require(!IsElected(view, candidacy), "ELECT", view, "has the votes it needs and does not lead");
        if (node.Core.Role != RaftRole.Leader)
            return;
        Term term = node.Core.Term;
        candidacy.ElectedAt = node.Now;
        ulong elected = (ulong)(isMajority ? view.Log.Count : view.Kept);
        if (isMajority)
        {
            Require(view.Log.Count > 0 && view.Log[^1].Term == term, "NO-OP", view, "begins its term without an entry of its own");
            while (elected > 0 && view.Log[(int)elected - 1].Term == term)
                elected--;
            Require((EntryKind)view.Log[(int)elected].Bytes.Span[0] is EntryKind.NoOp or EntryKind.Founding, "NO-OP", view,
                "begins its term with a command");
            if (view.RosterAt(elected) is { } inForce)
            {
                int votes = inForce.Roster.Members.Count(candidacy.Granted.Contains);
                Require(votes >= (inForce.Roster.Members.Length / 2) + 1, "QUORUM", view,
                    $"is elected by {votes} of the {inForce.Roster.Members.Length} members");
            }
            else
            {
                Require(candidacy.Granted.Count == node.Settings.Voters, "FOUNDING", view,
                    $"founds the group with {candidacy.Granted.Count} votes");
            }
        }
        else
        {
            int counted = candidacy.Requested.Count(m => !candidacy.Abstained.Contains(m));
            int votes = candidacy.Requested.Count(candidacy.Granted.Contains);
            Require(votes >= (counted / 2) + 1, "QUORUM", view, $"is elected by {votes} of {counted}");
            foreach (GroupMember member in candidacy.Requested)
            {
                if (view.IsPresent(member) && !view.Replaced.Contains(member.PeerId) && !candidacy.Abstained.Contains(member))
                    candidacy.Committee[member] = candidacy.Granted.Contains(member) ? elected : 0;
            }

            Require(view.Bonds.Count == 0 || HasSent(view, RaftMessageKind.AppendEntries), "HEARTBEAT", view,
                "does not tell anybody at its election");
        }

        candidacy.ElectedAtIndex = elected;
        bool isShared = !isMajority && term == Term.One;
        if (!IsWithinBudget)
            return;
        if (!isShared && !_leaders.TryAdd(term, node.Member) && _leaders[term] != node.Member)
            throw Violation("I1", view, $"leads term {term}, as {_leaders[term]} did");
        CheckCompleteness(view, term);
    }

    // At once, after every answer; who asks nobody needs nobody (§6.5; §7.2, §7.6).
    private bool IsElected(NodeView view, Candidacy candidacy)
    {
        if (!isMajority)
            return candidacy.Requested.Count(candidacy.Granted.Contains)
                >= (candidacy.Requested.Count(m => !candidacy.Abstained.Contains(m)) / 2) + 1;
        return view.RosterAt(ulong.MaxValue) is { } inForce
            ? inForce.Roster.Members.Count(candidacy.Granted.Contains) >= QuorumOf(inForce.Roster)
            : candidacy.Granted.Count == view.Node.Settings.Voters;
    }

    private static bool HasSent(NodeView view, RaftMessageKind kind) => view.Outbox.Any(o => (RaftMessageKind)o.Message[0] == kind);

    /// <summary>What the rules say about one request for a vote.</summary>
    private sealed record ExpectedVote(Term Term, Vote Vote, bool IsRecorded)
    {
        public bool IsSilent { get; init; }

        /// <summary>The answer is denied because the own log is greater.</summary>
        public bool IsBehind { get; init; }
    }
}
