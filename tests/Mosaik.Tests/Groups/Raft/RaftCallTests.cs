using Mosaik.Groups;
using Mosaik.Groups.Raft;
using Mosaik.Simulation.Raft.Cluster;

namespace Mosaik.Tests.Groups.Raft;

/// <summary>Commands and queries (spec/groups.md §7).</summary>
public sealed class RaftCallTests
{
    private readonly RaftCluster _cluster = new();

    [Fact]
    public void A_leader_alone_completes_an_execute_at_once()
    {
        _cluster.Start("A");
        _cluster.TimeOut("A");
        ulong token = _cluster.Execute("A", "a", "b", "c");
        Assert.Equal(
            new CommandCompletion(token, CommandOutcome.Done, CommandFailure.None, LogRange.Of(1, 3)), _cluster["A"].Commands[token]);
        Assert.Equal(["a", "b", "c"], _cluster["A"].Machine.State);
    }

    [Fact]
    public void A_follower_feeds_and_executes_through_the_leader()
    {
        Pair();
        ulong feed = _cluster.Feed("B", "f1", "f2");
        ulong execute = _cluster.Execute("B", "e");
        Assert.Empty(_cluster["B"].Commands);
        _cluster.Deliver("B", "A");
        _cluster.Deliver("A", "B");
        Assert.Equal(LogRange.Of(1, 2), _cluster["B"].Commands[feed].Assigned);
        Assert.False(_cluster["B"].Commands.ContainsKey(execute));
        _cluster.Deliver("B", "A");
        Assert.Equal(3UL, _cluster["A"].Core.Committed.Index.Value);
        _cluster.Deliver("A", "B");
        Assert.Equal(
            new CommandCompletion(execute, CommandOutcome.Done, CommandFailure.None, LogRange.Of(3, 3)),
            _cluster["B"].Commands[execute]);
        Assert.Equal(["f1", "f2", "e"], _cluster["B"].Machine.State);
        Assert.Equal(0, _cluster["B"].Core.PendingCount);
    }

    [Fact]
    public void Calls_of_one_turn_travel_in_one_message()
    {
        Pair();
        ClusterNode leader = _cluster["A"];
        _cluster.Step(leader, "three calls", n =>
        {
            for (ulong i = 0; i < 3; i++)
                n.Core.Submit(100 + i, [JournalMachine.Encode($"c{i}")], SubmitMode.Execute, n.Now, n.Effects);
        });
        Assert.Equal(1, _cluster.InFlight("A", "B"));
        _cluster.DeliverAll();
        for (ulong i = 0; i < 3; i++)
            Assert.Equal(LogRange.Of(1 + i, 1 + i), leader.Commands[100 + i].Assigned);
    }

    [Fact]
    public void A_batch_is_cut_between_calls_and_never_within_one()
    {
        foreach (string name in (string[])["A", "B"])
            _cluster.Start(name, s => s with { MaxBatchCommands = 4 });
        _cluster.Mesh();
        AvailableScheduleTests.Elect(_cluster, "A");
        _cluster.Settle();
        ReadOnlyMemory<byte>[] six = [.. Enumerable.Range(0, 6).Select(i => JournalMachine.Encode($"c{i}"))];
        _cluster.Step(_cluster["A"], "calls", n =>
        {
            n.Core.Submit(100, six.AsSpan(0, 3), SubmitMode.Feed, n.Now, n.Effects);
            n.Core.Submit(101, six.AsSpan(0, 1), SubmitMode.Feed, n.Now, n.Effects);
            n.Core.Submit(102, six, SubmitMode.Feed, n.Now, n.Effects);
            n.Core.Submit(103, six.AsSpan(0, 1), SubmitMode.Feed, n.Now, n.Effects);
        });
        Assert.Equal(3, _cluster.InFlight("A", "B"));
        Assert.Equal(LogRange.Of(5, 10), _cluster["A"].Commands[102].Assigned);
        Assert.Equal(LogRange.Of(11, 11), _cluster["A"].Commands[103].Assigned);
        _cluster.Settle();
        Assert.Equal(11, _cluster["B"].Machine.State.Count);
    }

