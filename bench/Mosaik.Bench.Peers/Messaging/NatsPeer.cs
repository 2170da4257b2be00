using System.Buffers.Binary;
using Mosaik.Bench.Contracts;
using Mosaik.Bench.Contracts.Messaging;
using NATS.Client.Core;

namespace Mosaik.Bench.Peers.Messaging;

/// <summary>nats-server with NATS.Client.Core: every producer and consumer has a connection of its own.</summary>
internal static class NatsPeer
{
    public const string Subject = "bench";
    private const int PendingMessages = 1_000_000;

    public static NatsConnection Connect() => new(NatsOpts.Default with
    {
        Url = $"nats://127.0.0.1:{Brokers.NatsPort}",
        SubPendingChannelCapacity = PendingMessages,
    });

    /// <summary>Where a producer hears what has been received of it.</summary>
    public static string CreditSubject(int producer) => $"credit.{producer}";
}

/// <summary>Subscribes and counts.</summary>
public sealed class NatsConsumers : MessageConsumers
{
    private readonly List<NatsConnection> _connections = [];
    private readonly CancellationTokenSource _stop = new();

    public override async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        foreach (var connection in _connections)
            await connection.DisposeAsync();
        _stop.Dispose();
    }

    protected override double BrokerCpuSeconds() => Brokers.CpuSeconds("nats-server");

    protected override async Task<NodeReady> OpenAsync(NodeStart start)
    {
        for (var i = 0; i < Plan.Consumers; i++)
        {
            var connection = NatsPeer.Connect();
            _connections.Add(connection);
            var subscription = await connection.SubscribeCoreAsync<byte[]>(NatsPeer.Subject, cancellationToken: _stop.Token);
            await connection.PingAsync(); // the server has the subscription
            _ = ReadAsync(connection, subscription, i);
        }

        return new NodeReady("", "");
    }

    private async Task ReadAsync(NatsConnection connection, INatsSub<byte[]> subscription, int consumer)
    {
        var counts = new long[Plan.Producers];
        var every = CreditGate.ReportEvery(Plan);
        while (await subscription.Msgs.WaitToReadAsync())
        {
            while (subscription.Msgs.TryRead(out var message))
            {
                OnMessage(consumer, message.Data);
                var producer = MessageStamp.Read(message.Data).Producer;
                if (++counts[producer] % every != 0)
                    continue;
                var report = new byte[12];
                BinaryPrimitives.WriteInt32LittleEndian(report, consumer);
                BinaryPrimitives.WriteInt64LittleEndian(report.AsSpan(4), counts[producer]);
                await connection.PublishAsync(NatsPeer.CreditSubject(producer), report);
            }

            Flush(consumer);
        }
    }
}

/// <summary>Publishes.</summary>
public sealed class NatsProducers : MessageProducers
{
    private readonly List<NatsConnection> _connections = [];
    private readonly List<CreditGate> _gates = [];

    protected override async Task<NodeReady> OpenAsync(NodeStart start)
    {
        for (var i = 0; i < Plan.Producers; i++)
        {
            var connection = NatsPeer.Connect();
            var gate = new CreditGate(Plan);
            _connections.Add(connection);
            _gates.Add(gate);
            var credits = await connection.SubscribeCoreAsync<byte[]>(NatsPeer.CreditSubject(i));
            await connection.PingAsync();
            _ = HearAsync(credits, gate);
        }

        return new NodeReady("", "");
    }

    protected override ValueTask SendAsync(int producer, byte[] message)
    {
        var entered = _gates[producer].EnterAsync();
        return entered.IsCompletedSuccessfully
            ? _connections[producer].PublishAsync(NatsPeer.Subject, message)
            : WaitAndSendAsync(entered, producer, message);
    }

    protected override async ValueTask CloseAsync()
    {
        foreach (var connection in _connections)
            await connection.DisposeAsync();
    }

    private static async Task HearAsync(INatsSub<byte[]> credits, CreditGate gate)
    {
        await foreach (var report in credits.Msgs.ReadAllAsync())
        {
            gate.Report(
                BinaryPrimitives.ReadInt32LittleEndian(report.Data), BinaryPrimitives.ReadInt64LittleEndian(report.Data.AsSpan(4)));
        }
    }

    private async ValueTask WaitAndSendAsync(ValueTask entered, int producer, byte[] message)
    {
        await entered;
        await _connections[producer].PublishAsync(NatsPeer.Subject, message);
    }
}
