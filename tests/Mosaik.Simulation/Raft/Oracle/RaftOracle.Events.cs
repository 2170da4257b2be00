using Mosaik.Groups;
using Mosaik.Groups.Raft;
using Mosaik.Simulation.Raft.Cluster;

namespace Mosaik.Simulation.Raft.Oracle;

// What a person can read in the log (spec/groups.md §14; spec/groups-safety.md §7.2, §7.4, §7.16).
internal sealed partial class RaftOracle
{
    private static readonly TimeSpan WarningInterval = TimeSpan.FromSeconds(30);

    private void CheckEvents(NodeView view, in ClusterInput input, int inputs)
    {
        ClusterNode node = view.Node;
        RaftCore core = node.Core;
        RaftEvent[] told = [.. node.Events.Skip(view.Events)];
        if (core.Leader is { } leader && core.Leader != view.Leader)
            Require(told.Contains(new RaftEvent.LeaderElected(leader, core.Term)), "EVENT", view, "has a leader and does not report it");
        if (view.Leader is not null && core.Leader is null)
            Require(told.OfType<RaftEvent.LeaderLost>().Any(), "EVENT", view, "has lost its leader and does not report it");
        if (core.Role == RaftRole.Candidate && core.Term > view.Term)
            Require(told.Contains(new RaftEvent.ElectionStarted(core.Term)), "EVENT", view, "campaigns and does not report it");
        if (core.IsCatchingUp && !view.IsCatchingUp)
            Require(told.OfType<RaftEvent.CatchUpStarted>().Any(), "EVENT", view, "catches up and does not report it");
        bool isServed = inputs == 1 && input.Kind == InputKind.Message && (RaftMessageKind)input.Message![0] == RaftMessageKind.StateSync;
        if (isServed && view.IsCatchingUp && core.Online)
            Require(told.OfType<RaftEvent.CatchUpCompleted>().Any(), "EVENT", view, "has caught up and does not report it");
        foreach ((ulong index, RosterEntry entry) in view.Rosters)
        {
            if (index <= view.Committed.Index.Value || index > core.Committed.Index.Value || entry.Change == RosterChangeKind.Founding)
                continue;
            bool isTold = entry.Change == RosterChangeKind.Add
                ? told.Contains(new RaftEvent.VoterAdded(entry.Subject, new LogIndex(index), entry.Roster.Count))
                : told.OfType<RaftEvent.VoterRemoved>().Any(e => e.Member == entry.Subject && e.Index.Value == index);
            Require(isTold, "EVENT", view, $"does not report that {entry.Subject} was {entry.Change}ed at {index}");
            if (entry.Change == RosterChangeKind.Remove && core.Role == RaftRole.Leader && view.Removals.TryGetValue((index, core.Term), out var reason))
                Require(told.OfType<RaftEvent.VoterRemoved>().Any(e => e.Index.Value == index && e.Reason == reason), "EVENT", view,
                    $"does not report that {entry.Subject} was removed as {reason}");
        }

        if (isMajority)
            CheckWarnings(view, input, told);
        else if (inputs == 1)
            CheckRefusals(view, input, told);
    }

    // Who is not followed, and why.
    private void CheckRefusals(NodeView view, in ClusterInput input, RaftEvent[] told)
    {
        if (input.Kind != InputKind.Message || (RaftMessageKind)input.Message![0] != RaftMessageKind.AppendEntries
            || !AppendEntries.TryRead(input.Message, view.IsExtended(input.From!), out AppendEntries entries) || entries.Term < view.Term)
            return;
        bool wasAccepted = view.Role == RaftRole.Follower && view.Leader == input.From!.Peer && view.Term == entries.Term;
        bool isRefused = !wasAccepted && MustRefuse(view, entries);
        Require(told.OfType<RaftEvent.RefusedLeader>().Any() == isRefused, "EVENT", view, $"refuses {input.From!.Name} and does not report it");
        bool isRival = !wasAccepted && !isRefused && view.Term == entries.Term && view.Role != RaftRole.Candidate && view.Leader is not null;
        Require(told.OfType<RaftEvent.RivalLeader>().Any() == isRival, "EVENT", view, $"sees that {input.From.Name} is a rival and does not report it");
    }

    // Too few and too many: told every 30 s while it is so (§7.2, §7.4).
    private void CheckWarnings(NodeView view, in ClusterInput input, RaftEvent[] told)
    {
        ClusterNode node = view.Node;
        bool isDue = input.Kind == InputKind.Timer && view.Role != RaftRole.Leader && node.Now >= view.ElectionDeadline;
        RaftEvent? few = null;
        if (isDue && view.RosterAt(ulong.MaxValue) is { } inForce)
        {
            int present = inForce.Roster.Members.Count(view.IsPresent);
            if (present < QuorumOf(inForce.Roster) && node.Now >= view.ToldFewAt + WarningInterval)
                few = new RaftEvent.NoQuorum(present, QuorumOf(inForce.Roster));
        }

        Require(told.OfType<RaftEvent.NoQuorum>().SequenceEqual(few is RaftEvent.NoQuorum no ? [no] : []), "EVENT", view,
            $"has {few?.ToString() ?? "a quorum"} and does not report just that");
        if (few is not null)
            view.ToldFewAt = node.Now;

        int voters = VotersAround(view) - (node.Settings.IsVoter ? 0 : 1);
        int most = node.Settings.Voters;
        bool isFounding = isDue && MayCampaign(view) && view.Log.Count == 0;
        if (isFounding && !view.HasCampaigned && node.Age < LatestFirst(node))
        {
            if (told.OfType<RaftEvent.TooManyVoters>().Any())
                view.ToldManyAt = node.Now;
            return;
        }

        bool isLeading = view.IsTick && node.Core.Role == RaftRole.Leader && node.Core.Term == view.Term;
        int limit = isLeading ? most + (most / 2) : most;
        bool isMany = (isFounding || isLeading) && voters > limit && node.Now >= view.ToldManyAt + WarningInterval;
        Require(told.OfType<RaftEvent.TooManyVoters>().SequenceEqual(isMany ? [new(voters, limit)] : []), "EVENT", view,
            $"has {voters} voters around it, {limit} may be, and does not report just that");
        if (isMany)
            view.ToldManyAt = node.Now;
    }

    private static TimeSpan LatestFirst(ClusterNode node) => (node.Settings.BootstrapDelay + node.Settings.ElectionTimeout
        + node.Settings.ElectionTimeoutJitter) * (node.Machine.Preference.Factor * OutsiderFactor);
}
