using Mosaik.Groups;
using Mosaik.Groups.Raft;
using Mosaik.Simulation.Raft.Cluster;

namespace Mosaik.Tests.Groups.Raft;

/// <summary>Restarts and replacements in Majority: D3, D4, D8 and D10 to D17 of spec/groups-safety.md §4.</summary>
public sealed class ReplacementScheduleTests
{
    private readonly RaftCluster _cluster = new();

    [Fact]
    public void D3_a_vote_belongs_to_an_incarnation()
    {
        foreach (string name in (string[])["V0", "V1", "V2"])
            _cluster.Start(name, s => s with { Voters = 3 });
        _cluster.Start("L1", s => s with { Voters = 3, IsVoter = false });
        _cluster.Mesh();
        _cluster.TimeOut("V0");
        foreach (string voter in (string[])["V1", "V2"])
        {
            _cluster.Deliver("V0", voter);
            _cluster.Deliver(voter, "V0");
        }

        Assert.True(_cluster["V0"].IsLeader);
        _cluster.Deliver("V0", "L1");
        Assert.Equal(1UL, _cluster["L1"].Core.LogPosition.Index.Value);
        _cluster.Restart("V0");
        _cluster.Mesh();
        _cluster.TimeOut("V0");
        _cluster.DeliverAll();
        Assert.Equal(Term.One, _cluster["V0"].Core.Term);
        Assert.False(_cluster["V0"].IsLeader);
        _cluster.TimeOut("V0");
        _cluster.DeliverAll();
        Assert.True(_cluster["V0"].IsLeader);
        Assert.Equal(new Term(2), _cluster["V0"].Core.Term);
        _cluster.Settle();
        Assert.All(_cluster.Nodes, n => Assert.True(n.Core.Online, n.ToString()));
        Assert.Null(_cluster["L1"].Termination);
    }

    [Fact]
    public void D4_no_second_founding()
    {
        foreach (string name in (string[])["V0", "V1", "V2"])
            _cluster.Start(name, s => s with { Voters = 3 });
        _cluster.Mesh();
        _cluster.TimeOut("V0");
        foreach (string voter in (string[])["V1", "V2"])
        {
            _cluster.Deliver("V0", voter);
            _cluster.Deliver(voter, "V0");
        }

        _cluster.Deliver("V0", "V1");
        _cluster.Deliver("V1", "V0");
        Assert.Equal(1UL, _cluster["V0"].Core.Committed.Index.Value);
        _cluster.Unbond("V0", "V2");
        _cluster.Restart("V1");
        _cluster.Bond("V1", "V2");
        for (int i = 0; i < 3; i++)
        {
            _cluster.TimeOut("V1");
            _cluster.TimeOut("V2");
            _cluster.DeliverAll();
        }

        Assert.DoesNotContain(_cluster.Leaders, l => l.Name != "V0");

        // Even with a third Voter process they are only three of which one is bonded to neither.
        _cluster.Pass("V0", TimeSpan.FromSeconds(3));
        _cluster.Mesh();
        _cluster.Converge();
        _cluster.Settle();
        ulong founding = _cluster["V0"].Core.Voters.Count > 0 ? 1UL : 0;
        Assert.Equal(1UL, founding);
        Assert.All(_cluster.Nodes, n => Assert.Contains(_cluster["V1"].Member, n.Core.Voters));
        Assert.All(_cluster.Nodes, n => Assert.Null(n.Termination));
    }

    [Fact]
    public void Too_many_voters_found_nothing()
    {
        foreach (string name in (string[])["V0", "V1", "V2", "V3"])
            _cluster.Start(name, s => s with { Voters = 3 });
        _cluster.Mesh();
        for (int i = 0; i < 3; i++)
        {
            foreach (string name in (string[])["V0", "V1", "V2", "V3"])
                _cluster.TimeOut(name);
            _cluster.DeliverAll();
        }

        Assert.Empty(_cluster.Leaders);
        Assert.Contains(_cluster["V0"].Events, e => e is RaftEvent.TooManyVoters { Seen: 4, Limit: 3 });
    }

