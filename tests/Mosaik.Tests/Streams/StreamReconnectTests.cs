using Mosaik.Networking;
using Mosaik.Primitives;
using Mosaik.Streams;

namespace Mosaik.Tests.Streams;

/// <summary>Subscriptions that break and come back (spec/streams.md §8.2, §9): nothing twice, order kept.</summary>
public sealed class StreamReconnectTests : IDisposable
{
    private readonly StreamWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Fact]
    public void After_a_partition_the_stream_goes_on_without_a_duplicate() => _world.Run(async () =>
    {
        var pair = await _world.PairAsync<long>();
        var channel = pair.Consumer.Producers[0];
        await pair.Producer.WriteAsync(1);
        Assert.Equal([1], await _world.TakeAsync(pair.Consumer, 1));
        _world.Cut(pair.ProducerNode, pair.ConsumerNode);
        await pair.Producer.WriteAsync(2); // lost: the connection will be given up
        await _world.UntilAsync(() => !pair.Consumer.IsOnline && !pair.Producer.IsOnline, 35, "both sides notice");
        Assert.Equal(ChannelState.Connecting, channel.State);
        Assert.Null(channel.Uptime);
        Assert.Null(pair.Consumer.Uptime);
        _world.Transports.Links.Heal();
        await _world.WithinAsync(pair.Producer.When.Online().WaitAsync(), 30);
        await pair.Producer.WriteAsync(3);
        Assert.Equal([3], await _world.TakeAsync(pair.Consumer, 1));
        Assert.Same(channel, Assert.Single(pair.Consumer.Producers));
        Assert.Equal(2, channel.Datums);
        Assert.NotNull(channel.Uptime);
        Assert.Single(pair.Producer.Consumers);
    });

    [Fact]
    public void A_cut_that_heals_in_time_loses_nothing() => _world.Run(async () =>
    {
        var pair = await _world.PairAsync<long>();
        for (var i = 0; i < 100; i++)
        {
            await pair.Producer.WriteAsync(i);
            if (i == 50)
                _world.Cut(pair.ProducerNode, pair.ConsumerNode);
        }

        await _world.DelayAsync(20);
        _world.Transports.Links.Heal();
        Assert.Equal(Enumerable.Range(0, 100).Select(i => (long)i), await _world.TakeAsync(pair.Consumer, 100));
    });

    [Fact]
    public void A_producer_that_crashes_and_comes_back_under_its_key_is_consumed_again() => _world.Run(async () =>
    {
        var key = SecretKey.FromText("the producer");
        var first = await _world.StartAsync(key: key);
        var node = await _world.StartAsync();
        var producer = first.Streams.Produce<string>();
        var consumer = node.Streams.Consume<string>();
        await _world.SyncAsync(first, node);
        await _world.WithinAsync(producer.When.Online().WaitAsync());
        await producer.WriteAsync("before");
        await _world.DelayAsync(1);
        _world.Transports.Crash(StreamWorld.HostOf(first));
        await _world.DelayAsync(2);

        // The consumer has heard nothing yet: the new process' entry tells it.
        Assert.True(consumer.IsOnline);
        var second = await _world.StartAsync(key: key);
        producer = second.Streams.Produce<string>();
        await _world.SyncAsync(second, node);
        await _world.WithinAsync(producer.When.Online().WaitAsync());
        await producer.WriteAsync("after");
        Assert.Equal(["before", "after"], await _world.TakeAsync(consumer, 2));
        Assert.Single(consumer.Producers);
        Assert.Single(producer.Consumers);
        await _world.DelayAsync(60);
        Assert.True(consumer.IsOnline);
        Assert.False(consumer.TryRead(out _));
    });

    [Fact]
    public void A_consumer_that_crashes_leaves_within_the_idle_time() => _world.Run(async () =>
    {
        var pair = await _world.PairAsync<string>();
        var channel = pair.Producer.Consumers[0];
        _world.Transports.Crash(StreamWorld.HostOf(pair.ConsumerNode));
        await _world.UntilAsync(() => !pair.Producer.IsOnline, 31, "offline");
        Assert.Equal(CloseCode.UnexpectedClose, channel.CloseReason);
    });

    [Fact]
    public void A_quiet_connection_that_drops_after_an_hour_is_back_within_a_second() => _world.Run(async () =>
    {
        var node = await _world.StartAsync();
        var raw = new RawStreamPeer(_world);
        StreamId stream = "quiet";
        var consumer = node.Streams.Consume(new ConsumerOptions<string> { StreamId = stream });
        await raw.IntroduceAsync(node, stream);
        var (connection, bytes) = await raw.AcceptAsync();
        await bytes.WriteAsync(RawStreamPeer.Handshake(_world.Id, stream));
        await _world.DelayAsync(250); // entries of silent peers are forgotten after five minutes
        await connection.CloseAsync(CloseCode.None, "");
        await raw.AcceptAsync(0.8);
        await consumer.DisposeAsync();
    });

    [Fact]
    public void A_stream_that_was_ended_is_found_again_when_it_is_listed_again() => _world.Run(async () =>
    {
        var pair = await _world.PairAsync<string>();
        await pair.Producer.DisposeAsync();
        await _world.SyncAsync(pair.ProducerNode, pair.ConsumerNode);
        await _world.DelayAsync(20);
        Assert.Empty(pair.Consumer.Producers);
        var again = pair.ProducerNode.Streams.Produce<string>();
        await _world.SyncAsync(pair.ProducerNode, pair.ConsumerNode);
        await _world.WithinAsync(again.When.Online().WaitAsync(), 1);
    });

    [Fact]
    public void One_consumer_of_twenty_producers_hears_them_all() => _world.Run(async () =>
    {
        var nodes = await _world.StartManyAsync(21);
        var producers = nodes[1..].Select(n => n.Streams.Produce<string>()).ToArray();
        var consumer = nodes[0].Streams.Consume<string>();
        foreach (var node in nodes[1..])
            await _world.SyncAsync(nodes[0], node);
        await _world.WithinAsync(consumer.When.Subscribed().AtLeast(20).WaitAsync());
        foreach (var producer in producers)
            await producer.WriteAsync("x");
        Assert.Equal(20, (await _world.TakeAsync(consumer, 20)).Count);
    });
}
