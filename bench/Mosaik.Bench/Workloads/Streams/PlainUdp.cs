using System.Net;
using System.Net.Sockets;
using Mosaik.Bench.Contracts;
using Mosaik.Bench.Contracts.Messaging;

namespace Mosaik.Bench.Workloads.Streams;

/// <summary>
/// Datagrams of the same schedule, without protocol and encryption, received by an asynchronous socket: what the timer of
/// the sender and two wake-ups cost on this machine at this moment.
/// </summary>
internal sealed class PlainUdpConsumers : MessageConsumers
{
    private readonly CancellationTokenSource _stop = new();
    private readonly Socket _socket = NativeSocket();
    private Task _loop = Task.CompletedTask;

    protected override bool MayLose => true;

    public override async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _loop;
        _socket.Dispose();
        _stop.Dispose();
    }

    internal static Socket NativeSocket()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return socket;
    }

    protected override Task<NodeReady> OpenAsync(NodeStart start)
    {
        _loop = Task.Run(ReadAsync);
        return Task.FromResult(new NodeReady(_socket.LocalEndPoint!.ToString()!, "")); // bound above
    }

    private async Task ReadAsync()
    {
        var buffer = new byte[Plan.Size];
        try
        {
            while (await _socket.ReceiveAsync(buffer, _stop.Token) > 0)
                OnMessage(0, buffer);
        }
        catch (OperationCanceledException)
        {
            // The measurement is over.
        }
    }
}

/// <summary>Sends them.</summary>
internal sealed class PlainUdpProducers : MessageProducers
{
    private readonly Socket _socket = PlainUdpConsumers.NativeSocket();

    protected override Task<NodeReady> OpenAsync(NodeStart start)
    {
        ArgumentNullException.ThrowIfNull(start);
        _socket.Connect(IPEndPoint.Parse(start.Address));
        return Task.FromResult(new NodeReady("", ""));
    }

    protected override ValueTask SendAsync(int producer, byte[] message)
    {
        _socket.Send(message);
        return ValueTask.CompletedTask;
    }

    protected override ValueTask CloseAsync()
    {
        _socket.Dispose();
        return ValueTask.CompletedTask;
    }
}
