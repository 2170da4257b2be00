using Mosaik.Groups;

namespace Mosaik.Tests.Groups.Conformance;

/// <summary>spec/groups.md §18.2, 1.</summary>
public abstract class BondsTests : GroupConformanceTests
{
    [Fact]
    public Task Members_can_see_each_other() => PlayAsync(async stage =>
    {
        var nodes = await stage.StartManyAsync(4);
        int[][] members = [[0, 1, 2], [1, 2, 3], [0, 3]];
        var groups = members
            .Select((m, g) => m.ToDictionary(i => i, i => stage.Elect(nodes[i], GroupKey.FromSecret($"group {g}"))))
            .ToArray();
        await stage.DiscoverAsync(nodes);
        foreach (var (group, expected) in groups.Zip(members))
        {
            foreach (var (index, handle) in group)
            {
                var peers = expected.Where(i => i != index).Select(i => nodes[i].Local.Id).Order().ToArray();
                await stage.WithinAsync(handle.Bonds.WhenAny(b => b.Select(x => x.PeerId).SequenceEqual(peers)).WaitAsync(), 5);
                Assert.Equal(peers, handle.Bonds.Select(b => b.PeerId));
                Assert.All(handle.Bonds, b => Assert.True(b.IsExtended));
            }
        }

        // Both ends of a bond know it by the same id.
        Assert.True(groups[2][0].Bonds.TryGet(nodes[3].Local.Id, out var near));
        Assert.True(groups[2][3].Bonds.TryGet(nodes[0].Local.Id, out var far));
        Assert.Equal(near.Id, far.Id);
    });
}

/// <inheritdoc cref="BondsTests"/>
public sealed class BondsVirtualTests : BondsTests
{
    internal override Task PlayAsync(Func<GroupStage, Task> test) => PlayVirtuallyAsync(test);
}

/// <inheritdoc cref="BondsTests"/>
public sealed class BondsUdpTests : BondsTests
{
    internal override Task PlayAsync(Func<GroupStage, Task> test) => PlayOnUdpAsync(test);
}
