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
                _expected = isMajority ? ExpectMajority(view, from, request) : ExpectAvailable(view, from, request);
                break;
            case RaftMessageKind.RequestVoteResponse when RequestVoteResponse.TryRead(message, true, out RequestVoteResponse vote):
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

    private static void TakeVote(NodeView view, Candidacy candidacy, ClusterNode from, Vote vote)
    {
        if (!candidacy.Requested.Contains(from.Member) && candidacy.ElectedAtIndex is null)
            return;
        if (vote == Vote.Granted)
            candidacy.Granted.Add(from.Member);
        else if (vote == Vote.Abstained)
            candidacy.Abstained.Add(from.Member);
        if (candidacy.ElectedAtIndex is not { } elected || view.Node.Settings.IsMajority)
            return;
        if (vote == Vote.Granted)
            candidacy.Committee[from.Member] = Math.Max(candidacy.Committee.GetValueOrDefault(from.Member), elected);
        else if (vote == Vote.Abstained)
            candidacy.Committee.Remove(from.Member);
    }

    private static ExpectedVote ExpectAvailable(NodeView view, ClusterNode from, in RequestVote request)
    {
        RaftCore core = view.Node.Core;
        if (request.Term < view.Term)
            return new ExpectedVote(view.Term, Vote.Denied, IsRecorded: false);
        GroupMember? vote = request.Term > view.Term ? null : view.Vote;
        Vote answer;
        bool recorded = true;
        if (vote is not null && vote != from.Member)
            (answer, recorded) = (Vote.Denied, false);
        else if (request.Last < view.Last)
            (answer, recorded) = (Vote.Denied, false);
        else if (view.Node.Now < view.Node.Settings.BootstrapDelay || view.Last != request.Last
            || view.Node.Machine.Preference.IsObserver || core.State != RaftState.Running)
            answer = Vote.Abstained;
        else
            answer = Vote.Granted;
        return new ExpectedVote(request.Term, answer, recorded);
    }

    private ExpectedVote? ExpectMajority(NodeView view, ClusterNode from, in RequestVote request)
    {
        (Roster Roster, ulong Index)? inForce = view.RosterAt(ulong.MaxValue);
        bool isOutsider = inForce is { } known && !known.Roster.Contains(from.Member);
        bool isIgnored = isOutsider && request.Last < view.Last;
        if (!isIgnored && request.Term > view.Term)
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
        bool isGranted = (vote is null || vote == from.Member) && request.Last >= view.Last && role == RaftRole.Follower;
        return new ExpectedVote(request.Term, isGranted ? Vote.Granted : Vote.Denied, isGranted);
    }

    private bool HearsLeader(NodeView view) => view.Leader is { } leader && view.Role == RaftRole.Follower
        && ProcessOf(leader) is { } process && cluster.AreBonded(view.Node, process)
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
        Require(!expected.IsRecorded || view.Node.Core.Term > expected.Term || view.Node.Core.VotedFor == from.Member, "H1", view,
            $"does not record its answer to {from.Name}");
    }

    private void CheckCandidacy(NodeView view, in ClusterInput input)
    {
        ClusterNode node = view.Node;
        RaftCore core = node.Core;
        bool campaigns = core.Term > view.Term && core.VotedFor == node.Member;
        if (!campaigns)
        {
            bool isDue = input.Kind == InputKind.Timer && node.Now >= view.ElectionDeadline && view.Role != RaftRole.Leader;
            if (isDue && HasToCampaign(view))
                throw Violation("CAMPAIGN", view, "does not campaign although its timer has fired");
            return;
        }

        GroupMember[] bonded = [.. BondedTo(node)];
        view.Candidacy = new Candidacy(core.Term, node.Member, bonded);
        Require(view.HasCampaigned || node.Now >= node.Settings.BootstrapDelay, "H10", view, "campaigns within the bootstrap delay");
        view.HasCampaigned = true;
        Require(!node.Machine.Preference.IsObserver, "I12", view, "campaigns as an observer");
        Require(core.Role == RaftRole.Leader || bonded.Length == 0 || HasSent(view, RaftMessageKind.RequestVote), "CAMPAIGN", view,
            "asks nobody for a vote");
        Term known = view.Term;
        if (input.Kind == InputKind.Message && (RaftMessageKind)input.Message![0] == RaftMessageKind.AppendEntries
            && AppendEntries.TryRead(input.Message, true, out AppendEntries entries) && entries.Term > known)
            known = entries.Term;
        if (isMajority)
        {
            Require(node.Settings.IsVoter, "I12", view, "campaigns as a learner");
            Require(core.Term == known.Next, "TERM", view, $"takes term {core.Term} after {known}");
            Require(view.Log.Count > 0 || VotersAround(node) == node.Settings.Voters, "FOUNDING", view,
                $"wants to found the group among {VotersAround(node)} voters");
        }
        else if (known.IsZero)
        {
            Require(core.Term == Term.One, "H7", view, $"takes term {core.Term} as the founding one");
        }
        else
        {
            view.Stripe ??= core.Term.Value % Stripes;
            Require(core.Term.Value % Stripes == view.Stripe && core.Term.Value - known.Value <= Stripes, "H7", view,
                $"takes term {core.Term} after {known}, its stripe is {view.Stripe}");
        }
    }

    private bool HasToCampaign(NodeView view)
    {
        ClusterNode node = view.Node;
        if (node.Core.State != RaftState.Running || node.Machine.Preference.IsObserver)
            return false;
        int factor = node.Machine.Preference.Factor * 3;
        TimeSpan latest = (node.Settings.BootstrapDelay + node.Settings.ElectionTimeout + node.Settings.ElectionTimeoutJitter) * factor;
        if (!view.HasCampaigned && node.Now < latest)
            return false;
        if (!isMajority)
            return true;
        return node.Settings.IsVoter && (view.Log.Count > 0 || VotersAround(node) == node.Settings.Voters);
    }

    private int VotersAround(ClusterNode node) =>
        1 + cluster.Nodes.Count(o => o != node && o.Settings.IsVoter && cluster.AreBonded(node, o));

    private void CheckElection(NodeView view)
    {
        ClusterNode node = view.Node;
        if (node.Core.Role != RaftRole.Leader || view.Candidacy is not { ElectedAtIndex: null } candidacy)
            return;
        Term term = node.Core.Term;
        candidacy.ElectedAt = node.Now;
        ulong elected = (ulong)view.Log.Count;
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
            HashSet<GroupMember> bonded = [.. BondedTo(node)];
            foreach (GroupMember member in candidacy.Requested)
            {
                bool isPresent = member == node.Member || bonded.Contains(member);
                if (isPresent && !candidacy.Abstained.Contains(member))
                    candidacy.Committee[member] = candidacy.Granted.Contains(member) ? elected : 0;
            }

            Require(bonded.Count == 0 || HasSent(view, RaftMessageKind.AppendEntries), "HEARTBEAT", view,
                "does not tell anybody at its election");
        }

        candidacy.ElectedAtIndex = elected;
        bool isShared = !isMajority && term == Term.One;
        if (!isShared && !_leaders.TryAdd(term, node.Member) && _leaders[term] != node.Member)
            throw Violation("I1", view, $"leads term {term}, as {_leaders[term]} did");
        CheckCompleteness(view, term);
    }

    private static bool HasSent(NodeView view, RaftMessageKind kind) => view.Outbox.Any(o => (RaftMessageKind)o.Message[0] == kind);

    /// <summary>What the rules say about one request for a vote.</summary>
    private sealed record ExpectedVote(Term Term, Vote Vote, bool IsRecorded)
    {
        public bool IsSilent { get; init; }
    }
}
