using Mosaik.Groups;
using Mosaik.Groups.Raft;
using Mosaik.Simulation.Raft.Cluster;

namespace Mosaik.Tests.Groups.Raft;

/// <summary>The schedules of spec/groups-safety.md §4 in the profile Available.</summary>
public sealed class AvailableScheduleTests
{
    private readonly RaftCluster _cluster = new();

    [Fact]
    public void CE1_a_crash_loses_nothing_acknowledged()
    {
        _cluster.Start("A");
        _cluster.TimeOut("A");
        _cluster.Start("B");
        _cluster.Bond("A", "B");
        _cluster.Feed("A", "w0");
        _cluster.DeliverAll();
        ulong w1 = _cluster.Execute("A", "w1");
        Assert.False(_cluster["A"].Commands.ContainsKey(w1));
        Assert.Equal(1UL, _cluster["A"].Core.Committed.Index.Value);

        _cluster.Crash("A");
        _cluster.TimeOut("B");
        ulong z = _cluster.Execute("B", "z");
        Assert.Equal(CommandOutcome.Done, _cluster["B"].Commands[z].Outcome);
        AssertAll("w0", "z");
    }

    [Fact]
    public void CE1_variant_the_bond_is_lost_before_the_write()
    {
        _cluster.Start("A");
        _cluster.TimeOut("A");
        _cluster.Start("B");
        _cluster.Bond("A", "B");
        _cluster.Feed("A", "w0");
        _cluster.DeliverAll();
        _cluster.Unbond("A", "B");
        ulong w1 = _cluster.Execute("A", "w1");
        Assert.Equal(CommandOutcome.Done, _cluster["A"].Commands[w1].Outcome);
    }

    [Theory]
    [InlineData(1), InlineData(3)]
    public void CE2_slow_discovery_at_boot(int own)
    {
        foreach (string name in (string[])["n0", "n1", "n2"])
        {
            _cluster.Start(name);
            _cluster.TimeOut(name);
        }

        _cluster.Execute("n0", "inc3");
        _cluster.Execute("n0", "inc2");
        _cluster.Execute("n0", "inc1");
        for (int i = 0; i < own; i++)
        {
            ulong token = _cluster.Execute("n1", $"own{i}");
            Assert.Equal(CommandOutcome.Done, _cluster["n1"].Commands[token].Outcome);
        }

        _cluster.Mesh();
        ClusterNode leader = _cluster.Converge();
        if (own == 1)
        {
            Assert.Equal("n0", leader.Name);
            RaftDivergence divergence = Assert.Single(_cluster["n1"].Divergences);
            Assert.Equal(1UL, divergence.From.Index.Value);
            Assert.Equal(LogCursor.Zero, divergence.To);
            Assert.Equal("own0", JournalMachine.Decode(Assert.Single(divergence.Lost).Bytes.Span));
            Assert.Empty(_cluster["n0"].Divergences);
        }
        else
        {
            string[] losers = leader.Name == "n0" ? ["n1"] : ["n0"];
            Assert.All(losers, l => Assert.Single(_cluster[l].Divergences));
            Assert.Empty(leader.Divergences);
        }

        _cluster.Execute(leader.Name, "after");
        _cluster.Settle();
        AssertAll([.. leader.Commanded]);
    }

    [Fact]
    public void CE3_partition_and_heal()
    {
        Trio();
        _cluster.Isolate("A");
        ulong a2 = _cluster.Execute("A", "A2");
        Assert.Equal(CommandOutcome.Done, _cluster["A"].Commands[a2].Outcome);
        Elect("B");
        _cluster.Execute("B", "B2");
        _cluster.Execute("B", "B3");
        _cluster.DeliverAll();
        _cluster.Mesh();
        _cluster.Settle();
        _cluster.Feed("B", "B4");
        _cluster.Settle();
        AssertAll("x1", "B2", "B3", "B4");
        RaftDivergence divergence = Assert.Single(_cluster["A"].Divergences);
        Assert.Equal((2UL, 1UL), (divergence.From.Index.Value, divergence.To.Index.Value));
        Assert.Equal(_cluster["B"].Peer, divergence.Leader);
        Assert.All("BC", n => Assert.Empty(_cluster[n.ToString()].Divergences));
    }

