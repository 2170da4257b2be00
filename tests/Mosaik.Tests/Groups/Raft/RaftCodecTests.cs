using System.Text.Json;
using Mosaik.Groups;
using Mosaik.Groups.Raft;
using Mosaik.Groups.Sync;
using Mosaik.Primitives;

namespace Mosaik.Tests.Groups.Raft;

/// <summary>Every vector of the categories raft and sync, and those of extension that are Raft messages or entries, both ways.</summary>
public sealed class RaftCodecTests
{
    private static readonly VectorFile Vectors = VectorFile.Load("groups.json");
    private static readonly PeerId Leader = Peer(0x22);
    private static readonly byte[] Increment7 = [0, 7];

    [Fact]
    public void Append_entries()
    {
        AssertFrame("raft/ae-heartbeat", RaftFrames.AppendEntries(Term.One, Leader, default, [], 0, default, default));
        AppendEntries heartbeat = ReadEntries("raft/ae-heartbeat");
        Assert.Equal(
            (Term.One, Leader, LogCursor.Zero, 0), (heartbeat.Term, heartbeat.Leader, heartbeat.Previous, heartbeat.Entries.Count));

        LogEntry[] entries = [new(new Term(3), Increment7), new(new Term(3), new byte[] { 1, 0x80, 1 })];
        AssertFrame("raft/ae-entries",
            RaftFrames.AppendEntries(new Term(3), Leader, Cursor(2, 200), entries, 5, new LogIndex(199), default));
        AppendEntries read = ReadEntries("raft/ae-entries");
        Assert.Equal(Cursor(2, 200), read.Previous);
        Assert.Equal(199UL, read.LeaderCommit.Value);
        Assert.Equal(202UL, read.EndIndex.Value);
        AssertEntries(entries, read.Entries);
    }

    [Fact]
    public void Append_entries_with_lineage_and_round()
    {
        Vector lineage = Vectors["extension/lineage-net"];
        var founder = new GroupMember(Leader, Incarnation.FromRaw(lineage.Bytes("incarnation")));
        Assert.Equal(UniqueId.FromRaw(lineage.Expected), Lineage.Of(founder));
        Assert.Equal(UniqueId.FromRaw(Vectors["extension/lineage-plain"].Expected), Lineage.Of(new GroupMember(Leader, Incarnation.None)));

        var tail = new MessageTail(Lineage.Of(founder), null);
        AssertFrame("extension/ae-lineage",
            RaftFrames.AppendEntries(Term.One, Leader, Cursor(1, 3), [], 0, new LogIndex(3), tail));
        Assert.Equal(tail, ReadEntries("extension/ae-lineage").Tail);

        var round = new MessageTail(null, 300);
        AssertFrame("extension/ae-round",
            RaftFrames.AppendEntries(new Term(3), Leader, Cursor(3, 202), [], 0, new LogIndex(202), round));
        Assert.Equal(round, ReadEntries("extension/ae-round").Tail);

        // A plain peer's tail is not looked at.
        Assert.True(AppendEntries.TryRead(Message("extension/ae-round"), false, out AppendEntries plain));
        Assert.Equal(default, plain.Tail);
    }

    [Fact]
    public void Append_entries_response()
    {
        AssertFrame("raft/aer-granted",
            RaftFrames.AppendEntriesResponse(new Term(3), new LogIndex(202), Vote.Granted, default));
        AssertFrame("raft/aer-abstained",
            RaftFrames.AppendEntriesResponse(new Term(3), new LogIndex(202), Vote.Abstained, default));
        AssertFrame("extension/aer-round",
            RaftFrames.AppendEntriesResponse(new Term(3), new LogIndex(202), Vote.Granted, new MessageTail(null, 300)));
        Assert.True(AppendEntriesResponse.TryRead(Message("extension/aer-round").Span, true, out AppendEntriesResponse read));
        Assert.Equal(new AppendEntriesResponse(new Term(3), new LogIndex(202), Vote.Granted, new MessageTail(null, 300)), read);
        Assert.True(AppendEntriesResponse.TryRead(Message("raft/aer-abstained").Span, true, out read));
        Assert.Equal(Vote.Abstained, read.Vote);
    }

