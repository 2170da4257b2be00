using System.Buffers;
using Mosaik.Primitives;
using Mosaik.Streams;

namespace Mosaik.Tests.Streams;

/// <summary>What arrives, and in which order (spec/streams.md §1, §4.1), between whole nodes.</summary>
public sealed class StreamDeliveryTests : IDisposable
{
    private readonly StreamWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Fact]
    public void Consumers_receive_everything_in_order_from_their_subscription_on() => _world.Run(async () =>
    {
        var nodes = await _world.StartManyAsync(3);
        var producer = nodes[0].Streams.Produce<long>();
        var first = nodes[1].Streams.Consume<long>();
        await _world.SyncAsync(nodes);
        await _world.WithinAsync(producer.When.Subscribed().WaitAsync());
        for (var i = 0; i < 100; i++)
            await producer.WriteAsync(i);
        Assert.Equal(Numbers(0, 100), await _world.TakeAsync(first, 100));
        var second = nodes[2].Streams.Consume<long>();
        await _world.WithinAsync(producer.When.Subscribed().AtLeast(2).WaitAsync());
        for (var i = 100; i < 2100; i++)
            await producer.WriteAsync(i);
        Assert.Equal(Numbers(100, 2000), await _world.TakeAsync(first, 2000));
        Assert.Equal(Numbers(100, 2000), await _world.TakeAsync(second, 2000));
        Assert.False(first.TryRead(out _));
    });

    [Fact]
    public void Several_producers_interleave_and_keep_their_own_order() => _world.Run(async () =>
    {
        var nodes = await _world.StartManyAsync(3);
        Producer<(int Who, int Number)>[] producers =
            [nodes[0].Streams.Produce<(int Who, int Number)>(), nodes[1].Streams.Produce<(int Who, int Number)>()];
        var consumer = nodes[2].Streams.Consume<(int Who, int Number)>();
        await _world.SyncAsync(nodes);
        await _world.WithinAsync(consumer.When.Subscribed().AtLeast(2).WaitAsync());
        await Task.WhenAll(SendAsync(0), SendAsync(1));
        var taken = await _world.TakeAsync(consumer, 1000);
        for (var who = 0; who < 2; who++)
            Assert.Equal(Enumerable.Range(0, 500), taken.Where(t => t.Who == who).Select(t => t.Number));
        Assert.NotEqual(taken, taken.OrderBy(t => t.Who).ToList());

        async Task SendAsync(int who)
        {
            for (var i = 0; i < 500; i++)
            {
                await producers[who].WriteAsync((who, i));
                if (i % 10 == 0)
                    await _world.DelayAsync(0.001);
            }
        }
    });

    [Fact]
    public void A_consumer_may_be_there_before_its_producer() => _world.Run(async () =>
    {
        var nodes = await _world.StartManyAsync(2);
        var consumer = nodes[1].Streams.Consume<string>();
        await _world.SyncAsync(nodes);
        await _world.DelayAsync(20);
        Assert.Empty(consumer.Producers);
        var producer = nodes[0].Streams.Produce<string>();
        await _world.SyncAsync(nodes);
        await _world.WithinAsync(producer.When.Online().WaitAsync());
        await producer.WriteAsync("hello");
        Assert.Equal(["hello"], await _world.TakeAsync(consumer, 1));
    });

    [Fact]
    public void Two_consumers_of_one_node_each_get_everything_over_connections_of_their_own() => _world.Run(async () =>
    {
        var nodes = await _world.StartManyAsync(2);
        var producer = nodes[0].Streams.Produce<long>();
        Consumer<long>[] consumers = [nodes[1].Streams.Consume<long>(), nodes[1].Streams.Consume<long>()];
        await _world.SyncAsync(nodes);
        await _world.WithinAsync(producer.When.Subscribed().AtLeast(2).WaitAsync());
        for (var i = 0; i < 50; i++)
            await producer.WriteAsync(i);
        foreach (var consumer in consumers)
            Assert.Equal(Numbers(0, 50), await _world.TakeAsync(consumer, 50));
        await consumers[0].DisposeAsync();
        await _world.UntilAsync(() => producer.Consumers.Count == 1, 1, "the closed consumer has left");
        await producer.WriteAsync(50);
        Assert.Equal([50], await _world.TakeAsync(consumers[1], 1));
    });

    [Fact]
    public void A_node_does_not_consume_from_itself() => _world.Run(async () =>
    {
        var nodes = await _world.StartManyAsync(2);
        nodes[0].Streams.Produce<string>();
        var consumer = nodes[0].Streams.Consume<string>();
        await _world.SyncAsync(nodes);
        await _world.DelayAsync(10);
        Assert.Empty(consumer.Producers);
    });

    [Theory]
    [InlineData(0), InlineData(1), InlineData(9 * 1024 * 1024)]
    public void Datums_of_all_sizes_pass(int size) => _world.Run(async () =>
    {
        var codec = new RawCodec();
        var pair = await _world.PairAsync(
            new ProducerOptions<byte[]> { Codec = codec }, new ConsumerOptions<byte[]> { Codec = codec });
        var datum = new byte[size];
        new SeededRandom(7).Fill(datum);
        await pair.Producer.WriteAsync(datum);
        await pair.Producer.WriteAsync([42]);
        var taken = await _world.TakeAsync(pair.Consumer, 2, 30);
        Assert.Equal(datum, taken[0]);
        Assert.Equal([42], taken[1]);
    });

    [Fact]
    public void The_largest_datum_passes_and_one_byte_more_is_refused_and_leaves_nothing() => _world.Run(async () =>
    {
        var codec = new RawCodec();
        var pair = await _world.PairAsync(
            new ProducerOptions<byte[]> { Codec = codec, MaxDatumBytes = 1000 },
            new ConsumerOptions<byte[]> { Codec = codec, MaxDatumBytes = 1000 });
        var error = Assert.Throws<DatumTooLargeException>(() => pair.Producer.TrySend(new byte[1001]));
        Assert.Equal((1001, 1000), (error.Size, error.Limit));
        await Assert.ThrowsAsync<DatumTooLargeException>(async () => await pair.Producer.WriteAsync(new byte[1001]));
        Assert.True(pair.Producer.TryWrite(new byte[1000]));
        Assert.Equal(1000, (await _world.TakeAsync(pair.Consumer, 1))[0].Length);
        Assert.Equal(1, pair.Producer.Consumers[0].Datums);
    });

    [Fact]
    public void A_failing_encoder_fails_the_call_and_leaves_nothing() => _world.Run(async () =>
    {
        var codec = new RawCodec();
        var pair = await _world.PairAsync(
            new ProducerOptions<byte[]> { Codec = codec }, new ConsumerOptions<byte[]> { Codec = codec });
        codec.Fails = true;
        Assert.Throws<DatumEncodingException>(() => pair.Producer.TrySend([1]));
        await Assert.ThrowsAsync<DatumEncodingException>(async () => await pair.Producer.WriteAsync([2]));
        codec.Fails = false;
        await pair.Producer.WriteAsync([3]);
        Assert.Equal([[3]], await _world.TakeAsync(pair.Consumer, 1));
    });

    [Fact]
    public void Without_an_active_subscription_nothing_is_encoded() => _world.Run(async () =>
    {
        var codec = new RawCodec { Fails = true };
        var node = await _world.StartAsync();
        var producer = node.Streams.Produce(new ProducerOptions<byte[]> { Codec = codec, OnlineWhen = c => c.AtLeast(0) });
        Assert.True(producer.IsOnline);
        Assert.Equal(SendResult.Accepted, producer.TrySend([1]));
        await producer.WriteAsync([2]);
        Assert.Equal(0, codec.Encoded);
    });

    [Fact]
    public void An_encoding_failure_of_a_write_that_waited_surfaces_in_its_task_and_the_next_is_served() => _world.Run(async () =>
    {
        var nodes = await _world.StartManyAsync(2);
        var codec = new RawCodec();
        var producer = nodes[0].Streams.Produce(new ProducerOptions<byte[]> { Codec = codec });
        codec.FailsOn = 1;
        var bad = producer.WriteAsync([1]).AsTask();
        var good = producer.WriteAsync([2]).AsTask();
        var consumer = nodes[1].Streams.Consume(new ConsumerOptions<byte[]> { Codec = codec });
        await _world.SyncAsync(nodes);
        await Assert.ThrowsAsync<DatumEncodingException>(() => bad);
        await good;
        Assert.Equal([[2]], await _world.TakeAsync(consumer, 1));
    });

    [Fact]
    public void Thousands_of_writes_that_waited_for_the_first_consumer_are_served_in_order() => _world.Run(async () =>
    {
        var nodes = await _world.StartManyAsync(2);
        var producer = nodes[0].Streams.Produce(new ProducerOptions<long> { BufferSize = 100_000 });
        List<int> served = [];
        var writes = Enumerable.Range(0, 20_000).Select(WriteAsync).ToArray();
        var consumer = nodes[1].Streams.Consume<long>();
        await _world.SyncAsync(nodes);
        Assert.Equal(Numbers(0, 20_000), await _world.TakeAsync(consumer, 20_000));
        await Task.WhenAll(writes);
        Assert.Equal(Enumerable.Range(0, 20_000), served);

        async Task WriteAsync(int i)
        {
            await producer.WriteAsync(i);
            served.Add(i);
        }
    });

    private static IEnumerable<long> Numbers(int from, int count) => Enumerable.Range(from, count).Select(i => (long)i);

    /// <summary>Bytes as they are; may fail to encode.</summary>
    private sealed class RawCodec : IDatumCodec<byte[]>
    {
        public bool Fails { get; set; }

        public int FailsOn { get; set; } = -1;

        public int Encoded { get; private set; }

        public void Encode(byte[] datum, IBufferWriter<byte> writer)
        {
            writer.Write(datum.AsSpan());
            if (Fails || (datum.Length > 0 && datum[0] == FailsOn))
                throw new FormatException("cannot");
            Encoded++;
        }

        public bool TryDecode(ReadOnlySpan<byte> payload, out byte[] datum)
        {
            datum = payload.ToArray();
            return true;
        }
    }
}
