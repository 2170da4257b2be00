using Mosaik.Groups;
using Mosaik.Groups.Raft;
using Mosaik.Groups.Sync;
using Mosaik.Networking;
using Mosaik.Primitives;
using Mosaik.Simulation.Raft.Cluster;

namespace Mosaik.Tests.Groups.Raft;

/// <summary>Messages that no honest member sends: the bond closes with 400, or nothing happens.</summary>
public sealed class RaftHostileTests
{
    private readonly RaftCluster _cluster = new();

    [Fact]
    public void A_leader_or_candidate_that_is_not_the_peer()
    {
        PeerId stranger = PeerId.FromRawUnchecked(Enumerable.Repeat((byte)7, 32).ToArray());
        AssertCloses(0, RaftFrames.AppendEntries(new Term(9), stranger, default, [], 0, default, default));
        AssertCloses(0, RaftFrames.RequestVote(new Term(9), stranger, default));
    }

    [Theory]
    [InlineData("")]
    [InlineData("06")]
    [InlineData("ff")]
    [InlineData("00")]
    [InlineData("0109")]
    [InlineData("0409")]
    [InlineData("0509")]
    [InlineData("050305018080808080800100")]
    public void Undecodable_messages(string hex) => AssertCloses(0, Convert.FromHexString(hex));

    [Fact]
    public void A_reversed_fetch_request() => AssertCloses(0, ReplayMessage.FetchRequestFrame(LogRange.Of(5, 2)));

    [Fact]
    public void An_index_that_overflows()
    {
        var previous = new LogCursor(Term.One, new LogIndex(RaftWire.NumberLimit - 1));
        LogEntry[] entries = [new(Term.One, new byte[1]), new(Term.One, new byte[1])];
        Two(0);
        AssertCloses(RaftFrames.AppendEntries(Term.One, _cluster["A"].Peer, previous, entries, 2, default, default));
    }

    [Theory]
    [InlineData("")]
    [InlineData("07")]
    [InlineData("0100")]
    [InlineData("0200")]
    [InlineData("03")]
    public void Entries_of_unknown_kind_in_a_hashed_profile(string hex)
    {
        Two(2);
        LogEntry[] entries = [new(Term.One, Convert.FromHexString(hex))];
        AssertCloses(RaftFrames.AppendEntries(Term.One, _cluster["A"].Peer, default, entries, hex.Length / 2, default, default));
        Assert.Equal(0UL, _cluster["B"].Core.LogPosition.Index.Value);
    }

    [Fact]
    public void A_roster_that_does_not_follow_the_one_in_force()
    {
        MajorityScheduleTests.Found(_cluster, 3, "A", "B", "C");
        GroupMember stranger = new(_cluster["A"].Peer, Incarnation.FromRaw(new byte[16]));
        var roster = new Roster([_cluster["A"].Member, stranger, _cluster["B"].Member]);
        var entry = new RosterEntry(RosterChangeKind.Remove, _cluster["C"].Member, roster).Encode();
        LogCursor last = _cluster["B"].Core.LogPosition;
        AssertCloses(RaftFrames.AppendEntries(
            Term.One, _cluster["A"].Peer, last, [new(Term.One, entry)], entry.Length, default, default));
        Assert.Equal(last, _cluster["B"].Core.LogPosition);
    }

    [Fact]
    public void Answers_nobody_asked_for_are_ignored()
    {
        Two(0);
        LogEntry[] entries = [new(Term.One, new byte[1])];
        foreach (SharedFrame frame in (SharedFrame[])
        [
            ReplayMessage.FetchResponseFrame(LogRange.Of(1, 1), entries, null),
            ReplayMessage.AvailabilityResponseFrame(LogRange.Of(0, 100), null),
            RaftFrames.ForwardCommandAck(3, LogRange.Of(1, 1)),
            RaftFrames.ForwardQueryResponse(3, [], default),
            RaftFrames.ForwardCommand([new byte[1]], 3),
            RaftFrames.ForwardQuery([], 3),
            RaftFrames.AppendEntriesResponse(Term.Zero, default, Vote.Granted, default),
            RaftFrames.RequestVoteResponse(Term.Zero, Vote.Granted),
        ])
            Send(frame);
        Assert.Empty(_cluster["B"].Closes);
        Assert.Equal(0UL, _cluster["B"].Core.LogPosition.Index.Value);
        Assert.Equal(Term.Zero, _cluster["B"].Core.Term);
    }

