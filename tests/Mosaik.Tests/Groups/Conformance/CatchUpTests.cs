namespace Mosaik.Tests.Groups.Conformance;

/// <summary>spec/groups.md §18.2, 3–7.</summary>
public abstract class CatchUpTests : GroupConformanceTests
{
    [Fact]
    public Task One_leader_one_follower_small() => PlayAsync(async stage =>
    {
        var nodes = await stage.StartManyAsync(2);
        var g0 = stage.Join(nodes[0]);
        await stage.WithinAsync(g0.When.Online().WaitAsync(), GroupWorld.T);
        Assert.Equal(nodes[0].Local.Id, g0.Leader);
        Assert.Equal(0UL, g0.Committed.Value);
        await stage.WithinAsync(g0.ExecuteAsync(GroupWorld.Increment(3)), 2);
        await stage.WithinAsync(
            g0.ExecuteManyAsync([GroupWorld.Increment(2), GroupWorld.Increment(2), GroupWorld.Decrement(1)]), 2);
        Assert.Equal(4UL, g0.Committed.Value);
        Assert.Equal(6L, (await g0.QueryAsync(default)).Result);

        var g1 = stage.Join(nodes[1]);
        await stage.DiscoverAsync(nodes);
        await stage.WithinAsync(g1.When.LeaderIs(nodes[0].Local.Id).WaitAsync(), GroupWorld.T);
        await stage.WithinAsync(g1.When.Log().Reaches(g0.LogPosition.Index).WaitAsync(), 10);
        await stage.WithinAsync(g1.When.Committed().Reaches(g0.Committed).WaitAsync(), 2);
        Assert.Equal(6L, (await g1.QueryAsync(default)).Result);

        await stage.WithinAsync(g0.ExecuteManyAsync([GroupWorld.Increment(1), GroupWorld.Increment(1)]), 2);
        await stage.WithinAsync(g1.When.Committed().Reaches(g0.Committed).WaitAsync(), 2);
        Assert.Equal(6UL, g1.Committed.Value);
        Assert.Equal(8L, (await g1.QueryAsync(default)).Result);
    });

    [Theory, InlineData(7), InlineData(20), InlineData(100), InlineData(1000)]
    public Task One_leader_one_follower_large(int batchSize) => PlayAsync(async stage =>
    {
        var nodes = await stage.StartManyAsync(3);
        var g0 = stage.Join(nodes[0], new Counter(batchSize));
        await stage.WithinAsync(g0.When.Online().WaitAsync(), GroupWorld.T);
        var range = await stage.WithinAsync(g0.ExecuteManyAsync(Numbers(0)), 5);
        Assert.Equal((1UL, 200UL), (range.Start.Value, range.End.Value));
        Assert.Equal(200UL, g0.Committed.Value);

        var g1 = stage.Join(nodes[1], new Counter(batchSize));
        await stage.DiscoverAsync(nodes);
        await stage.WithinAsync(g1.When.Committed().Reaches(g0.Committed).WaitAsync(), 20);
        Assert.Equal(19900L, (await g1.QueryAsync(default)).Result);
        await stage.WithinAsync(g1.When.Online().WaitAsync(), 5);
        range = await stage.WithinAsync(g1.ExecuteManyAsync(Numbers(0)), 5);
        Assert.Equal((201UL, 400UL), (range.Start.Value, range.End.Value));
        Assert.Equal(400UL, g1.Committed.Value);
        await stage.WithinAsync(g0.When.Committed().Reaches(range).WaitAsync(), 20);

        var g2 = stage.Join(nodes[2], new Counter(batchSize));
        await stage.DiscoverAsync(nodes);
        await stage.WithinAsync(g2.When.Committed().Reaches(range).WaitAsync(), 20);
        foreach (var group in new[] { g0, g1, g2 })
            Assert.Equal(39800L, (await group.QueryAsync(default)).Result);
    });

    private static IEnumerable<CounterCommand> Numbers(uint from) =>
        Enumerable.Range(0, 200).Select(i => GroupWorld.Increment(from + (uint)i));
}

/// <inheritdoc cref="CatchUpTests"/>
public sealed class CatchUpVirtualTests : CatchUpTests
{
    internal override Task PlayAsync(Func<GroupStage, Task> test) => PlayVirtuallyAsync(test);
}

/// <inheritdoc cref="CatchUpTests"/>
public sealed class CatchUpUdpTests : CatchUpTests
{
    internal override Task PlayAsync(Func<GroupStage, Task> test) => PlayOnUdpAsync(test);
}
