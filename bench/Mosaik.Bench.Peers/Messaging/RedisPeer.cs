using Mosaik.Bench.Contracts;
using Mosaik.Bench.Contracts.Messaging;
using StackExchange.Redis;

namespace Mosaik.Bench.Peers.Messaging;

/// <summary>Redis pub/sub with StackExchange.Redis: the publisher awaits every 1024th publish.</summary>
internal static class RedisPeer
{
    public static RedisChannel Channel { get; } = RedisChannel.Literal("bench");

    public static RedisChannel Credit { get; } = RedisChannel.Literal("credit");

    public static Task<ConnectionMultiplexer> ConnectAsync() => ConnectionMultiplexer.ConnectAsync($"127.0.0.1:{Brokers.RedisPort}");
}

/// <summary>Subscribes and counts. One producer, one consumer.</summary>
public sealed class RedisConsumers : MessageConsumers
{
    private ConnectionMultiplexer? _connection;
    private long _received;

    public override async ValueTask DisposeAsync()
    {
        if (_connection is not null)
            await _connection.DisposeAsync();
    }

    protected override double BrokerCpuSeconds() => Brokers.CpuSeconds("redis-server");

    protected override async Task<NodeReady> OpenAsync(NodeStart start)
    {
        _connection = await RedisPeer.ConnectAsync();
        var subscriber = _connection.GetSubscriber();
        var every = CreditGate.ReportEvery(Plan);
        // The queue keeps the order of messages, which callbacks do not.
        var messages = await subscriber.SubscribeAsync(RedisPeer.Channel);
        messages.OnMessage(message =>
        {
            OnMessage(0, ((ReadOnlyMemory<byte>)message.Message).Span);
            if (++_received % every == 0)
                subscriber.Publish(RedisPeer.Credit, _received, CommandFlags.FireAndForget);
        });
        return new NodeReady("", "");
    }
}

/// <summary>Publishes.</summary>
public sealed class RedisProducers : MessageProducers
{
    private const int AwaitEvery = 1024;

    private ConnectionMultiplexer? _connection;
    private ISubscriber? _publisher;
    private CreditGate? _gate;
    private long _sent;

    protected override async Task<NodeReady> OpenAsync(NodeStart start)
    {
        _connection = await RedisPeer.ConnectAsync();
        _publisher = _connection.GetSubscriber();
        var gate = _gate = new CreditGate(Plan);
        await _publisher.SubscribeAsync(RedisPeer.Credit, (_, received) => gate.Report(0, (long)received));
        return new NodeReady("", "");
    }

    protected override async ValueTask SendAsync(int producer, byte[] message)
    {
        // Both are set when it was opened. The client keeps the array until it is written: every message has its own.
        await _gate!.EnterAsync();
        var own = message.AsSpan().ToArray();
        if (++_sent % AwaitEvery == 0)
            await _publisher!.PublishAsync(RedisPeer.Channel, own);
        else
            _publisher!.Publish(RedisPeer.Channel, own, CommandFlags.FireAndForget);
    }

    protected override async ValueTask CloseAsync()
    {
        if (_connection is not null)
            await _connection.DisposeAsync();
    }
}
