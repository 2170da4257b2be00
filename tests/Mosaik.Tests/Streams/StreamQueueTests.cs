using Mosaik.Primitives;
using Mosaik.Streams;
using Mosaik.Tests.Discovery;
using Mosaik.Tests.Networking;

namespace Mosaik.Tests.Streams;

/// <summary>The consumer's queue, and datums it cannot read (spec/streams.md §8.5, §8.6).</summary>
public sealed class StreamQueueTests : IDisposable
{
    private readonly StreamWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Fact]
    public void DropOldest_keeps_the_newest_and_never_stops_reading() => _world.Run(async () =>
    {
        _world.Transports.StreamWindow = 50_000;
        var pair = await _world.PairAsync(
            new ProducerOptions<byte[]> { BufferSize = 2, StallTimeout = TimeSpan.FromSeconds(1) },
            new ConsumerOptions<byte[]> { QueueSize = 3, QueueFullMode = QueueFullMode.DropOldest });
        for (var i = 0; i < 50; i++)
            await _world.WithinAsync(pair.Producer.WriteAsync(Datum(i)));
        await pair.Producer.FlushAsync();
        await _world.UntilAsync(() => pair.Consumer.Producers[0].Datums == 50, 1, "all have arrived");
        Assert.Equal([47, 48, 49], (await _world.TakeAsync(pair.Consumer, 3)).Select(d => (int)d[0]));
        Assert.Equal(ReceiveResult.Empty, pair.Consumer.TryReceive(out _));
        Assert.Equal(3, pair.Consumer.Stats.Datums); // taken by the application
        Assert.True(pair.Consumer.IsOnline);
    });

    [Fact]
    public void Two_producers_both_progress_when_one_is_fast() => _world.Run(async () =>
    {
        _world.Transports.StreamWindow = 50_000;
        var nodes = await _world.StartManyAsync(3);
        var options = new ProducerOptions<byte[]> { StallTimeout = Timeout.InfiniteTimeSpan };
        Producer<byte[]>[] producers = [nodes[1].Streams.Produce(options), nodes[2].Streams.Produce(options)];
        var consumer = nodes[0].Streams.Consume(new ConsumerOptions<byte[]> { QueueSize = 4 });
        await _world.SyncAsync(nodes);
        await _world.WithinAsync(consumer.When.Subscribed().AtLeast(2).WaitAsync());
        for (var i = 0; i < 500; i++)
            Assert.Equal(SendResult.Accepted, producers[0].TrySend(Datum(0))); // far ahead
        await _world.DelayAsync(1);
        for (var i = 0; i < 20; i++)
            Assert.Equal(SendResult.Accepted, producers[1].TrySend(Datum(1)));
        await _world.DelayAsync(1);
        var taken = (await _world.TakeAsync(consumer, 100)).Select(d => (int)d[0]).ToList();
        Assert.Equal(20, taken.Count(who => who == 1)); // not behind the five hundred
    });

    [Fact]
    public void An_undecodable_datum_can_be_skipped_and_is_told_once_a_minute() => _world.Run(async () =>
    {
        var log = new ListLogger();
        var node = await _world.StartAsync(log: log);
        var raw = new RawStreamPeer(_world);
        StreamId stream = "texts";
        await raw.IntroduceAsync(node, stream);
        var consumer = node.Streams.Consume(new ConsumerOptions<string> { StreamId = stream, SkipUndecodable = true });
        var (connection, bytes) = await raw.AcceptAsync();
        await bytes.WriteAsync(RawStreamPeer.Handshake(_world.Id, stream));
        await bytes.WriteAsync(RawPeer.Frame([1, (byte)'a']));
        for (var i = 0; i < 10; i++)
            await bytes.WriteAsync(RawPeer.Frame([0xff]));
        await bytes.WriteAsync(RawPeer.Frame([1, (byte)'b']));
        Assert.Equal(["a", "b"], await _world.TakeAsync(consumer, 2));
        Assert.Null(connection.CloseInfo);
        Assert.Equal(1, log.Lines.Count(l => l.Id == 3016));
        await _world.DelayAsync(61);
        await bytes.WriteAsync(RawPeer.Frame([0xff]));
        await _world.UntilAsync(() => log.Lines.Count(l => l.Id == 3016) == 2, 1, "the next minute's message");
        Assert.Equal(2, consumer.Stats.Datums);
    });

    [Fact]
    public void A_consumer_whose_application_stops_reading_takes_no_more_than_its_queue() => _world.Run(async () =>
    {
        _world.Transports.StreamWindow = 50_000;
        var pair = await _world.PairAsync(
            new ProducerOptions<byte[]> { BufferSize = 4, StallTimeout = Timeout.InfiniteTimeSpan },
            new ConsumerOptions<byte[]> { QueueSize = 8 });
        var writing = WriteAsync();
        await _world.DelayAsync(60);
        Assert.Equal(8, pair.Consumer.Count);
        Assert.InRange(pair.Consumer.Producers[0].Datums, 8, 12); // one more is held, the rest waits at the producer
        Assert.False(writing.IsCompleted);
        var taken = await _world.TakeAsync(pair.Consumer, 100);
        await writing;
        Assert.Equal(Enumerable.Range(0, 100), taken.Select(d => (int)d[0]));

        async Task WriteAsync()
        {
            for (var i = 0; i < 100; i++)
                await pair.Producer.WriteAsync(Datum(i));
        }
    });

    private static byte[] Datum(int number)
    {
        var datum = new byte[20_000];
        datum[0] = (byte)number;
        return datum;
    }
}