    [Theory]
    [InlineData(3, false), InlineData(3, true), InlineData(5, false), InlineData(5, true)]
    public void D10_rolling_restart(int voters, bool withNewIdentities)
    {
        string[] names = [.. Enumerable.Range(0, voters).Select(i => $"V{i}")];
        MajorityScheduleTests.Found(_cluster, voters, names);
        GroupMember[] first = [.. _cluster.Nodes.Select(n => n.Member)];
        var acknowledged = new List<string>();
        foreach (string name in names)
        {
            Write($"before {name}");
            if (withNewIdentities)
            {
                _cluster.Crash(name, departs: true);
                _cluster.Start(name, s => s with { Voters = voters }, identity: 1);
            }
            else
            {
                _cluster.Restart(name);
            }

            _cluster.Mesh();
            for (int i = 0; i < 10 && !_cluster[name].Core.IsRosterComplete; i++)
                _cluster.Converge();
            Assert.True(_cluster[name].Core.IsRosterComplete, _cluster.ToString());
            Write($"after {name}");
        }

        _cluster.Settle();
        AvailableScheduleTests.AssertAll(_cluster, [.. acknowledged]);
        Assert.All(_cluster.Nodes, n => Assert.Equal(_cluster.Nodes.Select(o => o.Member).Order(), n.Core.Voters));
        Assert.Empty(first.Intersect(_cluster["V0"].Core.Voters));
        Assert.Equal((voters, voters), Changes(_cluster[names[0]]));

        void Write(string command)
        {
            ClusterNode leader = _cluster.Converge();
            ulong token = _cluster.Execute(leader.Name, command);
            _cluster.DeliverAll();
            Assert.Equal(CommandOutcome.Done, leader.Commands[token].Outcome);
            acknowledged.Add(command);
        }
    }

    [Fact]
    public void D11_a_new_leader_commits_in_its_own_term_before_it_proposes()
    {
        MajorityScheduleTests.Found(_cluster, 3, "A", "B", "C");
        _cluster.Start("S", s => s with { Voters = 3 });
        _cluster.Mesh();
        _cluster.Settle();
        _cluster.Unbond("A", "C");
        ulong before = _cluster["A"].Core.LogPosition.Index.Value;
        WaitForReplacementDelay("A", before);
        Assert.Equal(4, _cluster["A"].Core.RosterInForce.Count);

        // The ADD is committed on A, B, S; A's REMOVE C stays with itself.
        _cluster.Deliver("A", "B");
        _cluster.Deliver("A", "S");
        _cluster.Deliver("B", "A");
        _cluster.Deliver("S", "A");
        Assert.Equal(3, _cluster["A"].Core.RosterInForce.Count);
        Assert.DoesNotContain(_cluster["C"].Member, _cluster["A"].Core.RosterInForce);
        _cluster.Unbond("A", "B", departed: _cluster["A"]);
        _cluster.Isolate("A");
        _cluster.TimeOut("B");
        foreach (string voter in (string[])["C", "S"])
        {
            _cluster.Deliver("B", voter);
            _cluster.Deliver(voter, "B");
        }

        Assert.True(_cluster["B"].IsLeader, _cluster.ToString());
        _cluster.Cut("B", "S");
        _cluster.DeliverAll();
        _cluster.Heartbeat("B");
        _cluster.DeliverAll();
        Assert.Equal(4, _cluster["B"].Core.RosterInForce.Count);
        Assert.True(_cluster["B"].Core.Committed.Term < _cluster["B"].Core.Term);

        _cluster.Bond("A", "S");
        for (int i = 0; i < 3 && !_cluster["A"].IsLeader; i++)
        {
            _cluster.TimeOut("A");
            _cluster.DeliverAll();
        }

        Assert.True(_cluster["A"].IsLeader, _cluster.ToString());
        _cluster.Uncut("B", "S");
        _cluster.Mesh();
        _cluster.Converge();
        Assert.All(_cluster.Nodes, n => Assert.Null(n.Termination));
    }