    [Fact]
    public void CE3b_the_loser_is_longer()
    {
        Trio();
        _cluster.Isolate("A");
        foreach (string own in (string[])["A2", "A3", "A4"])
            _cluster.Feed("A", own);
        Elect("B");
        _cluster.Execute("B", "B2");
        _cluster.DeliverAll();
        _cluster.Mesh();
        _cluster.Settle();
        foreach (string other in (string[])["B3", "B4", "B5"])
            _cluster.Feed("B", other);
        _cluster.Settle();
        AssertAll("x1", "B2", "B3", "B4", "B5");
        RaftDivergence divergence = Assert.Single(_cluster["A"].Divergences);
        Assert.Equal((4UL, 1UL), (divergence.From.Index.Value, divergence.To.Index.Value));
        Assert.Equal(["A2", "A3", "A4"], divergence.Lost.Select(e => JournalMachine.Decode(e.Bytes.Span)));
    }

    [Fact]
    public void CE4_late_joiners_in_a_partial_mesh()
    {
        foreach (string name in (string[])["O", "A", "B"])
            _cluster.Start(name);
        _cluster.Bond("O", "A");
        _cluster.Bond("O", "B");
        Elect("O");
        _cluster.Execute("O", "x1");
        _cluster.Execute("O", "x2");
        _cluster.Settle();
        _cluster.Crash("O");
        foreach (string name in (string[])["C", "D", "E"])
        {
            _cluster.Start(name);
            _cluster.Bond("A", name);
            _cluster.Bond("B", name);
        }

        _cluster.Mesh("C", "D", "E");
        _cluster.TimeOut("A");
        _cluster.TimeOut("B");
        _cluster.DeliverAll();
        Assert.Equal(_cluster.Leaders.Count(), _cluster.Leaders.Select(l => l.Core.Term).Distinct().Count());
        foreach (ClusterNode leader in _cluster.Leaders.ToArray())
            _cluster.Feed(leader.Name, $"by{leader.Name}");
        _cluster.DeliverAll();
        Assert.True(_cluster.Leaders.Count() <= 1, _cluster.ToString());
        _cluster.Bond("A", "B");
        ClusterNode last = _cluster.Converge();
        AssertAll([.. last.Commanded]);
        Assert.Equal(["x1", "x2"], last.Commanded.Take(2));
    }

    [Fact]
    public void CE5_a_minority_of_nine_commits_nothing()
    {
        Mesh(9);
        Elect("n0");
        ulong w1 = _cluster.Execute("n0", "w1");
        foreach (string holder in (string[])["n1", "n2"])
        {
            _cluster.Deliver("n0", holder);
            _cluster.Deliver(holder, "n0");
        }

        Assert.True(_cluster["n0"].Core.Committed.IsZero);
        Assert.False(_cluster["n0"].Commands.ContainsKey(w1));
        foreach (string lost in (string[])["n0", "n1", "n2"])
            _cluster.Crash(lost);
        Elect("n3");
        ulong z = _cluster.Execute("n3", "z");
        _cluster.Settle();
        Assert.Equal(LogRange.Of(1, 1), _cluster["n3"].Commands[z].Assigned);
        AssertAll("z");
    }

    [Fact]
    public void CE6_a_restart_without_memory_can_lose_a_write_and_the_survivor_is_told()
    {
        _cluster.Start("A");
        _cluster.Start("B");
        _cluster.Start("C");
        _cluster.Mesh();
        Elect("A");
        _cluster.Settle();
        _cluster.Cut("A", "C");
        ulong w1 = _cluster.Execute("A", "w1");
        _cluster.DeliverAll();
        Assert.Equal(CommandOutcome.Done, _cluster["A"].Commands[w1].Outcome);

        _cluster.Restart("B", isYoung: true);
        _cluster.Isolate("A");
        _cluster.Bond("B", "C");
        _cluster.TimeOut("C");
        _cluster.DeliverAll();
        Assert.True(_cluster["C"].IsLeader);
        ulong z = _cluster.Execute("C", "z");
        _cluster.Settle();
        Assert.Equal(CommandOutcome.Done, _cluster["C"].Commands[z].Outcome);

        _cluster.Mesh();
        _cluster.Converge();
        AssertAll("z");
        Assert.Equal(1UL, Assert.Single(_cluster["A"].Divergences).From.Index.Value);
    }

