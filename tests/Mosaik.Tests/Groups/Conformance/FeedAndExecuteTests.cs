using Mosaik.Groups;

namespace Mosaik.Tests.Groups.Conformance;

/// <summary>spec/groups.md §18.2, 8–13.</summary>
public abstract class FeedAndExecuteTests : GroupConformanceTests
{
    [Fact]
    public Task Feed_smoke() => PlayAsync(async stage =>
    {
        var (_, groups) = await stage.ClusterAsync(2);
        var g1 = groups[1];
        Assert.Equal(1UL, (await stage.WithinAsync(g1.FeedAsync(GroupWorld.Increment(1)), 2)).Value);
        Assert.Equal(2UL, (await stage.WithinAsync(g1.FeedAsync(GroupWorld.Increment(2)), 2)).Value);
        var range = await stage.WithinAsync(
            g1.FeedManyAsync([GroupWorld.Increment(3), GroupWorld.Increment(4), GroupWorld.Increment(5)]), 2);
        Assert.Equal((3UL, 5UL), (range.Start.Value, range.End.Value));
        foreach (var group in groups)
        {
            await stage.WithinAsync(group.When.Committed().Reaches(range).WaitAsync(), GroupWorld.T);
            Assert.Equal(15L, (await group.QueryAsync(default)).Result);
        }
    });

    [Fact]
    public Task No_catchup_weak_query() => PlayAsync(async stage =>
    {
        var (nodes, groups) = await stage.ClusterAsync(3);
        Assert.All(groups, g => Assert.Equal(0UL, g.Committed.Value));
        await stage.WithinAsync(groups[0].ExecuteAsync(GroupWorld.Increment(3)), 2);
        await stage.WithinAsync(groups[0].ExecuteAsync(GroupWorld.Increment(4)), 2);
        Assert.Equal(2UL, groups[0].Committed.Value);
        Assert.Equal(7L, (await groups[0].QueryAsync(default, Consistency.Strong)).Result);
        foreach (var follower in groups[1..])
        {
            await stage.WithinAsync(follower.When.Committed().Reaches(new LogIndex(2)).WaitAsync(), 2);
            Assert.Equal(7L, (await follower.QueryAsync(default)).Result);
        }

        var index = await stage.WithinAsync(groups[1].ExecuteAsync(GroupWorld.Decrement(2)), 2);
        Assert.Equal(3UL, index.Value);
        // At once on whoever executed it and on the leader; the third one hears of the commit by a message of its own.
        if (!stage.IsTimeExact)
            await stage.WithinAsync(groups[2].When.Committed().Reaches(index).WaitAsync(), 2);
        foreach (var group in groups)
            Assert.Equal(5L, (await group.QueryAsync(default)).Result);

        var changed = groups[1..].Select(g => g.When.LeaderChanged()).ToArray();
        await nodes[0].DisposeAsync();
        var leaders = new List<Mosaik.Primitives.PeerId>();
        foreach (var condition in changed)
            leaders.Add(await stage.WithinAsync(condition.WaitAsync(), GroupWorld.T));
        Assert.Equal(leaders[0], leaders[1]);
        foreach (var group in groups[1..])
            await stage.WithinAsync(group.When.Online().WaitAsync(), GroupWorld.T);

        var range = await groups[1].ExecuteManyAsync([GroupWorld.Increment(4), GroupWorld.Increment(2), GroupWorld.Increment(3)]);
        Assert.Equal(6UL, range.End.Value);
        range = await groups[2].ExecuteManyAsync([GroupWorld.Increment(10), GroupWorld.Increment(3), GroupWorld.Increment(4)]);
        Assert.Equal((7UL, 9UL), (range.Start.Value, range.End.Value));
        foreach (var group in groups[1..])
        {
            await stage.WithinAsync(group.When.Committed().Reaches(range).WaitAsync(), 2);
            Assert.Equal(31L, (await group.QueryAsync(default)).Result);
        }
    });

