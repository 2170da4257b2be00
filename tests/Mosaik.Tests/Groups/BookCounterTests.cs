using Mosaik.Tests.Groups.Book;

namespace Mosaik.Tests.Groups;

/// <summary>The machine of docs/groups.md, run as it is printed.</summary>
public sealed class BookCounterTests
{
    [Fact]
    public void The_machine_of_the_guide_counts()
    {
        using var world = new GroupWorld();
        world.Run(async () =>
        {
            var node = await world.StartAsync();
            await using var counter = node.Groups.Join(GroupWorld.Key, new BookCounter());
            await counter.When.Online();
            await counter.ExecuteAsync(new Book.CounterCommand.Increment(3));
            await counter.ExecuteAsync(new Book.CounterCommand.Decrement(1));
            long value = await counter.QueryAsync(default);
            Assert.Equal(2, value);
        });
    }

    [Fact]
    public void The_guide_prints_this_machine()
    {
        var root = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(root.FullName, "Mosaik.slnx")))
            root = root.Parent ?? throw new DirectoryNotFoundException("No directory above holds Mosaik.slnx.");
        var source = File.ReadAllText(Path.Combine(root.FullName, "tests", "Mosaik.Tests", "Groups", "BookCounter.cs"));
        var machine = source[source.IndexOf("[GenerateShape]", StringComparison.Ordinal)..];
        Assert.Contains(machine, File.ReadAllText(Path.Combine(root.FullName, "docs", "groups.md")), StringComparison.Ordinal);
        Assert.InRange(machine.Split('\n').Length, 20, 40);
    }
}
