using Mosaik.Groups;
using Mosaik.Groups.Raft;
using Mosaik.Groups.Sync;
using Mosaik.Simulation.Raft.Cluster;

namespace Mosaik.Tests.Groups.Raft;

/// <summary>Catching up by log replay (spec/groups.md §6.9).</summary>
public sealed class RaftCatchUpTests
{
    private readonly RaftCluster _cluster = new();

    [Theory]
    [InlineData(1), InlineData(7), InlineData(20), InlineData(100), InlineData(1000)]
    public void A_newcomer_gets_everything(int batch)
    {
        string[] commands = [.. Enumerable.Range(0, 200).Select(i => $"c{i}")];
        foreach (string name in (string[])["A", "B", "C"])
            _cluster.Start(name, s => s with { ReplayBatchSize = batch });
        _cluster.Mesh();
        AvailableScheduleTests.Elect(_cluster, "A");
        _cluster.Execute("A", commands);
        _cluster.Settle();
        _cluster.Start("D", s => s with { ReplayBatchSize = batch });
        var seen = new List<string>();
        _cluster.Trace = seen.Add;
        _cluster.Mesh();
        _cluster.DeliverAll();
        AvailableScheduleTests.AssertAll(_cluster, commands);

        // Behind the first chunk the leader is asked last.
        if (batch == 20)
            Assert.Contains(seen, line => line.StartsWith("B <- D StateSync", StringComparison.Ordinal));
    }

    [Fact]
    public void Entries_of_a_later_term_than_the_leaders_are_not_taken()
    {
        string[] shared = [.. Enumerable.Range(0, 10).Select(i => $"x{i}")];
        foreach (string name in (string[])["A", "B", "C"])
            _cluster.Start(name);
        _cluster.Mesh();
        AvailableScheduleTests.Elect(_cluster, "A");
        _cluster.Execute("A", shared);
        _cluster.Settle();
        _cluster.Isolate("A");
        _cluster.Execute("A", "a1", "a2", "a3");
        AvailableScheduleTests.Elect(_cluster, "B");
        _cluster.Execute("B", "b1", "b2", "b3");
        _cluster.Settle();

        // C knows a later leader than the one D follows, and has what it committed where that one has something else.
        ClusterNode newcomer = _cluster.Start("D", s => s with { ReplayBatchSize = 4 });
        _cluster.Bond("D", "A");
        _cluster.Bond("D", "C");
        var late = new List<Term>();
        _cluster.Trace = _ => late.AddRange(newcomer.Log.Last.Term > Term.One ? [newcomer.Log.Last.Term] : []);
        _cluster.DeliverAll();
        Assert.Equal([.. shared, "a1", "a2", "a3"], newcomer.Commanded);
        Assert.True(newcomer.Core.Online);
        Assert.Empty(late);
    }

    [Fact]
    public void Entries_that_arrive_meanwhile_follow()
    {
        Pair("x1", "x2");
        _cluster.Start("D");
        _cluster.Bond("A", "D");
        _cluster.Deliver("A", "D");
        Assert.True(_cluster["D"].Core.IsCatchingUp);
        _cluster.Feed("A", "x3");
        _cluster.Feed("A", "x4", "x5");
        _cluster.Deliver("A", "D");
        Assert.Equal(0UL, _cluster["D"].Core.LogPosition.Index.Value);
        _cluster.DeliverAll();
        AvailableScheduleTests.AssertAll(_cluster, "x1", "x2", "x3", "x4", "x5");
        Assert.Contains(_cluster["D"].Events, e => e is RaftEvent.CatchUpCompleted);
    }

    [Fact]
    public void A_hole_moves_the_target()
    {
        Pair("x1", "x2");
        _cluster.Start("D");
        _cluster.Bond("A", "D");
        _cluster.Deliver("A", "D");
        _cluster.Feed("A", "x3");
        _cluster.Drop("A", "D");
        _cluster.Feed("A", "x4");
        _cluster.DeliverAll();
        _cluster.Pass("D", TimeSpan.Zero);
        _cluster.Settle();
        if (_cluster["D"].Core.IsCatchingUp)
            _cluster.Pass("D", TimeSpan.FromSeconds(1));
        _cluster.Settle();
        Assert.Equal(["x1", "x2", "x3", "x4"], _cluster["D"].Commanded);
        Assert.Empty(_cluster["D"].Closes);
    }

