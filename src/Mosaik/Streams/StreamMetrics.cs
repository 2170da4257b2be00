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
    private readonly Counter<long> _itemsReceived;
    private readonly Counter<long> _bytesReceived;
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
        _itemsReceived = meter.CreateCounter<long>("mosaik.streams.consumer.items.received");
        _bytesReceived = meter.CreateCounter<long>("mosaik.streams.consumer.bytes.received", "By");
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

    /// <summary>Once per batch and consumer.</summary>
    public void Sent(in TagList labels, long items, long bytes)
    {
        if (_itemsSent.Enabled)
            _itemsSent.Add(items, labels);
        if (_bytesSent.Enabled)
            _bytesSent.Add(bytes, labels);
    }

    public void Dropped(in TagList labels, long items) => _itemsDropped.Add(items, labels);

    /// <summary>Once per read of a link.</summary>
    public void Received(in TagList labels, long items, long bytes)
    {
        if (_itemsReceived.Enabled)
            _itemsReceived.Add(items, labels);
        if (_bytesReceived.Enabled)
            _bytesReceived.Add(bytes, labels);
    }
}