    [Fact]
    public void D12_a_vote_without_the_entry()
    {
        MajorityScheduleTests.Found(_cluster, 5, "A", "B", "C", "D", "E");
        _cluster.Start("F", s => s with { Voters = 5 });
        _cluster.Mesh();
        _cluster.Settle();
        foreach (string other in (string[])["A", "B", "C", "F"])
            _cluster.Cut("D", other);
        _cluster.Crash("E", departs: true);
        Assert.Equal(6, _cluster["A"].Core.RosterInForce.Count);
        foreach (string other in (string[])["B", "C", "F"])
        {
            _cluster.Deliver("A", other);
            _cluster.Deliver(other, "A");
        }

        Assert.Equal(5, _cluster["A"].Core.RosterInForce.Count);
        foreach (string other in (string[])["B", "F"])
        {
            _cluster.Deliver("A", other);
            _cluster.Deliver(other, "A");
        }

        Assert.Equal(5, _cluster["A"].Core.Voters.Count);
        Assert.Contains(_cluster["F"].Member, _cluster["A"].Core.Voters);
        _cluster.Crash("A");
        _cluster.Crash("B");
        _cluster.Drop("C", "D");
        _cluster.Uncut("D", "C");
        _cluster.Uncut("D", "F");
        Assert.DoesNotContain(_cluster["F"].Member, _cluster["D"].Core.RosterInForce);
        _cluster.TimeOut("F");
        _cluster.DeliverAll();
        Assert.True(_cluster["F"].IsLeader, _cluster.ToString());
    }

    [Fact]
    public void D13_a_removed_voter_as_candidate()
    {
        AddInFlight("D");
        _cluster.Bond("A", "C");
        _cluster.Bond("B", "C");
        _cluster.Bond("C", "D");
        foreach (string other in (string[])["B", "D"])
        {
            _cluster.Deliver("A", other);
            _cluster.Deliver(other, "A");
        }

        Assert.Equal(3, _cluster["A"].Core.RosterInForce.Count);
        _cluster.Deliver("A", "D");
        Assert.DoesNotContain(_cluster["D"].Member, _cluster["D"].Core.RosterInForce);
        _cluster.Crash("A");
        _cluster.TimeOut("D");
        for (int i = 0; i < 4 && !_cluster["D"].Events.OfType<RaftEvent.LeaderElected>().Any(e => e.Leader == _cluster["D"].Peer); i++)
        {
            _cluster.DeliverAll();
            if (!_cluster["D"].IsLeader)
                _cluster.TimeOut("D");
        }

        _cluster.DeliverAll();
        Assert.Contains(_cluster["D"].Events, e => e is RaftEvent.LeaderElected elected && elected.Leader == _cluster["D"].Peer);
        ClusterNode leader = _cluster.Converge();
        Assert.NotEqual("D", leader.Name);
        Assert.DoesNotContain(_cluster["D"].Member, leader.Core.Voters);
        Assert.Equal(3, leader.Core.Voters.Count);
    }