    [Fact]
    public void Votes()
    {
        AssertFrame("raft/rv", RaftFrames.RequestVote(new Term(4), Leader, Cursor(3, 202)));
        Assert.True(RequestVote.TryRead(Message("raft/rv").Span, true, out RequestVote request));
        Assert.Equal(new RequestVote(new Term(4), Leader, Cursor(3, 202)), request);
        AssertFrame("raft/rvr-denied", RaftFrames.RequestVoteResponse(new Term(4), Vote.Denied));
        Assert.True(RequestVoteResponse.TryRead(Message("raft/rvr-denied").Span, true, out RequestVoteResponse response));
        Assert.Equal(new RequestVoteResponse(new Term(4), Vote.Denied), response);
    }

    [Fact]
    public void Forwarded_calls()
    {
        AssertFrame("raft/fwd-command-id", RaftFrames.ForwardCommand([Increment7], 300));
        AssertFrame("raft/fwd-command", RaftFrames.ForwardCommand([Increment7], null));
        AssertFrame("raft/fwd-ack", RaftFrames.ForwardCommandAck(300, LogRange.Of(203, 203)));
        AssertFrame("raft/fwd-query", RaftFrames.ForwardQuery([], 301));
        AssertFrame("raft/fwd-query-response", RaftFrames.ForwardQueryResponse(301, [0x3c], new LogIndex(203)));

        var command = Assert.IsType<ForwardMessage.Command>(ForwardMessage.Read(Message("raft/fwd-command-id"), true));
        Assert.Equal(Increment7, Assert.Single(command.Commands).ToArray());
        Assert.Equal(300UL, command.RequestId);
        Assert.Null(Assert.IsType<ForwardMessage.Command>(ForwardMessage.Read(Message("raft/fwd-command"), true)).RequestId);
        Assert.Equal(new ForwardMessage.CommandAck(300, LogRange.Of(203, 203)), ForwardMessage.Read(Message("raft/fwd-ack"), true));
        var query = Assert.IsType<ForwardMessage.Query>(ForwardMessage.Read(Message("raft/fwd-query"), true));
        Assert.Equal((301UL, 0), (query.RequestId, query.Bytes.Length));
        var answer = Assert.IsType<ForwardMessage.QueryResponse>(ForwardMessage.Read(Message("raft/fwd-query-response"), true));
        Assert.Equal((301UL, (byte)0x3c, 203UL), (answer.RequestId, answer.Result.Span[0], answer.Position.Value));
    }

    [Fact]
    public void Log_replay()
    {
        LogEntry[] entries = [new(Term.One, Increment7), new(Term.One, new byte[] { 0, 8 })];
        AssertFrame("sync/availability-request", ReplayMessage.AvailabilityRequestFrame());
        AssertFrame("sync/availability-response", ReplayMessage.AvailabilityResponseFrame(LogRange.Of(0, 200), null));
        AssertFrame("sync/fetch-request", ReplayMessage.FetchRequestFrame(LogRange.Of(1, 200)));
        AssertFrame("sync/fetch-response", ReplayMessage.FetchResponseFrame(LogRange.Of(1, 2), entries, null));
        AssertFrame("sync/fetch-response-empty", ReplayMessage.FetchResponseFrame(default, [], null));

        Assert.IsType<ReplayMessage.AvailabilityRequest>(ReplayMessage.Read(Message("sync/availability-request"), true));
        Assert.Equal(
            new ReplayMessage.AvailabilityResponse(LogRange.Of(0, 200), null),
            ReplayMessage.Read(Message("sync/availability-response"), true));
        Assert.Equal(new ReplayMessage.FetchRequest(LogRange.Of(1, 200)), ReplayMessage.Read(Message("sync/fetch-request"), true));
        var fetched = Assert.IsType<ReplayMessage.FetchResponse>(ReplayMessage.Read(Message("sync/fetch-response"), true));
        Assert.Equal(LogRange.Of(1, 2), fetched.Range);
        AssertEntries(entries, fetched.Entries);
        var empty = ReplayMessage.Read(Message("sync/fetch-response-empty"), true);
        Assert.Equal(0, Assert.IsType<ReplayMessage.FetchResponse>(empty).Entries.Count);
    }

