using Mosaik.Networking;
using Mosaik.Networking.Transport;
using Mosaik.Primitives;
using Mosaik.Streams;
using Mosaik.Tests.Discovery;

namespace Mosaik.Tests.Streams;

/// <summary>What Rust never tests of ends, retries and many (spec/streams.md §21.2).</summary>
public sealed class StreamLifetimeTests : IDisposable
{
    private readonly StreamWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Fact]
    public void A_network_that_is_disposed_always_says_204() => _world.Run(async () =>
    {
        var consumerNode = await _world.StartAsync();
        for (var i = 0; i < 1000; i++)
        {
            var node = await _world.StartAsync();
            StreamId stream = $"run {i}"; // nobody tells of those that have left: their streams must not be looked for
            await using var consumer = consumerNode.Streams.Consume(new ConsumerOptions<long> { StreamId = stream });
            var producer = node.Streams.Produce(new ProducerOptions<long> { StreamId = stream });
            await consumerNode.Discovery.FeedAsync(node.Discovery.Me);
            await node.Discovery.FeedAsync(consumerNode.Discovery.Me);
            await _world.WithinAsync(producer.When.Online().WaitAsync());
            var channel = Assert.Single(consumer.Producers, c => c.ProducerId == node.Local.Id);
            Assert.Equal(SendResult.Accepted, producer.TrySend(i));
            if (i % 3 == 0)
                await _world.DelayAsync(i % 7 * 0.0005);
            await node.DisposeAsync();
            await _world.WithinAsync(new ValueTask(channel.Disconnected));
            Assert.Equal(CloseCode.GracefulShutdown, channel.CloseReason);
            Assert.Equal([i], await _world.TakeAsync(consumer, 1)); // what was accepted is delivered
            await _world.DelayAsync(0.05); // a node dials at most fifty new peers per second
        }
    });

    [Theory]
    [InlineData(0), InlineData(1)]
    public void What_a_withdrawn_producer_still_sends_arrives_before_its_204(int breaks) => _world.Run(async () =>
    {
        var raw = new RawStreamPeer(_world);
        var (node, consumer, connection, stream) = await SubscribeToAsync(raw);
        for (var i = 0; i < breaks; i++)
        {
            await connection.CloseAsync(CloseCode.UnexpectedClose, "");
            (connection, stream) = await AcceptAsync(raw, consumer);
        }

        var channel = Assert.Single(consumer.Producers);
        await _world.DelayAsync(0.1);
        await raw.IntroduceAsync(node); // the news of the withdrawal is faster than what was sent before it
        await _world.DelayAsync(0.2);
        await stream.WriteAsync(RawPeer.Frame("\x04last"u8));
        Assert.Equal("last", await _world.WithinAsync(consumer.ReadAsync()));
        await connection.CloseAsync(CloseCode.GracefulShutdown, "");
        await _world.WithinAsync(new ValueTask(channel.Disconnected));
        Assert.Equal(CloseCode.GracefulShutdown, channel.CloseReason);
    });

    [Fact]
    public void A_withdrawn_producer_that_never_closes_is_left_after_the_drain_time() => _world.Run(async () =>
    {
        var raw = new RawStreamPeer(_world);
        var (node, consumer, connection, _) = await SubscribeToAsync(raw);
        await _world.DelayAsync(0.1);
        await raw.IntroduceAsync(node);
        Assert.Equal(CloseCode.Cancelled, (await _world.WithinAsync(connection.WaitClosedAsync(), 1)).RemoteCode);
        Assert.Empty(consumer.Producers);
    });

    [Fact]
    public void A_disposed_consumer_is_gone_for_the_producer_within_100_ms_with_102() => _world.Run(async () =>
    {
        var pair = await _world.PairAsync<long>();
        var channel = pair.Producer.Consumers[0];
        await pair.Consumer.DisposeAsync();
        await _world.WithinAsync(pair.Producer.When.Offline().WaitAsync(), 0.1);
        Assert.Equal(CloseCode.Cancelled, channel.CloseReason);
    });

    [Fact]
    public void A_send_that_waits_offline_is_served_within_100_ms_of_online() => _world.Run(async () =>
    {
        var nodes = await _world.StartManyAsync(2);
        var producer = nodes[0].Streams.Produce<long>();
        var waiting = producer.SendAsync(7).AsTask();
        await _world.DelayAsync(10);
        Assert.False(waiting.IsCompleted);
        var consumer = nodes[1].Streams.Consume<long>();
        await _world.SyncAsync(nodes);
        await _world.WithinAsync(producer.When.Online().WaitAsync());
        await _world.WithinAsync(new ValueTask(waiting), 0.1);
        Assert.Equal([7], await _world.TakeAsync(consumer, 1));
    });

    [Fact]
    public void Concurrent_senders_keep_the_order_of_each_handle_on_all_consumers() => _world.Run(async () =>
    {
        var nodes = await _world.StartManyAsync(4);
        var first = nodes[0].Streams.Produce(new ProducerOptions<(int Who, int Number)> { BufferSize = 16 });
        Producer<(int Who, int Number)>[] handles = [first, first.Clone(), first.Clone(), first.Clone()];
        var consumers = nodes[1..].Select(n => n.Streams.Consume<(int Who, int Number)>()).ToArray();
        await _world.SyncAsync(nodes);
        await _world.WithinAsync(first.When.Subscribed().AtLeast(3).WaitAsync());
        var reading = consumers.Select(c => _world.TakeAsync(c, 400)).ToArray();
        await Task.WhenAll(handles.Select(async (handle, who) =>
        {
            for (var i = 0; i < 100; i++)
            {
                await handle.SendAsync((who, i));
                if ((who + i) % 7 == 0)
                    await _world.DelayAsync(0.0001);
            }
        }));
        var taken = await Task.WhenAll(reading);
        for (var who = 0; who < handles.Length; who++)
            Assert.Equal(Enumerable.Range(0, 100), taken[0].Where(d => d.Who == who).Select(d => d.Number));
        Assert.Equal(taken[0], taken[1]); // and the order between handles is the same for all
        Assert.Equal(taken[0], taken[2]);
    });

    [Fact]
    public void A_full_producer_lets_two_racing_consumers_in_only_once() => _world.Run(async () =>
    {
        var nodes = await _world.StartManyAsync(6);
        var producer = nodes[0].Streams.Produce(new ProducerOptions<long> { MaxConsumers = 1, AcceptIf = _ => true });
        await _world.SyncAsync(nodes);
        var consumers = nodes[1..].Select(n => n.Streams.Consume<long>()).ToArray(); // all at the same moment
        await _world.WithinAsync(producer.When.Online().WaitAsync());
        await _world.DelayAsync(5);
        Assert.Single(producer.Consumers);
        Assert.Single(consumers, c => c.IsOnline);
    });

    [Fact]
    public void A_sync_that_fails_after_401_is_tried_again() => _world.Run(async () =>
    {
        var node = await _world.StartAsync();
        var raw = new RawStreamPeer(_world);
        await raw.IntroduceAsync(node, "unknown");
        node.Streams.Consume(new ConsumerOptions<long> { StreamId = "unknown" });
        for (var i = 0; i < 5; i++) // the raw peer speaks no catalog sync
            await (await raw.AcceptAsync()).Connection.CloseAsync(CloseCode.UnknownPeer, "");
        var (_, bytes) = await raw.AcceptAsync();
        await bytes.WriteAsync(RawStreamPeer.Handshake(_world.Id, "unknown"));
    });

    [Fact]
    public void A_backoff_that_is_exhausted_ends_the_channel_and_the_slow_schedule_goes_on() => _world.Run(async () =>
    {
        List<Counting> made = [];
        var node = await _world.StartAsync();
        Func<IBackoff> backoff = () =>
        {
            made.Add(new Counting());
            return made[^1];
        };
        var consumer = node.Streams.Consume(new ConsumerOptions<long> { StreamId = "lost", Backoff = backoff });
        RawStreamPeer[] raws = [new(_world, "a"), new(_world, "b")];
        foreach (var raw in raws)
            await raw.IntroduceAsync(node, "lost");
        var channel = consumer.Producers is { Count: > 0 } early ? early[0] : null;
        for (var i = 0; i < 4; i++)
            await (await raws[0].AcceptAsync()).Connection.CloseAsync(CloseCode.TooSlow, "");
        var before = _world.Now;
        channel ??= consumer.Producers.First(c => c.ProducerId == raws[0].Id);
        await (await raws[0].AcceptAsync()).Connection.CloseAsync(CloseCode.TooSlow, "");
        Assert.InRange((_world.Now - before).TotalSeconds, 4, 6); // the slow one: three delays were granted
        Assert.Equal(2, made.Count); // one for each receiver
        Assert.DoesNotContain(consumer.Producers, c => c.ProducerId == raws[0].Id);
    });

    [Fact]
    public void One_consumer_of_fifty_producers_hears_them_all() => _world.Run(async () =>
    {
        var nodes = await _world.StartManyAsync(51);
        var producers = nodes[1..].Select(n => n.Streams.Produce<string>()).ToArray();
        var consumer = nodes[0].Streams.Consume<string>();
        foreach (var node in nodes[1..])
            await _world.SyncAsync(nodes[0], node);
        await _world.WithinAsync(consumer.When.Subscribed().AtLeast(50).WaitAsync());
        foreach (var producer in producers)
            await producer.WriteAsync("x");
        Assert.Equal(50, (await _world.TakeAsync(consumer, 50)).Count);
        Assert.All(consumer.Producers, c => Assert.Equal(1, c.Datums));
    });

    [Fact]
    public void Idle_streams_and_ten_thousand_conditions_do_nothing() => _world.Run(async () =>
    {
        var pair = await _world.PairAsync<long>();
        var waits = Enumerable.Range(0, 10_000)
            .Select(i => pair.Producer.When.Subscribed().AtLeast(2 + (i % 100)).WithTags("nobody").WaitAsync().AsTask()).ToArray();
        await _world.DelayAsync(1);
        var before = _world.Discovery.Scheduler.Steps;
        await _world.DelayAsync(20);
        var idle = _world.Discovery.Scheduler.Steps - before;
        Assert.InRange(idle, 1, 200); // keep-alives of the connection, and nothing of ours
        await pair.Producer.DisposeAsync();
        foreach (var wait in waits)
            await Assert.ThrowsAsync<System.Threading.Channels.ChannelClosedException>(() => wait);
    });

    /// <summary>A node whose consumer has subscribed to the peer.</summary>
    private async Task<(Network Node, Consumer<string> Consumer, ITransportConnection Connection, ITransportStream Stream)>
        SubscribeToAsync(RawStreamPeer raw)
    {
        var node = await _world.StartAsync();
        var consumer = node.Streams.Consume(new ConsumerOptions<string> { StreamId = "test" });
        await raw.IntroduceAsync(node, "test");
        var (connection, stream) = await AcceptAsync(raw, consumer);
        return (node, consumer, connection, stream);
    }

    private async Task<(ITransportConnection Connection, ITransportStream Stream)> AcceptAsync(
        RawStreamPeer raw, Consumer<string> consumer)
    {
        var (connection, stream) = await raw.AcceptAsync();
        await stream.WriteAsync(RawStreamPeer.Handshake(_world.Id, "test"));
        await _world.UntilAsync(() => consumer.IsOnline, 3, "the subscription");
        return (connection, stream);
    }

    /// <summary>Grants three delays of a millisecond.</summary>
    private sealed class Counting : IBackoff
    {
        private int _left = 3;

        public TimeSpan? NextDelay(TimeSpan now, Quic.RandomSource random) => _left-- > 0 ? TimeSpan.FromMilliseconds(1) : null;

        public void Reset() => _left = 3;
    }
}
