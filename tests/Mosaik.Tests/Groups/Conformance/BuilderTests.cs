using Mosaik.Groups;

namespace Mosaik.Tests.Groups.Conformance;

/// <summary>spec/groups.md §18.2, 2.</summary>
public sealed class BuilderTests : IDisposable
{
    private readonly GroupWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Fact]
    public void Group_id_derived_from_config() => _world.Run(async () =>
    {
        var nodes = await _world.StartManyAsync(2);
        var first = nodes[0].Groups.Join(GroupWorld.Key);
        var same = nodes[1].Groups.Join(GroupWorld.Key, new GroupOptions { LogStore = new InMemoryLogStore() });
        var otherKey = nodes[1].Groups.Join(GroupKey.FromSecret("another"));
        var otherMachine = GroupWorld.Join(nodes[1]);
        Assert.Equal(first.Id, same.Id);
        Assert.Equal("691fd68d4d081ad30ad716104aeb47f973b86c71223ca21569a8884ce4bb6d43", first.Id.ToString());
        Assert.NotEqual(first.Id, otherKey.Id);
        Assert.NotEqual(first.Id, otherMachine.Id);
    });
}