    [Fact]
    public void D14_a_change_that_cannot_be_committed_is_not_proposed()
    {
        foreach (string name in (string[])["A", "B"])
            _cluster.Start(name, s => s with { Voters = 2, VoterReplacementDelay = s.ElectionTimeout });
        _cluster.Bond("A", "B");
        AvailableScheduleTests.Elect(_cluster, "A");
        _cluster.Settle();
        _cluster.Start("C", s => s with { Voters = 2, VoterReplacementDelay = s.ElectionTimeout });
        _cluster.Mesh();
        _cluster.Settle();

        // B says good-bye, ADD C is appended, B is back before it commits, C is gone.
        _cluster.Unbond("A", "B", departed: _cluster["B"]);
        Assert.Equal(3, _cluster["A"].Core.RosterInForce.Count);
        _cluster.Bond("A", "B");
        _cluster.Unbond("A", "C");
        _cluster.DeliverAll();
        Assert.Equal(3, _cluster["A"].Core.Voters.Count);
        Assert.Equal(3, _cluster["A"].Core.RosterInForce.Count);
        ulong last = _cluster["A"].Core.LogPosition.Index.Value;
        _cluster.Heartbeat("A");
        _cluster.DeliverAll();
        _cluster.Heartbeat("A");
        _cluster.DeliverAll();
        _cluster.Unbond("A", "B");
        _cluster.Pass("A", TimeSpan.FromSeconds(4));
        Assert.False(_cluster["A"].IsLeader);
        Assert.Equal(last, _cluster["A"].Core.LogPosition.Index.Value);

        _cluster.Crash("B");
        _cluster.Bond("A", "C");
        _cluster.Converge();
    }

    [Fact]
    public void D15_who_returns_stays()
    {
        AddInFlight("D");
        GroupMember returning = _cluster["C"].Member;
        _cluster.Mesh();
        _cluster.Converge();
        _cluster.Settle();
        Assert.All(_cluster.Nodes, n => Assert.Equal(3, n.Core.Voters.Count));
        Assert.All(_cluster.Nodes, n => Assert.Contains(returning, n.Core.Voters));
        Assert.All(_cluster.Nodes, n => Assert.DoesNotContain(_cluster["D"].Member, n.Core.Voters));
        Assert.Contains(_cluster["A"].Events, e => e is RaftEvent.VoterRemoved { Reason: VoterRemoval.Surplus });
    }

    [Fact]
    public void D16_two_lost_and_one_spare()
    {
        MajorityScheduleTests.Found(_cluster, 5, "A", "B", "C", "D", "E");
        _cluster.Start("F", s => s with { Voters = 5 });
        _cluster.Mesh();
        _cluster.Settle();
        _cluster.Crash("D", departs: true);
        _cluster.Crash("E", departs: true);
        _cluster.Settle();
        Assert.Equal(5, _cluster["A"].Core.Voters.Count);
        Assert.Contains(_cluster["F"].Member, _cluster["A"].Core.Voters);
        Assert.Equal((1, 1), Changes(_cluster["A"]));
        Assert.False(_cluster["A"].Core.IsRosterComplete);
        _cluster.Start("G", s => s with { Voters = 5 });
        _cluster.Mesh();
        _cluster.Settle();
        Assert.Equal((2, 2), Changes(_cluster["A"]));
        Assert.All(_cluster.Nodes, n => Assert.Equal(_cluster.Nodes.Select(o => o.Member).Order(), n.Core.Voters));
        Assert.All(_cluster["A"].Events.OfType<RaftEvent.VoterAdded>().Skip(5), e => Assert.Equal(6, e.Members));
    }

    [Fact]
    public void D17_the_longest_log_is_outside_the_roster()
    {
        foreach (string name in (string[])["A", "B", "C", "D", "E"])
            _cluster.Start(name, s => s with { Voters = 5 });
        _cluster.Mesh();
        _cluster.TimeOut("A");
        foreach (string voter in (string[])["B", "C", "D", "E"])
        {
            _cluster.Deliver("A", voter);
            _cluster.Deliver(voter, "A");
        }

        Assert.True(_cluster["A"].IsLeader);
        foreach (string other in (string[])["C", "D", "E"])
            _cluster.Cut("A", other);
        _cluster.Restart("B");
        foreach (string other in (string[])["A", "C", "D", "E"])
            _cluster.Bond("B", other);
        _cluster.DeliverAll();
        Assert.Equal(1UL, _cluster["B"].Core.LogPosition.Index.Value);
        Assert.DoesNotContain(_cluster["B"].Member, _cluster["B"].Core.RosterInForce);
        _cluster.Crash("A");
        _cluster.TimeOut("B");
        _cluster.DeliverAll();
        if (!_cluster["B"].Events.OfType<RaftEvent.LeaderElected>().Any(e => e.Leader == _cluster["B"].Peer))
        {
            _cluster.TimeOut("B");
            _cluster.DeliverAll();
        }

        Assert.Contains(_cluster["B"].Events, e => e is RaftEvent.LeaderElected elected && elected.Leader == _cluster["B"].Peer);
        Assert.False(_cluster["B"].IsLeader);
        ClusterNode leader = _cluster.Converge();
        Assert.NotEqual("B", leader.Name);
        _cluster.Settle();
        Assert.All(_cluster.Nodes, n => Assert.Contains(_cluster["B"].Member, n.Core.Voters));
        Assert.All(_cluster.Nodes, n => Assert.Equal(5, n.Core.Voters.Count));
    }

