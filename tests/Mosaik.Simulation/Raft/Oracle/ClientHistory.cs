using Mosaik.Groups;
using Mosaik.Groups.Raft;
using Mosaik.Simulation.Raft.Cluster;

namespace Mosaik.Simulation.Raft.Oracle;

/// <summary>What the clients did and saw, in the order of the world's steps.</summary>
/// <remarks>
/// Commands are unique and a strong query returns the whole state, so linearizability (Herlihy, Wing 1990) has an exact test
/// without search: the final log is the order; every read is a prefix of it, contains all that was acknowledged before it
/// began, nothing that was submitted after it ended, and reads and writes that follow each other follow in the log too.
/// </remarks>
internal sealed class ClientHistory
{
    private readonly Dictionary<ulong, Call> _calls = [];
    private readonly Dictionary<ClusterNode, List<Call>> _open = [];
    private readonly HashSet<string> _submitted = [];
    private readonly List<ulong> _answeredNow = [];

    /// <summary>Calls that were acknowledged.</summary>
    public int Acknowledged { get; private set; }

    /// <summary>Strong reads that were answered.</summary>
    public int Reads { get; private set; }

    /// <summary>Calls nobody completed, on processes that live.</summary>
    public IEnumerable<ulong> Open => _calls.Where(c => c.Value.End is null && !c.Value.IsCrashed).Select(c => c.Key);

    public bool IsSubmitted(string command) => _submitted.Contains(command);

    /// <summary>A call reaches a node.</summary>
    public void Begin(ClusterNode node, in ClusterInput input, long step)
    {
        _submitted.UnionWith(input.Commands);
        SubmitMode? mode = input.Kind == InputKind.Submit ? input.Mode : null;
        var call = new Call(node, mode, [.. input.Commands], input.IsStrong, step) { Token = input.Token, At = node.Now };
        _calls.Add(input.Token, call);
        if (!_open.TryGetValue(node, out List<Call>? open))
            _open.Add(node, open = []);
        open.Add(call);
    }

    /// <summary>What was called on a node and has not ended.</summary>
    public IReadOnlyList<OpenCall> OpenOn(ClusterNode node) =>
        _open.TryGetValue(node, out List<Call>? open) ? [.. open.Select(c => c.Describe())] : [];

    /// <summary>A call by its token.</summary>
    public OpenCall? Find(ulong token) => _calls.TryGetValue(token, out Call? call) ? call.Describe() : null;

    /// <summary>The call that ended like this, if it did.</summary>
    public bool IsServed(ulong token) => _calls.TryGetValue(token, out Call? call) && call.IsServed;

    public long AskedAt(ulong token) => _calls.TryGetValue(token, out Call? call) ? call.Begin : long.MaxValue;

    /// <summary>Strong reads answered on a node by the input that was just handled.</summary>
    public IReadOnlyList<ulong> AnsweredNow(ClusterNode node)
    {
        _answeredNow.Clear();
        foreach ((ulong token, QueryCompletion done) in node.Queries)
        {
            if (done.Outcome == QueryOutcome.Answered && _calls.TryGetValue(token, out Call? call) && call.End is null && call.IsStrong)
                _answeredNow.Add(token);
        }

        return _answeredNow;
    }

    /// <summary>Takes over what ended on a node.</summary>
    public void Complete(ClusterNode node, long step)
    {
        foreach ((ulong token, CommandCompletion done) in node.Commands)
        {
            if (!_calls.TryGetValue(token, out Call? call) || call.End is not null)
                continue;
            call.End = step;
            call.Outcome = done;
            call.IsServed = done.Outcome == CommandOutcome.Done;
            if (done.Outcome == CommandOutcome.Done && call.Mode == SubmitMode.Execute)
                CheckExecuted(node, call, done);
        }

        foreach ((ulong token, QueryCompletion done) in node.Queries)
        {
            if (!_calls.TryGetValue(token, out Call? call) || call.End is not null)
                continue;
            call.End = step;
            call.IsServed = done.Outcome == QueryOutcome.Answered;
            if (done.Outcome == QueryOutcome.Answered && call.IsStrong)
            {
                call.Answer = JournalMachine.Decode(done.Result.Span);
                Reads++;
            }
        }

        // Only what is still open matters from here on.
        if (node.Commands.Count + node.Queries.Count > 0)
            _open.GetValueOrDefault(node)?.RemoveAll(static c => c.End is not null);
        node.Commands.Clear();
        node.Queries.Clear();
    }

    public void Crashed(ClusterNode node)
    {
        foreach (Call call in _calls.Values.Where(c => c.Node == node))
            call.IsCrashed = true;
        _open.Remove(node);
    }

    /// <summary>A node took back what it had committed from an index on, and said so.</summary>
    public void Reverted(ClusterNode node, ulong from)
    {
        foreach (Call call in _calls.Values)
        {
            if (call.Node == node && call.Outcome.Assigned is { } range && range.End.Value >= from)
                call.IsReverted = true;
        }
    }

    /// <summary>Judges the whole history against the final order of commands.</summary>
    public void Judge(IReadOnlyList<string> final, bool isMajority)
    {
        var position = new Dictionary<string, int>();
        for (int i = 0; i < final.Count; i++)
        {
            if (!position.TryAdd(final[i], i))
                throw new InvariantViolationException("I16", $"{final[i]} is in the log twice");
        }

        foreach (Call call in _calls.Values.Where(c => c.Mode is not null))
            JudgeCommand(call, position, isMajority);
        if (isMajority)
            JudgeOrder(final, position);
    }

