using Mosaik.Groups;
using CounterGroup = Mosaik.Groups.Group<Mosaik.Tests.Groups.CounterCommand, Mosaik.Groups.Unit, long>;
using ElectionGroup = Mosaik.Groups.Group<Mosaik.Groups.Unit, Mosaik.Groups.Unit, Mosaik.Groups.Unit>;

namespace Mosaik.Tests.Groups.Conformance;

/// <summary>Where a conformance test of groups plays: nodes, time and deadlines.</summary>
internal abstract class GroupStage
{
    public abstract TimeProvider Time { get; }

    /// <summary>Whether durations mean what they say.</summary>
    public abstract bool IsTimeExact { get; }

    /// <summary>A new node that knows nobody.</summary>
    public abstract Task<Network> StartAsync();

    /// <summary>Every node learns the current entry of every other.</summary>
    public abstract Task DiscoverAsync(params Network[] nodes);

    /// <summary>A task must end within some time.</summary>
    public abstract Task WithinAsync(Task task, TimeSpan limit);

    /// <summary>Lets time pass in which nothing more is to happen; where time is real it does not wait.</summary>
    public abstract Task SettleAsync(double seconds);

    public abstract Task UntilAsync(Func<bool> condition, double seconds, string what);

    public async Task<Network[]> StartManyAsync(int count)
    {
        var nodes = new Network[count];
        for (var i = 0; i < count; i++)
            nodes[i] = await StartAsync();
        return nodes;
    }

    /// <summary>Joins the counter group.</summary>
    public CounterGroup Join(Network node, Counter? machine = null, GroupOptions? options = null) =>
        GroupWorld.Join(node, machine, Timed(options ?? new GroupOptions()));

    /// <summary>Joins a group without a state.</summary>
    public ElectionGroup Elect(Network node, GroupKey? key = null, GroupOptions? options = null) =>
        node.Groups.Join(key ?? GroupWorld.Key, Timed(options ?? new GroupOptions()));

    /// <summary>Nodes that know each other and are online in one counter group, the first one leading.</summary>
    public async Task<(Network[] Nodes, CounterGroup[] Groups)> ClusterAsync(int count, Func<int, GroupOptions>? options = null)
    {
        var nodes = await StartManyAsync(count);
        var groups = new CounterGroup[count];
        groups[0] = Join(nodes[0], options: options?.Invoke(0));
        await WithinAsync(groups[0].When.IsLeader().WaitAsync(), GroupWorld.T);
        for (var i = 1; i < count; i++)
            groups[i] = Join(nodes[i], options: options?.Invoke(i));
        await DiscoverAsync(nodes);
        foreach (var group in groups)
        {
            await WithinAsync(group.When.LeaderIs(nodes[0].Local.Id).WaitAsync(), GroupWorld.T);
            await WithinAsync(group.When.Online().WaitAsync(), GroupWorld.T);
        }

        return (nodes, groups);
    }

    public async Task<T> WithinAsync<T>(ValueTask<T> task, TimeSpan limit)
    {
        var running = task.AsTask();
        await WithinAsync((Task)running, limit);
        return await running;
    }

    public Task WithinAsync(ValueTask task, TimeSpan limit) => WithinAsync(task.AsTask(), limit);

    public Task<T> WithinAsync<T>(ValueTask<T> task, double seconds) => WithinAsync(task, TimeSpan.FromSeconds(seconds));

    public Task WithinAsync(ValueTask task, double seconds) => WithinAsync(task, TimeSpan.FromSeconds(seconds));

    /// <summary>The options with the timing of the stage. What the id depends on stays.</summary>
    protected abstract GroupOptions Timed(GroupOptions options);
}

/// <summary>In-memory transport and virtual time.</summary>
internal sealed class VirtualGroupStage(GroupWorld world) : GroupStage
{
    public override TimeProvider Time => world.Time;

    public override bool IsTimeExact => true;

    public override Task<Network> StartAsync() => world.StartAsync();

    public override Task DiscoverAsync(params Network[] nodes) => world.DiscoverAsync(nodes);

    public override Task WithinAsync(Task task, TimeSpan limit) => task.WaitAsync(limit, world.Time);

    public override Task SettleAsync(double seconds) => world.DelayAsync(seconds);

    public override Task UntilAsync(Func<bool> condition, double seconds, string what) => world.UntilAsync(condition, seconds, what);

    protected override GroupOptions Timed(GroupOptions options) => options;
}

/// <summary>
/// QUIC on loopback. Limits are many times those of the specification: they are evidence, not measurements. Who joins first
/// is elected soon; the others are patient, so that a slow machine does not look like a lost leader.
/// </summary>
internal sealed class UdpGroupStage : GroupStage, IAsyncDisposable
{
    private const double Patience = 10;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(5);

    private readonly LoopbackNodes _nodes = new();
    private bool _hasFirst;

    public override TimeProvider Time => TimeProvider.System;

    public override bool IsTimeExact => false;

    public override Task<Network> StartAsync() => _nodes.StartAsync();

    public override Task DiscoverAsync(params Network[] nodes) => LoopbackNodes.DiscoverAllAsync(nodes);

    public override Task WithinAsync(Task task, TimeSpan limit) =>
        task.WaitAsync(Patience * limit, TestContext.Current.CancellationToken);

    public override Task SettleAsync(double seconds) => Task.CompletedTask;

    public override async Task UntilAsync(Func<bool> condition, double seconds, string what)
    {
        var start = Time.GetTimestamp();
        while (!condition())
        {
            Assert.True(Time.GetElapsedTime(start).TotalSeconds < seconds * Patience, $"not within {seconds * Patience} s: {what}");
            await Task.Delay(Pause, TestContext.Current.CancellationToken);
        }
    }

    public ValueTask DisposeAsync() => _nodes.DisposeAsync();

    protected override GroupOptions Timed(GroupOptions options)
    {
        var electionTimeout = _hasFirst ? 2 : 0.6;
        _hasFirst = true;
        return options with
        {
            Consensus = options.Consensus with
            {
                ElectionTimeout = TimeSpan.FromSeconds(electionTimeout),
                ElectionTimeoutJitter = TimeSpan.FromSeconds(0.5),
                BootstrapDelay = TimeSpan.FromSeconds(0.2),
                ForwardTimeout = TimeSpan.FromSeconds(20),
                QueryTimeout = TimeSpan.FromSeconds(20),
            },
        };
    }
}

/// <summary>Tests that Rust mosaik has as well (spec/groups.md §18.2), to be run on every stage.</summary>
public abstract class GroupConformanceTests
{
    internal abstract Task PlayAsync(Func<GroupStage, Task> test);

    internal static Task PlayVirtuallyAsync(Func<GroupStage, Task> test)
    {
        using var world = new GroupWorld();
        world.Run(() => test(new VirtualGroupStage(world)));
        return Task.CompletedTask;
    }

    internal static async Task PlayOnUdpAsync(Func<GroupStage, Task> test)
    {
        await using var stage = new UdpGroupStage();
        await test(stage);
    }
}
