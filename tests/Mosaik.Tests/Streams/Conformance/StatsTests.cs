using Mosaik.Streams;

namespace Mosaik.Tests.Streams.Conformance;

/// <summary>spec/streams.md §21.1, stats.</summary>
public abstract class StatsTests : ConformanceTests
{
    [Fact]
    public Task Producer() => PlayAsync(async stage =>
    {
        var nodes = await stage.StartManyAsync(3);
        var producer = nodes[0].Streams.Produce<Data1>();
        Assert.Empty(producer.Consumers);
        await stage.DiscoverAllAsync(nodes);
        var c1 = nodes[1].Streams.Consume<Data1>();
        await stage.SubscribedAsync(c1);
        await stage.SubscribedAsync(producer);
        var (at1, here1) = (Assert.Single(c1.Producers), Assert.Single(producer.Consumers));
        AssertStats(0, 0, at1, here1);
        await stage.WithinAsync(producer.SendAsync(new Data1("test")));
        Assert.Equal("test", (await stage.ReceiveAsync(c1)).Value);
        AssertStats(1, 5, at1, here1);
        var c2 = nodes[2].Streams.Consume<Data1>();
        await stage.SubscribedAsync(c2);
        await stage.SubscribedAsync(producer, count: 2);
        await stage.WithinAsync(producer.SendAsync(new Data1("data2")));
        Assert.Equal("data2", (await stage.ReceiveAsync(c1)).Value);
        Assert.Equal("data2", (await stage.ReceiveAsync(c2)).Value);
        AssertStats(2, 11, at1, here1);
        AssertStats(1, 6, Assert.Single(c2.Producers), producer.Consumers.Single(c => c.ConsumerId == nodes[2].Local.Id));
    });

    [Fact]
    public Task Consumer() => PlayAsync(async stage =>
    {
        var nodes = await stage.StartManyAsync(3);
        var consumer = nodes[0].Streams.Consume<Data1>();
        await stage.DiscoverAllAsync(nodes);
        Assert.Empty(consumer.Producers);
        Assert.Null(consumer.Stats.Uptime);
        var p1 = nodes[1].Streams.Produce<Data1>();
        await stage.DialAsync(nodes[0], nodes[1]);
        await stage.SubscribedAsync(consumer, 2);
        AssertStats(0, 0, Assert.Single(consumer.Producers));
        await SendAsync(p1, "hello");
        AssertStats(1, 6, Assert.Single(consumer.Producers));
        var p2 = nodes[2].Streams.Produce<Data1>();
        await stage.DialAsync(nodes[0], nodes[2]);
        await stage.SubscribedAsync(consumer, 2, 2);
        await SendAsync(p2, "world");
        var (from1, from2) = (From(nodes[1]), From(nodes[2]));
        AssertStats(1, 6, from1, from2);
        await SendAsync(p1, "again");
        AssertStats(2, 12, from1);
        AssertStats(1, 6, from2);
        Assert.Equal((3, 18), (consumer.Stats.Datums, consumer.Stats.Bytes));
        Assert.NotNull(consumer.Stats.Uptime);

        ChannelInfo From(Network node) => consumer.Producers.Single(c => c.ProducerId == node.Local.Id);

        async Task SendAsync(Producer<Data1> producer, string text)
        {
            await stage.WithinAsync(producer.SendAsync(new Data1(text)), 2);
            Assert.Equal(text, (await stage.ReceiveAsync(consumer, 2)).Value);
        }
    });

    private static void AssertStats(long datums, long bytes, params ChannelInfo[] channels)
    {
        foreach (var channel in channels)
            Assert.Equal((datums, bytes), (channel.Stats.Datums, channel.Stats.Bytes));
    }
}

public sealed class StatsVirtualTests : StatsTests
{
    internal override Task PlayAsync(Func<Stage, Task> test) => PlayVirtuallyAsync(test);
}

public sealed class StatsUdpTests : StatsTests
{
    internal override Task PlayAsync(Func<Stage, Task> test) => PlayOnUdpAsync(test);
}
