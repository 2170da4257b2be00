using System.Buffers;
using System.Diagnostics.Metrics;
using Mosaik.Primitives;
using Mosaik.Streams;
using Mosaik.Tests.Networking;

namespace Mosaik.Tests.Streams;

/// <summary>Counters, online flag and metrics (spec/streams.md §5, §7.3, §18).</summary>
public sealed class StreamStatisticsTests : IDisposable
{
    private readonly StreamWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Fact]
    public void Both_sides_count_datums_and_payload_bytes() => _world.Run(async () =>
    {
        var nodes = await _world.StartManyAsync(3);
        var producer = nodes[0].Streams.Produce(new ProducerOptions<string> { Codec = new TextCodec() });
        var options = new ConsumerOptions<string> { Codec = new TextCodec() };
        var c1 = nodes[1].Streams.Consume(options);
        await _world.SyncAsync(nodes);
        await _world.WithinAsync(producer.When.Online().WaitAsync());
        Assert.Equal((0, 0), (producer.Consumers[0].Datums, c1.Producers[0].Bytes));
        await producer.WriteAsync("test!");
        await _world.TakeAsync(c1, 1);
        Assert.Equal((1, 5), (c1.Datums, c1.Bytes));
        var c2 = nodes[2].Streams.Consume(options);
        await _world.WithinAsync(producer.When.Subscribed().AtLeast(2).WaitAsync());
        await producer.WriteAsync("data_2");
        await _world.TakeAsync(c2, 1);
        await _world.UntilAsync(() => c1.Count == 1, 1, "it has arrived");
        foreach (var channel in new[] { c1.Producers[0], producer.Consumers.Single(c => c.ConsumerId == nodes[1].Local.Id) })
            Assert.Equal((2, 11), (channel.Datums, channel.Bytes));
        foreach (var channel in new[] { c2.Producers[0], producer.Consumers.Single(c => c.ConsumerId == nodes[2].Local.Id) })
            Assert.Equal((1, 6), (channel.Datums, channel.Bytes));
        Assert.Equal((1, 5), (c1.Datums, c1.Bytes)); // the second was not taken yet
        await _world.DelayAsync(10);
        Assert.InRange(c2.Uptime!.Value.TotalSeconds, 10, 11);
        Assert.Equal(c2.Uptime, c2.Producers[0].Uptime);
    });

    [Fact]
    public void Online_flips_once_per_transition_and_conditions_of_the_options_decide() => _world.Run(async () =>
    {
        var nodes = await _world.StartManyAsync(3);
        var producer = nodes[0].Streams.Produce(new ProducerOptions<string> { OnlineWhen = c => c.AtLeast(2) });
        var always = nodes[0].Streams.Consume(new ConsumerOptions<string> { StreamId = "none", OnlineWhen = c => c.AtLeast(0) });
        Assert.True(always.IsOnline);
        Assert.False(producer.IsOnline);
        var consumers = nodes[1..].Select(n => n.Streams.Consume<string>()).ToArray();
        await _world.SyncAsync(nodes[0], nodes[1]);
        await _world.WithinAsync(producer.When.Subscribed().WaitAsync());
        Assert.False(producer.IsOnline);
        await _world.SyncAsync(nodes[0], nodes[2]);
        await _world.WithinAsync(producer.When.Online().WaitAsync());
        Assert.True(producer.IsOnline);
        await consumers[0].DisposeAsync();
        await _world.WithinAsync(producer.When.Online().Not().WaitAsync(), 0.1);
        Assert.Equal(SendResult.Offline, producer.TrySend("x"));
        await always.DisposeAsync();
        Assert.False(always.IsOnline);
    });

    [Fact]
    public void An_online_condition_that_throws_counts_as_not_met() => _world.Run(async () =>
    {
        var log = new ListLogger();
        Network[] nodes = [await _world.StartAsync(log: log), await _world.StartAsync()];
        var producer = nodes[0].Streams.Produce(
            new ProducerOptions<string> { OnlineWhen = c => c.WithPredicate(_ => throw new FormatException("no")) });
        var consumer = nodes[1].Streams.Consume<string>();
        await _world.SyncAsync(nodes);
        await _world.WithinAsync(consumer.When.Subscribed().WaitAsync());
        await _world.DelayAsync(1);
        Assert.False(producer.IsOnline);
        Assert.Single(producer.Consumers);
        Assert.Contains(log.Lines, l => l.Id == 3006);
        await producer.DisposeAsync();
    });

    [Fact]
    public void Metrics_tell_both_sides()
    {
        var sums = new Dictionary<string, long>();
        var last = new Dictionary<string, long>();
        string network = "";
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, self) =>
            {
                if (instrument.Name.StartsWith("mosaik.streams.", StringComparison.Ordinal))
                    self.EnableMeasurementEvents(instrument);
            },
        };
        var thread = Environment.CurrentManagedThreadId; // worlds of other tests run in threads of their own
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) =>
        {
            if (Environment.CurrentManagedThreadId != thread)
                return;
            foreach (var (key, tag) in tags)
                if (key == "network")
                    network = (string)tag!; // every measurement has it
            var name = instrument.Name["mosaik.streams.".Length..];
            sums[name] = sums.GetValueOrDefault(name) + value;
            last[name] = value;
        });
        listener.Start();
        _world.Run(async () =>
        {
            var nodes = await _world.StartManyAsync(3);
            var producer = nodes[0].Streams.Produce(new ProducerOptions<string> { Codec = new TextCodec(), MaxConsumers = 1 });
            var consumer = nodes[1].Streams.Consume(new ConsumerOptions<string> { Codec = new TextCodec() });
            await _world.SyncAsync(nodes);
            await _world.WithinAsync(producer.When.Online().WaitAsync());
            var refused = nodes[2].Streams.Consume<string>();
            await _world.DelayAsync(0.1);
            Assert.Equal((1, 1), (last["producer.consumers"], last["consumer.producers"]));
            await producer.WriteAsync("abc");
            await producer.WriteAsync("de");
            await _world.UntilAsync(() => consumer.Count == 2, 1, "they have arrived");
            Assert.False(sums.ContainsKey("consumer.items.received"));
            await _world.TakeAsync(consumer, 1);
            Assert.Equal((1, 3), (sums["consumer.items.received"], sums["consumer.bytes.received"]));
            Assert.Equal((2, 5), (sums["producer.items.sent"], sums["producer.bytes.sent"]));
            Assert.Equal((4, 10), (sums["datums.total"], sums["bytes.total"]));
            Assert.Equal((1, 1), (sums["producer.consumers.accepted"], sums["producer.consumers.rejected"]));
            Assert.Equal((1, 2), (sums["producers.active"], sums["consumers.active"]));
            var raw = new RawStreamPeer(_world);
            await raw.SendAsync(nodes[0], []);
            Assert.Equal((2, 1), (sums["connections.accepted"], sums["connections.rejected"]));
            await refused.DisposeAsync();
            await consumer.DisposeAsync();
            await producer.DisposeAsync();
            Assert.Equal((0, 0), (sums["producers.active"], sums["consumers.active"]));
            Assert.Equal((0, 0), (last["producer.consumers"], last["consumer.producers"]));
            Assert.Equal(_world.Id.ToString("S", null), network);
        });
    }

    private sealed class TextCodec : IDatumCodec<string>
    {
        public void Encode(string datum, IBufferWriter<byte> writer) =>
            writer.Write(System.Text.Encoding.UTF8.GetBytes(datum));

        public bool TryDecode(ReadOnlySpan<byte> payload, out string datum)
        {
            datum = System.Text.Encoding.UTF8.GetString(payload);
            return true;
        }
    }
}
