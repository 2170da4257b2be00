using Mosaik.Groups;
using Mosaik.Groups.Raft;
using Mosaik.Simulation.Raft.Cluster;

namespace Mosaik.Tests.Groups.Raft;

/// <summary>
/// The schedules CE1 to CE12 of spec/groups-safety.md §4 in the profile Majority. The cluster itself checks Election Safety and
/// that nobody commits two different entries at one index.
/// </summary>
public sealed class MajorityScheduleTests
{
    private readonly RaftCluster _cluster = new();

    [Fact]
    public void CE1_nobody_is_elected_alone_and_nothing_is_lost()
    {
        Start(2, "A");
        _cluster.TimeOut("A");
        Assert.Equal(RaftRole.Follower, _cluster["A"].Core.Role);
        Start(2, "B");
        _cluster.Bond("A", "B");
        Elect("A");
        _cluster.Feed("A", "w0");
        _cluster.Settle();
        ulong w1 = _cluster.Execute("A", "w1");
        Assert.False(_cluster["A"].Commands.ContainsKey(w1));
        _cluster.Crash("A");
        _cluster.TimeOut("B");
        Assert.Equal(RaftRole.Candidate, _cluster["B"].Core.Role);
        ulong z = _cluster.Execute("B", "z");
        Assert.Equal((CommandOutcome.NotSubmitted, CommandFailure.Candidate), Ended("B", z));
        Assert.Contains(_cluster["B"].Events, e => e is RaftEvent.NoQuorum { Present: 1, Needed: 2 });
    }

    [Fact]
    public void CE2_one_founding_after_discovery()
    {
        Start(3, "n0", "n1", "n2");
        foreach (string name in (string[])["n0", "n1", "n2"])
        {
            _cluster.TimeOut(name);
            Assert.Equal((CommandOutcome.NotSubmitted, CommandFailure.NoLeader), Ended(name, _cluster.Execute(name, "x")));
        }

        _cluster.Mesh();
        ClusterNode leader = _cluster.Converge();
        _cluster.Execute(leader.Name, "first");
        _cluster.Settle();
        AssertAll("first");
        Assert.All(_cluster.Nodes, n => Assert.Equal(3, n.Core.Voters.Count));
        Assert.All(_cluster.Nodes, n => Assert.True(n.Core.IsRosterComplete));
    }

    [Fact]
    public void A_voter_without_memory_leaves_the_terms_alone_once_it_has_heard_of_a_log()
    {
        Found(3, "A", "B", "C");
        _cluster.Execute("A", "x");
        _cluster.Settle();
        _cluster.Crash("C");
        Start(3, "C");
        _cluster.Isolate("A");
        _cluster.Bond("C", "A");
        _cluster.Bond("C", "B");
        RaftCore again = _cluster["C"].Core;
        _cluster.TimeOut("C");
        Assert.Equal(RaftRole.Candidate, again.Role); // as far as it knows the group may be founded
        _cluster.TimeOut("B");
        while (_cluster.Loaded.Contains(("B", "C")))
            _cluster.Deliver("B", "C", 1);
        Term heard = again.Term;
        _cluster.TimeOut("C");
        Assert.Equal((RaftRole.Follower, heard), (again.Role, again.Term));
        _cluster.Mesh();
        _cluster.Converge();
        Assert.All(_cluster.Nodes, n => Assert.Contains("x", n.Commanded));
    }

    [Theory]
    [InlineData(1, 1), InlineData(3, 3)]
    public void CE3_partition_and_heal(int byA, int byB)
    {
        Found(3, "A", "B", "C");
        _cluster.Execute("A", "x1");
        _cluster.Settle();
        _cluster.Isolate("A");
        ulong[] lost = [.. Enumerable.Range(2, byA).Select(i => _cluster.Execute("A", $"A{i}"))];
        Assert.True(_cluster["A"].Core.Online);
        _cluster.Pass("A", TimeSpan.FromSeconds(2));
        Assert.False(_cluster["A"].IsLeader);
        Assert.False(_cluster["A"].Core.Online);
        Assert.All(lost, t => Assert.Equal((CommandOutcome.Unknown, CommandFailure.LeadershipLost), Ended("A", t)));
        Elect("B");
        string[] kept = [.. Enumerable.Range(2, byB).Select(i => $"B{i}")];
        foreach (string command in kept)
            _cluster.Execute("B", command);
        _cluster.DeliverAll();
        _cluster.Mesh();
        _cluster.Settle();
        _cluster.Feed("B", "last");
        _cluster.Settle();
        AssertAll(["x1", .. kept, "last"]);
        Assert.All(_cluster.Nodes, n => Assert.Empty(n.Divergences));
    }