    [Fact]
    public void CE7_a_forgotten_vote_within_the_bootstrap_window()
    {
        DoubleVote(isYoung: true);
        Assert.False(_cluster["C"].IsLeader);
        _cluster.Uncut("A", "C");
        _cluster.Mesh();
        _cluster.Converge();
    }

    [Fact]
    public void CE7_after_the_window_two_foundings_become_one()
    {
        DoubleVote(isYoung: false);
        Assert.True(_cluster["C"].IsLeader);
        Assert.Equal(_cluster["A"].Core.Term, _cluster["C"].Core.Term);
        Assert.NotEqual(_cluster["A"].Core.FoundingLineage, _cluster["C"].Core.FoundingLineage);
        _cluster.Feed("A", "a");
        _cluster.Feed("C", "c");
        _cluster.DeliverAll();
        _cluster.Uncut("A", "C");
        _cluster.Mesh();
        AssertAll([.. _cluster.Converge().Commanded]);
    }

    [Fact]
    public void CE8_a_strong_read_after_a_failover_may_be_stale()
    {
        CleanFailover(_cluster);
        ulong read = _cluster.Query("B", isStrong: true);
        Assert.Equal("w1", _cluster.AnswerTo("B", read));
        _cluster.Execute("B", "w3");
        _cluster.DeliverAll();
        Assert.Equal("w1,w2,w3", _cluster.AnswerTo("B", _cluster.Query("B", isStrong: true)));
    }

    [Theory]
    [InlineData(false), InlineData(true)]
    public void CE9_no_success_for_a_lost_command(bool bondsTimeOut)
    {
        Trio(isEmpty: true);
        _cluster.Cut("A", "B");
        _cluster.Cut("A", "C");
        ulong mine = _cluster.Execute("A", "mine");
        _cluster.TimeOut("B");
        _cluster.DeliverAll();
        _cluster.Execute("B", "other");
        _cluster.DeliverAll();
        if (bondsTimeOut)
        {
            _cluster.Isolate("A");
            Assert.Equal(CommandOutcome.Done, _cluster["A"].Commands[mine].Outcome);
            _cluster.Mesh();
        }
        else
        {
            _cluster.Uncut("A", "B");
            _cluster.Uncut("A", "C");
        }

        _cluster.Converge();
        AssertAll("other");
        if (bondsTimeOut)
        {
            RaftDivergence divergence = Assert.Single(_cluster["A"].Divergences);
            Assert.Equal((1UL, 0UL), (divergence.From.Index.Value, divergence.To.Index.Value));
        }
        else
        {
            CommandCompletion done = _cluster["A"].Commands[mine];
            Assert.Equal((CommandOutcome.Unknown, CommandFailure.LeadershipLost), (done.Outcome, done.Failure));
            Assert.Empty(_cluster["A"].Divergences);
        }
    }

    [Fact]
    public void CE10_a_newcomer_gets_what_is_not_committed_yet()
    {
        Trio();
        _cluster.Cut("A", "B");
        _cluster.Cut("A", "C");
        _cluster.Feed("A", "w2");
        _cluster.Start("D");
        _cluster.Mesh();
        _cluster.Settle();
        Assert.True(_cluster["D"].Core.Online, _cluster.ToString());
        Assert.Equal(2UL, _cluster["D"].Core.LogPosition.Index.Value);
        _cluster.Uncut("A", "B");
        _cluster.Uncut("A", "C");
        _cluster.Settle();
        AssertAll("x1", "w2");
        Assert.All(_cluster.Nodes, n => Assert.Equal(2UL, n.Core.Committed.Index.Value));
    }