    [Fact]
    public void A_follower_that_missed_entries_repairs_itself()
    {
        Pair("x1");
        _cluster.Feed("A", "x2");
        _cluster.Drop("A", "B");
        _cluster.Feed("A", "x3");
        _cluster.Deliver("A", "B");
        Assert.False(_cluster["B"].Core.Online);
        _cluster.DeliverAll();
        AvailableScheduleTests.AssertAll(_cluster, "x1", "x2", "x3");
    }

    [Fact]
    public void More_than_the_buffer_holds_is_fetched()
    {
        Pair("x1", "x2");
        _cluster.Start("D", s => s with { MaxBufferedBytes = 40 });
        _cluster.Bond("A", "D");
        _cluster.Deliver("A", "D");
        for (int i = 0; i < 20; i++)
            _cluster.Feed("A", $"more{i}");
        _cluster.Feed("A", new string('y', 100));
        _cluster.DeliverAll();
        _cluster.Settle();
        Assert.Equal(_cluster["A"].Commanded, _cluster["D"].Commanded);
        Assert.True(_cluster["D"].Core.Online);
    }

    [Fact]
    public void Entries_larger_than_an_answer_pass_one_by_one()
    {
        Pair("x1");
        _cluster.ChecksState = false;
        for (int i = 0; i < 3; i++)
            _cluster.Execute("A", new string((char)('a' + i), 5_000_000));
        _cluster.Settle();
        _cluster.Start("D");
        _cluster.Mesh();
        _cluster.Settle();
        Assert.True(_cluster["D"].Core.Online, _cluster["D"].Core.LogPosition.ToString());
        Assert.Equal(4UL, _cluster["D"].Core.Committed.Index.Value);
    }

    [Fact]
    public void A_source_that_is_silent_is_replaced_by_the_leader()
    {
        string[] commands = [.. Enumerable.Range(0, 100).Select(i => $"c{i}")];
        Pair(commands);
        _cluster.Start("D", s => s with { ReplayBatchSize = 10 });
        _cluster.Bond("B", "D");
        _cluster.DeliverAll();
        _cluster.Bond("A", "D");
        _cluster.Deliver("A", "D");
        _cluster.Deliver("D", "B");
        _cluster.Deliver("B", "D");
        _cluster.Cut("B", "D");
        for (int i = 0; i < 200 && _cluster["D"].Core.IsCatchingUp; i++)
        {
            _cluster.Heartbeat("A");
            _cluster.DeliverAll();
            _cluster.Pass("D", TimeSpan.FromMilliseconds(500));
            _cluster.DeliverAll();
        }

        Assert.Equal(commands, _cluster["D"].Commanded);
    }

    [Fact]
    public void A_catch_up_ends_with_its_leader()
    {
        Pair("x1", "x2");
        _cluster.Start("D");
        _cluster.Bond("A", "D");
        _cluster.Bond("B", "D");
        _cluster.Deliver("A", "D");
        Assert.True(_cluster["D"].Core.IsCatchingUp);
        _cluster.Crash("A");
        Assert.False(_cluster["D"].Core.IsCatchingUp);
        AvailableScheduleTests.Elect(_cluster, "B");
        _cluster.Settle();
        AvailableScheduleTests.AssertAll(_cluster, "x1", "x2");
    }

