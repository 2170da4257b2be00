using System.Buffers;
using System.Text;
using Mosaik.Primitives;
using Mosaik.Streams;

namespace Mosaik.Tests.Streams.Conformance;

/// <summary>spec/streams.md §21.1, smoke.</summary>
public abstract class SmokeTests : ConformanceTests
{
    [Fact]
    public Task Send_recv() => PlayAsync(async stage =>
    {
        var nodes = await stage.StartManyAsync(3);
        var producer = nodes[0].Streams.Produce<string>();
        Consumer<string>[] consumers = [nodes[1].Streams.Consume<string>(), nodes[2].Streams.Consume<string>()];
        await stage.DialAsync(nodes[1], nodes[0]);
        await stage.DialAsync(nodes[2], nodes[0]);
        await stage.SubscribedAsync(producer, count: 2);
        for (var i = 0; i < 100; i++)
            await stage.WithinAsync(producer.SendAsync("hello from n0"));
        foreach (var consumer in consumers)
        {
            for (var i = 0; i < 100; i++)
                Assert.Equal("hello from n0", await stage.ReceiveAsync(consumer));
            Assert.Equal(100, consumer.Stats.Datums);
        }
    });

    [Fact]
    public Task Subscription_triggers_catalog_sync() => PlayAsync(async stage =>
    {
        var nodes = await stage.StartManyAsync(2);
        nodes[0].Discovery.AddTags("tag1");
        nodes[0].Discovery.AddTags("tag2", "tag3");
        nodes[0].Streams.Produce<string>();
        Assert.True(await nodes[1].Discovery.InsertAsync(nodes[0].Discovery.Me.Entry));
        Assert.Single(nodes[1].Discovery.Catalog.UnsignedPeers);
        Assert.Equal(0, nodes[0].Discovery.Catalog.PeersCount);
        var consumer = nodes[1].Streams.Consume<string>();
        await stage.SubscribedAsync(consumer);
        var signed = Assert.Single(nodes[1].Discovery.Catalog.SignedPeers);
        Assert.Equal(3, signed.Entry.Tags.Count);
        Assert.Equal(nodes[1].Local.Id, Assert.Single(nodes[0].Discovery.Catalog.SignedPeers).Id);
    });

    [Fact]
    public Task Custom_stream_id() => PlayAsync(async stage =>
    {
        var nodes = await stage.StartManyAsync(2);
        StreamId[] ids = ["stream1234", "stream5678"];
        var producers = ids.Select(id => nodes[0].Streams.Produce(new ProducerOptions<string> { StreamId = id })).ToArray();
        var consumers = ids.Select(id => nodes[1].Streams.Consume(new ConsumerOptions<string> { StreamId = id })).ToArray();
        Assert.Equal(
            "67502aa345d1dfdc945219d3c783a1e3448ba4db3ff45c273d37902ee3522c01",
            Convert.ToHexStringLower(((UniqueId)producers[0].StreamId).AsSpan()));
        await stage.DialAsync(nodes[1], nodes[0]);
        for (var i = 0; i < 2; i++)
        {
            await stage.SubscribedAsync(consumers[i]);
            await stage.WithinAsync(producers[i].SendAsync($"message {i}"));
        }

        for (var i = 0; i < 2; i++)
        {
            Assert.Equal($"message {i}", await stage.ReceiveAsync(consumers[i]));
            Assert.Equal(ReceiveResult.Empty, consumers[i].TryReceive(out _));
        }
    });

    [Fact]
    public Task Custom_datum_encoding() => PlayAsync(async stage =>
    {
        var nodes = await stage.StartManyAsync(2);
        var producer = nodes[0].Streams.Produce<RawText>(); // a datum that encodes itself
        var consumer = nodes[1].Streams.Consume(new ConsumerOptions<RawText> { Codec = DatumCodec.Of<RawText>() });
        await stage.DiscoverAllAsync(nodes);
        await stage.SubscribedAsync(consumer);
        await stage.SubscribedAsync(producer);
        await stage.WithinAsync(producer.SendAsync(new RawText("hello custom encoding")));
        Assert.Equal("hello custom encoding-custom-decode", (await stage.ReceiveAsync(consumer)).Text);
        Assert.Equal(21, consumer.Stats.Bytes); // nothing is added to the codec's bytes
    });

    [Fact]
    public Task Stream_def() => PlayAsync(async stage =>
    {
        var definition = new StreamDefinition<string>("my-stream1");
        var nodes = await stage.StartManyAsync(2);
        var producer = definition.Producer(nodes[0].Streams);
        var consumer = definition.Consumer(nodes[1].Streams);
        Assert.Equal("my-stream1", producer.StreamId);
        Assert.Equal(producer.StreamId, consumer.StreamId);
        await stage.DialAsync(nodes[1], nodes[0]);
        await stage.SubscribedAsync(consumer);
        await stage.WithinAsync(producer.SendAsync("x"));
        Assert.Equal("x", await stage.ReceiveAsync(consumer));
    });

    internal sealed record RawText(string Text) : IDatum<RawText>
    {
        public static void Encode(RawText datum, IBufferWriter<byte> writer) => writer.Write(Encoding.UTF8.GetBytes(datum.Text));

        public static bool TryDecode(ReadOnlySpan<byte> payload, out RawText datum)
        {
            datum = new RawText(Encoding.UTF8.GetString(payload) + "-custom-decode");
            return true;
        }
    }
}

public sealed class SmokeVirtualTests : SmokeTests
{
    internal override Task PlayAsync(Func<Stage, Task> test) => PlayVirtuallyAsync(test);
}

public sealed class SmokeUdpTests : SmokeTests
{
    internal override Task PlayAsync(Func<Stage, Task> test) => PlayOnUdpAsync(test);
}
