using Mosaik.Bench.Contracts;
using Mosaik.Bench.Contracts.Messaging;
using NetMQ;
using NetMQ.Sockets;

namespace Mosaik.Bench.Peers.Messaging;

/// <summary>NetMQ PULL over TCP; one producer, one consumer, no broker.</summary>
public sealed class NetMqConsumers : MessageConsumers
{
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(50);

    private readonly PullSocket _socket = new();
    private volatile bool _stopped;
    private Thread? _loop;

    public override ValueTask DisposeAsync()
    {
        _stopped = true;
        _loop?.Join();
        _socket.Dispose();
        return ValueTask.CompletedTask;
    }

    protected override Task<NodeReady> OpenAsync(NodeStart start)
    {
        _socket.Options.ReceiveHighWatermark = NetMqProducers.HighWatermark;
        var port = _socket.BindRandomPort("tcp://127.0.0.1");
        _loop = new Thread(Read) { IsBackground = true };
        _loop.Start();
        return Task.FromResult(new NodeReady($"tcp://127.0.0.1:{port}", ""));
    }

    private void Read()
    {
        while (!_stopped)
        {
            if (_socket.TryReceiveFrameBytes(Step, out var message))
                OnMessage(0, message);
        }
    }
}

/// <summary>NetMQ PUSH.</summary>
public sealed class NetMqProducers : MessageProducers
{
    internal const int HighWatermark = 100_000;
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(50);

    private readonly PushSocket _socket = new();

    protected override Task<NodeReady> OpenAsync(NodeStart start)
    {
        ArgumentNullException.ThrowIfNull(start);
        _socket.Options.SendHighWatermark = HighWatermark;
        _socket.Connect(start.Address);
        return Task.FromResult(new NodeReady("", ""));
    }

    // Called by one thread of its own: the socket belongs to a thread.
    protected override ValueTask SendAsync(int producer, byte[] message)
    {
        while (!_socket.TrySendFrame(Step, message) && !IsStopped)
        {
            // The other side is behind.
        }

        return ValueTask.CompletedTask;
    }

    protected override ValueTask CloseAsync() => ValueTask.CompletedTask;
}
