using System.Threading.Channels;
using Mosaik.Streams;

namespace Mosaik.Tests.Streams;

/// <summary>Rules S1–S7 seen from outside, and the contracts of writer and reader (spec/streams.md §4.3, §11.5).</summary>
public sealed class StreamSendTests : IDisposable
{
    private const int Large = 100_000;

    private readonly StreamWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Fact]
    public void TrySend_tells_closed_before_offline_before_full() => _world.Run(async () =>
    {
        var nodes = await _world.StartManyAsync(2);
        var producer = nodes[0].Streams.Produce(new ProducerOptions<byte[]> { BufferSize = 1, StallTimeout = Timeout.InfiniteTimeSpan });
        Assert.Equal(SendResult.Offline, producer.TrySend([1]));
        Assert.False(producer.TryWrite([1]));
        var consumer = nodes[1].Streams.Consume(new ConsumerOptions<byte[]> { QueueSize = 1 });
        await _world.SyncAsync(nodes);
        await _world.WithinAsync(producer.When.Online().WaitAsync());
        Assert.Equal(SendResult.Accepted, producer.TrySend([0])); // after a lull: written at once, so it takes no room
        Assert.Equal(SendResult.Accepted, producer.TrySend([1]));
        Assert.Equal(SendResult.Full, producer.TrySend([2]));
        await _world.TakeAsync(consumer, 2);
        Assert.Equal(SendResult.Accepted, producer.TrySend([3]));
        await consumer.DisposeAsync();
        await _world.UntilAsync(() => !producer.IsOnline, 1, "offline");
        Assert.Equal(SendResult.Offline, producer.TrySend([4]));
        await producer.DisposeAsync();
        Assert.Equal(SendResult.Closed, producer.TrySend([5]));
    });

    [Fact]
    public void A_write_that_waits_makes_TrySend_full() => _world.Run(async () =>
    {
        var (pair, waiting) = await StalledAsync();
        Assert.Equal(SendResult.Full, pair.Producer.TrySend([1]));
        await ReadAllAsync(pair, waiting);
        Assert.Equal(SendResult.Accepted, pair.Producer.TrySend([1]));
    });

    [Theory]
    [InlineData(1), InlineData(4)]
    public void With_a_stalled_consumer_exactly_the_buffer_more_than_the_transport_takes_is_accepted(int bufferSize) => _world.Run(async () =>
    {
        _world.Transports.StreamWindow = 50_000;
        var pair = await _world.PairAsync(
            new ProducerOptions<byte[]> { BufferSize = bufferSize, StallTimeout = Timeout.InfiniteTimeSpan },
            new ConsumerOptions<byte[]> { QueueSize = 1 });
        var accepted = 0;
        for (var quiet = 0; quiet < 5;)
        {
            if (pair.Producer.TrySend(new byte[Large]) == SendResult.Accepted)
                (accepted, quiet) = (accepted + 1, 0);
            else
                quiet++;
            await _world.DelayAsync(0.1);
        }

        // Nothing moves any more, for ever, and the connection lives on.
        var written = pair.Producer.Consumers[0].Datums; // counted before the hand-over: the last one is still being written
        Assert.Equal(written - 1 + bufferSize, accepted);
        await _world.DelayAsync(120);
        Assert.True(pair.Producer.IsOnline);
        Assert.Equal(SendResult.Full, pair.Producer.TrySend([1]));
        Assert.Equal(1, pair.Consumer.Count);
        Assert.Equal(accepted, (await _world.TakeAsync(pair.Consumer, accepted)).Count);
        Assert.Equal(SendResult.Accepted, pair.Producer.TrySend([1]));
    });

    [Fact]
    public void Writes_that_wait_are_served_first_in_first_out() => _world.Run(async () =>
    {
        var (pair, waiting) = await StalledAsync(count: 100);
        List<int> order = [];
        var watched = waiting.Select(async (task, i) =>
        {
            await task;
            order.Add(i);
        }).ToArray();
        await ReadAllAsync(pair, waiting);
        await Task.WhenAll(watched);
        Assert.Equal(Enumerable.Range(0, 100), order);
    });

    [Fact]
    public void A_cancelled_write_has_no_effect_and_the_others_go_on() => _world.Run(async () =>
    {
        var (pair, waiting) = await StalledAsync(count: 3);
        using var cancel = new CancellationTokenSource();
        var cancelled = pair.Producer.WriteAsync([77], cancel.Token).AsTask();
        var after = pair.Producer.WriteAsync([78]).AsTask();
        cancel.Cancel();
        var error = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled);
        Assert.Equal(cancel.Token, error.CancellationToken);
        var taken = await ReadAllAsync(pair, [.. waiting, after]);
        Assert.DoesNotContain(taken, d => d[0] == 77);
        Assert.Equal(78, taken[^1][0]);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await pair.Producer.WriteAsync([1], new CancellationToken(true)));
    });

    [Fact]
    public void Disposing_a_handle_fails_its_own_waits_only() => _world.Run(async () =>
    {
        var (pair, waiting) = await StalledAsync(count: 2);
        var second = pair.ProducerNode.Streams.Produce<byte[]>();
        var other = second.WriteAsync([9]).AsTask();
        var probe = pair.Producer.WaitToWriteAsync().AsTask();
        await pair.Producer.DisposeAsync();
        foreach (var write in waiting)
            await Assert.ThrowsAsync<ChannelClosedException>(() => write);
        Assert.False(await probe);
        Assert.False(other.IsCompleted);
        await ReadAllAsync(pair, [other]);
    });

    [Fact]
    public void Disposing_the_last_handle_fails_all_waits() => _world.Run(async () =>
    {
        var node = await _world.StartAsync();
        var producer = node.Streams.Produce<string>();
        var write = producer.WriteAsync("x").AsTask();
        var probe = producer.WaitToWriteAsync().AsTask();
        var online = producer.When.Online().WaitAsync().AsTask();
        Assert.True(producer.TryComplete());
        Assert.False(producer.TryComplete());
        await Assert.ThrowsAsync<ChannelClosedException>(() => write);
        Assert.False(await probe);
        await Assert.ThrowsAsync<ChannelClosedException>(() => online);
    });

    [Fact]
    public void Stopping_the_network_fails_all_waits() => _world.Run(async () =>
    {
        var node = await _world.StartAsync();
        var producer = node.Streams.Produce<string>();
        var write = producer.WriteAsync("x").AsTask();
        await node.DisposeAsync();
        await Assert.ThrowsAsync<ChannelClosedException>(() => write);
        Assert.False(await producer.WaitToWriteAsync());
    });

    [Fact]
    public void WaitToWrite_waits_for_online_and_room_and_accepts_nothing() => _world.Run(async () =>
    {
        var nodes = await _world.StartManyAsync(2);
        var producer = nodes[0].Streams.Produce(new ProducerOptions<byte[]> { BufferSize = 1 });
        var probe = producer.WaitToWriteAsync().AsTask();
        using var cancel = new CancellationTokenSource();
        var cancelled = producer.WaitToWriteAsync(cancel.Token).AsTask();
        cancel.Cancel();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled);
        var consumer = nodes[1].Streams.Consume<byte[]>();
        await _world.SyncAsync(nodes);
        Assert.True(await probe.WaitAsync(TimeSpan.FromSeconds(3), _world.Time));
        Assert.True(producer.TryWrite([0])); // after a lull: written at once, so it takes no room
        Assert.True(producer.TryWrite([1]));
        Assert.False(producer.TryWrite([2]));
        Assert.True(await _world.WithinAsync(producer.WaitToWriteAsync()));
        Assert.True(producer.TryWrite([3]));
        Assert.Equal([0, 1, 3], (await _world.TakeAsync(consumer, 3)).Select(d => (int)d[0]));
    });

    [Fact]
    public void A_new_consumer_lets_waiting_writes_pass_and_is_not_taken_for_a_stalled_one() => _world.Run(async () =>
    {
        var (pair, waiting) = await StalledAsync(stall: TimeSpan.FromSeconds(20));
        await _world.DelayAsync(10);
        var third = await _world.StartAsync();
        var healthy = third.Streams.Consume<byte[]>();
        await _world.SyncAsync(pair.ProducerNode, third);
        await _world.WithinAsync(healthy.When.Subscribed().WaitAsync(), 0.9);
        await Task.WhenAll(waiting).WaitAsync(TimeSpan.FromSeconds(1), _world.Time);
        await _world.DelayAsync(30);
        Assert.Equal(2, pair.Producer.Consumers.Count);
        Assert.True(healthy.IsOnline);
    });

    [Fact]
    public void Flush_waits_for_what_was_accepted_before_and_not_for_more() => _world.Run(async () =>
    {
        _world.Transports.Links.Default = new() { MinLatency = TimeSpan.FromMilliseconds(50), MaxLatency = TimeSpan.FromMilliseconds(50) };
        var pair = await _world.PairAsync<long>();
        await _world.WithinAsync(pair.Producer.FlushAsync());
        await pair.Producer.WriteAsync(1);
        var before = _world.Now;
        var stop = false;
        var publishing = PublishAsync();
        await pair.Producer.FlushAsync();
        Assert.InRange((_world.Now - before).TotalMilliseconds, 99, 120);
        stop = true;
        await publishing;
        Assert.True(pair.Consumer.TryRead(out var first));
        Assert.Equal(1, first);

        async Task PublishAsync()
        {
            for (var i = 2; !stop; i++)
            {
                pair.Producer.TrySend(i);
                await _world.DelayAsync(0.001);
            }
        }
    });

    [Fact]
    public void Flush_does_not_wait_for_a_consumer_that_leaves_and_can_be_cancelled() => _world.Run(async () =>
    {
        var (pair, _) = await StalledAsync();
        using var cancel = new CancellationTokenSource();
        var cancelled = pair.Producer.FlushAsync(cancel.Token).AsTask();
        var flush = pair.Producer.FlushAsync().AsTask();
        await _world.DelayAsync(1);
        Assert.False(flush.IsCompleted);
        cancel.Cancel();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled);
        await pair.Consumer.DisposeAsync();
        await flush.WaitAsync(TimeSpan.FromSeconds(1), _world.Time);
    });

    [Fact]
    public void A_cancelled_read_takes_nothing_and_a_second_reader_is_refused() => _world.Run(async () =>
    {
        var pair = await _world.PairAsync<string>();
        using var cancel = new CancellationTokenSource();
        var read = pair.Consumer.ReadAsync(cancel.Token).AsTask();
        Assert.Throws<InvalidOperationException>(() => { _ = pair.Consumer.WaitToReadAsync(); });
        cancel.Cancel();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => read);
        await pair.Producer.WriteAsync("kept");
        Assert.Equal("kept", await _world.WithinAsync(pair.Consumer.ReadAsync()));
        Assert.True(pair.Consumer.CanCount);
    });

    /// <summary>A pair whose consumer does not read, full up to the brim, and some writes that wait.</summary>
    private async Task<(StreamWorld.Pair<byte[]> Pair, Task[] Waiting)> StalledAsync(int count = 1, TimeSpan? stall = null)
    {
        _world.Transports.StreamWindow = 50_000;
        var pair = await _world.PairAsync(
            new ProducerOptions<byte[]> { BufferSize = 2, StallTimeout = stall ?? Timeout.InfiniteTimeSpan },
            new ConsumerOptions<byte[]> { QueueSize = 1 });
        for (var quiet = 0; quiet < 10;)
        {
            quiet = pair.Producer.WaitToWriteAsync() is { IsCompleted: true } && pair.Producer.TryWrite(new byte[Large]) ? 0 : quiet + 1;
            await _world.DelayAsync(0.01);
        }

        var waiting = Enumerable.Range(0, count).Select(i => pair.Producer.WriteAsync([(byte)i]).AsTask()).ToArray();
        Assert.All(waiting, w => Assert.False(w.IsCompleted));
        return (pair, waiting);
    }

    /// <summary>Reads until the writes are served and everything has arrived.</summary>
    private async Task<List<byte[]>> ReadAllAsync(StreamWorld.Pair<byte[]> pair, Task[] writes)
    {
        var taken = new List<byte[]>();
        var all = Task.WhenAll(writes);
        for (var quiet = 0; quiet < 100 || !all.IsCompleted;)
        {
            if (pair.Consumer.TryRead(out var item))
                (_, quiet) = (Add(item), 0);
            else
                quiet++;
            Assert.True(quiet < 1000, "the writes are not served");
            await _world.DelayAsync(0.001);
        }

        await all;
        return taken;

        bool Add(byte[] item)
        {
            taken.Add(item);
            return true;
        }
    }
}
