using Mosaik.Groups;

namespace Mosaik.Tests.Groups.Conformance;

/// <summary>spec/groups.md §18.2, 2.</summary>
public abstract class BuilderTests : GroupConformanceTests
{
    [Fact]
    public Task Group_id_derived_from_config() => PlayAsync(async stage =>
    {
        var nodes = await stage.StartManyAsync(2);
        var first = stage.Elect(nodes[0]);
        var same = stage.Elect(nodes[1], options: new GroupOptions { LogStore = new InMemoryLogStore() });
        var otherKey = stage.Elect(nodes[1], GroupKey.FromSecret("another"));
        var otherMachine = stage.Join(nodes[1]);
        Assert.Equal(first.Id, same.Id);
        Assert.Equal("691fd68d4d081ad30ad716104aeb47f973b86c71223ca21569a8884ce4bb6d43", first.Id.ToString());
        Assert.NotEqual(first.Id, otherKey.Id);
        Assert.NotEqual(first.Id, otherMachine.Id);
    });
}

/// <inheritdoc cref="BuilderTests"/>
public sealed class BuilderVirtualTests : BuilderTests
{
    internal override Task PlayAsync(Func<GroupStage, Task> test) => PlayVirtuallyAsync(test);
}

/// <inheritdoc cref="BuilderTests"/>
public sealed class BuilderUdpTests : BuilderTests
{
    internal override Task PlayAsync(Func<GroupStage, Task> test) => PlayOnUdpAsync(test);
}
