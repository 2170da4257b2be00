using System.Runtime.InteropServices;
using Mosaik.Quic;

namespace Mosaik.Groups.Raft;

/// <summary>
/// Calls of this node that wait: executes for their entry, forwarded calls and queries for their answer
/// (spec/groups.md §7.3–§7.5).
/// </summary>
/// <remarks>
/// Executes are kept in the order of their indices: indices of one term are assigned in order, and a change of term
/// empties everything. All forwarded calls wait equally long, so the oldest one is due first.
/// </remarks>
internal sealed class PendingCalls(RandomSource random)
{
    // Ascending; those before the head are done.
    private readonly List<Execute> _executes = [];
    private int _head;
    private readonly Dictionary<ulong, Forwarded> _forwarded = [];
    private readonly Queue<(ulong Id, TimeSpan Deadline)> _commandDeadlines = new();
    private readonly Queue<(ulong Id, TimeSpan Deadline)> _queryDeadlines = new();

    /// <summary>How many there are.</summary>
    public int Count => _executes.Count - _head + _forwarded.Count;

    /// <summary>When the next forwarded one is due.</summary>
    public TimeSpan NextDeadline
    {
        get
        {
            TimeSpan commands = Head(_commandDeadlines);
            TimeSpan queries = Head(_queryDeadlines);
            return commands < queries ? commands : queries;
        }
    }

    /// <summary>An execute that has its indices: it ends when the last of them is committed with the term.</summary>
    public void AddExecute(ulong token, LogRange assigned, Term term) => _executes.Add(new Execute(token, assigned, term));

    /// <summary>A call that was sent to the leader; the result is its request id.</summary>
    public ulong AddForward(ulong token, int count, SubmitMode mode, TimeSpan deadline)
    {
        ulong id = NewId();
        _forwarded.Add(id, new Forwarded(token, count, mode, IsQuery: false));
        _commandDeadlines.Enqueue((id, deadline));
        return id;
    }

    /// <summary>A query that was sent to the leader; the result is its request id.</summary>
    public ulong AddQuery(ulong token, TimeSpan deadline)
    {
        ulong id = NewId();
        _forwarded.Add(id, new Forwarded(token, 0, SubmitMode.Execute, IsQuery: true));
        _queryDeadlines.Enqueue((id, deadline));
        return id;
    }

    /// <summary>The leader appended a forwarded call; false when its answer does not fit the call.</summary>
    public bool TryAcknowledge(ulong id, LogRange assigned, Term term, RaftEffects effects)
    {
        if (!_forwarded.TryGetValue(id, out Forwarded call) || call.IsQuery)
            return true;
        if (assigned.Count != (ulong)call.Count)
            return false;
        _forwarded.Remove(id);
        if (call.Mode == SubmitMode.Feed)
            effects.Commands.Add(new CommandCompletion(call.Token, CommandOutcome.Done, CommandFailure.None, assigned));
        else
            AddExecute(call.Token, assigned, term);
        return true;
    }

    /// <summary>The leader answered a query.</summary>
    public void Answer(ulong id, ReadOnlyMemory<byte> result, LogIndex position, RaftEffects effects)
    {
        if (_forwarded.TryGetValue(id, out Forwarded call) && call.IsQuery && _forwarded.Remove(id))
            effects.Queries.Add(new QueryCompletion(call.Token, QueryOutcome.Answered, result, position, null));
    }

    /// <summary>Ends the executes whose entries are committed, or are not theirs.</summary>
    public void Commit(ILogStore log, LogIndex committed, RaftEffects effects)
    {
        while (_head < _executes.Count && _executes[_head].Assigned.End <= committed)
        {
            Execute call = _executes[_head];
            Term? term = log.TermAt(call.Assigned.End);

            // What was committed there is of an older history, which is about to become the leader's.
            if (term is { } own && own < call.Term)
                break;
            _head++;
            CommandCompletion completion = term == call.Term
                ? new(call.Token, CommandOutcome.Done, CommandFailure.None, call.Assigned)
                : new(call.Token, term is null ? CommandOutcome.Unknown : CommandOutcome.Lost, CommandFailure.Overwritten,
                    call.Assigned);
            effects.Commands.Add(completion);
        }

        DropDone();
    }

