using Mosaik.Groups;
using Mosaik.Groups.Raft;

namespace Mosaik.Simulation.Raft.Oracle;

// Rosters and the replacement of lost voters (spec/groups-safety.md §7.3, §7.16; §9 I23, I24).
internal sealed partial class RaftOracle
{
    // What a node says of its rosters is what its log says (§7.3).
    private void CheckRosters(NodeView view)
    {
        RaftCore core = view.Node.Core;
        if (!isMajority)
        {
            Require(core.IsRosterComplete == core.Online && core.IsEffectiveVoter, "ROSTER", view, "counts voters where there are none");
            return;
        }

        Require(IsList(core.RosterInForce, view.RosterAt(ulong.MaxValue)?.Roster), "ROSTER", view, "counts by another roster than its log has");
        Roster? committed = view.RosterAt(core.Committed.Index.Value)?.Roster;
        Require(IsList(core.Voters, committed), "ROSTER", view, "publishes other voters than its committed log has");
        Require(core.IsEffectiveVoter == (committed?.Contains(view.Node.Member) == true), "ROSTER", view, "is mistaken about its own role");
        bool isComplete = core.Online && committed?.Count == view.Node.Settings.Voters && committed.Members.All(view.IsPresent);
        Require(core.IsRosterComplete == isComplete, "ROSTER", view, $"says that its roster is {(isComplete ? "not " : "")}complete");
    }

    private static bool IsList(IReadOnlyList<GroupMember> list, Roster? roster) =>
        roster is null ? list.Count == 0 : list.SequenceEqual(roster.Members);

    // Rosters differ by one member; at most one change is under way, proposed behind a committed entry of the own term (I23, I24).
    private void CheckRoster(NodeView view, ulong index)
    {
        (Roster now, _) = view.RosterAt(index)!.Value;   // it was just taken in
        int n = view.Node.Settings.Voters;
        if (view.RosterAt(index - 1) is not { } before)
        {
            Require(index == 1 && now.Members.Length == n, "I23", view, $"has a founding entry of {now.Members.Length} at {index}");
            return;
        }

        int added = now.Members.Count(m => !before.Roster.Contains(m));
        int removed = before.Roster.Members.Count(m => !now.Contains(m));
        Require(added + removed == 1 && now.Members.Length is var k && (k == n || k == n + 1), "I23", view,
            $"has a roster of {now.Members.Length} behind one of {before.Roster.Members.Length} at {index}");
        RaftCore core = view.Node.Core;
        if (core.Role != RaftRole.Leader || view.Log[(int)index - 1].Term != core.Term)
            return;
        Require(before.Index <= core.Committed.Index.Value, "I23", view, "has two changes of the roster under way");
        Require(core.Committed.Term == core.Term, "I24", view, "changes the roster before an entry of its term is committed");
        Require(CanCommit(view, now), "PRESENT", view, "proposes a roster of which too few are there and answer");
        if (now.Members.Length > before.Roster.Members.Length)
            CheckAddition(view, before.Roster, now.Members.First(m => !before.Roster.Contains(m)));
        else
            CheckRemoval(view, before, index, before.Roster.Members.First(m => !now.Contains(m)));
    }

    private static bool CanCommit(NodeView view, Roster roster) => view.Candidacy is { } led
        && roster.Members.Count(m => m == view.Node.Member || (view.IsBonded(m)
            && led.HeardAt.TryGetValue(m, out TimeSpan at) && view.Node.Now - at <= view.Node.Settings.ElectionTimeout)) >= QuorumOf(roster);

    private static int QuorumOf(Roster roster) => (roster.Members.Length / 2) + 1;

    // Rule 4: somebody is lost, and who is added is a voter, there, outside and caught up.
    private static void CheckAddition(NodeView view, Roster before, GroupMember added)
    {
        GroupMember[] lost = [.. before.Members.Where(m => RankOf(view, m) is not null)];
        Require(lost.Length > 0, "REPLACE", view, $"adds {added} although nobody is lost");
        Require(IsSpare(view, before, added), "REPLACE", view, $"adds {added}, which is no spare voter that has answered");
        ulong least = Math.Min(view.Node.Core.Committed.Index.Value, view.AtHeartbeat.Previous);
        Require(view.Candidacy!.Acknowledged.GetValueOrDefault(added) >= least, "REPLACE", view, $"adds {added}, which is behind {least}");
        Require(lost.Any(l => l.PeerId == added.PeerId) || !lost.Any(l => view.Bonds.TryGetValue(l.PeerId, out var bond) && IsReady(view, before, bond.Member)),
            "REPLACE", view, $"adds {added} although the successor of a lost member is there");
        GroupMember[] ready = [.. view.Bonds.Values.Select(b => b.Member).Where(m => IsReady(view, before, m))];
        Require(lost.Any(l => l.PeerId == added.PeerId) || !ready.Any(m => m.PeerId < added.PeerId), "REPLACE", view,
            $"adds {added} although a smaller one is there");
    }

