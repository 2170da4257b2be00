using Mosaik.Groups;
using Mosaik.Groups.Raft;
using Mosaik.Groups.Sync;
using Mosaik.Simulation.Raft.Cluster;

namespace Mosaik.Tests.Groups.Raft;

/// <summary>
/// What a state sync that installs states may ask of the core (spec/groups.md §11.1, §11.3): pruning, feeding, installing.
/// The scheme here copies the state over a shared reference as soon as it is asked for.
/// </summary>
public sealed class StateSyncTests
{
    private readonly RaftCluster _cluster = new() { ChecksState = false };

    [Theory]
    [InlineData(0), InlineData(3)]
    public void A_newcomer_gets_the_state_and_the_tail(int voters)
    {
        Start(voters, "A", "B", "C");
        AvailableScheduleTests.Elect(_cluster, "A");
        foreach (string command in (string[])["x1", "x2", "x3"])
            _cluster.Execute("A", command);
        _cluster.Settle();
        ClusterNode a = _cluster["A"];
        Assert.Equal(a.Core.Committed.Index.Previous, a.Log.Available.Start);
        _cluster.Start("D", s => s with { Voters = voters, IsVoter = false }, sync: new CopyScheme(_cluster));
        _cluster.Mesh();
        _cluster.Settle();
        ClusterNode d = _cluster["D"];
        Assert.True(d.Core.Online);
        Assert.Equal(["x1", "x2", "x3"], d.Machine.State);
        Assert.Equal(a.Core.Committed, d.Core.Committed);
        Assert.Equal(a.Core.FoundingLineage, d.Core.FoundingLineage);
        Assert.Equal(a.Core.Voters, d.Core.Voters);
        _cluster.Execute("A", "x4");
        _cluster.Settle();
        Assert.All(_cluster.Nodes, n => Assert.Equal(["x1", "x2", "x3", "x4"], n.Machine.State));
    }

    [Fact]
    public void An_installed_state_takes_back_what_it_does_not_contain()
    {
        Start(0, "A", "B", "C");
        AvailableScheduleTests.Elect(_cluster, "A");
        _cluster.Execute("A", "x1");
        _cluster.Settle();
        _cluster.Isolate("A");
        foreach (string own in (string[])["A2", "A3", "A4"])
            _cluster.Execute("A", own);
        AvailableScheduleTests.Elect(_cluster, "B");
        _cluster.Execute("B", "B2");
        _cluster.DeliverAll();
        _cluster.Mesh();
        _cluster.Settle();
        Assert.All(_cluster.Nodes, n => Assert.Equal(["x1", "B2"], n.Machine.State));
        RaftDivergence divergence = Assert.Single(_cluster["A"].Divergences);
        Assert.Equal((4UL, 2UL), (divergence.From.Index.Value, divergence.To.Index.Value));
        Assert.True(_cluster["A"].Core.Online);
    }

    [Fact]
    public void A_command_of_the_machine_is_fed_by_the_leader_only()
    {
        Start(0, "A", "B");
        AvailableScheduleTests.Elect(_cluster, "A");
        bool isFed = false;
        _cluster.Step(_cluster["A"], "feed", n => isFed = ((ISyncHost)n.Core).TryFeed(JournalMachine.Encode("own")));
        Assert.True(isFed);
        _cluster.Step(_cluster["B"], "feed", n => isFed = ((ISyncHost)n.Core).TryFeed(JournalMachine.Encode("own")));
        Assert.False(isFed);
        _cluster.Settle();
        Assert.All(_cluster.Nodes, n => Assert.Equal(["own"], n.Machine.State));
        Assert.All(_cluster.Nodes, n => Assert.Empty(n.Commands));
    }

    private void Start(int voters, params string[] names)
    {
        foreach (string name in names)
            _cluster.Start(name, s => s with { Voters = voters }, sync: new CopyScheme(_cluster));
        _cluster.Mesh();
    }

    private sealed class CopyScheme(RaftCluster cluster) : ISyncScheme
    {
        public bool KeepsHistory => false;

        public ISyncProvider CreateProvider(ISyncHost host) => new Provider(host);

        public ISyncCatchUp CreateCatchUp(ISyncHost host, BondView leader, in AppendEntries first) =>
            new CatchUp(cluster, host, leader, first);
    }

    private sealed class Provider(ISyncHost host) : ISyncProvider
    {
        public LogIndex SafeToPrune => host.Committed.Index;

        public TimeSpan NextDeadline => TimeSpan.MaxValue;

        public SyncReception Receive(BondView sender, ReadOnlyMemory<byte> message) => SyncReception.NotMine;

        public void Committed(LogCursor committed)
        {
        }

        public void BondUp(BondView bond)
        {
        }

        public void BondDown(BondView bond)
        {
        }

        public void Advance(TimeSpan now)
        {
        }
    }

    private sealed class CatchUp(RaftCluster cluster, ISyncHost host, BondView leader, AppendEntries first) : ISyncCatchUp
    {
        public TimeSpan NextDeadline => host.Now;

        public SyncReception Receive(BondView sender, ReadOnlyMemory<byte> message) => SyncReception.Malformed;

        public void Buffer(in AppendEntries message)
        {
        }

        public void BondUp(BondView bond)
        {
        }

        public void BondDown(BondView bond)
        {
        }

        public void Advance(TimeSpan now)
        {
            ClusterNode source = cluster.Nodes.Single(n => n.Peer == leader.Peer);
            ClusterNode own = cluster.Nodes.Single(n => ReferenceEquals(n.Core, host));
            own.Machine.CopyFrom(source.Machine);
            host.Install(leader, source.Core.Committed, first.Tail.Lineage, ((ISyncHost)source.Core).CommittedRosterEntry);
            Assert.True(host.TryComplete(leader, host.Committed.Index, [], first.LeaderCommit));
        }
    }
}