    [Fact]
    public void A_patient_member_is_elected_although_an_impatient_removed_voter_asks_first()
    {
        AddInFlight("D");
        _cluster.Bond("A", "C");
        _cluster.Bond("B", "C");
        _cluster.Bond("C", "D");
        foreach (string other in (string[])["B", "D"])
        {
            _cluster.Deliver("A", other);
            _cluster.Deliver(other, "A");
        }

        // Only A knows that D is removed; B votes for whoever asks first.
        Assert.DoesNotContain(_cluster["D"].Member, _cluster["A"].Core.RosterInForce);
        _cluster["A"].Machine.Preference = LeadershipPreference.Reluctant();
        _cluster.Isolate("A");
        _cluster.Crash("C");
        _cluster.Pass("A", TimeSpan.FromSeconds(3));
        Assert.False(_cluster["A"].IsLeader);
        _cluster.Mesh();
        for (int i = 0; i < 600 && !_cluster["A"].IsLeader; i++)
        {
            foreach (ClusterNode node in _cluster.Nodes.ToArray())
                _cluster.Pass(node.Name, TimeSpan.FromMilliseconds(100));
            _cluster.DeliverAll();
        }

        Assert.True(_cluster["A"].IsLeader, _cluster.ToString());
    }

    private static (int Added, int Removed) Changes(ClusterNode node)
    {
        int added = 0;
        int removed = 0;
        for (ulong i = 1; i <= node.Core.Committed.Index.Value; i++)
        {
            if (node.Log.TryGet(new LogIndex(i), out LogEntry entry)
                && RosterEntry.TryRead(entry.Bytes.Span, node.Settings.Voters, out RosterEntry? change))
            {
                added += change!.Change == RosterChangeKind.Add ? 1 : 0;
                removed += change.Change == RosterChangeKind.Remove ? 1 : 0;
            }
        }

        return (added, removed);
    }

    // {A, B, C} founded, C without bonds until A has appended, but not sent, the entry that adds the spare.
    private void AddInFlight(string spare)
    {
        MajorityScheduleTests.Found(_cluster, 3, "A", "B", "C");
        _cluster.Start(spare, s => s with { Voters = 3 });
        _cluster.Mesh();
        _cluster.Settle();
        _cluster.Isolate("C");
        WaitForReplacementDelay("A", _cluster["A"].Core.LogPosition.Index.Value);
        Assert.Equal(4, _cluster["A"].Core.RosterInForce.Count);
        Assert.Equal(3, _cluster["A"].Core.Voters.Count);
    }

    private void WaitForReplacementDelay(string leader, ulong last)
    {
        for (int i = 0; i < 200 && _cluster[leader].Core.LogPosition.Index.Value == last; i++)
        {
            _cluster.DeliverAll();
            if (_cluster[leader].Core.LogPosition.Index.Value == last)
                _cluster.Heartbeat(leader);
        }

        Assert.Equal(last + 1, _cluster[leader].Core.LogPosition.Index.Value);
    }
}
