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
        view.IsTruncated = same < view.Log.Count;
        if (view.IsTruncated)
            CheckTruncation(view, (ulong)same + 1);
        for (int i = view.Divergences; i < node.Divergences.Count; i++)
            CheckDivergence(view, node.Divergences[i]);
        view.Kept = same;
        view.Truncate(same);
        for (int i = same; i < last; i++)
        {
            Require(node.Log.TryGet(new LogIndex((ulong)i + 1), out LogEntry entry), "LOG", view, $"has no entry {i + 1} in its log");
            CheckAppended(view, (ulong)i + 1, entry);
            view.Append(entry);
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

        // Where it is not known whose founding they are, entries behind those that were compared go too (§6.9 rule 3).
        bool isComparable = isMajority || view.Log[0].Term != Term.One || (view.Founding is not null && !HasPlain);
        if (isComparable && LeaderOf(view, node.Core.Leader) is { } leader && at <= (ulong)leader.Log.Count
            && (isMajority || view.Log[0].Term != Term.One || view.Founding == leader.Node.Core.FoundingLineage))
            Require(!IsSame(view.Log[(int)at - 1], leader.Log[(int)at - 1]), "I3", view, $"throws entry {at} away, which is that of its leader");
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

    // What is taken back is what the leader does not have, and it is told completely (§6.9).
    private void CheckDivergence(NodeView view, RaftDivergence told)
    {
        int kept = (int)told.To.Index.Value;
        IEnumerable<LogEntry> lost = view.Log.Take((int)told.From.Index.Value).Skip(kept);
        Require(told.Lost.Count == (int)told.From.Index.Value - kept && told.Lost.Zip(lost).All(l => IsSame(l.First, l.Second)), "I6",
            view, $"takes back {told.To} to {told.From} and names {told.Lost.Count} entries, not those that it had");
        Require(told.To.Term == (kept == 0 ? Term.Zero : view.Log[kept - 1].Term), "I6", view, $"goes back to {told.To}");
        if (LeaderOf(view, told.Leader) is { } theirs)
            Require(kept >= theirs.Log.Count || !IsSame(view.Log[kept], theirs.Log[kept]), "I6", view,
                $"takes back entry {kept + 1}, which is that of its leader");
    }

    private NodeView? LeaderOf(NodeView view, PeerId? peer) =>
        peer is { } leader && ProcessOf(leader) is { } process && process.Core.Role == RaftRole.Leader
        && process.Core.Term == view.Node.Core.Term && _views.TryGetValue(process, out NodeView? theirs) ? theirs : null;

    private void CheckAppended(NodeView view, ulong index, LogEntry entry)
    {
        Term previous = index == 1 ? default : view.Log[(int)index - 2].Term;
        Require(entry.Term >= previous && entry.Term <= view.Node.Core.Term, "I3", view,
            $"appends term {entry.Term} behind {previous} at {index}");
        if (CommandOf(entry) is { } command)
            Require(History.IsSubmitted(command), "I16", view, $"has {command} at {index}, which nobody submitted");
        NoteFounding(view, index, entry);
        UniqueId? lineage = null;
        if (!isMajority && entry.Term == Term.One)
        {
            lineage = view.Node.Core.FoundingLineage;
            if (lineage is null)
                return;
        }

        if (!IsWithinBudget)
            return;
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
        if (node.Divergences.Count > view.Divergences && node.Core.State == RaftState.Running)
            Require(committed >= node.Divergences[^1].To.Index.Value, "I7", view, $"takes back more than it says, to {committed}");
        ulong from = node.Divergences.Count > view.Divergences
            ? Math.Min(view.Committed.Index.Value, node.Divergences[^1].To.Index.Value) : view.Committed.Index.Value;
        if (committed <= from)
            return;
        Require(committed <= (ulong)view.Log.Count, "LOG", view, $"has committed {committed}, its log ends at {view.Log.Count}");
        if (node.Core.Role == RaftRole.Leader || (view.Role == RaftRole.Leader && view.Term == node.Core.Term))
            CheckLeaderCommit(view, committed);
        else
            CheckFollowerCommit(view, committed, input);
        if (!isMajority || !IsWithinBudget)
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

        // Within one turn it may have committed under a leader that it has left since.
        if (view.Inputs > 1 && (view.Leader != peer || view.Term != view.Node.Core.Term))
            return;
        Require(input.Kind == InputKind.Message || view.Inputs > 1, "H9", view, "commits without hearing from anybody");
        Require(committed <= leader.Core.Committed.Index.Value, "H9", view, $"commits {committed}, its leader {leader.Core.Committed}");
        for (int i = 0; IsWithinBudget && i < (int)committed; i++)
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
}