    [Fact]
    public void Refusals()
    {
        _cluster.Start("A");
        Assert.Equal(CommandFailure.NoLeader, End("A", _cluster.Execute("A", "x")).Failure);
        _cluster.Start("B");
        _cluster.Bond("A", "B");
        _cluster.TimeOut("A");
        Assert.Equal(RaftRole.Candidate, _cluster["A"].Core.Role);
        Assert.Equal(CommandFailure.Candidate, End("A", _cluster.Execute("A", "x")).Failure);
        Assert.Equal(QueryOutcome.Offline, _cluster["A"].Queries[_cluster.Query("A", isStrong: true)].Outcome);
        Assert.Equal("", _cluster.AnswerTo("A", _cluster.Query("A", isStrong: false)));
        _cluster.Step(_cluster["A"], "tickets", n => n.Core.SetAuthorized(false, n.Now, n.Effects));
        CommandCompletion done = End("A", _cluster.Execute("A", "x"));
        Assert.Equal((CommandOutcome.NotSubmitted, CommandFailure.Unauthorized), (done.Outcome, done.Failure));
    }

    [Fact]
    public void Without_valid_tickets_nobody_leads()
    {
        Pair();
        _cluster.Step(_cluster["A"], "tickets", n => n.Core.SetAuthorized(false, n.Now, n.Effects));
        Assert.False(_cluster["A"].IsLeader);
        _cluster.TimeOut("A");
        Assert.Equal(RaftRole.Follower, _cluster["A"].Core.Role);
        AvailableScheduleTests.Elect(_cluster, "B");
        _cluster.Settle();
        Assert.False(_cluster["A"].Core.Online);
        _cluster.Step(_cluster["A"], "tickets", n => n.Core.SetAuthorized(true, n.Now, n.Effects));
        Assert.True(_cluster["A"].Core.Online);
    }

    [Fact]
    public void A_silent_leader_times_calls_out()
    {
        Pair();
        _cluster.Cut("A", "B");
        ulong command = _cluster.Execute("B", "x");
        ulong query = _cluster.Query("B", isStrong: true);
        _cluster.Pass("B", TimeSpan.FromSeconds(2) - TimeSpan.FromTicks(1));
        Assert.Empty(_cluster["B"].Commands);
        _cluster["B"].Now += TimeSpan.FromTicks(1);
        _cluster.Step(_cluster["B"], "timer", n => n.Core.Advance(n.Now, n.Effects));
        Assert.Equal((CommandOutcome.Unknown, CommandFailure.ForwardTimeout), (End("B", command).Outcome, End("B", command).Failure));
        Assert.Equal(QueryOutcome.Offline, _cluster["B"].Queries[query].Outcome);
    }

    [Fact]
    public void A_new_election_fails_what_waits()
    {
        Pair();
        _cluster.Cut("A", "B");
        ulong command = _cluster.Execute("B", "x");
        ulong query = _cluster.Query("B", isStrong: true);
        _cluster.Step(_cluster["B"], "time-out", n =>
        {
            n.Now = n.Core.ElectionDeadline;
            n.Core.Advance(n.Now, n.Effects);
        });
        Assert.Equal((CommandOutcome.Unknown, CommandFailure.LeadershipLost), (End("B", command).Outcome, End("B", command).Failure));
        Assert.Equal(QueryOutcome.Offline, _cluster["B"].Queries[query].Outcome);
        Assert.Null(_cluster["B"].Core.Leader);
    }

    [Fact]
    public void Strong_queries_are_forwarded()
    {
        Pair();
        _cluster.Execute("A", "x");
        _cluster.Deliver("A", "B");
        _cluster.Deliver("B", "A");
        ulong weak = _cluster.Query("B", isStrong: false);
        ulong strong = _cluster.Query("B", isStrong: true);
        Assert.Equal("", _cluster.AnswerTo("B", weak));
        Assert.Null(_cluster.AnswerTo("B", strong));
        _cluster.DeliverAll();
        Assert.Equal("x", _cluster.AnswerTo("B", strong));
        Assert.Equal(1UL, _cluster["B"].Queries[strong].Position.Value);
    }