    /// <summary>
    /// Ends the executes whose entries are about to be removed. One whose entry has not arrived yet waits for it: what is
    /// removed in its place is of an older history.
    /// </summary>
    public void Truncate(ulong at, ILogStore log, RaftEffects effects)
    {
        for (int i = _executes.Count - 1; i >= _head && _executes[i].Assigned.End.Value >= at; i--)
        {
            Execute call = _executes[i];
            if (log.TermAt(call.Assigned.End) != call.Term)
                continue;
            _executes.RemoveAt(i);
            effects.Commands.Add(new CommandCompletion(call.Token, CommandOutcome.Lost, CommandFailure.Overwritten, call.Assigned));
        }
    }

    /// <summary>
    /// A state was installed over entries up to an index: whether theirs are in it nobody can tell. Later ones arrive again.
    /// </summary>
    public void Install(LogIndex anchor, RaftEffects effects)
    {
        for (; _head < _executes.Count && _executes[_head].Assigned.End <= anchor; _head++)
        {
            Execute call = _executes[_head];
            effects.Commands.Add(new CommandCompletion(
                call.Token, CommandOutcome.Unknown, CommandFailure.Overwritten, call.Assigned));
        }

        DropDone();
    }

    /// <summary>Ends what is due.</summary>
    public void Expire(TimeSpan now, RaftEffects effects)
    {
        while (_commandDeadlines.TryPeek(out (ulong Id, TimeSpan Deadline) oldest) && oldest.Deadline <= now)
        {
            _commandDeadlines.Dequeue();
            if (_forwarded.Remove(oldest.Id, out Forwarded call))
                effects.Commands.Add(new CommandCompletion(
                    call.Token, CommandOutcome.Unknown, CommandFailure.ForwardTimeout, null));
        }

        while (_queryDeadlines.TryPeek(out (ulong Id, TimeSpan Deadline) oldest) && oldest.Deadline <= now)
        {
            _queryDeadlines.Dequeue();
            if (_forwarded.Remove(oldest.Id, out Forwarded call))
                effects.Queries.Add(new QueryCompletion(call.Token, QueryOutcome.Offline, default, default, null));
        }
    }

    /// <summary>Term, leader or role changed: nothing that waits can be told how it ends.</summary>
    public void FailAll(RaftEffects effects)
    {
        foreach (Execute call in CollectionsMarshal.AsSpan(_executes)[_head..])
            effects.Commands.Add(new CommandCompletion(
                call.Token, CommandOutcome.Unknown, CommandFailure.LeadershipLost, call.Assigned));
        _executes.Clear();
        _head = 0;

        // In the order in which they were sent, not in that of a hash table.
        foreach ((ulong id, _) in _commandDeadlines)
        {
            if (_forwarded.Remove(id, out Forwarded call))
                effects.Commands.Add(new CommandCompletion(
                    call.Token, CommandOutcome.Unknown, CommandFailure.LeadershipLost, null));
        }

        foreach ((ulong id, _) in _queryDeadlines)
        {
            if (_forwarded.Remove(id, out Forwarded call))
                effects.Queries.Add(new QueryCompletion(call.Token, QueryOutcome.Offline, default, default, null));
        }

        _commandDeadlines.Clear();
        _queryDeadlines.Clear();
    }

    private static TimeSpan Head(Queue<(ulong Id, TimeSpan Deadline)> queue) =>
        queue.TryPeek(out (ulong Id, TimeSpan Deadline) oldest) ? oldest.Deadline : TimeSpan.MaxValue;

    private void DropDone()
    {
        const int Few = 1024;
        if (_head != _executes.Count && (_head < Few || _head < _executes.Count / 2))
            return;
        _executes.RemoveRange(0, _head);
        _head = 0;
    }

    private ulong NewId()
    {
        ulong id;
        do
            id = random.NextUInt64();
        while (_forwarded.ContainsKey(id));
        return id;
    }

    [StructLayout(LayoutKind.Auto)]
    private readonly record struct Execute(ulong Token, LogRange Assigned, Term Term);

    [StructLayout(LayoutKind.Auto)]
    private readonly record struct Forwarded(ulong Token, int Count, SubmitMode Mode, bool IsQuery);
}

/// <summary>What the caller of a command waits for.</summary>
internal enum SubmitMode
{
    /// <summary>That it is committed and applied here.</summary>
    Execute,

    /// <summary>That the leader has appended it.</summary>
    Feed,
}
