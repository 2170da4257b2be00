using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Mosaik.Groups;
using Mosaik.Groups.Raft;
using Mosaik.Primitives;
using Mosaik.Simulation.Raft.Cluster;
using Mosaik.Testing;

namespace Mosaik.Simulation.Raft.Trace;

/// <summary>
/// What happened in a run: every input, and what it changed on its node (role, term, vote, leader, committed, roster, calls
/// that ended). Kept as objects and made readable only when somebody reads; the fingerprint is made of the bytes.
/// </summary>
internal sealed class RaftTrace(IClusterObserver next, TextWriter? log) : IClusterObserver
{
    private const int Kept = 4000;
    private const int Hashed = 160;

    private readonly Queue<Line> _lines = [];
    private readonly Queue<Line> _changes = [];
    private readonly Dictionary<ulong, string> _calls = [];
    private readonly Dictionary<ClusterNode, State> _states = [];
    private long _step;

    /// <summary>The fingerprint of everything so far.</summary>
    public ulong Hash { get; private set; }

    /// <summary>The last changes, and then the last of everything.</summary>
    public IReadOnlyList<string> Recent(int changes, int lines) =>
    [
        "changes:", .. _changes.TakeLast(changes).Select(l => "  " + l.Text()),
        "inputs and changes:", .. _lines.TakeLast(lines).Select(l => "  " + l.Text()),
    ];

    public void Before(ClusterNode node, in ClusterInput input)
    {
        _step++;
        _states.TryAdd(node, State.Of(node));
        if (input.Kind is InputKind.Submit or InputKind.Query)
            _calls[input.Token] = input.What!;   // calls have words
        Mix(node, input);
        Add(_lines, new Line(_step, node, input, null));
        next.Before(node, input);
    }

    public void Sent(ClusterNode node, PeerId? to, byte[] message) => next.Sent(node, to, message);

    public void After(ClusterNode node, in ClusterInput last, int inputs)
    {
        State before = _states[node];
        var after = State.Of(node);
        if (before != after)
            Change(node, before.To(after));
        _states[node] = after;
        foreach ((ulong token, CommandCompletion done) in node.Commands)
            Change(node, $"{_calls.GetValueOrDefault(token)}: {done.Outcome} {(done.Failure == CommandFailure.None ? "" : done.Failure)} {done.Assigned}");
        foreach ((ulong token, QueryCompletion done) in node.Queries)
            Change(node, $"{_calls.GetValueOrDefault(token)}: {done.Outcome} at {done.Position}");
        next.After(node, last, inputs);
    }

    private void Change(ClusterNode node, string text)
    {
        var line = new Line(_step, node, default, text);
        Add(_changes, line);
        Add(_lines, line);
    }

    private void Add(Queue<Line> queue, in Line line)
    {
        if (queue.Count == Kept)
            queue.Dequeue();
        queue.Enqueue(line);
        if (queue == _lines)
            log?.WriteLine(line.Text());
    }

    private void Mix(ClusterNode node, in ClusterInput input)
    {
        Span<byte> block = stackalloc byte[(4 * sizeof(ulong)) + Hashed];
        BinaryPrimitives.WriteUInt64LittleEndian(block, Hash);
        BinaryPrimitives.WriteInt64LittleEndian(block[8..], node.Now.Ticks);
        BinaryPrimitives.WriteInt64LittleEndian(block[16..], ((long)input.Kind << 32) + (input.Message?.Length ?? 0));
        node.Peer.AsSpan()[..sizeof(ulong)].CopyTo(block[24..]);
        Span<byte> rest = block[32..];
        int length = input.Message is { } message
            ? Copy(message.AsSpan(0, Math.Min(message.Length, Hashed)), rest)
            : Encoding.UTF8.GetBytes(input.What.AsSpan(0, Math.Min(input.What?.Length ?? 0, Hashed / 4)), rest);
        Hash = XxHash3.Hash(block[..(32 + length)]);
    }

    private static int Copy(ReadOnlySpan<byte> bytes, Span<byte> to)
    {
        bytes.CopyTo(to);
        return bytes.Length;
    }

    private readonly record struct Line(long Step, ClusterNode Node, ClusterInput Input, string? Change)
    {
        public string Text() => string.Create(CultureInfo.InvariantCulture, $"{Step} {What()}");

        private string What() => Change is not null ? $"   {Node.Name}: {Change}"
            : Input.Kind == InputKind.Message ? $"{Node.Name} <- {Input.From!.Name} {MessageText.Of(Input.Message!)}"
            : Input.Describe(Node);
    }

    private sealed record State(
        RaftRole Role, Term Term, GroupMember? Vote, PeerId? Leader, bool Online, LogCursor Committed, LogCursor Last, int Roster, int Divergences)
    {
        public static State Of(ClusterNode node) => new(node.Core.Role, node.Core.Term, node.Core.VotedFor, node.Core.Leader, node.Core.Online,
            node.Core.Committed, node.Core.LogPosition, node.Core.RosterInForce.Count, node.Divergences.Count);

        public string To(State after)
        {
            List<string> parts = [];
            if (after.Role != Role || after.Term != Term)
                parts.Add($"{Role} t{Term} -> {after.Role} t{after.Term}");
            if (after.Vote != Vote)
                parts.Add(after.Vote is { } vote ? $"votes for {MessageText.Of(vote)}" : "has not voted");
            if (after.Leader != Leader)
                parts.Add(after.Leader is { } leader ? $"follows {MessageText.Of(leader)}" : "has no leader");
            if (after.Online != Online)
                parts.Add(after.Online ? "online" : "offline");
            if (after.Last != Last)
                parts.Add($"log {Last} -> {after.Last}");
            if (after.Committed != Committed)
                parts.Add($"committed {Committed.Index} -> {after.Committed.Index}");
            if (after.Roster != Roster)
                parts.Add($"roster of {Roster} -> {after.Roster}");
            if (after.Divergences != Divergences)
                parts.Add("takes back what it had committed");
            return string.Join(", ", parts);
        }
    }
}