    private static void JudgeCommand(Call call, Dictionary<string, int> position, bool isMajority)
    {
        bool isKept = call.Commands.All(position.ContainsKey);
        bool isThere = call.Commands.Any(position.ContainsKey);
        string commands = string.Join(',', call.Commands);

        // A member that catches up may get a part of a batch and, if nobody has acknowledged it, lead with that part.
        string[] kept = [.. call.Commands.TakeWhile(position.ContainsKey)];
        bool isPrefix = call.Commands.Count(position.ContainsKey) == kept.Length
            && kept.Select((c, i) => position[c] == position[kept[0]] + i).All(static isNext => isNext);
        if (!isPrefix)
            throw new InvariantViolationException("I9", $"of the batch {commands} parts are in the log that do not belong together");
        if (call.End is null)
            return;
        if (call.Outcome.Outcome == CommandOutcome.NotSubmitted && isThere)
            throw new InvariantViolationException("I16", $"{commands} is in the log although it was never submitted");
        bool isAcknowledged = call.Outcome.Outcome == CommandOutcome.Done && call.Mode == SubmitMode.Execute;
        if (isAcknowledged && !isKept && (isMajority || (!call.IsReverted && !call.IsCrashed)))
            throw new InvariantViolationException("I9", $"{commands} was acknowledged by {call.Node.Name} and is lost");
    }

    private void JudgeOrder(IReadOnlyList<string> final, Dictionary<string, int> position)
    {
        // What an operation shows to have happened: writes their own place, reads the end of what they saw.
        List<(long Begin, long End, int From, int To, string What)> seen = [];
        foreach (Call call in _calls.Values.Where(c => c.End is not null))
        {
            if (call.Mode == SubmitMode.Execute && call.Outcome.Outcome == CommandOutcome.Done)
            {
                seen.Add((call.Begin, call.End!.Value, position[call.Commands[0]], position[call.Commands[^1]] + 1,
                    string.Join(',', call.Commands)));
            }
            else if (call.Answer is { } answer)
            {
                string[] state = answer.Length == 0 ? [] : answer.Split(',');
                if (state.Length > final.Count || !state.SequenceEqual(final.Take(state.Length)))
                    throw new InvariantViolationException("I10", $"a strong read saw [{answer}], which is no prefix of the log");
                seen.Add((call.Begin, call.End!.Value, state.Length, state.Length, $"read of {state.Length}"));
            }
        }

        seen.Sort(static (a, b) => a.End.CompareTo(b.End));
        var byBegin = seen.OrderBy(static s => s.Begin).ToList();
        int done = 0;
        (int To, string What) latest = (0, "");
        foreach (var next in byBegin)
        {
            while (done < seen.Count && seen[done].End < next.Begin)
            {
                if (seen[done].To > latest.To)
                    latest = (seen[done].To, seen[done].What);
                done++;
            }

            if (next.From < latest.To)
                throw new InvariantViolationException("I10", $"{next.What} began after {latest.What} had ended and does not see it");
        }

        foreach (Call call in _calls.Values.Where(c => c.Mode is not null && position.ContainsKey(c.Commands[0])))
        {
            int at = position[call.Commands[0]];
            foreach (var read in seen)
            {
                if (read.From == read.To && read.End < call.Begin && read.To > at)
                    throw new InvariantViolationException("I10", $"{read.What} saw {call.Commands[0]} before it was submitted");
            }
        }
    }

    private void CheckExecuted(ClusterNode node, Call call, in CommandCompletion done)
    {
        Acknowledged++;
        if (done.Assigned is not { } range)
            throw new InvariantViolationException("I16", $"{node.Name} acknowledged {call.Commands[0]} without an index");
        for (int i = 0; i < call.Commands.Length; i++)
        {
            var index = new LogIndex(range.Start.Value + (ulong)i);
            string? there = null;
            if (node.Log.TryGet(index, out LogEntry entry))
                there = JournalMachine.Decode(entry.Bytes.Span[(node.Settings.IsMajority ? 1 : 0)..]);
            if (there != call.Commands[i] || index > node.Core.Committed.Index)
                throw new InvariantViolationException("I16",
                    $"{node.Name} acknowledged {call.Commands[i]} at {index}, where its log has {there ?? "nothing"}; {node}");
        }
    }

    private sealed record Call(ClusterNode Node, SubmitMode? Mode, string[] Commands, bool IsStrong, long Begin)
    {
        public ulong Token { get; init; }

        public TimeSpan At { get; init; }

        public bool IsServed { get; set; }

        public long? End { get; set; }

        public CommandCompletion Outcome { get; set; }

        public string? Answer { get; set; }

        public bool IsCrashed { get; set; }

        public bool IsReverted { get; set; }

        public OpenCall Describe() => new(Token, Begin, At, Mode, IsStrong, Commands);
    }
}

/// <summary>A call, for those who ask about it.</summary>
/// <param name="Token">Its token.</param>
/// <param name="Begin">The step at which it was made.</param>
/// <param name="At">When, on the clock of its node.</param>
/// <param name="Mode">What is waited for; null = the answer to a query.</param>
/// <param name="IsStrong">Whether a query is strong.</param>
/// <param name="Commands">Its commands.</param>
internal readonly record struct OpenCall(ulong Token, long Begin, TimeSpan At, SubmitMode? Mode, bool IsStrong, string[] Commands)
{
    public string What => Mode is { } mode ? $"{mode} {string.Join(',', Commands)}" : "query";

    public string? Last => Commands.LastOrDefault();

    /// <summary>How long it may be open; null = as long as its leader leads.</summary>
    public TimeSpan? Timeout(RaftSettings settings) => Mode switch
    {
        null => settings.QueryTimeout,
        SubmitMode.Feed => settings.ForwardTimeout,
        _ => null,
    };
}
