using System.Threading.Channels;
using Mosaik.Networking;
using Mosaik.Primitives;
using Mosaik.Streams;
using Mosaik.Tests.Discovery;

namespace Mosaik.Tests.Streams;

/// <summary>Criteria between nodes, and what becomes of datums that nobody wants (spec/streams.md §10, §13).</summary>
public sealed class StreamCriteriaTests : IDisposable
{
    private static readonly StreamId Stream = "tests.prices";
    private readonly StreamWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Fact]
    public void A_producer_sends_to_each_consumer_what_it_asked_for() => _world.Run(async () =>
    {
        var nodes = await _world.StartManyAsync(4);
        var producer = nodes[0].Streams.Produce<Price>();
        var all = nodes[1].Streams.Consume<Price>();
        var eth = nodes[2].Streams.Consume(new ConsumerOptions<Price>
        {
            Criteria = Criteria.Default.WhereEqual((Price p) => p.Symbol, "ETH"),
        });
        var high = nodes[3].Streams.Consume(new ConsumerOptions<Price>
        {
            Criteria = Criteria.Default.WhereEqual((Price p) => p.Symbol, "ETH", "BTC").WhereAtLeast((Price p) => p.Value, 50),
        });
        await _world.SyncAsync(nodes);
        await _world.WithinAsync(producer.When.Subscribed().AtLeast(3).WaitAsync());
        for (var i = 0; i < 100; i++)
            await producer.WriteAsync(new Price(i % 2 == 0 ? "ETH" : "BTC", i));
        Assert.Equal(Enumerable.Range(0, 100), (await _world.TakeAsync(all, 100)).Select(p => p.Value));
        Assert.Equal(Enumerable.Range(0, 50).Select(i => 2 * i), (await _world.TakeAsync(eth, 50)).Select(p => p.Value));
        Assert.Equal(Enumerable.Range(50, 50), (await _world.TakeAsync(high, 50)).Select(p => p.Value));
        await _world.DelayAsync(1);
        Assert.Equal((0, 0), (eth.Count, high.Count));

        // What is not wanted was not even sent.
        Assert.Equal(50, eth.Producers[0].Datums);
        var atProducer = producer.Consumers.Single(c => c.ConsumerId == nodes[2].Local.Id);
        Assert.Equal(50, atProducer.Datums);
        Assert.Equal(eth.Options.Criteria, atProducer.Criteria);
        Assert.Equal(eth.Options.Criteria, eth.Producers[0].Criteria);
    });

    [Fact]
    public void A_handshake_without_criteria_is_that_of_Rust_and_so_is_the_answer() => _world.Run(async () =>
    {
        var (consumer, raw, handshake) = await ConsumerAsync(Criteria.Default);
        Assert.Equal(new StreamHandshake(_world.Id, Stream).Encode(), handshake.Bytes);
        await consumer.DisposeAsync();
        var node = await _world.StartAsync();
        node.Streams.Produce(new ProducerOptions<Price> { StreamId = Stream });
        await raw.IntroduceAsync(node);
        await raw.SubscribeAsync(node, Stream); // checks all bytes of StartStream
    });

    [Fact]
    public void A_producer_that_does_not_know_criteria_sends_everything_and_the_consumer_leaves_out_the_rest() => _world.Run(async () =>
    {
        var criteria = Criteria.Default.WhereEqual((Price p) => p.Symbol, "ETH");
        var (consumer, _, (bytes, stream)) = await ConsumerAsync(criteria);
        Assert.Equal([.. new StreamHandshake(_world.Id, Stream).Encode(), .. criteria.Encoded.Span], bytes);
        await stream.WriteAsync(RawStreamPeer.Handshake(_world.Id, Stream)); // as Rust answers
        foreach (var symbol in (string[])["BTC", "ETH", "BTC"])
            await stream.WriteAsync(RawPeer.Frame([3, .. System.Text.Encoding.ASCII.GetBytes(symbol), 2]));
        Assert.Equal([new Price("ETH", 1)], await _world.TakeAsync(consumer, 1));
        await _world.DelayAsync(1);
        Assert.Equal(ReceiveResult.Empty, consumer.TryReceive(out _));
        Assert.Equal(3, consumer.Producers[0].Datums); // they did arrive
        Assert.Equal(1, consumer.Stats.Datums);
    });

    [Fact]
    public void A_producer_of_ours_confirms_what_it_evaluates() => _world.Run(async () =>
    {
        var node = await _world.StartAsync();
        var producer = node.Streams.Produce(new ProducerOptions<Price> { StreamId = Stream });
        var raw = new RawStreamPeer(_world);
        await raw.IntroduceAsync(node);
        var wanted = await StartAsync(Criteria.Default.WhereEqual("Symbol", "ETH").Encoded.ToArray());
        var unknownMember = await StartAsync(Criteria.Default.WhereEqual("Colour", 1).Encoded.ToArray());
        var later = await StartAsync([.. "crit"u8, 9, 1, 2, 3]);
        await _world.WithinAsync(producer.When.Subscribed().AtLeast(3).WaitAsync());
        Assert.Equal([.. new StreamHandshake(_world.Id, Stream).Encode(), .. "crit\x01"u8], wanted.Answer);
        Assert.Equal(new StreamHandshake(_world.Id, Stream).Encode(), unknownMember.Answer);
        Assert.Equal(new StreamHandshake(_world.Id, Stream).Encode(), later.Answer);
        await producer.WriteAsync(new Price("BTC", 1));
        await producer.WriteAsync(new Price("ETH", 2));
        Assert.Equal("0345544804", Convert.ToHexStringLower(await RawPeer.ReadFrameAsync(wanted.Bytes)));
        Assert.Equal("0342544302", Convert.ToHexStringLower(await RawPeer.ReadFrameAsync(unknownMember.Bytes)));
        Assert.Equal("0342544302", Convert.ToHexStringLower(await RawPeer.ReadFrameAsync(later.Bytes)));

        async Task<(byte[] Answer, Mosaik.Networking.Transport.ITransportStream Bytes)> StartAsync(byte[] extension)
        {
            var (_, bytes) = await raw.OpenAsync(node);
            await bytes.WriteAsync(RawPeer.Frame(StreamHandshake.Encode(_world.Id, Stream, extension)));
            return (await RawPeer.ReadFrameAsync(bytes), bytes);
        }
    });

    [Fact]
    public void Hostile_criteria_break_the_protocol_and_leave_the_others_alone() => _world.Run(async () =>
    {
        var node = await _world.StartAsync();
        node.Streams.Produce(new ProducerOptions<Price> { StreamId = Stream });
        var raw = new RawStreamPeer(_world);
        await raw.IntroduceAsync(node);
        var good = await raw.SubscribeAsync(node, Stream);
        byte[][] hostile =
        [
            [.. "crit"u8, 1],
            [.. "crit"u8, 1, 0xff, 0xff, 0xff, 0xff, 0x0f],
            [.. "crit"u8, 1, 17, .. new byte[200]],
            [.. Criteria.Default.WhereEqual("Symbol", "x").Encoded.Span, .. new byte[3000]],
            Criteria.Default.WhereEqual("Symbol", 77UL).Encoded.ToArray(), // no string
        ];
        foreach (var extension in hostile)
        {
            var bytes = RawPeer.Frame(StreamHandshake.Encode(_world.Id, Stream, extension));
            Assert.Equal(CloseCode.ProtocolViolation, await raw.SendAsync(node, bytes, 1));
        }

        Assert.Null(good.Connection.CloseInfo);
    });

    [Fact]
    public void Criteria_that_the_datum_cannot_fulfil_are_refused_where_they_are_given() => _world.Run(async () =>
    {
        var node = await _world.StartAsync();
        var error = Assert.Throws<MosaikConfigurationException>(() => node.Streams.Consume(
            new ConsumerOptions<Price> { Criteria = Criteria.Default.WhereEqual("Colour", "red") }));
        Assert.Equal("Criteria", error.Property);
        Assert.Contains("Colour", error.Message, StringComparison.Ordinal);
    });

    [Fact]
    public void Undelivered_is_what_no_criteria_match_and_what_meets_no_consumer() => _world.Run(async () =>
    {
        var undelivered = Channel.CreateUnbounded<Price>();
        var nodes = await _world.StartManyAsync(2);
        var producer = nodes[0].Streams.Produce(new ProducerOptions<Price>
        {
            OnlineWhen = c => c.AtLeast(0),
            UndeliveredSink = undelivered.Writer,
        });
        var lonely = new Price("ETH", -1);
        Assert.Equal(SendResult.Accepted, producer.TrySend(lonely));
        Assert.Same(lonely, await undelivered.Reader.ReadAsync()); // the original object
        var consumer = nodes[1].Streams.Consume(new ConsumerOptions<Price>
        {
            Criteria = Criteria.Default.WhereEqual((Price p) => p.Symbol, "ETH"),
        });
        await _world.SyncAsync(nodes);
        await _world.WithinAsync(producer.When.Subscribed().WaitAsync());
        for (var i = 0; i < 10; i++)
            await producer.WriteAsync(new Price(i % 2 == 0 ? "ETH" : "BTC", i));
        Assert.Equal([0, 2, 4, 6, 8], (await _world.TakeAsync(consumer, 5)).Select(p => p.Value));
        var rest = new List<int>();
        while (undelivered.Reader.TryRead(out var price))
            rest.Add(price.Value);
        Assert.Equal([1, 3, 5, 7, 9], rest);
    });

    [Theory]
    [InlineData(false), InlineData(true)]
    public void A_full_or_failing_sink_of_undelivered_datums_disturbs_nobody(bool fails) => _world.Run(async () =>
    {
        var log = new Mosaik.Tests.Networking.ListLogger();
        var node = await _world.StartAsync(log: log);
        var full = Channel.CreateBounded<string>(1);
        var producer = node.Streams.Produce(new ProducerOptions<string>
        {
            OnlineWhen = c => c.AtLeast(0),
            UndeliveredSink = fails ? new Failing() : full.Writer,
        });
        for (var i = 0; i < 100; i++)
            await producer.WriteAsync("x");
        Assert.Equal(1, log.Lines.Count(l => l.Id is 3007 or 3008)); // one warning per minute
        await _world.DelayAsync(61);
        await producer.WriteAsync("x");
        Assert.Equal(2, log.Lines.Count(l => l.Id is 3007 or 3008));
    });

    [Fact]
    public void What_is_lost_for_lag_is_not_undelivered() => _world.Run(async () =>
    {
        _world.Transports.StreamWindow = 50_000;
        var undelivered = Channel.CreateUnbounded<byte[]>();
        var pair = await _world.PairAsync(
            new ProducerOptions<byte[]>
            {
                BufferSize = 1,
                Lagging = LagPolicy.Skip,
                StallTimeout = TimeSpan.FromSeconds(1),
                UndeliveredSink = undelivered.Writer,
            },
            new ConsumerOptions<byte[]> { QueueSize = 1 });
        for (var i = 0; i < 50; i++)
            await pair.Producer.WriteAsync(new byte[100_000]);
        Assert.InRange(pair.Producer.Consumers[0].Dropped, 1, 49);
        Assert.False(undelivered.Reader.TryRead(out _));
    });

    private async Task<(Consumer<Price> Consumer, RawStreamPeer Raw, (byte[] Bytes, Mosaik.Networking.Transport.ITransportStream Stream) Handshake)>
        ConsumerAsync(Criteria criteria)
    {
        var node = await _world.StartAsync();
        var raw = new RawStreamPeer(_world);
        await raw.IntroduceAsync(node, Stream);
        var consumer = node.Streams.Consume(new ConsumerOptions<Price> { StreamId = Stream, Criteria = criteria });
        return (consumer, raw, await raw.AcceptHandshakeAsync());
    }

    internal sealed record Price(string Symbol, int Value);

    private sealed class Failing : ChannelWriter<string>
    {
        public override bool TryWrite(string item) => throw new FormatException("no");

        public override ValueTask<bool> WaitToWriteAsync(CancellationToken cancellationToken = default) => new(true);
    }
}