    private static bool IsSpare(NodeView view, Roster roster, GroupMember member) => !roster.Contains(member)
        && view.Bonds.TryGetValue(member.PeerId, out var bond) && bond.Member == member && bond.IsVoter
        && view.Candidacy?.HeardAt.ContainsKey(member) == true;

    // What was committed two heartbeats ago is enough, so that a voter one round trip behind is not kept out under load.
    private static bool IsReady(NodeView view, Roster roster, GroupMember member)
    {
        ulong committed = view.Node.Core.Committed.Index.Value;
        bool isExact = view.Candidacy is { WasAlone: false };
        ulong least = isExact ? Math.Min(committed, view.AtHeartbeat.Previous) : committed;
        return IsSpare(view, roster, member) && view.Candidacy!.Acknowledged.GetValueOrDefault(member) >= least;
    }

    // Rule 5: lost ones by rank; else, if all are there, the one added last.
    private static void CheckRemoval(NodeView view, (Roster Roster, ulong Index) before, ulong at, GroupMember gone)
    {
        view.Removals[(at, view.Node.Core.Term)] = RankOf(view, gone) is { } lost ? (VoterRemoval)lost.Rank : VoterRemoval.Surplus;
        var ranks = before.Roster.Members.Select(m => RankOf(view, m)).OfType<(int, TimeSpan)>().ToList();
        if (ranks.Count > 0)
        {
            Require(RankOf(view, gone) == ranks.Min(), "REPLACE", view, $"removes {gone}, whose turn it is not");
            return;
        }

        Require(before.Roster.Members.All(view.IsPresent), "REPLACE", view, $"removes {gone} while a member may come back");
        GroupMember last = view.Rosters.Find(r => r.Index == before.Index).Entry.Subject;
        Require(gone == last, "REPLACE", view, $"removes {gone}, not {last}, which was added last");
    }

    // Rule 1: superseded before departed before absent, the longest first; null = not lost.
    private static (int Rank, TimeSpan Since)? RankOf(NodeView view, GroupMember member)
    {
        if (view.IsPresent(member))
            return null;
        if (member.PeerId == view.Node.Peer || view.Bonds.ContainsKey(member.PeerId))
            return (0, default);
        if (view.Losses.TryGetValue(member, out var loss) && loss.HasDeparted)
            return (1, default);
        TimeSpan elected = view.Candidacy?.ElectedAt ?? TimeSpan.Zero;
        TimeSpan since = loss.At > elected ? loss.At : elected;
        TimeSpan delay = view.Node.Settings.VoterReplacementDelay;
        return delay >= TimeSpan.Zero && view.Node.Now - since >= delay ? (2, since) : null;
    }

    // Rule 6: what is due is proposed at once.
    private void CheckReplacementDue(NodeView view)
    {
        RaftCore core = view.Node.Core;
        bool settled = view.Role == RaftRole.Leader && core.Role == RaftRole.Leader && view.Term == core.Term
            && view.Committed.Term == core.Term;
        if (!settled || view.RosterAt(ulong.MaxValue) is not { } inForce || inForce.Index > view.Committed.Index.Value)
            return;
        Roster roster = inForce.Roster;
        if (!roster.Contains(view.Node.Member))
            throw Violation("REMOVED", view, "leads on although it is removed");
        bool isAnyLost = roster.Members.Any(m => RankOf(view, m) is not null);
        bool isDue;
        if (roster.Count <= view.Node.Settings.Voters)
        {
            GroupMember[] spares = [.. view.Bonds.Values.Select(b => b.Member).Where(m => IsSpare(view, roster, m))];
            isDue = isAnyLost && spares.Any(m => IsReady(view, roster, m)) && spares.All(m => CanCommit(view, roster.With(m)));
        }
        else
        {
            isDue = (isAnyLost || roster.Members.All(view.IsPresent)) && roster.Members.All(m => CanCommit(view, roster.Without(m)));
        }

        Require(!isDue, "REPLACE", view, "does not propose the change that is due");
    }
}