    [Fact]
    public void CE11_one_clean_crash_in_a_full_mesh()
    {
        foreach (string name in (string[])["O", "A", "B", "C", "D", "E"])
            _cluster.Start(name);
        _cluster.Mesh();
        Elect("O");
        _cluster.Settle();
        _cluster.Feed("O", "x");
        _cluster.Deliver("O", "A");
        _cluster.Deliver("O", "D");
        _cluster.Crash("O");
        _cluster.TimeOut("A");
        _cluster.TimeOut("B");
        foreach (string voter in (string[])["C", "E", "D"])
        {
            _cluster.Deliver("A", voter);
            _cluster.Deliver("B", voter);
        }

        _cluster.Deliver("A", "B");
        _cluster.Deliver("B", "A");
        _cluster.DeliverAll();
        ClusterNode leader = _cluster.Converge();

        // Entries of earlier terms are committed together with one of the leader's own.
        _cluster.Feed(leader.Name, "y");
        _cluster.Settle();
        AssertAll([.. leader.Commanded]);
    }

    [Fact]
    public void CE12_a_premature_time_out_takes_nothing_acknowledged()
    {
        PrematureTimeOut(_cluster, out ulong w);
        Assert.True(_cluster["D"].IsLeader);
        _cluster.Feed("D", "other");
        _cluster.Converge();
        Assert.NotEqual(CommandOutcome.Done, _cluster["L"].Commands[w].Outcome);
        AssertAll("other");
        Assert.All(_cluster.Nodes, n => Assert.Empty(n.Divergences));
    }

    [Theory]
    [InlineData(0), InlineData(3)]
    public void D1_a_newcomer_never_outranks_an_established_group(int own)
    {
        for (ulong seed = 1; seed <= 200; seed++)
        {
            var cluster = new RaftCluster(seed);
            foreach (string name in (string[])["A", "B", "C"])
                cluster.Start(name);
            cluster.Mesh();
            Elect(cluster, "A");
            string[] ten = [.. Enumerable.Range(0, 10).Select(i => $"x{i}")];
            foreach (string command in ten)
                cluster.Execute("A", command);
            cluster.Settle();
            cluster.Start("D");
            cluster.TimeOut("D");
            for (int i = 0; i < own; i++)
                cluster.Execute("D", $"own{i}");
            foreach (string name in (string[])["A", "B", "C"])
                cluster.Bond("D", name);
            ClusterNode leader = cluster.Converge();
            Assert.NotEqual("D", leader.Name);
            AssertAll(cluster, ten);
            Assert.Equal(own == 0 ? 0 : 1, cluster["D"].Divergences.Count);
            Assert.All("ABC", n => Assert.Empty(cluster[n.ToString()].Divergences));
        }
    }

    [Theory]
    [InlineData(false), InlineData(true)]
    public void D2_a_flapping_node(bool writes)
    {
        for (ulong seed = 1; seed <= 200; seed++)
        {
            var cluster = new RaftCluster(seed);
            foreach (string name in (string[])["A", "B", "C"])
                cluster.Start(name);
            cluster.Mesh();
            Elect(cluster, "A");
            cluster.Settle();
            cluster.Isolate("C");
            cluster.TimeOut("C");
            Assert.True(cluster["C"].IsLeader);
            string[] five = [.. Enumerable.Range(0, 5).Select(i => $"x{i}")];
            foreach (string command in five)
                cluster.Execute("A", command);
            cluster.Settle();
            if (writes)
                cluster.Execute("C", "alone");
            cluster.Mesh();
            ClusterNode leader = cluster.Converge();
            if (!writes)
            {
                AssertAll(cluster, five);
                Assert.All(cluster.Nodes, n => Assert.Empty(n.Divergences));
                continue;
            }

            Assert.Equal(["alone"], leader.Commanded);
            AssertAll(cluster, "alone");
            Assert.Single(cluster["A"].Divergences);
            Assert.Single(cluster["B"].Divergences);
        }
    }

    [Fact]
    public void D5_a_deposed_leader_in_a_partial_mesh_is_told()
    {
        foreach (string name in (string[])["A", "B", "C"])
            _cluster.Start(name);
        _cluster.Bond("A", "B");
        Elect("A");
        _cluster.Bond("B", "C");
        _cluster.TimeOut("C");
        _cluster.Deliver("C", "B");
        _cluster.Deliver("B", "C");
        if (!_cluster["C"].IsLeader)
        {
            // C's first candidacy has the founding term, in which B has voted.
            _cluster.TimeOut("C");
            _cluster.Deliver("C", "B");
            _cluster.Deliver("B", "C");
        }

        Assert.True(_cluster["C"].IsLeader, _cluster.ToString());
        Assert.True(_cluster["A"].IsLeader);
        _cluster.Heartbeat("A");
        _cluster.Deliver("A", "B");
        _cluster.Deliver("B", "A");
        Assert.False(_cluster["A"].IsLeader);
        Assert.Null(_cluster["A"].Core.Leader);
        Assert.False(_cluster["A"].Core.Online);
    }