    [Fact]
    public void CE4_learners_elect_nobody()
    {
        Start(3, "O", "A", "B");
        _cluster.Mesh();
        Elect("O");
        _cluster.Settle();
        _cluster.Unbond("A", "B");
        _cluster.Execute("O", "x1");
        _cluster.Execute("O", "x2");
        _cluster.Settle();
        _cluster.Crash("O");
        foreach (string name in (string[])["C", "D", "E"])
        {
            _cluster.Start(name, s => s with { Voters = 3, IsVoter = false });
            _cluster.Bond("A", name);
            _cluster.Bond("B", name);
        }

        _cluster.Mesh("C", "D", "E");
        _cluster.TimeOut("A");
        _cluster.TimeOut("B");
        _cluster.Settle();
        Assert.Empty(_cluster.Leaders);
        _cluster.Bond("A", "B");
        ClusterNode leader = _cluster.Converge();
        _cluster.Feed(leader.Name, "x3");
        _cluster.Settle();
        AssertAll("x1", "x2", "x3");
    }

    [Fact]
    public void CE5_a_minority_of_nine_commits_nothing()
    {
        string[] names = [.. Enumerable.Range(0, 9).Select(i => $"n{i}")];
        Found(9, names);
        ulong w1 = _cluster.Execute("n0", "w1");
        foreach (string holder in (string[])["n1", "n2"])
        {
            _cluster.Deliver("n0", holder);
            _cluster.Deliver(holder, "n0");
        }

        Assert.False(_cluster["n0"].Commands.ContainsKey(w1));
        foreach (string lost in names.Take(3))
            _cluster.Crash(lost);
        Elect("n3");
        ulong z = _cluster.Execute("n3", "z");
        _cluster.Settle();
        Assert.Equal(CommandOutcome.Done, Ended("n3", z).Outcome);
        AssertAll("z");
    }

    [Fact]
    public void CE6_a_restarted_voter_does_not_count_and_the_write_survives()
    {
        Found(3, "A", "B", "C");
        _cluster.Cut("A", "C");
        ulong w1 = _cluster.Execute("A", "w1");
        _cluster.DeliverAll();
        Assert.Equal(CommandOutcome.Done, Ended("A", w1).Outcome);
        GroupMember old = _cluster["B"].Member;
        _cluster.Restart("B");
        _cluster.Isolate("A");
        _cluster.Bond("B", "C");
        for (int i = 0; i < 3; i++)
        {
            _cluster.TimeOut("C");
            _cluster.DeliverAll();
            Assert.False(_cluster["C"].IsLeader);
        }

        Assert.Contains(_cluster["C"].Events, e => e is RaftEvent.NoQuorum);
        _cluster.Pass("A", TimeSpan.FromSeconds(2));
        Assert.False(_cluster["A"].IsLeader);

        _cluster.Mesh();
        _cluster.Converge();
        _cluster.Settle();
        AssertAll("w1");
        Assert.All(_cluster.Nodes, n => Assert.Contains(_cluster["B"].Member, n.Core.Voters));
        Assert.All(_cluster.Nodes, n => Assert.DoesNotContain(old, n.Core.Voters));
        Assert.All(_cluster.Nodes, n => Assert.Equal(3, n.Core.Voters.Count));
    }

    [Fact]
    public void CE7_a_forgotten_vote_does_not_count()
    {
        Found(3, "C", "A", "B");
        _cluster.Cut("A", "C");
        _cluster.Cut("B", "C");
        _cluster.Pass("C", TimeSpan.FromSeconds(2));
        Forget("B");
        Elect("A");
        Term term = _cluster["A"].Core.Term;
        _cluster.Restart("B");
        _cluster.Bond("B", "C");
        _cluster.TimeOut("C");
        _cluster.DeliverAll();
        Assert.Equal(term, _cluster["C"].Core.Term);
        Assert.False(_cluster["C"].IsLeader);
        _cluster.Uncut("A", "C");
        _cluster.Mesh();
        _cluster.Converge();
    }

    [Fact]
    public void CE8_a_strong_read_after_a_failover_sees_everything_acknowledged()
    {
        AvailableScheduleTests.CleanFailover(_cluster, s => s with { Voters = 3 });
        ulong read = _cluster.Query("B", isStrong: true);
        ulong forwarded = _cluster.Query("C", isStrong: true);
        Assert.Null(_cluster.AnswerTo("B", read));
        _cluster.Settle();
        Assert.Equal("w1,w2", _cluster.AnswerTo("B", read));
        Assert.False(_cluster["C"].Queries.TryGetValue(forwarded, out QueryCompletion early) && early.Outcome == QueryOutcome.Answered
            && _cluster.AnswerTo("C", forwarded) != "w1,w2");
        ulong later = _cluster.Query("C", isStrong: true);
        _cluster.DeliverAll();
        Assert.Equal("w1,w2", _cluster.AnswerTo("C", later));
    }