    [Fact]
    public void Bulk_data_of_another_history_is_found_out()
    {
        // B follows no one any more and serves what it had committed: another history than the leader's.
        foreach (string name in (string[])["A", "B"])
            _cluster.Start(name, s => s with { ReplayBatchSize = 5 });
        AvailableScheduleTests.Elect(_cluster, "A");
        AvailableScheduleTests.Elect(_cluster, "B");
        string[] right = [.. Enumerable.Range(0, 40).Select(i => $"right{i}")];
        string[] wrong = [.. Enumerable.Range(0, 40).Select(i => $"wrong{i}")];
        _cluster.Execute("A", right);
        _cluster.Execute("B", wrong);
        _cluster.Start("D", s => s with { ReplayBatchSize = 5 });
        _cluster.Bond("A", "D");
        _cluster.Deliver("A", "D");
        _cluster.Bond("B", "D");
        _cluster.Drop("B", "D");
        for (int i = 0; i < 60 && _cluster["D"].Core.IsCatchingUp; i++)
        {
            _cluster.Deliver("D", "B");
            _cluster.Deliver("B", "D");
            _cluster.Deliver("D", "A", 1);
            _cluster.Deliver("A", "D", 1);
        }

        Assert.False(_cluster["D"].Core.IsCatchingUp);
        Assert.Equal(right, _cluster["D"].Commanded.Take(40));
        Assert.DoesNotContain(_cluster["D"].Commanded, c => c.StartsWith("wrong", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(0), InlineData(9)]
    public void Bulk_data_that_does_not_fit_the_leaders_is_found_out(int forged)
    {
        string[] commands = [.. Enumerable.Range(0, 100).Select(i => $"c{i}")];
        Pair(commands);
        _cluster.Start("D", s => s with { ReplayBatchSize = 10 });
        _cluster.Bond("B", "D");
        _cluster.DeliverAll();
        _cluster.Bond("A", "D");
        _cluster.Deliver("A", "D");
        _cluster.Deliver("D", "B");
        _cluster.Deliver("B", "D");
        _cluster.Deliver("D", "A");
        _cluster.Deliver("A", "D", 1);
        while (_cluster["D"].Core.LogPosition.Index.IsZero)
            _cluster.Deliver("A", "D", 1);

        // The entry for comparison, or the one the next chunk is compared with, is not what the leader has.
        var request = _cluster.Take("D", "B").Select(m => ReplayMessage.Read(m, true)).OfType<ReplayMessage.FetchRequest>().Single();
        LogEntry[] entries = [.. _cluster["B"].Log.GetRange(request.Range)];
        entries[forged] = entries[forged] with { Bytes = JournalMachine.Encode("forged") };
        SharedFrame answer = ReplayMessage.FetchResponseFrame(request.Range, entries, _cluster["B"].Core.FoundingLineage);
        _cluster.Inject("B", "D", answer.Payload[1..].ToArray());
        answer.Release();
        _cluster.Deliver("B", "D");
        _cluster.Settle();
        AvailableScheduleTests.AssertAll(_cluster, commands);
    }

    [Fact]
    public void Foundings_that_begin_alike_are_told_apart_when_a_catch_up_is_cut_short()
    {
        foreach (string name in (string[])["A", "B", "Y"])
            _cluster.Start(name, s => s with { ReplayBatchSize = 2 });
        _cluster.Bond("A", "B");
        AvailableScheduleTests.Elect(_cluster, "A");
        _cluster.Execute("A", "same", "b");
        _cluster.Settle();
        AvailableScheduleTests.Elect(_cluster, "Y");
        _cluster.Execute("Y", "same", "c", "d", "e");

        // B gets a part of Y's log, behind a beginning that is the same in both.
        _cluster.Isolate("B");
        _cluster.Bond("B", "Y");
        _cluster.TimeOut("B");
        _cluster.DeliverAll();
        _cluster.TimeOut("Y");
        ClusterNode node = _cluster["B"];
        for (int i = 0; i < 20 && node.Commanded is not ["same", "c"]; i++)
        {
            _cluster.Deliver("Y", "B", 1);
            _cluster.Deliver("B", "Y", 1);
        }

        Assert.Equal(["same", "c"], node.Commanded);
        Assert.Equal(_cluster["Y"].Core.FoundingLineage, node.Core.FoundingLineage);
        _cluster.Isolate("B");
        _cluster.Bond("A", "B");
        _cluster.DeliverAll();
        AvailableScheduleTests.Elect(_cluster, "A");
        _cluster.Settle();
        Assert.Equal(["same", "b"], node.Commanded);
        Assert.Equal(["same", "b"], node.Machine.State);
    }

    [Theory]
    [InlineData(false), InlineData(true)]
    public void What_a_leader_took_over_since_is_not_taken_for_its_founding(bool isPlain)
    {
        foreach (string name in (string[])["A", "B", "D"])
            _cluster.Start(name);
        _cluster.Start("Y", isPlain: isPlain);
        _cluster.Bond("A", "B");
        AvailableScheduleTests.Elect(_cluster, "A");
        _cluster.Execute("A", "a");
        _cluster.Settle();
        AvailableScheduleTests.Elect(_cluster, "Y");
        _cluster.Execute("Y", "y");
        _cluster.Step(_cluster["Y"], "tickets", n => n.Core.SetAuthorized(false, n.Now, n.Effects));
        _cluster.Step(_cluster["Y"], "tickets", n => n.Core.SetAuthorized(true, n.Now, n.Effects));
        AvailableScheduleTests.Elect(_cluster, "Y");

        // D begins to follow A, which follows Y before it is asked for its entry.
        _cluster.Isolate("A");
        _cluster.Bond("A", "D");
        _cluster.Deliver("A", "D");
        ClusterNode node = _cluster["D"];
        Assert.True(node.Core.IsCatchingUp);
        _cluster.Bond("A", "Y");
        for (int i = 0; i < 20 && _cluster["A"].Commanded is not ["y"]; i++)
        {
            _cluster.Deliver("Y", "A");
            _cluster.Deliver("A", "Y");
        }

        Assert.Equal(["y"], _cluster["A"].Commanded);
        _cluster.Deliver("D", "A");
        _cluster.Deliver("A", "D");
        Assert.Empty(node.Commanded);
        Assert.False(node.Core.Online);

        // B still has the founding of A.
        AvailableScheduleTests.Elect(_cluster, "B");
        _cluster.Mesh();
        ClusterNode leader = _cluster.Converge();
        _cluster.Settle();
        AvailableScheduleTests.AssertAll(_cluster, [.. leader.Commanded]);
    }

    [Fact]
    public void A_machine_that_cannot_be_rebuilt_stays_offline()
    {
        Pair("x1");
        _cluster["B"].Machine.IsResettable = false;
        _cluster.Unbond("A", "B");
        _cluster.TimeOut("B");
        _cluster.Execute("B", "own");
        _cluster.TimeOut("B");
        ulong pending = _cluster.Query("B", isStrong: false);
        Assert.Equal("x1,own", _cluster.AnswerTo("B", pending));
        _cluster.Start("C");
        _cluster.Bond("A", "C");
        _cluster.Settle();
        for (int i = 0; i < 2; i++)
        {
            // A founds a greater history than B's.
            _cluster.Step(_cluster["A"], "tickets", n => n.Core.SetAuthorized(false, n.Now, n.Effects));
            _cluster.Step(_cluster["A"], "tickets", n => n.Core.SetAuthorized(true, n.Now, n.Effects));
            while (!_cluster["A"].IsLeader || _cluster["A"].Core.Term <= _cluster["B"].Core.Term)
            {
                _cluster.Step(_cluster["A"], "tickets", n => n.Core.SetAuthorized(false, n.Now, n.Effects));
                _cluster.Step(_cluster["A"], "tickets", n => n.Core.SetAuthorized(true, n.Now, n.Effects));
                _cluster.TimeOut("A");
                _cluster.DeliverAll();
            }
        }

        _cluster.Execute("A", "theirs");
        _cluster.Execute("A", "more");
        _cluster.Settle();
        _cluster.Bond("A", "B");
        _cluster.DeliverAll();
        _cluster.Heartbeat("A");
        _cluster.DeliverAll();
        ClusterNode node = _cluster["B"];
        Assert.Equal(RaftState.Diverged, node.Core.State);
        Assert.False(Assert.Single(node.Divergences).IsRebuilt);
        Assert.False(node.Core.Online);
        Assert.Equal(QueryOutcome.Diverged, node.Queries[_cluster.Query("B", isStrong: false)].Outcome);
        _cluster.TimeOut("B");
        Assert.Equal(RaftRole.Follower, node.Core.Role);
        Assert.Equal(["x1", "own"], node.Machine.State);
    }

    [Fact]
    public void The_founding_of_a_plain_leader_is_compared_once()
    {
        _cluster.Start("A", isPlain: true);
        _cluster.Start("B");
        _cluster.Bond("A", "B");
        AvailableScheduleTests.Elect(_cluster, "A");
        _cluster.Execute("A", "x1", "x2");
        _cluster.Settle();
        Assert.Equal(Lineage.Of(new GroupMember(_cluster["A"].Peer, Incarnation.None)), _cluster["B"].Core.FoundingLineage);

        // Over a new bond it has to be compared again.
        _cluster.Unbond("A", "B");
        var seen = new List<string>();
        _cluster.Trace = seen.Add;
        _cluster.Bond("A", "B");
        _cluster.Settle();
        AvailableScheduleTests.AssertAll(_cluster, "x1", "x2");

        // What it has, and the entries.
        Assert.Equal(2, seen.Count(line => line == "B <- A StateSync"));
        _cluster.Execute("A", "x3");
        _cluster.Settle();
        Assert.Equal(2, seen.Count(line => line == "B <- A StateSync"));
        AvailableScheduleTests.AssertAll(_cluster, "x1", "x2", "x3");
        Assert.All(_cluster.Nodes, n => Assert.Empty(n.Divergences));
    }

    [Fact]
    public void Plain_members_with_different_foundings_converge_through_the_extended_ones()
    {
        for (ulong seed = 1; seed <= 30; seed++)
        {
            var cluster = new RaftCluster(seed);
            cluster.Start("A", isPlain: true);
            cluster.Start("B");
            cluster.Start("C", isPlain: true);
            foreach (string name in (string[])["A", "B", "C"])
            {
                cluster.TimeOut(name);
                cluster.Execute(name, $"own{name}");
            }

            cluster.Mesh();
            ClusterNode leader = cluster.Converge();
            cluster.Execute(leader.Name, "after");
            cluster.Settle();
            AvailableScheduleTests.AssertAll(cluster, [.. leader.Commanded]);
        }
    }

    [Fact]
    public void A_provider_serves_what_its_role_allows()
    {
        Pair("x1", "x2");
        _cluster.Cut("A", "B");
        _cluster.Feed("A", "x3");
        _cluster.Start("D", s => s with { IsVoter = true });
        _cluster.Bond("D", "A");
        _cluster.Bond("D", "B");
        foreach (string name in (string[])["A", "B"])
        {
            _cluster.Drop(name, "D");
            _cluster.Inject("D", name, [(byte)RaftMessageKind.StateSync, 0]);
            _cluster.Deliver("D", name);
        }

        // An answer is the last thing each of them said.
        Assert.Equal(LogRange.Of(0, 3), Availability("A"));
        Assert.Equal(LogRange.Of(0, 2), Availability("B"));
        _cluster.Inject("A", "D", [(byte)RaftMessageKind.StateSync, 0]);
        _cluster.Deliver("A", "D");
        Assert.Equal(default, Availability("D", "A"));

        LogRange Availability(string from, string to = "D")
        {
            byte[] message = _cluster.Last(from, to)!;
            return Assert.IsType<ReplayMessage.AvailabilityResponse>(ReplayMessage.Read(message, true)).Range;
        }
    }

    [Fact]
    public void Who_catches_up_from_a_leader_that_steps_down_without_a_word_campaigns()
    {
        foreach (string name in (string[])["A", "B", "C"])
            _cluster.Start(name);
        _cluster.Mesh();
        AvailableScheduleTests.Elect(_cluster, "A");
        _cluster.Execute("A", "x");
        _cluster.Settle();
        _cluster.Feed("A", "y");
        foreach (string other in (string[])["B", "C"])
            _cluster.Drop("A", other);
        _cluster.Heartbeat("A");
        foreach (string other in (string[])["B", "C"])
        {
            _cluster.Deliver("A", other);
            Assert.True(_cluster[other].Core.IsCatchingUp);
        }

        // It goes on answering, and its bonds stay alive.
        _cluster.Authorize("A", isAuthorized: false);
        for (int i = 0; i < 120 && !_cluster.Leaders.Any(); i++)
        {
            _cluster.DeliverAll();
            foreach (string other in (string[])["B", "C"])
            {
                _cluster.Step(_cluster[other], "bytes", n => n.Core.Heard(_cluster["A"].Peer, n.Now, n.Effects));
                _cluster.Pass(other, TimeSpan.FromMilliseconds(500));
            }
        }

        Assert.Contains(_cluster.Leaders, l => l.Name is "B" or "C");
    }

    private void Pair(params string[] commands)
    {
        _cluster.Start("A");
        _cluster.Start("B");
        _cluster.Bond("A", "B");
        AvailableScheduleTests.Elect(_cluster, "A");
        _cluster.Execute("A", commands);
        _cluster.Settle();
    }
}