    [Fact]
    public Task No_catchup_strong_query() => PlayAsync(async stage =>
    {
        var (_, groups) = await stage.ClusterAsync(2);
        await groups[0].ExecuteAsync(GroupWorld.Increment(3));
        await groups[0].ExecuteAsync(GroupWorld.Increment(4));
        await stage.WithinAsync(groups[1].When.Committed().Reaches(new LogIndex(2)).WaitAsync(), 2);
        var times = new List<TimeSpan>();
        foreach (var (group, consistency) in new[]
            { (groups[0], Consistency.Strong), (groups[1], Consistency.Weak), (groups[1], Consistency.Strong) })
        {
            var start = stage.Time.GetTimestamp();
            var answer = await group.QueryAsync(default, consistency);
            Assert.Equal((7L, 2UL), (answer.Result, answer.Position.Value));
            times.Add(stage.Time.GetElapsedTime(start));
        }

        var isSlowest = times[2] > times[0] && times[2] > times[1];
        Assert.True(isSlowest || !stage.IsTimeExact, $"a forwarded query takes longer: {string.Join(", ", times)}");
    });

    [Fact]
    public Task Execute_is_send_sync_via_joinset() => PlayAsync(async stage =>
    {
        var (_, groups) = await stage.ClusterAsync(2);
        var calls = new List<Task<LogIndex>>();
        for (uint i = 0; i < 5; i++)
        {
            calls.Add(groups[0].ExecuteAsync(GroupWorld.Increment(5)).AsTask());
            calls.Add(groups[1].ExecuteAsync(GroupWorld.Increment(10)).AsTask());
        }

        var indices = await Task.WhenAll(calls);
        Assert.Equal(Enumerable.Range(1, 10).Select(i => (ulong)i), indices.Select(i => i.Value).Order());
        foreach (var group in groups)
        {
            await stage.WithinAsync(group.When.Committed().Reaches(new LogIndex(10)).WaitAsync(), 2);
            Assert.Equal(75L, (await group.QueryAsync(default)).Result);
        }
    });

    [Fact]
    public Task Execute_many_is_send_sync_via_joinset() => PlayAsync(async stage =>
    {
        var (_, groups) = await stage.ClusterAsync(2);
        CounterCommand[] two = [GroupWorld.Increment(5), GroupWorld.Increment(5)];
        CounterCommand[] three = [GroupWorld.Increment(10), GroupWorld.Decrement(5), GroupWorld.Increment(5)];
        var ranges = await Task.WhenAll(
            groups[0].ExecuteManyAsync(two).AsTask(),
            groups[1].ExecuteManyAsync(three).AsTask(),
            groups[0].ExecuteManyAsync(two).AsTask(),
            groups[1].ExecuteManyAsync([GroupWorld.Increment(10), GroupWorld.Increment(10)]).AsTask());
        Assert.Equal([2UL, 3UL, 2UL, 2UL], ranges.Select(r => r.End.Value - r.Start.Value + 1));
        foreach (var group in groups)
        {
            await stage.WithinAsync(group.When.Committed().Reaches(new LogIndex(9)).WaitAsync(), 2);
            Assert.Equal(50L, (await group.QueryAsync(default)).Result);
        }
    });

    [Fact]
    public Task Query_is_send_sync_via_joinset() => PlayAsync(async stage =>
    {
        var (_, groups) = await stage.ClusterAsync(2);
        var index = await groups[0].ExecuteAsync(GroupWorld.Increment(30));
        await stage.WithinAsync(groups[1].When.Committed().Reaches(index).WaitAsync(), 2);
        var queries = new List<Task<QueryResultAt<long>>>();
        for (var i = 0; i < 3; i++)
        {
            foreach (var group in groups)
            {
                queries.Add(group.QueryAsync(default).AsTask());
                queries.Add(group.QueryAsync(default, Consistency.Strong).AsTask());
            }
        }

        Assert.All(await Task.WhenAll(queries), answer => Assert.Equal(30L, answer.Result));
    });
}

/// <inheritdoc cref="FeedAndExecuteTests"/>
public sealed class FeedAndExecuteVirtualTests : FeedAndExecuteTests
{
    internal override Task PlayAsync(Func<GroupStage, Task> test) => PlayVirtuallyAsync(test);
}

/// <inheritdoc cref="FeedAndExecuteTests"/>
public sealed class FeedAndExecuteUdpTests : FeedAndExecuteTests
{
    internal override Task PlayAsync(Func<GroupStage, Task> test) => PlayOnUdpAsync(test);
}