    [Fact]
    public void An_acknowledged_index_beyond_the_log_counts_as_its_end()
    {
        Two(0);
        AvailableScheduleTests.Elect(_cluster, "B");
        _cluster.Start("C");
        _cluster.Bond("C", "B");
        _cluster.Settle();
        _cluster.Cut("C", "B");
        _cluster.Feed("B", "x");
        _cluster.Drop("A", "B");
        Send(RaftFrames.AppendEntriesResponse(_cluster["B"].Core.Term, new LogIndex(1000), Vote.Granted, default));
        Assert.Equal(1UL, _cluster["B"].Core.Committed.Index.Value);
        _cluster.Feed("B", "y");
        Assert.Equal(1UL, _cluster["B"].Core.Committed.Index.Value);
    }

    [Fact]
    public void Random_bytes_never_harm_a_core()
    {
        var random = new SeededRandom(5);
        for (int round = 0; round < 40; round++)
        {
            var cluster = new RaftCluster((ulong)round + 1) { ChecksState = false };
            int voters = round % 2 * 3;
            foreach (string name in (string[])["A", "B", "C"])
                cluster.Start(name, s => s with { Voters = voters });
            cluster.Mesh();
            AvailableScheduleTests.Elect(cluster, "A");
            cluster.Execute("A", "x");
            cluster.Settle();
            var good = new List<byte[]>
            {
                Payload(RaftFrames.AppendEntries(new Term(1), cluster["A"].Peer, cluster["A"].Core.LogPosition,
                    [new(Term.One, new byte[] { 0, 1 })], 2, new LogIndex(2), default)),
                Payload(RaftFrames.RequestVote(new Term(2), cluster["A"].Peer, cluster["A"].Core.LogPosition)),
                Payload(RaftFrames.AppendEntriesResponse(Term.One, new LogIndex(2), Vote.Granted, default)),
                Payload(ReplayMessage.FetchRequestFrame(LogRange.Of(1, 2))),
                Payload(RaftFrames.ForwardCommand([new byte[2]], 5)),
            };
            foreach (byte[] message in good.SelectMany(g => Mutator.Mutate(g, 60, (ulong)round)))
            {
                string to = random.NextBelow(2) == 0 ? "B" : "A";
                string from = to == "A" ? "B" : "A";
                cluster.Bond(from, to);
                cluster.Inject(from, to, message);
                cluster.Deliver(from, to, 1000);
            }

            Assert.All(cluster.Nodes, n => Assert.InRange(n.Core.LogPosition.Index.Value, 0UL, 10_000UL));
        }
    }

    private static byte[] Payload(SharedFrame frame)
    {
        byte[] message = frame.Payload[1..].ToArray();
        frame.Release();
        return message;
    }

    private void Two(int voters)
    {
        _cluster.Start("A", s => s with { Voters = voters });
        _cluster.Start("B", s => s with { Voters = voters });
        _cluster.Bond("A", "B");
    }

    private void AssertCloses(int voters, SharedFrame frame) => AssertCloses(voters, Payload(frame));

    private void AssertCloses(int voters, byte[] message)
    {
        var cluster = new RaftCluster();
        foreach (string name in (string[])["A", "B"])
            cluster.Start(name, s => s with { Voters = voters });
        cluster.Bond("A", "B");
        cluster.Inject("A", "B", message);
        cluster.Deliver("A", "B");
        Assert.Equal((cluster["A"].Peer, CloseCode.ProtocolViolation), Assert.Single(cluster["B"].Closes));
    }

    private void AssertCloses(SharedFrame frame)
    {
        Send(frame);
        Assert.Equal((_cluster["A"].Peer, CloseCode.ProtocolViolation), Assert.Single(_cluster["B"].Closes));
    }

    private void Send(SharedFrame frame)
    {
        _cluster.Inject("A", "B", Payload(frame));
        _cluster.Deliver("A", "B");
    }
}