    [Fact]
    public void CE9_no_success_for_a_lost_command()
    {
        Found(3, "A", "B", "C");
        _cluster.Cut("A", "B");
        _cluster.Cut("A", "C");
        ulong mine = _cluster.Execute("A", "mine");
        Forget("C");
        _cluster.TimeOut("B");
        _cluster.DeliverAll();
        Assert.True(_cluster["B"].IsLeader);
        _cluster.Execute("B", "other");
        _cluster.DeliverAll();
        _cluster.Uncut("A", "B");
        _cluster.Uncut("A", "C");
        _cluster.Converge();
        Assert.Equal((CommandOutcome.Unknown, CommandFailure.LeadershipLost), Ended("A", mine));
        AssertAll("other");
        Assert.All(_cluster.Nodes, n => Assert.Empty(n.Divergences));
    }

    [Fact]
    public void CE10_a_learner_gets_what_is_not_committed_yet()
    {
        Found(3, "A", "B", "C");
        _cluster.Execute("A", "w1");
        _cluster.Settle();
        _cluster.Cut("A", "B");
        _cluster.Cut("A", "C");
        _cluster.Feed("A", "w2");
        _cluster.Start("D", s => s with { Voters = 3, IsVoter = false });
        _cluster.Mesh();
        _cluster.DeliverAll();
        Assert.True(_cluster["D"].Core.Online, _cluster.ToString());
        Assert.Equal(["w1", "w2"], _cluster["D"].Commanded);
        Assert.Equal(["w1"], _cluster["D"].Machine.State);
        _cluster.Uncut("A", "B");
        _cluster.Uncut("A", "C");
        _cluster.Settle();
        AssertAll("w1", "w2");
        Assert.False(_cluster["D"].Core.IsEffectiveVoter);
    }

    [Fact]
    public void CE11_one_clean_crash_in_a_full_mesh()
    {
        Found(6, "O", "A", "B", "C", "D", "E");
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
        Assert.True(_cluster["A"].IsLeader, _cluster.ToString());
        _cluster.Settle();
        AssertAll("x");
    }

    [Theory]
    [InlineData(true), InlineData(false)]
    public void CE12_who_hears_the_leader_does_not_depose_it(bool isSticky)
    {
        Found(5, "L", "B", "C", "D", "E");
        ulong w = _cluster.Execute("L", "w");
        _cluster.Deliver("L", "B");
        _cluster.Deliver("B", "L");
        if (!isSticky)
        {
            Forget("C");
            Forget("E");
        }

        _cluster.TimeOut("D");
        foreach (string voter in (string[])["C", "E"])
        {
            _cluster.Deliver("D", voter);
            _cluster.Deliver(voter, "D");
        }

        Assert.Equal(!isSticky, _cluster["D"].IsLeader);
        if (!isSticky)
            _cluster.Feed("D", "other");
        ClusterNode last = _cluster.Converge();
        _cluster.Feed(last.Name, "end");
        _cluster.Settle();
        AssertAll([.. last.Commanded]);
        if (!isSticky)
            Assert.Equal(CommandOutcome.Unknown, Ended("L", w).Outcome);
        Assert.Contains(isSticky ? "w" : "other", last.Commanded);
    }

    private (CommandOutcome Outcome, CommandFailure Failure) Ended(string name, ulong token)
    {
        Assert.True(_cluster[name].Commands.TryGetValue(token, out CommandCompletion done), $"{token} on {_cluster[name]}");
        return (done.Outcome, done.Failure);
    }

    private void Start(int voters, params string[] names)
    {
        foreach (string name in names)
            _cluster.Start(name, s => s with { Voters = voters });
    }

    private void Found(int voters, params string[] names) => Found(_cluster, voters, names);

    internal static void Found(RaftCluster cluster, int voters, params string[] names)
    {
        foreach (string name in names)
            cluster.Start(name, s => s with { Voters = voters });
        cluster.Mesh();
        AvailableScheduleTests.Elect(cluster, names[0]);
        cluster.Settle();
    }

    // Long enough without a leader to vote for another one.
    private void Forget(string name) => _cluster[name].Now += TimeSpan.FromSeconds(2);

    private void Elect(string name) => AvailableScheduleTests.Elect(_cluster, name);

    private void AssertAll(params string[] log) => AvailableScheduleTests.AssertAll(_cluster, log);
}