    [Fact]
    public void Entries_of_hashed_profiles()
    {
        Assert.Equal(Vectors["extension/entry-command"].Expected, RosterEntry.Command(Increment7).ToArray());
        Assert.Equal(Vectors["extension/entry-noop"].Expected, RosterEntry.NoOp.ToArray());
        foreach (string name in (string[])["extension/entry-founding", "extension/entry-roster-add", "extension/entry-roster-remove"])
        {
            Vector vector = Vectors[name];
            Assert.True(RosterEntry.IsWellFormed(vector.Expected, 3));
            Assert.True(RosterEntry.TryRead(vector.Expected, 3, out RosterEntry? read));
            GroupMember[] roster = [.. vector.Inputs.GetProperty("roster").EnumerateArray().Select(Member)];
            Assert.Equal(roster, read!.Roster.Members);
            RosterChangeKind kind = name.EndsWith("founding", StringComparison.Ordinal) ? RosterChangeKind.Founding
                : name.EndsWith("add", StringComparison.Ordinal) ? RosterChangeKind.Add : RosterChangeKind.Remove;
            GroupMember subject = kind == RosterChangeKind.Founding ? default : Member(vector.Inputs.GetProperty("subject"));
            Assert.Equal((kind, subject), (read.Change, read.Subject));
            Assert.Equal(vector.Expected, new RosterEntry(kind, subject, new Roster(roster.Reverse())).Encode().ToArray());

            // Of no other size of group.
            Assert.False(RosterEntry.IsWellFormed(vector.Expected, 4));
        }

        AssertFrame("extension/ae-founding", RaftFrames.AppendEntries(
            Term.One, Peer(0x11), default, [new(Term.One, Vectors["extension/entry-founding"].Expected)], 146, default, default));
    }

    [Fact]
    public void Rosters_follow_each_other_by_one_member()
    {
        RosterEntry Read(string name)
        {
            Assert.True(RosterEntry.TryRead(Vectors[name].Expected, 3, out RosterEntry? entry));
            return entry!;
        }

        RosterEntry founding = Read("extension/entry-founding");
        RosterEntry added = Read("extension/entry-roster-add");
        RosterEntry removed = Read("extension/entry-roster-remove");
        Assert.True(founding.Follows(null));
        Assert.True(added.Follows(founding.Roster));
        Assert.True(removed.Follows(added.Roster));
        Assert.False(founding.Follows(founding.Roster));
        Assert.False(added.Follows(added.Roster));
        Assert.False(added.Follows(removed.Roster));
        Assert.False(removed.Follows(founding.Roster));
        Assert.False(added.Follows(null));
    }

    [Fact]
    public void Mutated_messages_are_read_or_refused()
    {
        string[] names =
        [
            .. Vectors.Of("raft").Concat(Vectors.Of("sync")).Select(v => v.Name),
            "extension/ae-lineage", "extension/ae-round", "extension/aer-round", "extension/ae-founding",
        ];
        int refused = 0;
        int count = 0;
        ulong seed = 1;
        foreach (string name in names)
        {
            foreach (byte[] mutated in Mutator.Mutate(Message(name).ToArray(), 6000, seed++))
            {
                count++;
                refused += Read(mutated) ? 0 : 1;
            }
        }

        foreach (string name in (string[])["extension/entry-founding", "extension/entry-roster-add", "extension/entry-roster-remove"])
        {
            foreach (byte[] mutated in Mutator.Mutate(Vectors[name].Expected, 4000, seed++))
            {
                count++;
                bool isGood = RosterEntry.IsWellFormed(mutated, 3);
                if (isGood && RosterEntry.TryRead(mutated, 3, out RosterEntry? read))
                    Assert.Equal(mutated, read!.Encode().ToArray());
                refused += isGood ? 0 : 1;
            }
        }

        Assert.True(count >= 100_000, $"{count} inputs");
        Assert.InRange(refused, count / 10, count - 1);
    }

