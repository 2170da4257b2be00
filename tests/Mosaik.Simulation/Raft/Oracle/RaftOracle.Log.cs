using Mosaik.Groups;
using Mosaik.Groups.Raft;
using Mosaik.Primitives;
using Mosaik.Simulation.Raft.Cluster;

namespace Mosaik.Simulation.Raft.Oracle;

// Logs and commits (spec/groups-safety.md §9, I2–I9; §5 H2, H6, H8).
internal sealed partial class RaftOracle
{
    private readonly Dictionary<(ulong Index, Term Term, UniqueId? Lineage), (LogEntry Entry, Term Previous)> _entries = [];
    private readonly Dictionary<ulong, (LogEntry Entry, Term CommittedIn)> _committed = [];

    // Majority: the greatest index anybody has committed.
    private ulong _greatestCommitted;

    private void CheckLog(NodeView view)
    {
        ClusterNode node = view.Node;
        int last = (int)node.Core.LogPosition.Index.Value;
        int same = 0;
        int shared = Math.Min(last, view.Log.Count);
        while (same < shared && node.Log.TryGet(new LogIndex((ulong)same + 1), out LogEntry entry) && IsSame(entry, view.Log[same]))
            same++;
        if (same < view.Log.Count)
            CheckTruncation(view, (ulong)same + 1);
        view.Log.RemoveRange(same, view.Log.Count - same);
        for (int i = same; i < last; i++)
        {
            Require(node.Log.TryGet(new LogIndex((ulong)i + 1), out LogEntry entry), "LOG", view, $"has no entry {i + 1} in its log");
            CheckAppended(view, (ulong)i + 1, entry);
            view.Log.Add(entry);
            if (isMajority && RosterEntry.IsAboutRoster(entry.Bytes.Span))
                CheckRoster(view, (ulong)i + 1);
        }
    }

    private static bool IsSame(LogEntry one, LogEntry other) =>
        one.Term == other.Term && (one.Bytes.Equals(other.Bytes) || one.Bytes.Span.SequenceEqual(other.Bytes.Span));

    private void CheckTruncation(NodeView view, ulong at)
    {
        ClusterNode node = view.Node;
        bool stillLeads = view.Role == RaftRole.Leader && node.Core.Role == RaftRole.Leader && node.Core.Term == view.Term;
        Require(!stillLeads, "I2", view, $"changes its own log at {at} while it leads");
        if (at > view.Committed.Index.Value)
            return;
        Require(!isMajority, "I6", view, $"truncates at {at}, committed is {view.Committed}");
        Require(node.Divergences.Count > view.Divergences, "I6", view, $"takes back {at} to {view.Committed} silently");
        Require(node.Machine.Resets > view.Resets || node.Core.State == RaftState.Diverged, "I6", view,
            $"takes back {at} and keeps its state");
        RaftDivergence told = node.Divergences[view.Divergences];
        Require(told.From == view.Committed && told.To.Index.Value == at - 1, "I6", view,
            $"takes back {at} to {view.Committed} and says {told.From} to {told.To}");
        History.Reverted(node, at);
    }

    private void CheckAppended(NodeView view, ulong index, LogEntry entry)
    {
        Term previous = index == 1 ? default : view.Log[(int)index - 2].Term;
        Require(entry.Term >= previous && entry.Term <= view.Node.Core.Term, "I3", view,
            $"appends term {entry.Term} behind {previous} at {index}");
        if (CommandOf(entry) is { } command)
            Require(History.IsSubmitted(command), "I16", view, $"has {command} at {index}, which nobody submitted");
        UniqueId? lineage = null;
        if (!isMajority && entry.Term == Term.One)
        {
            lineage = view.Node.Core.FoundingLineage;
            if (lineage is null)
                return;
        }

        if (!_entries.TryGetValue((index, entry.Term, lineage), out var known))
            _entries.Add((index, entry.Term, lineage), (entry, previous));
        else
            Require(IsSame(known.Entry, entry) && known.Previous == previous, "I3", view,
                $"has another entry than others at {index} of term {entry.Term}");
    }

    private void CheckCommit(NodeView view, in ClusterInput input)
    {
        ClusterNode node = view.Node;
        ulong committed = node.Core.Committed.Index.Value;
        if (committed < view.Committed.Index.Value)
            Require(node.Divergences.Count > view.Divergences, "I7", view, $"goes back from {view.Committed} silently");
        ulong from = node.Divergences.Count > view.Divergences
            ? Math.Min(view.Committed.Index.Value, node.Divergences[^1].To.Index.Value) : view.Committed.Index.Value;
        if (committed <= from)
            return;
        Require(committed <= (ulong)view.Log.Count, "LOG", view, $"has committed {committed}, its log ends at {view.Log.Count}");
        if (node.Core.Role == RaftRole.Leader || (view.Role == RaftRole.Leader && view.Term == node.Core.Term))
            CheckLeaderCommit(view, committed);
        else
            CheckFollowerCommit(view, committed, input);
        if (!isMajority)
            return;
        for (ulong i = from + 1; i <= committed; i++)
        {
            LogEntry entry = view.Log[(int)i - 1];
            if (_committed.TryAdd(i, (entry, node.Core.Term)))
                _greatestCommitted = Math.Max(_greatestCommitted, i);
            else
                Require(IsSame(_committed[i].Entry, entry), "I5", view, $"commits another entry {i} than was committed first");
        }
    }

