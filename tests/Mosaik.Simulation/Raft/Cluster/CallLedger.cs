using Mosaik.Groups;
using Mosaik.Groups.Raft;

namespace Mosaik.Simulation.Raft.Cluster;

/// <summary>
/// What was called and how it ended: every call ends once, success names the caller's entry, and in Majority a strong answer
/// contains whatever was acknowledged before it was asked for. Commands are taken to be unique.
/// </summary>
internal sealed class CallLedger
{
    private readonly SortedDictionary<ulong, Call> _open = [];
    private readonly List<string> _acknowledged = [];

    public void Submitted(ClusterNode node, ulong token, SubmitMode mode, string[] commands) =>
        _open.Add(token, new Call(node, mode, commands, 0));

    public void Asked(ClusterNode node, ulong token, bool isStrong) =>
        _open.Add(token, new Call(node, SubmitMode.Execute, [], isStrong && node.Settings.IsMajority ? _acknowledged.Count : 0));

    public void Ended(ClusterNode node, CommandCompletion done)
    {
        if (!_open.Remove(done.Token, out Call? call) || done.Outcome != CommandOutcome.Done || call.Mode != SubmitMode.Execute)
            return;
        LogIndex index = done.Assigned?.Start ?? throw new ClusterException($"{node}: success of {done.Token} names no entry.");
        foreach (string command in call.Commands)
        {
            if (!node.Log.TryGet(index, out LogEntry entry)
                || JournalMachine.Decode(entry.Bytes.Span[(node.Settings.IsMajority ? 1 : 0)..]) != command)
                throw new ClusterException($"{node}: entry {index} is not {command}, whose success names it.");
            index = index.Next;
        }

        if (done.Assigned.Value.End > node.Core.Committed.Index && node.Divergences.Count == 0)
            throw new ClusterException($"{node}: {done.Token} is not committed.");
        _acknowledged.AddRange(call.Commands);
    }

    public void Answered(ClusterNode node, QueryCompletion done)
    {
        if (!_open.Remove(done.Token, out Call? call) || done.Outcome != QueryOutcome.Answered)
            return;
        var state = JournalMachine.Decode(done.Result.Span).Split(',').ToHashSet();
        string[] missing = [.. _acknowledged.Take(call.Acknowledged).Where(c => !state.Contains(c))];
        if (missing.Length > 0)
            throw new ClusterException($"{node}: a strong answer lacks {string.Join(',', missing)}.");
    }

    public IReadOnlyList<string> Open(RaftCluster cluster) =>
        [.. _open.Where(c => cluster.Nodes.Contains(c.Value.Node)).Select(c => $"{c.Key} of {c.Value.Node.Name}")];

    private sealed record Call(ClusterNode Node, SubmitMode Mode, string[] Commands, int Acknowledged);
}
