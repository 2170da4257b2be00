using System.Diagnostics.Metrics;
using Mosaik.Networking;
using Mosaik.Primitives;
using Mosaik.Streams;
using Mosaik.Tests.Networking;

namespace Mosaik.Tests.Streams;

/// <summary>Rules L1–L5 (spec/streams.md §4.4): a consumer that does not read, next to one that does.</summary>
public sealed class StreamLagTests : IDisposable
{
    private const int Large = 100_000;

    private readonly StreamWorld _world = new();
    private readonly ListLogger _log = new();

    public StreamLagTests() => _world.Transports.StreamWindow = 50_000;

    public void Dispose() => _world.Dispose();

    [Fact]
    public void Disconnect_drops_the_lagging_consumer_with_10413_and_the_healthy_one_gets_everything() => _world.Run(async () =>
    {
        var (producer, stalled, healthy) = await TwoAsync(LagPolicy.Disconnect, bufferSize: 4);
        var atProducer = producer.Consumers.Single(c => c.ConsumerId == stalled.Producers[0].ConsumerId);
        var reading = _world.TakeAsync(healthy, 50);
        for (var i = 0; i < 50; i++)
        {
            await producer.WriteAsync(Datum(i));
            await _world.DelayAsync(0.01);
        }

        Assert.Equal(Enumerable.Range(0, 50), (await reading).Select(Number));
        Assert.Equal(CloseCode.TooSlow, atProducer.CloseReason);
        Assert.Equal(1, _log.Lines.Count(l => l.Id == 3003));
        Assert.True(producer.IsOnline);

        // It comes back by itself, and what it did receive is in order and without a gap.
        var taken = new List<int>();
        while (stalled.TryRead(out var item) || taken.Count == 0 || !stalled.IsOnline)
        {
            if (item is not null)
                taken.Add(Number(item));
            await _world.DelayAsync(0.01);
        }

        Assert.Equal(Enumerable.Range(0, taken.Count), taken);
        await producer.WriteAsync(Datum(99));
        Assert.Equal(99, Number((await _world.TakeAsync(stalled, 1))[0]));
    });

    [Fact]
    public void Skip_leaves_out_the_newest_and_counts_them() => _world.Run(async () =>
    {
        long dropped = 0;
        using var listener = Listen("mosaik.streams.producer.items.dropped", n => dropped += n);
        var (producer, stalled, healthy) = await TwoAsync(LagPolicy.Skip, bufferSize: 4);
        var reading = _world.TakeAsync(healthy, 50);
        for (var i = 0; i < 50; i++)
        {
            await producer.WriteAsync(Datum(i));
            await _world.DelayAsync(0.01);
        }

        Assert.Equal(Enumerable.Range(0, 50), (await reading).Select(Number));
        Assert.InRange(dropped, 20, 45);
        var taken = (await _world.TakeAsync(stalled, 50 - (int)dropped)).Select(Number).ToList();
        Assert.Equal(Enumerable.Range(0, 50 - (int)dropped), taken); // the newest are missing, the older ones are not
        await _world.DelayAsync(1);
        Assert.False(stalled.TryRead(out _));
        Assert.Equal(2, producer.Consumers.Count);
        await producer.WriteAsync(Datum(50));
        Assert.Equal(50, Number((await _world.TakeAsync(stalled, 1))[0]));
    });

    [Fact]
    public void SlowProducer_loses_nothing_for_anybody() => _world.Run(async () =>
    {
        var (producer, slow, healthy) = await TwoAsync(LagPolicy.SlowProducer, bufferSize: 2);
        var reading = _world.TakeAsync(healthy, 60, 30);
        List<int> taken = [];
        var writing = WriteAsync();
        while (taken.Count < 60)
        {
            await _world.DelayAsync(0.5);
            if (slow.TryRead(out var item))
                taken.Add(Number(item));
        }

        await writing;
        Assert.Equal(Enumerable.Range(0, 60), taken);
        Assert.Equal(Enumerable.Range(0, 60), (await reading).Select(Number));
        Assert.Equal(2, producer.Consumers.Count);

        async Task WriteAsync()
        {
            for (var i = 0; i < 60; i++)
                await producer.WriteAsync(Datum(i));
        }
    });

