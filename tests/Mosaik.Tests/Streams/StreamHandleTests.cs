using System.Threading.Channels;
using Mosaik.Networking;
using Mosaik.Streams;

namespace Mosaik.Tests.Streams;

/// <summary>Handles, sharing, disposal, shutdown (spec/streams.md §11).</summary>
public sealed class StreamHandleTests : IDisposable
{
    private readonly StreamWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Fact]
    public void Handles_share_one_stream_and_the_last_one_ends_it() => _world.Run(async () =>
    {
        var pair = await _world.PairAsync<string>();
        var second = pair.ProducerNode.Streams.Produce<string>();
        Assert.Single(second.Consumers);
        await pair.Producer.WriteAsync("a");
        await second.WriteAsync("b");
        await pair.Producer.DisposeAsync();
        Assert.Equal(SendResult.Closed, pair.Producer.TrySend("lost"));
        Assert.False(pair.Producer.IsOnline);
        Assert.True(second.IsOnline);
        Assert.Contains(second.StreamId, pair.ProducerNode.Discovery.Me.Entry.Streams);
        await second.WriteAsync("c");
        var channel = pair.Consumer.Producers[0];
        await second.DisposeAsync();
        await second.DisposeAsync();
        Assert.DoesNotContain(second.StreamId, pair.ProducerNode.Discovery.Me.Entry.Streams);
        Assert.False(second.IsOnline);
        Assert.Empty(second.Consumers);
        await _world.WithinAsync(new ValueTask(channel.Disconnected));
        Assert.Equal(CloseCode.GracefulShutdown, channel.CloseReason);
        Assert.Equal(["a", "b", "c"], await _world.TakeAsync(pair.Consumer, 3));
        await Assert.ThrowsAsync<ChannelClosedException>(async () => await second.When.Online().WaitAsync());
        await second.When.Unsubscribed().WaitAsync();
    });

    [Fact]
    public void A_stream_has_one_type_of_datum() => _world.Run(async () =>
    {
        var node = await _world.StartAsync();
        node.Streams.Produce(new ProducerOptions<string> { StreamId = "prices" });
        var error = Assert.Throws<StreamTypeMismatchException>(
            () => node.Streams.Produce(new ProducerOptions<int> { StreamId = "prices" }));
        Assert.Equal("prices", error.StreamId);
    });

    [Fact]
    public void Everything_accepted_is_delivered_before_the_end() => _world.Run(async () =>
    {
        _world.Transports.Links.Default = new() { MinLatency = TimeSpan.FromMilliseconds(50), MaxLatency = TimeSpan.FromMilliseconds(90) };
        var pair = await _world.PairAsync<long>();
        for (var i = 0; i < 900; i++)
            Assert.Equal(SendResult.Accepted, pair.Producer.TrySend(i));
        await pair.Producer.DisposeAsync();
        Assert.Equal(Enumerable.Range(0, 900).Select(i => (long)i), await _world.TakeAsync(pair.Consumer, 900));
    });

    [Fact]
    public void A_consumer_that_does_not_read_delays_the_end_by_the_drain_time_only_and_others_get_everything() => _world.Run(async () =>
    {
        var nodes = await _world.StartManyAsync(3);
        var producer = nodes[0].Streams.Produce<byte[]>();
        var stalled = nodes[1].Streams.Consume(new ConsumerOptions<byte[]> { QueueSize = 1 });
        var healthy = nodes[2].Streams.Consume<byte[]>();
        await _world.SyncAsync(nodes);
        await _world.WithinAsync(producer.When.Subscribed().AtLeast(2).WaitAsync());
        for (var i = 0; i < 100; i++)
            await producer.WriteAsync(new byte[100_000]);
        var channel = stalled.Producers[0];
        var before = _world.Now;
        await producer.DisposeAsync();
        Assert.InRange((_world.Now - before).TotalSeconds, 0.4, 0.7);
        Assert.Equal(100, (await _world.TakeAsync(healthy, 100)).Count);
        await _world.UntilAsync(
            () => !stalled.TryRead(out _) && channel.State == ChannelState.Terminated, 5, "the stalled one sees the end");
        Assert.Equal(CloseCode.GracefulShutdown, channel.CloseReason);
    });

    [Fact]
    public void A_stream_can_be_made_again_while_the_old_one_drains() => _world.Run(async () =>
    {
        var pair = await _world.PairAsync<string>();
        await pair.Producer.WriteAsync("old");
        var end = pair.Producer.DisposeAsync();
        var again = pair.ProducerNode.Streams.Produce<string>();
        await end;
        Assert.Contains(again.StreamId, pair.ProducerNode.Discovery.Me.Entry.Streams);
        await _world.SyncAsync(pair.ProducerNode, pair.ConsumerNode);
        await _world.WithinAsync(again.When.Online().WaitAsync(), 10);
        await again.WriteAsync("new");
        Assert.Equal(["old", "new"], await _world.TakeAsync(pair.Consumer, 2));
    });

    [Fact]
    public void Disposing_a_consumer_discards_its_queue_and_ends_its_reads_and_the_producer_sees_102() => _world.Run(async () =>
    {
        var pair = await _world.PairAsync<string>();
        var channel = pair.Producer.Consumers[0];
        await pair.Producer.WriteAsync("unread");
        await _world.UntilAsync(() => pair.Consumer.Count == 1, 1, "it has arrived");
        var before = _world.Now;
        await pair.Consumer.DisposeAsync();
        await pair.Consumer.DisposeAsync();
        Assert.True(_world.Now - before <= TimeSpan.FromMilliseconds(500));
        Assert.False(await pair.Consumer.WaitToReadAsync());
        Assert.False(pair.Consumer.TryRead(out _));
        Assert.False(pair.Consumer.IsOnline);
        await Assert.ThrowsAsync<ChannelClosedException>(async () => await pair.Consumer.ReadAsync());
        await _world.UntilAsync(() => !pair.Producer.IsOnline, 0.1, "the producer is offline");
        Assert.Equal(CloseCode.Cancelled, channel.CloseReason);
    });

    [Fact]
    public void A_pending_read_ends_when_the_consumer_is_disposed() => _world.Run(async () =>
    {
        var pair = await _world.PairAsync<string>();
        var read = pair.Consumer.WaitToReadAsync().AsTask();
        await _world.DelayAsync(1);
        await pair.Consumer.DisposeAsync();
        Assert.False(await read);
    });

    [Fact]
    public void A_network_that_stops_says_204_and_leaves_what_was_received_readable() => _world.Run(async () =>
    {
        var nodes = await _world.StartManyAsync(2);
        var (there, back) = (nodes[0].Streams.Produce<string>(), nodes[1].Streams.Produce<long>());
        var (consumer, other) = (nodes[1].Streams.Consume<string>(), nodes[0].Streams.Consume<long>());
        await _world.SyncAsync(nodes);
        await _world.WithinAsync(there.When.Online().WaitAsync());
        await _world.WithinAsync(back.When.Online().WaitAsync());
        await there.WriteAsync("last words");
        await back.WriteAsync(5);
        await _world.UntilAsync(() => other.Count == 1, 1, "it has arrived");
        var (atConsumer, atProducer) = (consumer.Producers[0], back.Consumers[0]);
        await nodes[0].DisposeAsync();
        await _world.WithinAsync(new ValueTask(atConsumer.Disconnected));
        Assert.Equal(CloseCode.GracefulShutdown, atConsumer.CloseReason);
        Assert.Equal(CloseCode.Cancelled, atProducer.CloseReason);
        Assert.Equal(["last words"], await _world.TakeAsync(consumer, 1));
        Assert.Equal([5], await _world.DrainAsync(other));
        Assert.Equal(SendResult.Closed, there.TrySend("too late"));
        await Assert.ThrowsAsync<ChannelClosedException>(async () => await there.WriteAsync("too late"));
        Assert.Throws<NetworkClosedException>(() => nodes[0].Streams.Produce<string>());
        Assert.Throws<NetworkClosedException>(() => nodes[0].Streams.Consume<string>());
        await there.DisposeAsync();
        await other.DisposeAsync();
    });

    [Fact]
    public void An_aborted_network_ends_its_streams_without_hanging() => _world.Run(async () =>
    {
        var pair = await _world.PairAsync<string>();
        pair.ProducerNode.Abort();
        await pair.ProducerNode.Completion.WaitAsync(TimeSpan.FromSeconds(10), _world.Time);
        await _world.WithinAsync(pair.Producer.DisposeAsync());
        Assert.Equal(SendResult.Closed, pair.Producer.TrySend("x"));
        pair.ConsumerNode.Abort();
        await pair.ConsumerNode.Completion.WaitAsync(TimeSpan.FromSeconds(10), _world.Time);
        Assert.Empty(await _world.DrainAsync(pair.Consumer));
    });

    [Fact]
    public void Enumeration_ends_with_the_network_and_throws_on_cancellation() => _world.Run(async () =>
    {
        var pair = await _world.PairAsync<string>();
        await pair.Producer.WriteAsync("one");
        List<string> seen = [];
        using var cancel = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (var text in pair.Consumer.WithCancellation(cancel.Token))
            {
                seen.Add(text);
                cancel.Cancel();
            }
        });
        await pair.Producer.WriteAsync("two");
        await _world.UntilAsync(() => pair.Consumer.Count == 1, 1, "it has arrived");
        await pair.ConsumerNode.DisposeAsync();
        await foreach (var text in pair.Consumer)
            seen.Add(text);
        Assert.Equal(["one", "two"], seen);
    });

    [Fact]
    public void Options_that_make_no_sense_are_named() => _world.Run(async () =>
    {
        var node = await _world.StartAsync();
        Check("BufferSize", () => node.Streams.Produce(new ProducerOptions<string> { BufferSize = 0 }));
        Check("MaxBufferedBytes", () => node.Streams.Produce(new ProducerOptions<string> { MaxBufferedBytes = 0 }));
        Check("MaxConsumers", () => node.Streams.Produce(new ProducerOptions<string> { MaxConsumers = 0 }));
        Check("MaxDatumBytes", () => node.Streams.Produce(new ProducerOptions<string> { MaxDatumBytes = 0 }));
        Check("Lagging", () => node.Streams.Produce(new ProducerOptions<string> { Lagging = (LagPolicy)9 }));
        Check("StallTimeout", () => node.Streams.Produce(new ProducerOptions<string> { StallTimeout = TimeSpan.Zero }));
        Check("QueueSize", () => node.Streams.Consume(new ConsumerOptions<string> { QueueSize = 0 }));
        Check("MaxDatumBytes", () => node.Streams.Consume(new ConsumerOptions<string> { MaxDatumBytes = 0 }));

        static void Check(string property, Action make) =>
            Assert.Equal(property, Assert.Throws<MosaikConfigurationException>(make).Property);
    });
}