    [Theory]
    [InlineData("050001222222222222222222222222222222222222222222222222222222222222222200000000", true)]
    [InlineData("050000222222222222222222222222222222222222222222222222222222222222222200000000", false)] // term 0
    [InlineData("050001222222222222222222222222222222222222222222222222222222222222222200010000", false)] // index without term
    [InlineData("050001222222222222222222222222222222222222222222222222222222222222222202010000", false)] // previous of a later term
    [InlineData("0500012222222222222222222222222222222222222222222222222222222222222222000080808010", false)] // count beyond the input
    [InlineData("0500808080808080808080012222222222222222222222222222222222222222222222222222222222222222000000", false)] // huge term
    [InlineData("0501010004", false)] // unknown vote
    [InlineData("05010101ffffffffffffffffff0100", false)] // index overflow
    [InlineData("050400000000", false)] // no command
    [InlineData("0504010102010001", false)] // reversed range
    [InlineData("050404", false)]
    [InlineData("050504", false)]
    [InlineData("0506", false)]
    [InlineData("05", false)]
    public void Odd_messages(string hex, bool isGood) =>
        Assert.Equal(isGood, Read(Convert.FromHexString(hex)[1..]));

    [Theory]
    [InlineData("1102ac02", true)]
    [InlineData("7f00", true)] // unknown, skipped
    [InlineData("1102ac021102ac02", false)] // twice
    [InlineData("1103ac02", false)] // cut
    [InlineData("11", false)]
    [InlineData("1102ac", false)]
    [InlineData("1103ac0200", false)] // a value with something behind it
    [InlineData("1001ff", false)] // a lineage is 32 bytes
    public void Tails(string hex, bool isGood)
    {
        byte[] message = [.. Message("raft/rvr-denied").Span, .. Convert.FromHexString(hex)];
        Assert.Equal(isGood, RequestVoteResponse.TryRead(message, true, out _));
        Assert.True(RequestVoteResponse.TryRead(message, false, out _));
    }

    private static bool Read(byte[] message)
    {
        if (message.Length == 0)
            return false;
        switch ((RaftMessageKind)message[0])
        {
            case RaftMessageKind.AppendEntries:
                if (!AppendEntries.TryRead(message, true, out AppendEntries entries))
                    return false;
                int seen = 0;
                foreach (LogEntry entry in entries.Entries)
                {
                    seen++;
                    Assert.True(entry.Term <= entries.Term && entry.Bytes.Length <= message.Length);
                }

                Assert.Equal(entries.Entries.Count, seen);
                return true;
            case RaftMessageKind.AppendEntriesResponse:
                return AppendEntriesResponse.TryRead(message, true, out _);
            case RaftMessageKind.RequestVote:
                return RequestVote.TryRead(message, true, out _);
            case RaftMessageKind.RequestVoteResponse:
                return RequestVoteResponse.TryRead(message, true, out _);
            case RaftMessageKind.Forward:
                return ForwardMessage.Read(message, true) is not null;
            case RaftMessageKind.StateSync:
                return ReplayMessage.Read(message, true) is not null;
            default:
                return false;
        }
    }

    private static AppendEntries ReadEntries(string name)
    {
        Assert.True(AppendEntries.TryRead(Message(name), true, out AppendEntries read));
        return read;
    }

    private static ReadOnlyMemory<byte> Message(string name) => Vectors[name].Expected.AsMemory(1);

    private static void AssertFrame(string name, SharedFrame frame)
    {
        Assert.Equal(Convert.ToHexString(Vectors[name].Expected), Convert.ToHexString(frame.Payload.Span));
        Assert.Equal(frame.Payload.Length, System.Buffers.Binary.BinaryPrimitives.ReadInt32BigEndian(frame.Bytes.Span));
        frame.Release();
    }

    private static void AssertEntries(LogEntry[] expected, EntryBlock block)
    {
        Assert.Equal(expected.Length, block.Count);
        int i = 0;
        foreach (LogEntry entry in block)
        {
            Assert.Equal(expected[i].Term, entry.Term);
            Assert.Equal(expected[i++].Bytes.ToArray(), entry.Bytes.ToArray());
        }
    }

    private static PeerId Peer(byte value) => PeerId.FromRawUnchecked(Enumerable.Repeat(value, 32).ToArray());

    private static GroupMember Member(JsonElement json) => new(
        PeerId.FromRawUnchecked(Convert.FromHexString(json.GetProperty("peer").GetString()!)),
        Incarnation.FromRaw(Convert.FromHexString(json.GetProperty("incarnation").GetString()!)));

    private static LogCursor Cursor(ulong term, ulong index) => new(new Term(term), new LogIndex(index));
}
