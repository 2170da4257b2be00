using System.Net;
using Mosaik.Bench.Contracts;
using Mosaik.Bench.Contracts.Messaging;
using Mosaik.Networking;
using Mosaik.Streams;

namespace Mosaik.Bench.Workloads.Streams;

/// <summary>The receiving node of S1 to S5: one Mosaik node, every consumer with its own connections to all producers.</summary>
internal sealed class StreamConsumers : MessageConsumers
{
    private readonly List<Task> _loops = [];
    private Network? _network;

    /// <summary>A node on loopback.</summary>
    public static ValueTask<Network> StartNodeAsync() => Network.StartAsync("bench", new NetworkOptions
    {
        BindAddresses = [new IPEndPoint(IPAddress.Loopback, 0)],
        Relay = RelayMode.Disabled,
    });

    public override async ValueTask DisposeAsync()
    {
        if (_network is not null)
            await _network.DisposeAsync();
        await Task.WhenAll(_loops);
    }

    protected override async Task<NodeReady> OpenAsync(NodeStart start)
    {
        _network = await StartNodeAsync();
        for (var i = 0; i < Plan.Consumers; i++)
        {
            var consumer = _network.Streams.Consume<byte[]>(new ConsumerOptions<byte[]> { StreamId = "bench" });
            _loops.Add(ReadAsync(consumer, i));
        }

        return new NodeReady(_network.Local.Address.EndPoints.First().ToString(), _network.Local.Id.ToString());
    }

    private async Task ReadAsync(Consumer<byte[]> consumer, int index)
    {
        while (await consumer.WaitToReadAsync())
        {
            while (consumer.TryRead(out var message))
            {
                OnMessage(index, message);
                if (Plan.StopsOne && index == 0 && StopOf(index) is { Ticks: > 0 } stop)
                    await Task.Delay(stop);
            }

            Flush(index);
        }
    }
}