    [Fact]
    public void SlowProducer_drops_a_dead_consumer_after_the_stall_time() => _world.Run(async () =>
    {
        var (producer, dead, healthy) = await TwoAsync(LagPolicy.SlowProducer, bufferSize: 2);
        var atProducer = producer.Consumers.Single(c => c.ConsumerId == dead.Producers[0].ConsumerId);
        var reading = _world.TakeAsync(healthy, 60, 30);
        var before = _world.Now;
        for (var i = 0; i < 60; i++)
            await producer.WriteAsync(Datum(i));
        Assert.InRange((_world.Now - before).TotalSeconds, 4.9, 5.5);
        Assert.Equal(CloseCode.TooSlow, atProducer.CloseReason);
        Assert.Equal(60, (await reading).Count);
    });

    [Theory]
    [InlineData(LagPolicy.Disconnect), InlineData(LagPolicy.SlowProducer)]
    public void When_everybody_is_stalled_all_are_dropped_and_writes_wait_for_online_again(LagPolicy policy) => _world.Run(async () =>
    {
        var pair = await _world.PairAsync(
            new ProducerOptions<byte[]> { BufferSize = 1, Lagging = policy, StallTimeout = TimeSpan.FromSeconds(5) },
            new ConsumerOptions<byte[]> { QueueSize = 1, Backoff = () => new Never() });
        var channel = pair.Producer.Consumers[0];
        Task write = Task.CompletedTask;
        while (write.IsCompleted)
        {
            write = pair.Producer.WriteAsync(new byte[Large]).AsTask();
            await _world.DelayAsync(0.1);
        }

        await _world.DelayAsync(4.8); // 0.1 s have passed
        Assert.True(pair.Producer.IsOnline);
        await _world.DelayAsync(0.2);
        Assert.False(pair.Producer.IsOnline);
        Assert.Equal(CloseCode.TooSlow, channel.CloseReason);
        await _world.DelayAsync(60);
        Assert.False(write.IsCompleted); // it was not accepted into the void
        var third = await _world.StartAsync();
        var healthy = third.Streams.Consume<byte[]>();
        await _world.SyncAsync(pair.ProducerNode, third);
        Assert.Single(await _world.TakeAsync(healthy, 1));
        await write;
    });

    [Theory]
    [InlineData(LagPolicy.Disconnect), InlineData(LagPolicy.SlowProducer)]
    public void The_stall_clock_runs_for_writers_that_stay_in_line_when_the_first_was_served(LagPolicy policy) => _world.Run(async () =>
    {
        var pair = await _world.PairAsync(
            new ProducerOptions<byte[]> { BufferSize = 1, Lagging = policy, StallTimeout = TimeSpan.FromSeconds(5) },
            new ConsumerOptions<byte[]> { QueueSize = 1, Backoff = () => new Never() });
        var writes = Enumerable.Range(0, 20).Select(_ => pair.Producer.WriteAsync(new byte[Large]).AsTask()).ToArray();
        await _world.DelayAsync(1);
        var served = writes.Count(w => w.IsCompleted);
        while (writes.Count(w => w.IsCompleted) == served)
            await _world.TakeAsync(pair.Consumer, 1);
        await _world.DelayAsync(1);
        Assert.True(pair.Producer.IsOnline);
        Assert.Contains(writes, w => !w.IsCompleted);
        await _world.DelayAsync(4.5);
        Assert.False(pair.Producer.IsOnline); // it has accepted nothing for five seconds
    });

    [Fact]
    public void Skip_lets_senders_pass_a_stall_until_the_next_hand_over() => _world.Run(async () =>
    {
        var pair = await _world.PairAsync(
            new ProducerOptions<byte[]> { BufferSize = 1, Lagging = LagPolicy.Skip, StallTimeout = TimeSpan.FromSeconds(5) },
            new ConsumerOptions<byte[]> { QueueSize = 1 });
        while (pair.Producer.TrySend(new byte[Large]) == SendResult.Accepted)
            await _world.DelayAsync(0.1);
        await _world.DelayAsync(5.1);
        for (var i = 0; i < 100; i++)
            Assert.Equal(SendResult.Accepted, pair.Producer.TrySend(new byte[Large]));
        Assert.Single(pair.Producer.Consumers);
        await _world.TakeAsync(pair.Consumer, 3);
        await _world.DelayAsync(0.1);
        while (pair.Producer.TrySend(new byte[Large]) == SendResult.Accepted)
            await _world.DelayAsync(0.1);
    });

