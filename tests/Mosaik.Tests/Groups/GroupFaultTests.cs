using Mosaik.Groups;
using Mosaik.Primitives;
using CounterGroup = Mosaik.Groups.Group<Mosaik.Tests.Groups.CounterCommand, Mosaik.Groups.Unit, long>;

namespace Mosaik.Tests.Groups;

/// <summary>Partitions, restarts, observers, rosters: whole nodes (spec/groups.md §18.3).</summary>
public sealed class GroupFaultTests : IDisposable
{
    private readonly GroupWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Fact]
    public void A_partitioned_leader_goes_on_alone_and_rewinds_after_healing() => _world.Run(async () =>
    {
        var (nodes, groups) = await _world.ClusterAsync(3);
        await groups[0].ExecuteAsync(GroupWorld.Increment(1));
        await using var divergences = groups[0].DivergencesAsync().GetAsyncEnumerator(TestContext.Current.CancellationToken);
        var reverted = groups[0].When.Committed().Reverted();
        _world.Cut(nodes[..1], nodes[1..]);
        await _world.WithinAsync(groups[0].Bonds.WhenAny(b => b.Count == 0).WaitAsync(), 10);
        await groups[0].ExecuteAsync(GroupWorld.Increment(100));
        var rest = groups[1..];
        await _world.UntilAsync(() => rest.Count(g => g.IsLeader) == 1 && rest.All(g => g.IsOnline), 20, "a leader of the rest");
        var leader = rest.Single(g => g.IsLeader);
        await leader.ExecuteManyAsync([GroupWorld.Increment(2), GroupWorld.Increment(3)]);

        _world.Transports.Links.Heal();
        await _world.WithinAsync(groups[0].When.LeaderIs(leader.Leader!.Value).WaitAsync(), 90); // it leads
        await _world.WithinAsync(groups[0].When.Committed().Reaches(new LogIndex(3)).WaitAsync(), 10);
        foreach (var group in groups)
            Assert.Equal(6L, (await group.QueryAsync(default)).Result);
        Assert.True(reverted.IsMet);
        Assert.True(await _world.WithinAsync(divergences.MoveNextAsync(), 1));
        Assert.Equal([GroupWorld.Increment(100)], divergences.Current.Lost);
    });

    [Fact]
    public void A_machine_that_cannot_be_rebuilt_stays_offline_and_says_so() => _world.Run(async () =>
    {
        var nodes = await _world.StartManyAsync(2);
        var groups = nodes.Select(n => n.Groups.Join(GroupWorld.Key, new Rigid())).ToArray();
        foreach (var group in groups)
            await _world.WithinAsync(group.When.IsLeader().WaitAsync(), GroupWorld.T);
        await groups[0].ExecuteManyAsync([1, 2, 3]);
        await groups[1].ExecuteAsync(9);
        await _world.DiscoverAsync(nodes);
        await _world.UntilAsync(() => groups[1].State == GroupState.Diverged, 20, "the rewind");
        Assert.False(groups[1].IsOnline);
        var error = await Assert.ThrowsAsync<GroupDivergedException>(async () => await groups[1].QueryAsync(default));
        Assert.Equal(0UL, error.Verified.Index.Value);
        await Assert.ThrowsAsync<GroupDivergedException>(async () => await groups[1].QueryAsync(default, Consistency.Strong));
        Assert.Equal(6L, (await groups[0].QueryAsync(default)).Result);

        await groups[1].DisposeAsync();
        var again = nodes[1].Groups.Join(GroupWorld.Key, new Rigid());
        await _world.WithinAsync(again.When.Committed().Reaches(new LogIndex(3)).WaitAsync(), 20);
        Assert.Equal(6L, (await again.QueryAsync(default)).Result);
    });

    [Fact]
    public void A_factory_rebuilds_what_cannot_be_reset() => _world.Run(async () =>
    {
        var nodes = await _world.StartManyAsync(2);
        var made = 0;
        var groups = nodes.Select(n => n.Groups.Join(GroupWorld.Key, () =>
        {
            made++;
            return new Rigid();
        })).ToArray();
        foreach (var group in groups)
            await _world.WithinAsync(group.When.IsLeader().WaitAsync(), GroupWorld.T);
        await groups[0].ExecuteManyAsync([1, 2, 3]);
        await groups[1].ExecuteAsync(9);
        await _world.DiscoverAsync(nodes);
        await _world.WithinAsync(groups[1].When.Committed().Reaches(new LogIndex(3)).WaitAsync(), 20);
        Assert.Equal(6L, (await groups[1].QueryAsync(default)).Result);
        Assert.Equal(3, made);
    });

    [Fact]
    public void An_observer_follows_and_never_leads() => _world.Run(async () =>
    {
        var nodes = await _world.StartManyAsync(2);
        var observer = GroupWorld.Join(nodes[1], new Counter { Preference = LeadershipPreference.Observer });
        await _world.DelayAsync(30);
        Assert.Null(observer.Leader);
        var group = GroupWorld.Join(nodes[0]);
        await _world.DiscoverAsync(nodes);
        await _world.WithinAsync(observer.When.Online().WaitAsync(), GroupWorld.T);
        var index = await group.ExecuteAsync(GroupWorld.Increment(3));
        await _world.WithinAsync(observer.When.Committed().Reaches(index).WaitAsync(), 2);
        await nodes[0].DisposeAsync();
        await _world.WithinAsync(observer.When.Offline().WaitAsync(), 2.6); // an election time-out
        Assert.Null(observer.Leader);
        await _world.DelayAsync(30);
        Assert.False(observer.IsLeader);
        Assert.Equal(3L, (await observer.QueryAsync(default)).Result);
    });

    [Fact]
    public void An_observer_cut_off_from_its_leader_is_offline_and_comes_back() => _world.Run(async () =>
    {
        var nodes = await _world.StartManyAsync(2);
        var group = GroupWorld.Join(nodes[0]);
        await _world.WithinAsync(group.When.IsLeader().WaitAsync(), GroupWorld.T);
        var observer = GroupWorld.Join(nodes[1], new Counter { Preference = LeadershipPreference.Observer });
        await _world.DiscoverAsync(nodes);
        await _world.WithinAsync(observer.When.Online().WaitAsync(), GroupWorld.T);
        await _world.DelayAsync(10); // the time in which nobody who has just joined gives up

        _world.Cut(nodes[..1], nodes[1..]);
        var lost = observer.ExecuteAsync(GroupWorld.Increment(1)).AsTask();
        await _world.WithinAsync(observer.When.Offline().WaitAsync(), 2.6);
        Assert.Null(observer.Leader);
        var unknown = await Assert.ThrowsAsync<GroupOfflineException<CounterCommand>>(() => lost);
        Assert.Equal(OfflineOutcome.Unknown, unknown.Outcome);
        var refused = await Assert.ThrowsAsync<GroupOfflineException<CounterCommand>>(
            async () => await observer.ExecuteAsync(GroupWorld.Increment(1)));
        Assert.Equal((OfflineOutcome.NotSubmitted, OfflineReason.NoLeader), (refused.Outcome, refused.Reason));

        _world.Transports.Links.Heal();
        await _world.WithinAsync(observer.When.LeaderIs(nodes[0].Local.Id).WaitAsync(), 60);
        await _world.WithinAsync(observer.When.Online().WaitAsync(), 5);
    });

    [Fact]
    public void A_reluctant_member_waits_longer_before_it_leads() => _world.Run(async () =>
    {
        var node = await _world.StartAsync();
        var group = GroupWorld.Join(node, new Counter { Preference = LeadershipPreference.Reluctant() });
        var start = _world.Now;
        await _world.WithinAsync(group.When.IsLeader().WaitAsync(), 20);
        Assert.InRange((_world.Now - start).TotalSeconds, 15, 16.6);
    });

    [Fact]
    public void A_restarted_member_is_bonded_again_at_once_and_catches_up() => _world.Run(async () =>
    {
        var key = SecretKey.FromText("stable");
        var nodes = new[] { await _world.StartAsync(), await _world.StartAsync(key) };
        var g0 = GroupWorld.Join(nodes[0]);
        await _world.WithinAsync(g0.When.IsLeader().WaitAsync(), GroupWorld.T);
        var g1 = GroupWorld.Join(nodes[1]);
        await _world.DiscoverAsync(nodes);
        await _world.WithinAsync(g1.When.Online().WaitAsync(), GroupWorld.T);
        await g0.ExecuteManyAsync([GroupWorld.Increment(1), GroupWorld.Increment(2)]);

        nodes[1].Abort();
        var again = await _world.StartAsync(key);
        g1 = GroupWorld.Join(again);
        var start = _world.Now;
        await _world.DiscoverAsync(nodes[0], again);
        await _world.WithinAsync(g1.When.Committed().Reaches(new LogIndex(2)).WaitAsync(), 3);
        Assert.True(_world.Now - start < TimeSpan.FromSeconds(3), "no wait for the old bond to time out");
        Assert.Equal(3L, (await g1.QueryAsync(default)).Result);
    });

    [Fact]
    public void A_majority_is_founded_by_all_keeps_what_it_acknowledged_and_refuses_without_quorum() => _world.Run(async () =>
    {
        var (nodes, groups) = await MajorityAsync(3);
        foreach (var group in groups)
            await _world.WithinAsync(group.When.RosterComplete().WaitAsync(), 5);
        Assert.All(groups, g => Assert.Equal(GroupRole.Voter, g.Role));
        Assert.Equal(nodes.Select(n => n.Local.Id).Order(), groups[0].Voters.Select(v => v.PeerId));
        var leader = groups.Single(g => g.IsLeader);
        await leader.ExecuteAsync(GroupWorld.Increment(5));
        foreach (var group in groups)
            Assert.Equal(5L, (await group.QueryAsync(default, Consistency.Strong)).Result);

        var lone = Array.IndexOf(groups, leader);
        _world.Cut([nodes[lone]], nodes.Where((_, i) => i != lone));
        await _world.WithinAsync(leader.When.Offline().WaitAsync(), 10);
        await Assert.ThrowsAsync<GroupOfflineException<CounterCommand>>(async () => await leader.ExecuteAsync(GroupWorld.Increment(1)));
        var rest = groups.Where(g => g != leader).ToArray();
        await _world.UntilAsync(() => rest.Count(g => g.IsLeader && g.IsOnline) == 1, 20, "a leader of the majority");
        await rest.Single(g => g.IsLeader).ExecuteAsync(GroupWorld.Increment(2));
        _world.Transports.Links.Heal();
        await _world.WithinAsync(leader.When.Online().WaitAsync(), 90);
        await _world.UntilAsync(() => groups.All(g => g.Committed == rest[0].Committed), 10, "equal logs");
        foreach (var group in groups)
            Assert.Equal(7L, (await group.QueryAsync(default)).Result);
    });

    [Fact]
    public void A_member_without_role_is_refused_by_a_majority() => _world.Run(async () =>
    {
        var node = await _world.StartAsync();
        var raw = new RawBondPeer(_world);
        var group = node.Groups.Join(GroupWorld.Key, GroupOptions.Replicas(3));
        await raw.IntroduceAsync(node);
        Assert.Equal(Mosaik.Networking.CloseCode.GroupNotAllowed, await raw.RefusedAsync(node, c => raw.Start(c, group.Id)));
    });

    [Fact]
    public void A_rolling_restart_keeps_every_acknowledged_write() => _world.Run(async () =>
    {
        var (nodes, groups) = await MajorityAsync(3);
        var expected = 0L;
        for (var round = 0; round < 3; round++)
        {
            var writer = groups.First(g => g.IsLeader);
            for (var i = 0; i < 5; i++)
            {
                await writer.ExecuteAsync(GroupWorld.Increment(1));
                expected++;
            }

            await nodes[round].DisposeAsync();
            nodes[round] = await _world.StartAsync();
            groups[round] = GroupWorld.Join(nodes[round], options: GroupOptions.Replicas(3));
            await _world.DiscoverAsync(nodes);
            await _world.WithinAsync(groups[round].When.RosterComplete().WaitAsync(), 60);
        }

        await _world.UntilAsync(() => groups.Count(g => g.IsLeader) == 1 && groups.All(g => g.IsOnline), 20, "one leader");
        Assert.Equal(expected, (await groups[2].QueryAsync(default, Consistency.Strong)).Result);
        Assert.Equal(nodes.Select(n => n.Local.Id).Order(), groups.Single(g => g.IsLeader).Voters.Select(v => v.PeerId));
    });

    private async Task<(Network[] Nodes, CounterGroup[] Groups)> MajorityAsync(int count)
    {
        var nodes = await _world.StartManyAsync(count);
        var groups = nodes.Select(n => GroupWorld.Join(n, options: GroupOptions.Replicas(count))).ToArray();
        await _world.DelayAsync(10);
        Assert.All(groups, g => Assert.False(g.IsLeader)); // nobody founds it alone
        await _world.DiscoverAsync(nodes);
        foreach (var group in groups)
            await _world.WithinAsync(group.When.Online().WaitAsync(), 30);
        return (nodes, groups);
    }

    /// <summary>Adds up, and cannot be reset.</summary>
    private sealed class Rigid : IStateMachine<int, Unit, long>
    {
        private long _sum;

        public UniqueId Signature => UniqueId.From("rigid");

        public void Apply(int command, in ApplyContext context) => _sum += command;

        public long Query(Unit query) => _sum;
    }
}
