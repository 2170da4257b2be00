using System.Diagnostics;
using System.Diagnostics.Metrics;
using Mosaik.Primitives;

namespace Mosaik.Streams;

/// <summary>The instruments <c>mosaik.streams.*</c> of one network (spec/cli-metrics.md §2.2).</summary>
internal sealed class StreamMetrics
{
    private readonly UpDownCounter<long> _producersActive;
    private readonly UpDownCounter<long> _consumersActive;
    private readonly Counter<long> _connectionsAccepted;
    private readonly Counter<long> _connectionsRejected;
    private readonly Counter<long> _consumersAccepted;
    private readonly Counter<long> _consumersRejected;
    private readonly Counter<long> _itemsSent;
    private readonly Counter<long> _bytesSent;
    private readonly Counter<long> _itemsDropped;
    private readonly Counter<long> _itemsUndelivered;
    private readonly Counter<long> _itemsReceived;
    private readonly Counter<long> _bytesReceived;
    private readonly Counter<long> _itemsDiscarded;
    private readonly Counter<long> _itemsUndecodable;
    private readonly Counter<long> _datumsTotal;
    private readonly Counter<long> _bytesTotal;
    private readonly Gauge<long> _consumersConnected;
    private readonly Gauge<long> _producersConnected;
    private readonly Lock _lock = new();
    private readonly Dictionary<StreamId, long> _consumers = [];
    private readonly Dictionary<StreamId, long> _producers = [];
    private readonly string _networkLabel;
    private readonly TagList _network;

    public StreamMetrics(Meter meter, NetworkId network)
    {
        _networkLabel = network.ToString("S", null);
        _network = new TagList { { "network", _networkLabel } };
        _producersActive = meter.CreateUpDownCounter<long>("mosaik.streams.producers.active");
        _consumersActive = meter.CreateUpDownCounter<long>("mosaik.streams.consumers.active");
        _connectionsAccepted = meter.CreateCounter<long>("mosaik.streams.connections.accepted");
        _connectionsRejected = meter.CreateCounter<long>("mosaik.streams.connections.rejected");
        _consumersAccepted = meter.CreateCounter<long>("mosaik.streams.producer.consumers.accepted");
        _consumersRejected = meter.CreateCounter<long>("mosaik.streams.producer.consumers.rejected");
        _itemsSent = meter.CreateCounter<long>("mosaik.streams.producer.items.sent");
        _bytesSent = meter.CreateCounter<long>("mosaik.streams.producer.bytes.sent", "By");
        _itemsDropped = meter.CreateCounter<long>("mosaik.streams.producer.items.dropped");
        _itemsUndelivered = meter.CreateCounter<long>("mosaik.streams.producer.items.undelivered");
        _itemsReceived = meter.CreateCounter<long>("mosaik.streams.consumer.items.received");
        _bytesReceived = meter.CreateCounter<long>("mosaik.streams.consumer.bytes.received", "By");
        _itemsDiscarded = meter.CreateCounter<long>("mosaik.streams.consumer.items.dropped");
        _itemsUndecodable = meter.CreateCounter<long>("mosaik.streams.consumer.items.undecodable");
        _datumsTotal = meter.CreateCounter<long>("mosaik.streams.datums.total");
        _bytesTotal = meter.CreateCounter<long>("mosaik.streams.bytes.total", "By");
        _consumersConnected = meter.CreateGauge<long>("mosaik.streams.producer.consumers");
        _producersConnected = meter.CreateGauge<long>("mosaik.streams.consumer.producers");
    }

    /// <summary>Labels of one stream; built once per producer or consumer.</summary>
    public TagList LabelsOf(StreamId stream) =>
        new() { { "stream", stream.ToString("S", null) }, { "network", _networkLabel } };

    public void ProducerOpened() => _producersActive.Add(1, _network);

    public void ProducerClosed() => _producersActive.Add(-1, _network);

    public void ConsumerOpened(in TagList labels) => _consumersActive.Add(1, labels);

    public void ConsumerClosed(in TagList labels) => _consumersActive.Add(-1, labels);

    public void ConnectionAccepted() => _connectionsAccepted.Add(1, _network);

    public void ConnectionRejected() => _connectionsRejected.Add(1, _network);

    public void SubscriptionAccepted(in TagList labels) => _consumersAccepted.Add(1, labels);

    public void SubscriptionRejected(in TagList labels) => _consumersRejected.Add(1, labels);

    /// <summary>A consumer of a stream of this node has connected (+1) or gone (−1).</summary>
    public void ConsumersConnected(StreamId stream, in TagList labels, int change) =>
        Record(_consumersConnected, _consumers, stream, labels, change);

    /// <summary>A consumer of this node has connected to a producer (+1) or lost it (−1).</summary>
    public void ProducersConnected(StreamId stream, in TagList labels, int change) =>
        Record(_producersConnected, _producers, stream, labels, change);

    /// <summary>Once per batch and consumer.</summary>
    public void Sent(in TagList labels, long items, long bytes)
    {
        if (_itemsSent.Enabled)
            _itemsSent.Add(items, labels);
        if (_bytesSent.Enabled)
            _bytesSent.Add(bytes, labels);
        Total(labels, items, bytes);
    }

    public void Dropped(in TagList labels, long items) => _itemsDropped.Add(items, labels);

    /// <summary>Once per datum that nobody wanted.</summary>
    public void Undelivered(in TagList labels) => _itemsUndelivered.Add(1, labels);

    /// <summary>Once per datum that had to make room in a consumer's queue.</summary>
    public void Discarded(in TagList labels) => _itemsDiscarded.Add(1, labels);

    /// <summary>Once per datum that arrives.</summary>
    public void Arrived(in TagList labels, long bytes) => Total(labels, 1, bytes);

    public void Undecodable(in TagList labels) => _itemsUndecodable.Add(1, labels);

    /// <summary>Once per datum that the application takes.</summary>
    public void Received(in TagList labels, long bytes)
    {
        if (_itemsReceived.Enabled)
            _itemsReceived.Add(1, labels);
        if (_bytesReceived.Enabled)
            _bytesReceived.Add(bytes, labels);
    }

    private void Total(in TagList labels, long items, long bytes)
    {
        if (_datumsTotal.Enabled)
            _datumsTotal.Add(items, labels);
        if (_bytesTotal.Enabled)
            _bytesTotal.Add(bytes, labels);
    }

    private void Record(Gauge<long> gauge, Dictionary<StreamId, long> counts, StreamId stream, in TagList labels, int change)
    {
        long count;
        lock (_lock)
        {
            count = counts.GetValueOrDefault(stream) + change;
            counts[stream] = count;
            if (count == 0)
                counts.Remove(stream);
        }

        gauge.Record(count, labels);
    }
}