    [Fact]
    public void Reads_of_majority_wait_for_a_round_that_begins_after_them()
    {
        MajorityScheduleTests.Found(_cluster, 3, "A", "B", "C");
        _cluster.Heartbeat("A");
        ulong first = _cluster.Query("A", isStrong: true);

        // The answer to the heartbeat before the read does not count.
        _cluster.Deliver("A", "B", 1);
        _cluster.Deliver("B", "A");
        Assert.Null(_cluster.AnswerTo("A", first));
        _cluster.Deliver("A", "B");
        ulong second = _cluster.Query("A", isStrong: true);
        _cluster.Deliver("B", "A");
        Assert.Equal("", _cluster.AnswerTo("A", first));
        Assert.Null(_cluster.AnswerTo("A", second));
        _cluster.DeliverAll();
        Assert.Equal("", _cluster.AnswerTo("A", second));
    }

    [Fact]
    public void Reads_of_a_cut_off_leader_of_majority_are_not_answered()
    {
        MajorityScheduleTests.Found(_cluster, 3, "A", "B", "C");
        _cluster.Cut("A", "B");
        _cluster.Cut("A", "C");
        ulong read = _cluster.Query("A", isStrong: true);
        _cluster.Pass("A", TimeSpan.FromSeconds(3));
        Assert.Equal(QueryOutcome.Offline, _cluster["A"].Queries[read].Outcome);
        Assert.False(_cluster["A"].Core.Online);
    }

    [Fact]
    public void A_malformed_command_of_a_peer_closes_its_bond()
    {
        Pair();
        _cluster.Feed("B", "malformed");
        _cluster.Deliver("B", "A");
        Assert.Equal((_cluster["B"].Peer, Mosaik.Networking.CloseCode.ProtocolViolation), Assert.Single(_cluster["A"].Closes));
        Assert.Empty(_cluster["A"].Commanded);
    }

    [Fact]
    public void An_acknowledged_call_is_not_judged_by_a_history_that_goes()
    {
        foreach (string name in (string[])["A", "B", "C"])
            _cluster.Start(name, s => s with { ReplayBatchSize = 1 });
        _cluster.Mesh();
        AvailableScheduleTests.Elect(_cluster, "A");
        _cluster.Execute("A", "x1");
        _cluster.Settle();
        _cluster.Isolate("A");
        _cluster.Execute("A", "a1", "a2", "a3");
        AvailableScheduleTests.Elect(_cluster, "B");
        _cluster.Execute("B", "b1");
        _cluster.Settle();

        // B assigns an index at which A has committed something else, which it is about to take back.
        _cluster.Bond("A", "B");
        _cluster.Deliver("B", "A");
        Assert.True(_cluster["A"].Core.IsCatchingUp);
        ulong mine = _cluster.Execute("A", "mine");
        _cluster.DeliverAll();
        _cluster.Settle();
        Assert.Equal(["x1", "b1", "mine"], _cluster["A"].Commanded);
        Assert.Equal(CommandOutcome.Done, _cluster["A"].Commands[mine].Outcome);
    }

    [Fact]
    public void An_acknowledgement_that_does_not_fit_its_call_closes_the_bond()
    {
        Pair();
        _cluster.Feed("B", "x", "y");
        _cluster.Deliver("B", "A");
        _cluster.Drop("A", "B");
        ClusterNode b = _cluster["B"];
        Assert.Equal(1, b.Core.PendingCount);

        // Nobody else may acknowledge, and nobody can guess the id.
        _cluster.Inject("A", "B", [.. SharedPayload(RaftFrames.ForwardCommandAck(1, LogRange.Of(1, 2)))]);
        _cluster.Deliver("A", "B");
        Assert.Empty(b.Closes);
        Assert.Equal(1, b.Core.PendingCount);
    }

    private static byte[] SharedPayload(SharedFrame frame)
    {
        byte[] message = frame.Payload[1..].ToArray();
        frame.Release();
        return message;
    }

    private CommandCompletion End(string name, ulong token)
    {
        Assert.True(_cluster[name].Commands.TryGetValue(token, out CommandCompletion done), $"{token} on {_cluster[name]}");
        return done;
    }

    private void Pair()
    {
        _cluster.Start("A");
        _cluster.Start("B");
        _cluster.Bond("A", "B");
        AvailableScheduleTests.Elect(_cluster, "A");
        _cluster.Settle();
    }
}