    private void CheckLeaderCommit(NodeView view, ulong committed)
    {
        if (view.Candidacy is not { } led)
            return;
        Require(view.Log[(int)committed - 1].Term == view.Node.Core.Term, "H8", view,
            $"commits {committed} of term {view.Log[(int)committed - 1].Term} by counting");
        if (isMajority)
        {
            // One input may commit a change of the roster and propose the next one.
            bool isCommitted = false;
            for (ulong end = (ulong)view.Log.Count; !isCommitted && view.RosterAt(end) is { } roster; end = roster.Index - 1)
            {
                int acks = roster.Roster.Members.Count(m => m == view.Node.Member || led.Acknowledged.GetValueOrDefault(m) >= committed);
                isCommitted = acks >= (roster.Roster.Members.Length / 2) + 1;
                if (roster.Index <= view.Committed.Index.Value)
                    break;
            }

            Require(isCommitted, "QUORUM", view, $"commits {committed} without a quorum of the roster");
            return;
        }

        led.Committee[view.Node.Member] = (ulong)view.Log.Count;
        int counted = led.Committee.Values.Count(v => v >= committed);
        Require(counted >= (led.Committee.Count / 2) + 1, "H2", view, $"commits {committed} by {counted} of {led.Committee.Count}");
    }

    private void CheckFollowerCommit(NodeView view, ulong committed, in ClusterInput input)
    {
        if (view.Node.Core.Leader is not { } peer || ProcessOf(peer) is not { } leader || !_views.TryGetValue(leader, out NodeView? theirs)
            || leader.Core.Role != RaftRole.Leader || leader.Core.Term != view.Node.Core.Term)
            return;
        Require(input.Kind == InputKind.Message, "H9", view, "commits without hearing from anybody");
        Require(committed <= leader.Core.Committed.Index.Value, "H9", view, $"commits {committed}, its leader {leader.Core.Committed}");
        for (int i = 0; i < (int)committed; i++)
        {
            Require(IsSame(view.Log[i], theirs.Log[i]), "I14", view,
                $"commits under the leader {leader.Name}, whose log differs at {i + 1}");
        }
    }

    // Everything committed in an earlier term is in the log of a leader (I4).
    private void CheckCompleteness(NodeView view, Term term)
    {
        for (ulong i = 1; i <= _greatestCommitted; i++)
        {
            (LogEntry entry, Term committedIn) = _committed[i];
            if (committedIn < term)
                Require(i <= (ulong)view.Log.Count && IsSame(view.Log[(int)i - 1], entry), "I4", view,
                    $"leads term {term} without entry {i}, committed in term {committedIn}");
        }
    }

    // Rosters differ by one member; at most one change is under way, proposed behind a committed entry of the own term (I23, I24).
    private void CheckRoster(NodeView view, ulong index)
    {
        (Roster now, _) = view.RosterAt(index)!.Value;
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
        CheckReplacement(view, before.Roster, now);
    }

    // A change that cannot be committed is not proposed; a member that is there is not replaced (§7.16).
    private void CheckReplacement(NodeView view, Roster before, Roster now)
    {
        ClusterNode node = view.Node;
        HashSet<GroupMember> bonded = [.. BondedTo(node)];
        int answering = now.Members.Count(m => m == node.Member || (bonded.Contains(m)
            && view.Candidacy!.HeardAt.TryGetValue(m, out TimeSpan at) && node.Now - at <= node.Settings.ElectionTimeout));
        Require(answering >= (now.Members.Length / 2) + 1, "PRESENT", view,
            $"proposes a roster of which {answering} of {now.Members.Length} answer");
        bool isAnyGone = before.Members.Any(m => m != node.Member && !bonded.Contains(m));
        if (now.Members.Length > before.Members.Length)
        {
            GroupMember added = now.Members.First(m => !before.Contains(m));
            Require(isAnyGone, "REPLACE", view, $"adds {added} although all members are there");
            Require(bonded.Contains(added) && ProcessOf(added.PeerId)!.Settings.IsVoter, "REPLACE", view, $"adds {added}, which is no voter here");
            Require(view.Candidacy!.Acknowledged.ContainsKey(added), "REPLACE", view, $"adds {added}, which is not caught up");
        }
        else
        {
            GroupMember gone = before.Members.First(m => !now.Contains(m));
            Require(!isAnyGone || (gone != node.Member && !bonded.Contains(gone)), "REPLACE", view,
                $"removes {gone}, which is there, while another member is not");
        }
    }
}
