using Mosaik.Networking;
using Mosaik.Primitives;
using Mosaik.Streams;
using Mosaik.Tests.Discovery;

namespace Mosaik.Tests.Streams;

/// <summary>Who is let in, and what the others are told (spec/streams.md §3), with raw and with real consumers.</summary>
public sealed class StreamRefusalTests : IDisposable
{
    private static readonly StreamId Stream = "tests.stream";
    private readonly StreamWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Fact]
    public void An_unknown_consumer_is_sent_away_with_401_syncs_and_is_subscribed() => _world.Run(async () =>
    {
        var nodes = await _world.StartManyAsync(2);
        var producer = nodes[0].Streams.Produce<string>();
        var consumer = nodes[1].Streams.Consume<string>();

        // Only the consumer learns of the other.
        await nodes[1].Discovery.FeedAsync(nodes[0].Discovery.Me);
        await _world.WithinAsync(consumer.When.Subscribed().WaitAsync());
        Assert.NotNull(nodes[0].Discovery.Catalog.Get(nodes[1].Local.Id));
        await _world.WithinAsync(producer.When.Online().WaitAsync());
    });

    [Fact]
    public void An_unknown_caller_hears_401_before_it_has_said_anything() => _world.Run(async () =>
    {
        var node = await _world.StartAsync();
        var raw = new RawStreamPeer(_world);
        Assert.Equal(CloseCode.UnknownPeer, await raw.SendAsync(node, [], 1));
    });

    [Fact]
    public void A_handshake_for_another_network_is_101_for_an_unknown_stream_10404() => _world.Run(async () =>
    {
        var (node, raw) = await ProducerAsync();
        Assert.Equal(CloseCode.DifferentNetwork, await raw.SendAsync(node, RawStreamPeer.Handshake("other", Stream)));
        Assert.Equal(CloseCode.StreamNotFound, await raw.SendAsync(node, RawStreamPeer.Handshake(_world.Id, "nobody's")));
    });

    [Theory]
    [InlineData(63, 400), InlineData(0, 400), InlineData(4097, 400)]
    public void A_handshake_of_a_wrong_size_is_a_violation(int size, ulong code) => _world.Run(async () =>
    {
        var (node, raw) = await ProducerAsync();
        Assert.Equal(new CloseCode(code), await raw.SendAsync(node, RawPeer.Frame(new byte[size]), 1));
    });

    [Theory]
    [InlineData(16), InlineData(4096 - 64)]
    public void Bytes_after_the_known_fields_of_a_handshake_are_ignored(int extra) => _world.Run(async () =>
    {
        var (node, raw) = await ProducerAsync();
        var (_, stream) = await raw.OpenAsync(node);
        await stream.WriteAsync(RawPeer.Frame([.. new StreamHandshake(_world.Id, Stream).Encode(), .. new byte[extra]]));
        Assert.Equal(64, (await RawPeer.ReadFrameAsync(stream)).Length);
    });

    [Fact]
    public void A_length_of_4_GiB_is_a_violation_at_once() => _world.Run(async () =>
    {
        var (node, raw) = await ProducerAsync();
        Assert.Equal(CloseCode.ProtocolViolation, await raw.SendAsync(node, [0xff, 0xff, 0xff, 0xff], 1));
    });

    [Theory]
    [InlineData(0), InlineData(1), InlineData(40)]
    public void A_silent_caller_is_closed_with_102_after_5_seconds_while_others_are_served(int bytes) => _world.Run(async () =>
    {
        var (node, raw) = await ProducerAsync();
        var (connection, stream) = await raw.OpenAsync(node);
        if (bytes > 0)
            await stream.WriteAsync(RawStreamPeer.Handshake(_world.Id, Stream).AsMemory(0, bytes));
        var before = _world.Now;
        var other = new RawStreamPeer(_world, "other");
        await other.IntroduceAsync(node);
        await other.SubscribeAsync(node, Stream);
        Assert.Equal(CloseCode.Cancelled, (await _world.WithinAsync(connection.WaitClosedAsync(), 10)).RemoteCode);
        Assert.InRange((_world.Now - before).TotalSeconds, 4.9, 5.1);
    });

    [Fact]
    public void The_deadline_of_the_handshake_can_be_set() => _world.Run(async () =>
    {
        var node = await _world.StartAsync(new StreamsOptions { HandshakeTimeout = TimeSpan.FromSeconds(1) });
        var raw = new RawStreamPeer(_world);
        await raw.IntroduceAsync(node);
        var before = _world.Now;
        Assert.Equal(CloseCode.Cancelled, await raw.SendAsync(node, [0]));
        Assert.InRange((_world.Now - before).TotalSeconds, 0.9, 1.1);
    });

    [Fact]
    public void Data_after_the_handshake_is_ignored_and_a_second_stream_is_not() => _world.Run(async () =>
    {
        var (node, raw) = await ProducerAsync();
        var (connection, stream) = await raw.SubscribeAsync(node, Stream);
        await stream.WriteAsync(new byte[10_000]);
        var producer = node.Streams.Produce(new ProducerOptions<string> { StreamId = Stream });
        await producer.WriteAsync("test");
        Assert.Equal("0474657374", Convert.ToHexStringLower(await RawPeer.ReadFrameAsync(stream)));
        var second = await connection.OpenStreamAsync(Mosaik.Networking.Transport.TransportStreamDirection.Bidirectional);
        await second.WriteAsync(new byte[1]);
        Assert.Equal(CloseCode.ProtocolViolation, (await _world.WithinAsync(connection.WaitClosedAsync())).RemoteCode);
        await _world.UntilAsync(() => producer.Consumers.Count == 0, 1, "the consumer has left");
    });

    [Theory]
    [InlineData(false), InlineData(true)]
    public void Whom_the_predicate_does_not_want_is_told_10403(bool throws) => _world.Run(async () =>
    {
        var nodes = await _world.StartManyAsync(3);
        nodes[1].Discovery.AddTags("trusted");
        var producer = nodes[0].Streams.Produce(new ProducerOptions<string>
        {
            AcceptIf = peer => peer.Tags.Contains("trusted") || (throws ? throw new FormatException("no") : false),
        });
        var trusted = nodes[1].Streams.Consume<string>();
        var other = nodes[2].Streams.Consume<string>();
        await _world.SyncAsync(nodes);
        await _world.WithinAsync(trusted.When.Subscribed().WaitAsync());
        await _world.UntilAsync(() => other.Producers.Count == 0, 3, "the refusal has arrived");
        Assert.Equal(nodes[1].Local.Id, Assert.Single(producer.Consumers).ConsumerId);

        // Its own entry changes: it tries again soon, and is let in once the producer has the new entry.
        nodes[2].Discovery.AddTags("trusted");
        await _world.SyncAsync(nodes);
        await _world.WithinAsync(producer.When.Subscribed().AtLeast(2).WaitAsync(), 8);
    });

    [Fact]
    public void A_full_producer_says_10509_and_a_freed_place_is_taken_within_two_seconds() => _world.Run(async () =>
    {
        var nodes = await _world.StartManyAsync(4);
        var producer = nodes[0].Streams.Produce(new ProducerOptions<string> { MaxConsumers = 2 });
        var consumers = nodes[1..].Select(n => n.Streams.Consume<string>()).ToArray();
        await _world.SyncAsync(nodes);
        await _world.WithinAsync(producer.When.Subscribed().AtLeast(2).WaitAsync());
        await _world.DelayAsync(30);
        Assert.Equal(2, producer.Consumers.Count);
        var waiting = Assert.Single(consumers, c => !c.IsOnline);
        Assert.Equal(ChannelState.Connecting, Assert.Single(waiting.Producers).State);
        await consumers.First(c => c.IsOnline).DisposeAsync();
        await _world.WithinAsync(waiting.When.Subscribed().WaitAsync(), 2);
    });

    [Fact]
    public void A_consumer_subscribes_only_where_its_predicate_says_yes() => _world.Run(async () =>
    {
        var nodes = await _world.StartManyAsync(3);
        nodes[1].Streams.Produce<string>();
        nodes[2].Streams.Produce<string>();
        nodes[2].Discovery.AddTags("primary");
        var consumer = nodes[0].Streams.Consume(new ConsumerOptions<string> { SubscribeIf = p => p.Tags.Contains("primary") });
        await _world.SyncAsync(nodes);
        await _world.WithinAsync(consumer.When.Subscribed().WaitAsync());
        Assert.Equal(nodes[2].Local.Id, Assert.Single(consumer.Producers).ProducerId);
        var channel = consumer.Producers[0];
        nodes[2].Discovery.RemoveTags("primary");
        await _world.SyncAsync(nodes);
        await _world.UntilAsync(() => consumer.Producers.Count == 0, 1, "unsubscribed");
        Assert.Equal(CloseCode.Cancelled, channel.CloseReason);
        nodes[1].Discovery.AddTags("primary");
        await _world.SyncAsync(nodes);
        await _world.WithinAsync(consumer.When.Subscribed().WaitAsync());
        Assert.Equal(nodes[1].Local.Id, Assert.Single(consumer.Producers).ProducerId);
    });

    private async Task<(Network Node, RawStreamPeer Raw)> ProducerAsync()
    {
        var node = await _world.StartAsync();
        node.Streams.Produce(new ProducerOptions<string> { StreamId = Stream });
        var raw = new RawStreamPeer(_world);
        await raw.IntroduceAsync(node);
        return (node, raw);
    }
}
