using Mosaik.Primitives;
using Mosaik.Streams;

namespace Mosaik.Tests.Streams.Conformance;

/// <summary>Where a conformance test plays: nodes, time and deadlines.</summary>
internal abstract class Stage
{
    public abstract DateTimeOffset UtcNow { get; }

    /// <summary>A new node that knows nobody.</summary>
    public abstract Task<Network> StartAsync();

    /// <summary>A task must end within so many seconds.</summary>
    public abstract Task WithinAsync(Task task, double seconds);

    /// <summary>Lets time pass in which nothing more is to happen; where time is real it does not wait.</summary>
    public abstract Task SettleAsync(double seconds);

    /// <summary>Waits a moment before looking again.</summary>
    public abstract Task PauseAsync();

    public abstract bool IsOver(double seconds, long since);

    public abstract long Timestamp { get; }

    public async Task<Network[]> StartManyAsync(int count)
    {
        var nodes = new Network[count];
        for (var i = 0; i < count; i++)
            nodes[i] = await StartAsync();
        return nodes;
    }

    public Task WithinAsync(ValueTask task, double seconds = 3) => WithinAsync(task.AsTask(), seconds);

    public async Task<T> WithinAsync<T>(ValueTask<T> task, double seconds = 3)
    {
        var running = task.AsTask();
        await WithinAsync((Task)running, seconds);
        return await running;
    }

    public async Task UntilAsync(Func<bool> condition, double seconds, string what)
    {
        var start = Timestamp;
        while (!condition())
        {
            Assert.False(IsOver(seconds, start), $"not within {seconds} s: {what}");
            await PauseAsync();
        }
    }

    /// <summary>The harness' discover_all.</summary>
    public Task DiscoverAllAsync(params Network[] nodes) => WithinAsync(LoopbackNodes.DiscoverAllAsync(nodes), 5);

    /// <summary>One node gets to know another.</summary>
    public Task DialAsync(Network from, Network to) => WithinAsync(from.SyncWithAsync(to.Local.Address), 5);

    public async Task<T> ReceiveAsync<T>(Consumer<T> consumer, double seconds = 3) =>
        await WithinAsync(consumer.ReceiveAsync(), seconds);

    public Task SubscribedAsync<T>(Consumer<T> consumer, double seconds = 3, int count = 1) =>
        WithinAsync(consumer.When.Subscribed().AtLeast(count).WaitAsync(), seconds);

    public Task SubscribedAsync<T>(Producer<T> producer, double seconds = 3, int count = 1) =>
        WithinAsync(producer.When.Subscribed().AtLeast(count).WaitAsync(), seconds);

    /// <summary>The tests' poll: begins a wait, looks whether it has completed, and withdraws it.</summary>
    public static async Task<bool> PollAsync(ChannelCondition condition)
    {
        using var cancel = new CancellationTokenSource();
        var wait = condition.WaitAsync(cancel.Token).AsTask();
        var ready = wait.IsCompleted;
        cancel.Cancel();
        try
        {
            await wait;
        }
        catch (OperationCanceledException)
        {
            Assert.False(ready);
        }

        return ready;
    }
}

/// <summary>In-memory transport and virtual time.</summary>
internal sealed class VirtualStage(StreamWorld world) : Stage
{
    public override DateTimeOffset UtcNow => world.Time.GetUtcNow();

    public override long Timestamp => world.Time.GetTimestamp();

    public override Task<Network> StartAsync() => world.StartAsync();

    public override Task WithinAsync(Task task, double seconds) => task.WaitAsync(TimeSpan.FromSeconds(seconds), world.Time);

    public override Task SettleAsync(double seconds) => world.DelayAsync(seconds);

    public override Task PauseAsync() => world.DelayAsync(0.01);

    public override bool IsOver(double seconds, long since) => world.Time.GetElapsedTime(since).TotalSeconds >= seconds;
}

/// <summary>QUIC on loopback. Limits are many times those of the specification: they are evidence, not measurements.</summary>
internal sealed class UdpStage : Stage, IAsyncDisposable
{
    private const double Patience = 20;

    private readonly LoopbackNodes _nodes = new();

    public override DateTimeOffset UtcNow => DateTimeOffset.UtcNow;

    public override long Timestamp => TimeProvider.System.GetTimestamp();

    public override Task<Network> StartAsync() => _nodes.StartAsync();

    public override Task WithinAsync(Task task, double seconds) =>
        task.WaitAsync(TimeSpan.FromSeconds(seconds * Patience), TestContext.Current.CancellationToken);

    public override Task SettleAsync(double seconds) => Task.CompletedTask;

    public override Task PauseAsync() => Task.Delay(5, TestContext.Current.CancellationToken);

    public override bool IsOver(double seconds, long since) =>
        TimeProvider.System.GetElapsedTime(since).TotalSeconds >= seconds * Patience;

    public ValueTask DisposeAsync() => _nodes.DisposeAsync();
}

/// <summary>Tests that Rust mosaik has as well (spec/streams.md §21.1), to be run on every stage.</summary>
public abstract class ConformanceTests
{
    internal abstract Task PlayAsync(Func<Stage, Task> test);

    internal static Task PlayVirtuallyAsync(Func<Stage, Task> test)
    {
        using var world = new StreamWorld();
        world.Run(() => test(new VirtualStage(world)));
        return Task.CompletedTask;
    }

    internal static async Task PlayOnUdpAsync(Func<Stage, Task> test)
    {
        await using var stage = new UdpStage();
        await test(stage);
    }
}

/// <summary>The datum types of the Rust tests.</summary>
[WireName("all::Data1")]
public readonly record struct Data1(string Value);

/// <inheritdoc cref="Data1"/>
[WireName("all::Data2")]
public readonly record struct Data2(string Value);