    [Fact]
    public void D6_entries_of_earlier_terms_are_not_committed_by_counting()
    {
        var cluster = new RaftCluster(7);
        foreach (string name in (string[])["A", "B", "C", "D", "E"])
            cluster.Start(name);
        cluster.Mesh();
        Elect(cluster, "A");
        cluster.Settle();
        cluster.Feed("A", "x");
        cluster.Deliver("A", "B");
        foreach (string other in (string[])["B", "C", "D", "E"])
            cluster.Cut("A", other);
        cluster.Cut("B", "E");
        cluster.TimeOut("E");
        cluster.DeliverAll();
        Assert.True(cluster["E"].IsLeader, cluster.ToString());
        foreach (string other in (string[])["C", "D"])
            cluster.Cut("E", other);
        foreach (string other in (string[])["B", "C", "D"])
            cluster.Uncut("A", other);
        cluster.DeliverAll();
        cluster.TimeOut("A");
        for (int i = 0; i < 5 && !cluster["A"].IsLeader; i++)
        {
            cluster.DeliverAll();
            if (!cluster["A"].IsLeader)
                cluster.TimeOut("A");
        }

        Assert.True(cluster["A"].IsLeader, cluster.ToString());
        cluster.Settle();
        Assert.True(cluster["C"].Core.LogPosition.Index.Value == 1, cluster.ToString());
        Assert.Equal(0UL, cluster["A"].Core.Committed.Index.Value);
        cluster.Feed("A", "y");
        cluster.Settle();
        Assert.Equal(2UL, cluster["A"].Core.Committed.Index.Value);
    }

    [Fact]
    public void D7_two_founded_pairs_meet()
    {
        for (ulong seed = 1; seed <= 100; seed++)
        {
            var cluster = new RaftCluster(seed);
            foreach (string name in (string[])["n0", "f0", "n1", "f1"])
                cluster.Start(name);
            cluster.Bond("n0", "f0");
            cluster.Bond("n1", "f1");
            Elect(cluster, "n0");
            Elect(cluster, "n1");
            cluster.Execute("n0", "a0");
            cluster.Execute("n0", "a1");
            cluster.Execute("n1", "b0");
            if (seed % 2 == 0)
                cluster.Execute("n1", "b1");
            cluster.Settle();
            cluster.Mesh();
            ClusterNode leader = cluster.Converge();
            AssertAll(cluster, [.. leader.Commanded]);
            bool won0 = leader.Commanded[0] == "a0";
            string[] losers = won0 ? ["n1", "f1"] : ["n0", "f0"];
            Assert.All(losers, l => Assert.Single(cluster[l].Divergences));
        }
    }

    [Fact]
    public void D8_a_quick_restart_replaces_the_bond()
    {
        Trio();
        ClusterNode old = _cluster["C"];
        _cluster.Restart("C");
        _cluster.Mesh();
        _cluster.Settle();
        Assert.NotEqual(old.Member, _cluster["C"].Member);
        Assert.True(_cluster["C"].Core.Online);
        ulong w = _cluster.Execute("A", "w2");
        _cluster.DeliverAll();
        Assert.Equal(CommandOutcome.Done, _cluster["A"].Commands[w].Outcome);
        _cluster.Settle();
        AssertAll("x1", "w2");
    }

    [Fact]
    public void D9_two_leaders_in_one_term_with_one_follower()
    {
        foreach (string name in (string[])["A", "B", "C"])
            _cluster.Start(name);
        _cluster.TimeOut("A");
        _cluster.TimeOut("B");
        Assert.Equal(2, _cluster.Leaders.Count());
        _cluster.Bond("A", "C");
        _cluster.DeliverAll();
        Assert.Equal(_cluster["A"].Peer, _cluster["C"].Core.Leader);
        _cluster["C"].Now = TimeSpan.FromSeconds(60);
        _cluster.Bond("B", "C");
        _cluster.DeliverAll();
        ClusterNode leader = _cluster.Converge();
        Assert.True(leader.Core.Term > Term.One);
        Assert.Single(_cluster.Leaders);
    }