    [Fact]
    public void A_consumer_that_pauses_for_minutes_keeps_its_connection_and_loses_nothing() => _world.Run(async () =>
    {
        var pair = await _world.PairAsync(
            new ProducerOptions<byte[]> { BufferSize = 8, StallTimeout = Timeout.InfiniteTimeSpan },
            new ConsumerOptions<byte[]> { QueueSize = 4 });
        var writing = WriteAsync();
        await _world.DelayAsync(120);
        Assert.False(writing.IsCompleted);
        Assert.Equal(4, pair.Consumer.Count);
        Assert.Equal(ChannelState.Connected, pair.Consumer.Producers[0].State);
        Assert.Equal(Enumerable.Range(0, 100), (await _world.TakeAsync(pair.Consumer, 100)).Select(Number));
        await writing;

        async Task WriteAsync()
        {
            for (var i = 0; i < 100; i++)
                await pair.Producer.WriteAsync(Datum(i));
        }
    });

    [Fact]
    public void A_consumer_that_never_reads_hears_10413_although_a_write_to_it_is_under_way() => _world.Run(async () =>
    {
        var node = await _world.StartAsync();
        var producer = node.Streams.Produce(new ProducerOptions<byte[]> { BufferSize = 1 });
        var raw = new RawStreamPeer(_world);
        await raw.IntroduceAsync(node);
        var (connection, _) = await raw.SubscribeAsync(node, producer.StreamId);
        var write = Task.CompletedTask;
        while (write.IsCompleted)
        {
            write = producer.WriteAsync(new byte[Large]).AsTask();
            await _world.DelayAsync(0.1);
        }

        Assert.Equal(CloseCode.TooSlow, (await _world.WithinAsync(connection.WaitClosedAsync(), 6)).RemoteCode);
        Assert.False(producer.IsOnline);
        Assert.False(write.IsCompleted);
    });

    [Fact]
    public void A_consumer_that_never_reads_hears_204_when_the_stream_ends() => _world.Run(async () =>
    {
        var node = await _world.StartAsync();
        var producer = node.Streams.Produce<byte[]>();
        var raw = new RawStreamPeer(_world);
        await raw.IntroduceAsync(node);
        var (connection, _) = await raw.SubscribeAsync(node, producer.StreamId);
        for (var i = 0; i < 20; i++)
            await producer.WriteAsync(new byte[Large]);
        await producer.DisposeAsync();
        Assert.Equal(CloseCode.GracefulShutdown, (await _world.WithinAsync(connection.WaitClosedAsync())).RemoteCode);
    });

    private static MeterListener Listen(string name, Action<long> add)
    {
        var listener = new MeterListener
        {
            InstrumentPublished = (instrument, self) =>
            {
                if (instrument.Name == name)
                    self.EnableMeasurementEvents(instrument);
            },
        };
        var thread = Environment.CurrentManagedThreadId; // other tests run in other threads, and worlds have one each
        listener.SetMeasurementEventCallback<long>((_, value, _, _) =>
        {
            if (Environment.CurrentManagedThreadId == thread)
                add(value);
        });
        listener.Start();
        return listener;
    }

    private async Task<(Producer<byte[]> Producer, Consumer<byte[]> Stalled, Consumer<byte[]> Healthy)> TwoAsync(
        LagPolicy policy, int bufferSize)
    {
        var nodes = new[] { await _world.StartAsync(log: _log), await _world.StartAsync(), await _world.StartAsync() };
        var producer = nodes[0].Streams.Produce(new ProducerOptions<byte[]> { BufferSize = bufferSize, Lagging = policy });
        var stalled = nodes[1].Streams.Consume(new ConsumerOptions<byte[]> { QueueSize = 1 });
        var healthy = nodes[2].Streams.Consume<byte[]>();
        await _world.SyncAsync(nodes);
        await _world.WithinAsync(producer.When.Subscribed().AtLeast(2).WaitAsync());
        return (producer, stalled, healthy);
    }

    private static byte[] Datum(int number)
    {
        var datum = new byte[Large];
        datum[0] = (byte)number;
        return datum;
    }

    private static int Number(byte[] datum) => datum[0];

    /// <summary>So that nobody comes back by itself within the test.</summary>
    private sealed class Never : IBackoff
    {
        public TimeSpan? NextDelay(TimeSpan now, Quic.RandomSource random) => TimeSpan.FromHours(1);

        public void Reset()
        {
        }
    }
}
