using Mosaik.Groups;

namespace Mosaik.Tests.Groups;

/// <summary>Whole groups under virtual time.</summary>
public sealed class GroupTests : IDisposable
{
    private readonly GroupWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Fact]
    public void A_lone_member_leads_and_executes() => _world.Run(async () =>
    {
        var node = await _world.StartAsync();
        await using var group = GroupWorld.Join(node);
        Assert.False(group.IsLeader);
        Assert.Null(group.Leader);
        await _world.WithinAsync(group.When.IsLeader().WaitAsync(), GroupWorld.T);
        Assert.Equal(node.Local.Id, group.Leader);
        Assert.Equal(1UL, (await group.ExecuteAsync(GroupWorld.Increment(7))).Value);
        var range = await group.ExecuteManyAsync([GroupWorld.Increment(3), GroupWorld.Decrement(1)]);
        Assert.Equal((2UL, 3UL), (range.Start.Value, range.End.Value));
        Assert.Equal(9, (await group.QueryAsync(default)).Result);
        Assert.Equal(9L, (await group.QueryAsync(default, Consistency.Strong)).Result);
        Assert.Equal(3UL, group.Committed.Value);
    });

    [Fact]
    public void Three_members_bond_follow_and_replicate() => _world.Run(async () =>
    {
        var (nodes, groups) = await _world.ClusterAsync(3);
        Assert.All(groups, g => Assert.Equal(2, g.Bonds.Count));
        Assert.Equal(1UL, (await groups[0].ExecuteAsync(GroupWorld.Increment(5))).Value);
        var index = await groups[1].ExecuteAsync(GroupWorld.Increment(2));
        Assert.Equal(2UL, index.Value);
        Assert.Equal(7L, (await groups[1].QueryAsync(default)).Result);
        foreach (var group in groups)
            await _world.WithinAsync(group.When.Committed().Reaches(index).WaitAsync(), 2);
        Assert.Equal(7L, (await groups[2].QueryAsync(default)).Result);
        Assert.Equal(7L, (await groups[2].QueryAsync(default, Consistency.Strong)).Result);
        Assert.True(groups[0].Bonds.Contains(nodes[1].Local.Id));
    });

    [Fact]
    public void A_world_repeats_itself_step_by_step()
    {
        var first = Trace(seed: 5);
        Assert.Equal(first, Trace(seed: 5));
        Assert.NotEqual(first, Trace(seed: 6));
    }

    [Fact]
    public void Nothing_is_left_behind()
    {
        using var world = new GroupWorld(seed: 3);
        var before = world.Discovery.Scheduler.PendingTimers;
        world.Run(async () =>
        {
            var (nodes, groups) = await world.ClusterAsync(3);
            await groups[1].ExecuteAsync(GroupWorld.Increment(1));
            await groups[2].DisposeAsync();
            foreach (var node in nodes)
                await node.DisposeAsync();
            await world.DelayAsync(60); // what the transports still remember
        });
        Assert.Equal(before, world.Discovery.Scheduler.PendingTimers);
        Assert.Equal(0, world.Discovery.OpenConnections);
    }

    private static (TimeSpan Time, long Steps, string Leader) Trace(ulong seed)
    {
        using var world = new GroupWorld(seed);
        var leader = "";
        world.Run(async () =>
        {
            var nodes = await world.StartManyAsync(3);
            var groups = nodes.Select(n => GroupWorld.Join(n)).ToArray();
            await world.DiscoverAsync(nodes);
            foreach (var group in groups)
                await world.WithinAsync(group.When.Online().WaitAsync(), 30);
            for (uint i = 0; i < 20; i++)
                await groups[i % 3].ExecuteAsync(GroupWorld.Increment(i));
            leader = groups[0].Leader.ToString()!; // online means that one is known
        });
        return (world.Now, world.Discovery.Scheduler.Steps, leader);
    }
}