    internal static void Elect(RaftCluster cluster, string name)
    {
        cluster.TimeOut(name);
        cluster.DeliverAll();
        Assert.True(cluster[name].IsLeader, cluster.ToString());
    }

    internal static void AssertAll(RaftCluster cluster, params string[] log)
    {
        Assert.All(cluster.Nodes, n => Assert.Equal(log, n.Commanded));
        Assert.All(cluster.Nodes, n => Assert.Equal(log, n.Machine.State));
        Assert.All(cluster.Nodes, n => Assert.True(n.Core.Online, n.ToString()));
        Assert.All(cluster.Nodes, n => Assert.Null(n.Termination));
        Assert.All(cluster.Nodes, n => Assert.Empty(n.Closes));
    }

    internal static void CleanFailover(RaftCluster cluster, Func<RaftSettings, RaftSettings>? configure = null)
    {
        foreach (string name in (string[])["L", "B", "C"])
            cluster.Start(name, configure);
        cluster.Mesh();
        Elect(cluster, "L");
        cluster.Execute("L", "w1");
        cluster.Settle();
        ulong w2 = cluster.Execute("L", "w2");
        cluster.Deliver("L", "B");
        cluster.Deliver("L", "C");
        cluster.Deliver("B", "L");
        cluster.Deliver("C", "L");
        Assert.Equal(CommandOutcome.Done, cluster["L"].Commands[w2].Outcome);
        cluster.Crash("L");
        cluster.TimeOut("B");
        cluster.Deliver("B", "C");
        cluster.Deliver("C", "B", 1);
        Assert.True(cluster["B"].IsLeader, cluster.ToString());
    }

    internal static void PrematureTimeOut(RaftCluster cluster, out ulong w, Func<RaftSettings, RaftSettings>? configure = null)
    {
        foreach (string name in (string[])["L", "B", "C", "D", "E"])
            cluster.Start(name, configure);
        cluster.Mesh();
        cluster.TimeOut("L");
        foreach (string voter in (string[])["B", "C", "D", "E"])
            cluster.Deliver("L", voter);
        cluster.Deliver("B", "L");
        cluster.Deliver("C", "L");
        Assert.True(cluster["L"].IsLeader);
        cluster.Deliver("D", "L");
        cluster.Deliver("E", "L");
        w = cluster.Execute("L", "w");
        cluster.Deliver("L", "B");
        cluster.Deliver("B", "L");
        Assert.False(cluster["L"].Commands.ContainsKey(w));
        cluster.TimeOut("D");
        foreach (string voter in (string[])["C", "E"])
        {
            cluster.Deliver("D", voter);
            cluster.Deliver(voter, "D");
        }
    }

    private void DoubleVote(bool isYoung)
    {
        foreach (string name in (string[])["A", "B", "C"])
            _cluster.Start(name);
        _cluster.Mesh();
        _cluster.Cut("A", "C");
        _cluster.TimeOut("A");
        _cluster.DeliverAll();
        Assert.True(_cluster["A"].IsLeader);
        _cluster.Cut("B", "C");
        _cluster.Restart("B", isYoung);
        _cluster.Bond("B", "C");
        _cluster.TimeOut("C");
        _cluster.DeliverAll();
    }

    private void Trio(bool isEmpty = false)
    {
        foreach (string name in (string[])["A", "B", "C"])
            _cluster.Start(name);
        _cluster.Mesh();
        Elect("A");
        if (!isEmpty)
            _cluster.Execute("A", "x1");
        _cluster.Settle();
    }

    private void Mesh(int count)
    {
        for (int i = 0; i < count; i++)
            _cluster.Start($"n{i}");
        _cluster.Mesh();
    }

    private void Elect(string name) => Elect(_cluster, name);

    private void AssertAll(params string[] log) => AssertAll(_cluster, log);
}
