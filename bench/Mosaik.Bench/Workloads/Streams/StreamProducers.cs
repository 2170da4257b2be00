using System.Net;
using Mosaik.Bench.Contracts;
using Mosaik.Bench.Contracts.Messaging;
using Mosaik.Networking;
using Mosaik.Primitives;
using Mosaik.Streams;

namespace Mosaik.Bench.Workloads.Streams;

/// <summary>The sending nodes of S1 to S5: every producer is a node of its own, in one process.</summary>
internal sealed class StreamProducers : MessageProducers
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private const int PatientBuffer = 8 * 1024;

    private readonly List<Network> _networks = [];
    private Producer<byte[]>[] _producers = [];

    public override async Task<NodeMeasured> MeasureAsync(NodeMeasure measure)
    {
        var before = _producers.Length > 0 ? _producers[0].Consumers : [];
        var measured = await base.MeasureAsync(measure);
        if (Plan.StopsOne && measure is { IsWarmUp: false } && !before.Any(static c => c.CloseReason == CloseCode.TooSlow))
            throw new InvalidDataException("the consumer that stopped reading was not reported as too slow");
        return measured;
    }

    protected override async Task<NodeReady> OpenAsync(NodeStart start)
    {
        ArgumentNullException.ThrowIfNull(start);
        var consumers = new EndpointAddress(PeerId.Parse(start.Key), new TransportAddress.Ip(IPEndPoint.Parse(start.Address)));
        _producers = new Producer<byte[]>[Plan.Producers];
        for (var i = 0; i < Plan.Producers; i++)
        {
            var network = await StreamConsumers.StartNodeAsync();
            _networks.Add(network);
            _producers[i] = network.Streams.Produce(OptionsOf(Plan));
            await network.SyncWithAsync(consumers);
        }

        foreach (var producer in _producers)
            await producer.When.Subscribed().AtLeast(Plan.Consumers).WaitAsync().AsTask().WaitAsync(Patience);
        return new NodeReady("", "");
    }

    /// <summary>
    /// Throughput is closed by back-pressure, never by dropping (B5): the slowest consumer sets the pace. Where one stops
    /// reading it must not: the default policy, with a buffer that forgives the others what the scheduler does to them.
    /// </summary>
    private static ProducerOptions<byte[]> OptionsOf(MessagePlan plan) => plan.SparesOne
        ? new ProducerOptions<byte[]> { StreamId = "bench", BufferSize = PatientBuffer }
        : new ProducerOptions<byte[]> { StreamId = "bench", Lagging = LagPolicy.SlowProducer };

    protected override ValueTask SendAsync(int producer, byte[] message) => _producers[producer].WriteAsync(message);

    /// <summary>The encoded datum has a length in front of the bytes: together they are the size that was asked for.</summary>
    protected override byte[] NewMessage(int size) => new byte[size - (size <= 128 ? 1 : size <= 16_385 ? 2 : 3)];

    protected override async ValueTask CloseAsync()
    {
        foreach (var network in _networks)
            await network.DisposeAsync();
    }
}
