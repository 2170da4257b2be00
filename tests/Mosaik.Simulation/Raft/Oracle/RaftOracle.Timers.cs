using Mosaik.Groups.Raft;
using Mosaik.Simulation.Raft.Cluster;

namespace Mosaik.Simulation.Raft.Oracle;

// When what is due (spec/groups.md §6.4–§6.7, §6.9; spec/groups-safety.md §5 H10).
internal sealed partial class RaftOracle
{
    // Reluctant, and outside of the roster.
    private const int MostFactor = 9;
    private const int OutsiderFactor = 3;
    private static readonly TimeSpan AskAgain = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan LeastCorrection = TimeSpan.FromMilliseconds(100);

    private void CheckTimers(NodeView view, in ClusterInput input, int inputs)
    {
        ClusterNode node = view.Node;
        RaftCore core = node.Core;
        RaftSettings settings = node.Settings;
        if (core.State != RaftState.Running)
            return;
        if (core.IsCatchingUp)
            Require(core.NextDeadline <= node.Now + AskAgain, "TIMER", view, "catches up and does not wake to ask again");
        if (core.Role == RaftRole.Leader)
        {
            TimeSpan due = view.BroadcastAt + settings.HeartbeatInterval;
            if (view.Bonds.Count == 0)
                return;
            Require(core.NextDeadline <= due, "TIMER", view, "does not wake for its heartbeat");
            if (input.Kind == InputKind.Timer && view.Role == RaftRole.Leader)
                Require(node.Now < due, "HEARTBEAT", view, "lets its heartbeat pass");
            if (isMajority && QuorumDeadline(view) is var deadline)
                Require(core.NextDeadline <= deadline, "TIMER", view, "does not wake for its check-quorum");
            return;
        }

        Require(core.NextDeadline <= core.ElectionDeadline, "TIMER", view, "does not wake for its candidacy");
        TimeSpan most = settings.ElectionTimeout + settings.ElectionTimeoutJitter;
        TimeSpan first = node.StartedAt + ((settings.BootstrapDelay + most) * MostFactor);
        Require(core.ElectionDeadline <= Later(node.Now + (most * MostFactor), first), "TIMER", view,
            $"has its candidacy at {core.ElectionDeadline}, now is {node.Now}");
        if (inputs == 1 && input.Kind == InputKind.Message)
            CheckRearmed(view, input, first);
    }

    private void CheckRearmed(NodeView view, in ClusterInput input, TimeSpan first)
    {
        ClusterNode node = view.Node;
        RaftCore core = node.Core;
        RaftSettings settings = node.Settings;
        int factor = node.Machine.Preference.Factor;
        var kind = (RaftMessageKind)input.Message![0];
        bool isSame = view.Term == core.Term && view.Role == core.Role && view.Leader == core.Leader;
        bool isLeaders = core.Role == RaftRole.Follower && core.Leader == input.From!.Peer;
        bool isAnswered = kind == RaftMessageKind.RequestVote && _expected is { IsRecorded: true } recorded && recorded.Term == core.Term
            && core.Role == RaftRole.Follower;
        bool isServed = kind == RaftMessageKind.StateSync && view.IsCatchingUp && IsTrusted(view);
        bool isReset = isAnswered || core.Role == RaftRole.Candidate && core.Term > view.Term
            || isLeaders && (view.HeardFrom.Contains((input.From!.Peer, core.Term)) || isServed);
        bool isBehind = kind == RaftMessageKind.RequestVote && _expected is { IsBehind: true } behind
            && (core.Role == RaftRole.Follower || (behind.IsSilent && core.Role == RaftRole.Candidate)) && MayCampaign(view);
        if (isReset)
        {
            // Who is outside of the roster waits longer; entries that change it come after the timer is set.
            bool isOutside = view.Kept == view.Log.Count && !view.IsTruncated
                && view.RosterAt(ulong.MaxValue) is { } inForce && !inForce.Roster.Contains(node.Member);
            TimeSpan least = settings.ElectionTimeout * factor * (isOutside ? OutsiderFactor : 1);
            Require(core.ElectionDeadline >= node.Now + least, "TIMER", view,
                $"has its candidacy at {core.ElectionDeadline}, now is {node.Now}: its timer was not set anew");
            TimeSpan most = (settings.ElectionTimeout + settings.ElectionTimeoutJitter) * factor * OutsiderFactor;
            Require(core.ElectionDeadline <= Later(node.Now + most, first), "TIMER", view, "waits too long");
        }
        else if (isSame)
        {
            Require(core.ElectionDeadline <= view.ElectionDeadline, "TIMER", view, $"is put off by {kind}");
            bool isHastened = core.ElectionDeadline < view.ElectionDeadline && !isBehind && kind != RaftMessageKind.AppendEntries;
            Require(!isHastened, "TIMER", view, $"campaigns sooner because of {kind}");
        }

        // The candidate should not win, so this one had better begin soon (§6.4).
        if (isBehind)
        {
            TimeSpan jitter = settings.ElectionTimeoutJitter > LeastCorrection ? settings.ElectionTimeoutJitter : LeastCorrection;
            TimeSpan earliest = view.HasCampaigned ? default : first;
            Require(core.ElectionDeadline <= Later(node.Now + (jitter * factor * OutsiderFactor), earliest), "TIMER", view,
                $"denies {input.From!.Name} for its log and does not campaign soon");
        }
    }

    // What serves on may have stepped down without a word: only a leader sends entries (§6.6).
    private static bool IsTrusted(NodeView view) => view.LeaderHeardAt != TimeSpan.MinValue
        && view.Node.Now < view.LeaderHeardAt + view.Node.Settings.ReplayFetchTimeout;

    private bool MayCampaign(NodeView view) => view.Node.Core.State == RaftState.Running && view.IsAuthorized
        && !view.Node.Machine.Preference.IsObserver && (!isMajority || view.Node.Settings.IsVoter);

    private static TimeSpan Later(TimeSpan one, TimeSpan other) => one > other ? one : other;
}
