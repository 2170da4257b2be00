using Mosaik.Groups;
using Mosaik.Groups.Raft;
using Mosaik.Simulation.Raft.Cluster;

namespace Mosaik.Tests.Groups.Raft;

/// <summary>Timers, votes and preferences (spec/groups.md §6.3–§6.7).</summary>
public sealed class RaftElectionTests
{
    private readonly RaftCluster _cluster = new();

    [Fact]
    public void The_first_candidacy_waits_for_the_bootstrap_delay()
    {
        ClusterNode node = _cluster.Start("A", isYoung: true);
        Assert.InRange(node.Core.NextDeadline, TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(5.5));
        _cluster.Pass("A", TimeSpan.FromSeconds(4.9));
        Assert.Equal(RaftRole.Follower, node.Core.Role);
        _cluster.Pass("A", TimeSpan.FromSeconds(0.6));
        Assert.True(node.IsLeader);
        Assert.True(node.Core.Online);
        Assert.Equal(Term.One, node.Core.Term);
        Assert.Equal(node.Peer, node.Core.Leader);
    }

    [Fact]
    public void Later_terms_are_striped()
    {
        _cluster.Start("A");
        _cluster.Start("B");
        _cluster.Bond("A", "B");
        var stripes = new HashSet<ulong>();
        ulong last = 0;
        for (int i = 0; i < 4; i++)
        {
            _cluster.TimeOut("A");
            Assert.True(_cluster["A"].Core.Term.Value > last);
            last = _cluster["A"].Core.Term.Value;
            if (i > 0)
                stripes.Add(last % (1 << 20));
        }

        Assert.Single(stripes);
    }

    [Fact]
    public void No_jitter_is_no_jitter()
    {
        ClusterNode node = _cluster.Start("A", s => s with { ElectionTimeoutJitter = TimeSpan.Zero }, isYoung: true);
        Assert.Equal(TimeSpan.FromSeconds(5), node.Core.NextDeadline);
    }

    [Fact]
    public void Within_the_window_votes_are_abstentions_and_recorded()
    {
        _cluster.Start("A");
        ClusterNode young = _cluster.Start("B", isYoung: true);
        _cluster.Bond("A", "B");
        _cluster.TimeOut("A");
        _cluster.Deliver("A", "B");
        Assert.Equal(_cluster["A"].Member, young.Core.VotedFor);

        // One abstained: the quorum of the rest is the candidate itself.
        _cluster.Deliver("B", "A");
        Assert.True(_cluster["A"].IsLeader);
        Assert.Equal(1, _cluster["A"].Core.CommitteeSize);
        _cluster.Settle();
        Assert.Equal(2, _cluster["A"].Core.CommitteeSize);
    }

    [Fact]
    public void An_observer_abstains_and_never_counts()
    {
        foreach (string name in (string[])["A", "B", "O"])
            _cluster.Start(name);
        _cluster["O"].Machine.Preference = LeadershipPreference.Observer;
        _cluster.Mesh();
        AvailableScheduleTests.Elect(_cluster, "A");
        _cluster.Settle();
        Assert.Equal(2, _cluster["A"].Core.CommitteeSize);
        _cluster.Cut("A", "B");
        ulong token = _cluster.Execute("A", "x");
        _cluster.DeliverAll();
        Assert.Equal(["x"], _cluster["O"].Commanded);
        Assert.False(_cluster["A"].Commands.ContainsKey(token));
        _cluster.Isolate("O");
        _cluster.TimeOut("O");
        Assert.Equal(RaftRole.Follower, _cluster["O"].Core.Role);
        Assert.Equal("x", string.Join(',', _cluster["O"].Commanded));
    }

    [Fact]
    public void A_reluctant_node_waits_longer()
    {
        ClusterNode node = _cluster.Start("A");
        node.Machine.Preference = LeadershipPreference.Reluctant(3);
        _cluster.TimeOut("A");
        Assert.False(node.IsLeader);
        Assert.InRange(node.Core.ElectionDeadline, TimeSpan.FromSeconds(15), TimeSpan.FromSeconds(16.5));
        _cluster.TimeOut("A");
        Assert.True(node.IsLeader);
    }

