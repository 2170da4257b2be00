using System.Threading.Channels;
using Mosaik.Networking;
using Mosaik.Streams;

namespace Mosaik.Tests.Streams;

/// <summary>The handles as a user sees them (spec/streams.md §7, §11.5, §16).</summary>
public sealed class StreamApiTests : IDisposable
{
    private readonly StreamWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Fact]
    public void A_consumer_is_read_one_by_one_in_batches_and_by_looking() => _world.Run(async () =>
    {
        var pair = await _world.PairAsync<long>();
        var consumer = pair.Consumer;
        Assert.Equal(ReceiveResult.Empty, consumer.TryReceive(out _));
        Assert.False(consumer.TryPeek(out _));
        for (var i = 0; i < 10; i++)
            await pair.Producer.SendAsync(i);
        await _world.UntilAsync(() => consumer.Count == 10, 1, "all have arrived");
        Assert.True(consumer.CanPeek && consumer.CanCount);
        Assert.True(consumer.TryPeek(out var next));
        Assert.Equal(0, next);
        Assert.Equal(ReceiveResult.Item, consumer.TryReceive(out next));
        Assert.Equal(0, next);
        Assert.Equal(1, await consumer.ReceiveAsync());
        Assert.Equal(2, await consumer.ReadAsync());
        var buffer = new long[4];
        Assert.Equal(2, consumer.TryReceiveMany(buffer.AsSpan(0, 2)));
        Assert.Equal([3, 4], buffer[..2]);
        Assert.Equal(4, await consumer.ReadBatchAsync(buffer));
        Assert.Equal([5, 6, 7, 8], buffer);
        Assert.Equal(1, await consumer.ReadBatchAsync(buffer));
        Assert.Equal(9, buffer[0]);
        var waiting = consumer.ReadBatchAsync(buffer).AsTask();
        await _world.DelayAsync(1);
        await pair.Producer.SendAsync(10);
        Assert.Equal(1, await waiting);
        await Assert.ThrowsAsync<ArgumentException>(async () => await consumer.ReadBatchAsync(Memory<long>.Empty));
        Assert.Equal(11, consumer.Stats.Datums);
    });

    [Fact]
    public void At_the_end_every_way_to_read_says_so_and_says_why() => _world.Run(async () =>
    {
        var pair = await _world.PairAsync<long>();
        await pair.Producer.SendAsync(1);
        await _world.UntilAsync(() => pair.Consumer.Count == 1, 1, "it has arrived");
        var completion = pair.Consumer.Completion;
        await pair.ConsumerNode.DisposeAsync();
        Assert.False(completion.IsCompleted); // something is left to read
        Assert.Equal(1, await pair.Consumer.ReadAsync());
        await _world.WithinAsync(new ValueTask(completion));
        var error = await Assert.ThrowsAsync<ChannelClosedException>(async () => await pair.Consumer.ReadAsync());
        var cause = Assert.IsType<StreamClosedException>(error.InnerException);
        Assert.Equal((pair.Consumer.StreamId, true), (cause.StreamId, cause.IsNetworkStopped));
        Assert.Equal(ReceiveResult.Closed, pair.Consumer.TryReceive(out _));
        Assert.Equal(0, await pair.Consumer.ReadBatchAsync(new long[1]));
        Assert.False(await pair.Consumer.WaitToReadAsync());
        await Assert.ThrowsAsync<ChannelClosedException>(async () => await pair.Consumer.When.Online());
        await pair.Consumer.When.Offline();
        await pair.Consumer.When.Unsubscribed();
    });

    [Fact]
    public void A_disposed_producer_says_that_it_was_it() => _world.Run(async () =>
    {
        var node = await _world.StartAsync();
        var producer = node.Streams.Produce<long>();
        var waiting = producer.SendAsync(1).AsTask();
        await producer.DisposeAsync();
        var error = await Assert.ThrowsAsync<ChannelClosedException>(() => waiting);
        Assert.False(Assert.IsType<StreamClosedException>(error.InnerException).IsNetworkStopped);
        error = await Assert.ThrowsAsync<ChannelClosedException>(async () => await producer.When.Subscribed());
        Assert.IsType<StreamClosedException>(error.InnerException);
        Assert.Throws<ChannelClosedException>(() => producer.Clone());
        Assert.False(await producer.WaitToWriteAsync());
        Assert.False(producer.TryComplete());
        producer.Reevaluate(); // nobody is there to be judged
    });

    [Fact]
    public void Cancelled_reads_take_nothing() => _world.Run(async () =>
    {
        var pair = await _world.PairAsync<long>();
        using var cancel = new CancellationTokenSource();
        var read = pair.Consumer.ReadAsync(cancel.Token).AsTask();
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await pair.Consumer.ReadAsync());
        cancel.Cancel();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => read);
        await pair.Producer.SendAsync(1);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await pair.Consumer.ReadAsync(cancel.Token));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await pair.Consumer.ReadBatchAsync(new long[1], cancel.Token));
        Assert.Equal(1, await _world.WithinAsync(pair.Consumer.ReadAsync()));
    });

    [Fact]
    public void A_clone_is_a_handle_of_its_own() => _world.Run(async () =>
    {
        var pair = await _world.PairAsync(new ProducerOptions<long> { BufferSize = 7 });
        var clone = pair.Producer.Clone();
        Assert.Same(pair.Producer.Options, clone.Options);
        Assert.Equal(7, clone.Options.BufferSize);
        await pair.Producer.DisposeAsync();
        Assert.Throws<ChannelClosedException>(() => pair.Producer.Clone());
        await clone.SendAsync(1);
        Assert.Equal([1], await _world.TakeAsync(pair.Consumer, 1));
    });

    [Fact]
    public void A_channel_tells_its_states_and_its_end() => _world.Run(async () =>
    {
        var pair = await _world.PairAsync<long>();
        var (here, there) = (pair.Producer.Consumers[0], pair.Consumer.Producers[0]);
        List<ChannelState> states = [];
        var watching = WatchAsync();
        _world.Cut(pair.ProducerNode, pair.ConsumerNode);
        await _world.UntilAsync(() => there.State == ChannelState.Connecting, 60, "the consumer notices");
        Assert.True(here.Disconnected.IsCompletedSuccessfully || here.IsConnected);
        _world.Transports.Links.Heal();
        await _world.UntilAsync(() => there.IsConnected, 60, "it is back");
        Assert.False(there.Disconnected.IsCompleted);
        await pair.Consumer.DisposeAsync();
        await _world.WithinAsync(new ValueTask(watching));
        Assert.Equal(
            [ChannelState.Connected, ChannelState.Connecting, ChannelState.Connected, ChannelState.Terminated], states);
        Assert.True(there.Disconnected.IsCompletedSuccessfully);
        Assert.Null(there.Stats.Uptime);
        await _world.WithinAsync(new ValueTask(here.Disconnected), 40);

        async Task WatchAsync()
        {
            await foreach (var state in there.WatchStateAsync())
                states.Add(state);
        }
    });

    [Fact]
    public void Transitions_of_a_condition_are_all_told() => _world.Run(async () =>
    {
        var nodes = await _world.StartManyAsync(2);
        var producer = nodes[0].Streams.Produce<long>();
        List<bool> values = [];
        var watching = WatchAsync();
        for (var i = 0; i < 3; i++)
        {
            var consumer = nodes[1].Streams.Consume<long>();
            await _world.SyncAsync(nodes);
            await _world.WithinAsync(producer.When.Subscribed().WaitAsync());
            await consumer.DisposeAsync();
            await _world.WithinAsync(producer.When.Unsubscribed().WaitAsync());
        }

        await producer.DisposeAsync();
        await Assert.ThrowsAsync<ChannelClosedException>(() => watching);
        Assert.Equal([false, true, false, true, false, true, false], values);

        async Task WatchAsync()
        {
            await foreach (var met in producer.When.Subscribed().TransitionsAsync())
                values.Add(met);
        }
    });

    [Fact]
    public void An_inverted_online_condition_is_met_by_nobody() => _world.Run(async () =>
    {
        var nodes = await _world.StartManyAsync(2);
        var producer = nodes[0].Streams.Produce(new ProducerOptions<long> { OnlineWhen = c => c.Not() });
        Assert.True(producer.IsOnline && producer.When.IsOnline);
        Assert.Equal(SendResult.Accepted, producer.TrySend(1));
        var consumer = nodes[1].Streams.Consume<long>();
        await _world.SyncAsync(nodes);
        await _world.WithinAsync(producer.When.Offline().WaitAsync());
        Assert.Equal(SendResult.Offline, producer.TrySend(2));
        await consumer.DisposeAsync();
        await _world.WithinAsync(producer.When.Online().WaitAsync(), 0.1);
        await producer.DisposeAsync();
        Assert.False(producer.IsOnline || producer.When.IsOnline);
    });

    [Theory]
    [InlineData(0, 0, null, "uptime: N/A, datums: 0, bytes: 0 B")]
    [InlineData(15432, 1_230_000, 150.0, "uptime: 2m 30s, datums: 15432, bytes: 1.23 MB")]
    [InlineData(1, 5, 0.25, "uptime: 250ms, datums: 1, bytes: 5 B")]
    [InlineData(1, 1000, 0.0, "uptime: 0ms, datums: 1, bytes: 1 kB")]
    [InlineData(1, 999_999, 90061.9, "uptime: 1d 1h 1m 1s, datums: 1, bytes: 999.99 kB")]
    [InlineData(1, 1_500_000_000, 3600.0, "uptime: 1h, datums: 1, bytes: 1.5 GB")]
    [InlineData(1, long.MaxValue, 60.0, "uptime: 1m, datums: 1, bytes: 9223372.03 TB")]
    public void Statistics_are_readable(long datums, long bytes, double? seconds, string text) => Assert.Equal(
        text, new StreamStats(datums, bytes, seconds is { } s ? TimeSpan.FromSeconds(s) : null).ToString());

    [Fact]
    public void Refining_options_leaves_the_old_ones_alone()
    {
        var open = new ProducerOptions<long>();
        var strict = open.Require(p => p.Tags.Contains("a")).RequireTicket(new Conformance.TestJwt([1], "x"));
        Assert.Null(open.AcceptIf);
        Assert.Empty(open.Tickets);
        Assert.NotNull(strict.AcceptIf);
        Assert.Single(strict.Tickets);
        Assert.Equal("Tickets", Assert.Throws<MosaikConfigurationException>(
            () => (open with { Tickets = [null!] }).Validate()).Property);
        Assert.Equal("QueueFullMode", Assert.Throws<MosaikConfigurationException>(
            () => new ConsumerOptions<long> { QueueFullMode = (QueueFullMode)7 }.Validate()).Property);
        Assert.Equal("Criteria", Assert.Throws<MosaikConfigurationException>(
            () => new ConsumerOptions<long> { Criteria = null! }.Validate()).Property);
    }
}
