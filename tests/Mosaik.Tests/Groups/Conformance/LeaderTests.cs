using Mosaik.Groups;

namespace Mosaik.Tests.Groups.Conformance;

/// <summary>spec/groups.md §18.2, 14–16.</summary>
public abstract class LeaderTests : GroupConformanceTests
{
    [Fact]
    public Task Is_elected() => PlayAsync(async stage =>
    {
        var nodes = await stage.StartManyAsync(4);
        var g0 = stage.Elect(nodes[0]);
        Assert.Null(g0.Leader);
        Assert.False(g0.IsLeader);
        await stage.WithinAsync(g0.When.LeaderElected().WaitAsync(), GroupWorld.T);
        Assert.True(g0.IsLeader);
        var token = g0.LeadershipToken;
        Assert.False(token.IsCancellationRequested);

        var g1 = stage.Elect(nodes[1]);
        await stage.DiscoverAsync(nodes[..2]);
        Assert.Equal(nodes[0].Local.Id, await stage.WithinAsync(g1.When.LeaderElected().WaitAsync(), GroupWorld.T));
        var g2 = stage.Elect(nodes[2]);
        await stage.DiscoverAsync(nodes[..3]);
        Assert.Equal(nodes[0].Local.Id, await stage.WithinAsync(g2.When.LeaderElected().WaitAsync(), GroupWorld.T));
        Assert.True(g0.IsLeader);

        await stage.WithinAsync(g1.Bonds.WhenAny(b => b.Count == 2).WaitAsync(), 5);
        var changes = new[] { g1.When.LeaderChanged(), g2.When.LeaderChanged() };
        await nodes[0].DisposeAsync();
        var first = await stage.WithinAsync(changes[0].WaitAsync(), GroupWorld.T);
        var second = await stage.WithinAsync(changes[1].WaitAsync(), GroupWorld.T);
        Assert.Equal(first, second);
        Assert.True(g1.IsLeader ^ g2.IsLeader);
        Assert.True(token.IsCancellationRequested);

        var g3 = stage.Elect(nodes[3]);
        await stage.DiscoverAsync(nodes[1..]);
        Assert.Equal(first, await stage.WithinAsync(g3.When.LeaderElected().WaitAsync(), GroupWorld.T));
    });

    [Fact]
    public Task Rivals_with_same_log_pos() => PlayAsync(async stage =>
    {
        var nodes = await stage.StartManyAsync(3);
        var groups = nodes.Select(n => stage.Elect(n)).ToArray();
        foreach (var group in groups)
            await stage.WithinAsync(group.When.IsLeader().WaitAsync(), GroupWorld.T);
        await stage.DiscoverAsync(nodes);
        await stage.UntilAsync(
            () => groups.Count(g => g.IsLeader) == 1 && groups.Select(g => g.Leader).Distinct().Count() == 1, 10, "one leader");
        var leader = groups.Single(g => g.IsLeader).Leader!.Value; // it leads
        foreach (var group in groups)
            await stage.WithinAsync(group.When.LeaderIs(leader).WaitAsync(), 2);
    });

    [Fact]
    public Task Rivals_with_different_log_pos() => PlayAsync(async stage =>
    {
        var nodes = await stage.StartManyAsync(3);
        var groups = nodes.Select(n => stage.Join(n)).ToArray();
        foreach (var group in groups)
            await stage.WithinAsync(group.When.IsLeader().WaitAsync(), GroupWorld.T);
        await groups[0].ExecuteManyAsync([GroupWorld.Increment(1), GroupWorld.Increment(2), GroupWorld.Increment(3)]);
        await groups[1].ExecuteAsync(GroupWorld.Increment(10));

        var reverted = groups[1].When.Committed().Reverted();
        await using var divergences = groups[1].DivergencesAsync().GetAsyncEnumerator(TestContext.Current.CancellationToken);
        await stage.DiscoverAsync(nodes);
        foreach (var group in groups)
        {
            await stage.WithinAsync(group.When.LeaderIs(nodes[0].Local.Id).WaitAsync(), 10);
            await stage.WithinAsync(group.When.Committed().Reaches(new LogIndex(3)).WaitAsync(), 10);
            Assert.Equal(6L, (await group.QueryAsync(default)).Result);
        }

        Assert.True(await stage.WithinAsync(divergences.MoveNextAsync(), 1));
        var divergence = divergences.Current;
        Assert.Equal((1UL, 0UL), (divergence.From.Index.Value, divergence.To.Index.Value));
        Assert.Equal([GroupWorld.Increment(10)], divergence.Lost);
        Assert.Equal(nodes[0].Local.Id, divergence.Leader);
        Assert.True(reverted.IsMet);
    });
}

/// <inheritdoc cref="LeaderTests"/>
public sealed class LeaderVirtualTests : LeaderTests
{
    internal override Task PlayAsync(Func<GroupStage, Task> test) => PlayVirtuallyAsync(test);
}

/// <inheritdoc cref="LeaderTests"/>
public sealed class LeaderUdpTests : LeaderTests
{
    internal override Task PlayAsync(Func<GroupStage, Task> test) => PlayOnUdpAsync(test);
}