    [Fact]
    public void Who_denies_a_lesser_log_campaigns_soon()
    {
        foreach (string name in (string[])["A", "B", "C"])
            _cluster.Start(name);
        _cluster.Mesh();
        AvailableScheduleTests.Elect(_cluster, "A");
        _cluster["B"].Now = TimeSpan.FromSeconds(10);
        _cluster.Feed("A", "x");
        _cluster.Deliver("A", "B");
        _cluster.Crash("A");
        Assert.InRange(_cluster["B"].Core.ElectionDeadline, TimeSpan.FromSeconds(12), TimeSpan.FromSeconds(12.5));
        _cluster.TimeOut("C");
        _cluster.Deliver("C", "B");
        _cluster.Deliver("B", "C");
        Assert.False(_cluster["C"].IsLeader);
        Assert.InRange(_cluster["B"].Core.ElectionDeadline, TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(10.5));
        _cluster.TimeOut("B");
        _cluster.DeliverAll();
        Assert.True(_cluster["B"].IsLeader);
    }

    [Fact]
    public void The_leader_speaks_at_once_and_to_every_new_bond()
    {
        _cluster.Start("A");
        _cluster.Start("B");
        _cluster.Bond("A", "B");
        AvailableScheduleTests.Elect(_cluster, "A");
        Assert.Equal(_cluster["A"].Peer, _cluster["B"].Core.Leader);
        Assert.True(_cluster["B"].Core.Online);
        _cluster.Start("C");
        _cluster.Bond("A", "C");
        _cluster.DeliverAll();
        Assert.True(_cluster["C"].Core.Online);
        Assert.Equal(3, _cluster["A"].Core.CommitteeSize);
    }

    [Fact]
    public void Answers_of_a_turn_are_cumulative()
    {
        _cluster.Start("A");
        ClusterNode b = _cluster.Start("B");
        _cluster.Bond("A", "B");
        AvailableScheduleTests.Elect(_cluster, "A");
        _cluster.Settle();
        ulong[] tokens = [.. Enumerable.Range(0, 5).Select(i => _cluster.Execute("A", $"c{i}"))];
        byte[][] messages = _cluster.Take("A", "B");
        Assert.Equal(5, messages.Length);
        _cluster.Step(b, "five", n =>
        {
            foreach (byte[] message in messages)
                n.Core.Receive(_cluster["A"].Peer, message, n.Now, n.Effects);
        });
        Assert.Equal(1, _cluster.InFlight("B", "A"));
        _cluster.DeliverAll();
        Assert.All(tokens, t => Assert.Equal(CommandOutcome.Done, _cluster["A"].Commands[t].Outcome));
    }

    [Fact]
    public void A_follower_acknowledges_what_is_verified_not_what_it_has()
    {
        _cluster.Start("A");
        _cluster.Start("B");
        _cluster.Bond("A", "B");
        AvailableScheduleTests.Elect(_cluster, "A");
        _cluster.Feed("A", "x1");
        _cluster.Settle();

        // A heartbeat whose entry before is the first one, while two more are in B's log.
        _cluster.Feed("A", "x2", "x3");
        _cluster.Deliver("A", "B");
        _cluster.Drop("B", "A");
        SharedFrame heartbeat = RaftFrames.AppendEntries(Term.One, _cluster["A"].Peer, new LogCursor(Term.One, LogIndex.One), [], 0,
            new LogIndex(3), new MessageTail(_cluster["A"].Core.FoundingLineage, null));
        _cluster.Inject("A", "B", heartbeat.Payload[1..].ToArray());
        heartbeat.Release();
        _cluster.Deliver("A", "B");
        Assert.True(AppendEntriesResponse.TryRead(_cluster.Last("B", "A"), true, out AppendEntriesResponse answer));
        Assert.Equal((1UL, Vote.Granted), (answer.LastIndex.Value, answer.Vote));
        Assert.Equal(1UL, _cluster["B"].Core.Committed.Index.Value);
    }
}
