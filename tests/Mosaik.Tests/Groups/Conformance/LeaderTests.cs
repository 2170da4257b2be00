using Mosaik.Groups;

namespace Mosaik.Tests.Groups.Conformance;

/// <summary>spec/groups.md §18.2, 14–16.</summary>
public sealed class LeaderTests : IDisposable
{
    private readonly GroupWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Fact]
    public void Is_elected() => _world.Run(async () =>
    {
        var nodes = await _world.StartManyAsync(4);
        var g0 = nodes[0].Groups.Join(GroupWorld.Key);
        Assert.Null(g0.Leader);
        Assert.False(g0.IsLeader);
        await _world.WithinAsync(g0.When.LeaderElected().WaitAsync(), GroupWorld.T);
        Assert.True(g0.IsLeader);
        var token = g0.LeadershipToken;
        Assert.False(token.IsCancellationRequested);

        var g1 = nodes[1].Groups.Join(GroupWorld.Key);
        await _world.DiscoverAsync(nodes[..2]);
        Assert.Equal(nodes[0].Local.Id, await _world.WithinAsync(g1.When.LeaderElected().WaitAsync(), GroupWorld.T));
        var g2 = nodes[2].Groups.Join(GroupWorld.Key);
        await _world.DiscoverAsync(nodes[..3]);
        Assert.Equal(nodes[0].Local.Id, await _world.WithinAsync(g2.When.LeaderElected().WaitAsync(), GroupWorld.T));
        Assert.True(g0.IsLeader);

        await _world.WithinAsync(g1.Bonds.WhenAny(b => b.Count == 2).WaitAsync(), 5);
        var changes = new[] { g1.When.LeaderChanged(), g2.When.LeaderChanged() };
        await nodes[0].DisposeAsync();
        var first = await _world.WithinAsync(changes[0].WaitAsync(), GroupWorld.T);
        var second = await _world.WithinAsync(changes[1].WaitAsync(), GroupWorld.T);
        Assert.Equal(first, second);
        Assert.True(g1.IsLeader ^ g2.IsLeader);
        Assert.True(token.IsCancellationRequested);

        var g3 = nodes[3].Groups.Join(GroupWorld.Key);
        await _world.DiscoverAsync(nodes[1..]);
        Assert.Equal(first, await _world.WithinAsync(g3.When.LeaderElected().WaitAsync(), GroupWorld.T));
    });

    [Fact]
    public void Rivals_with_same_log_pos() => _world.Run(async () =>
    {
        var nodes = await _world.StartManyAsync(3);
        var groups = nodes.Select(n => n.Groups.Join(GroupWorld.Key)).ToArray();
        foreach (var group in groups)
            await _world.WithinAsync(group.When.IsLeader().WaitAsync(), GroupWorld.T);
        await _world.DiscoverAsync(nodes);
        await _world.UntilAsync(
            () => groups.Count(g => g.IsLeader) == 1 && groups.Select(g => g.Leader).Distinct().Count() == 1, 10, "one leader");
        var leader = groups.Single(g => g.IsLeader).Leader!.Value; // it leads
        foreach (var group in groups)
            await _world.WithinAsync(group.When.LeaderIs(leader).WaitAsync(), 2);
    });

    [Fact]
    public void Rivals_with_different_log_pos() => _world.Run(async () =>
    {
        var nodes = await _world.StartManyAsync(3);
        var groups = nodes.Select(n => GroupWorld.Join(n)).ToArray();
        foreach (var group in groups)
            await _world.WithinAsync(group.When.IsLeader().WaitAsync(), GroupWorld.T);
        await groups[0].ExecuteManyAsync([GroupWorld.Increment(1), GroupWorld.Increment(2), GroupWorld.Increment(3)]);
        await groups[1].ExecuteAsync(GroupWorld.Increment(10));

        var reverted = groups[1].When.Committed().Reverted();
        await using var divergences = groups[1].DivergencesAsync().GetAsyncEnumerator(TestContext.Current.CancellationToken);
        await _world.DiscoverAsync(nodes);
        foreach (var group in groups)
        {
            await _world.WithinAsync(group.When.LeaderIs(nodes[0].Local.Id).WaitAsync(), 10);
            await _world.WithinAsync(group.When.Committed().Reaches(new LogIndex(3)).WaitAsync(), 10);
            Assert.Equal(6L, (await group.QueryAsync(default)).Result);
        }

        Assert.True(await _world.WithinAsync(divergences.MoveNextAsync(), 1));
        var divergence = divergences.Current;
        Assert.Equal((1UL, 0UL), (divergence.From.Index.Value, divergence.To.Index.Value));
        Assert.Equal([GroupWorld.Increment(10)], divergence.Lost);
        Assert.Equal(nodes[0].Local.Id, divergence.Leader);
        Assert.True(reverted.IsMet);
    });
}
