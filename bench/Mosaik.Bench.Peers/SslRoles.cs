using System.Diagnostics;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using Mosaik.Bench.Contracts;

namespace Mosaik.Bench.Peers;

/// <summary>Receives everything on one connection and counts it (Q1).</summary>
public sealed class SslSink : INodeRole
{
    private readonly Socket _listener = SslPeer.Listen();
    private readonly RateWindow _window = new();
    private Task? _loop;

    public Task<NodeReady> StartAsync(NodeStart start)
    {
        _loop = ReadAsync();
        return Task.FromResult(new NodeReady(_listener.LocalEndPoint!.ToString()!, ""));
    }

    public Task<NodeMeasured> MeasureAsync(NodeMeasure measure) => _window.MeasureAsync(measure);

    public ValueTask DisposeAsync()
    {
        _listener.Dispose();
        return ValueTask.CompletedTask;
    }

    private async Task ReadAsync()
    {
        await using var stream = await SslPeer.AcceptAsync(_listener);
        var buffer = new byte[64 * 1024];
        while (await stream.ReadAsync(buffer) is > 0 and var read)
            _window.Add(read);
    }
}

/// <summary>Sends without end on one connection (Q1).</summary>
public sealed class SslSource : INodeRole
{
    private readonly RateWindow _window = new();
    private readonly CancellationTokenSource _stop = new();
    private Task? _loop;

    public async Task<NodeReady> StartAsync(NodeStart start)
    {
        ArgumentNullException.ThrowIfNull(start);
        var stream = await SslPeer.ConnectAsync(IPEndPoint.Parse(start.Address));
        _loop = WriteAsync(stream, start.WriteSize);
        return new NodeReady("", "");
    }

    public Task<NodeMeasured> MeasureAsync(NodeMeasure measure) => _window.MeasureAsync(measure);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        try
        {
            if (_loop is not null)
                await _loop;
        }
        catch (OperationCanceledException)
        {
            // It was stopped in the middle of a write.
        }

        _stop.Dispose();
    }

    private async Task WriteAsync(SslStream stream, int size)
    {
        await using var owned = stream;
        var buffer = new byte[size];
        while (!_stop.IsCancellationRequested)
        {
            await stream.WriteAsync(buffer, _stop.Token);
            _window.Add(size);
        }
    }
}

/// <summary>Accepts connections and echoes one message on each (Q2).</summary>
public sealed class SslEchoServer : INodeRole
{
    private readonly Socket _listener = SslPeer.Listen();
    private readonly RateWindow _window = new();
    private Task? _loop;

    public Task<NodeReady> StartAsync(NodeStart start)
    {
        _loop = AcceptAsync();
        return Task.FromResult(new NodeReady(_listener.LocalEndPoint!.ToString()!, ""));
    }

    public Task<NodeMeasured> MeasureAsync(NodeMeasure measure) => _window.MeasureAsync(measure);

    public ValueTask DisposeAsync()
    {
        _listener.Dispose();
        return ValueTask.CompletedTask;
    }

    private async Task AcceptAsync()
    {
        while (true)
            _ = EchoAsync(await _listener.AcceptAsync());
    }

    private async Task EchoAsync(Socket socket)
    {
        await using var stream = await SslPeer.ServeAsync(socket);
        var buffer = new byte[64];
        try
        {
            while (await stream.ReadAsync(buffer) is > 0 and var read)
                await stream.WriteAsync(buffer.AsMemory(0, read));
            _window.Add(1);
        }
        catch (IOException)
        {
            // The client has closed; TCP may say so with a reset.
        }
    }
}

/// <summary>Opens a connection, sends 64 bytes, waits for the echo, closes; many at once (Q2).</summary>
public sealed class SslEchoClients : INodeRole
{
    private readonly RateWindow _window = new();
    private readonly Latencies _latencies = new();
    private readonly CancellationTokenSource _stop = new();
    private Task? _loops;

    public Task<NodeReady> StartAsync(NodeStart start)
    {
        ArgumentNullException.ThrowIfNull(start);
        var remote = IPEndPoint.Parse(start.Address);
        _loops = Task.WhenAll(Enumerable.Range(0, start.Concurrency).Select(_ => LoopAsync(remote)));
        return Task.FromResult(new NodeReady("", ""));
    }

    public Task<NodeMeasured> MeasureAsync(NodeMeasure measure) =>
        _window.MeasureAsync(measure, _latencies.Summary, _latencies.Reset);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        if (_loops is not null)
            await _loops;
        _stop.Dispose();
    }

    private async Task LoopAsync(IPEndPoint remote)
    {
        var buffer = new byte[64];
        while (!_stop.IsCancellationRequested)
        {
            var begin = Stopwatch.GetTimestamp();
            await using var stream = await SslPeer.ConnectAsync(remote);
            await stream.WriteAsync(buffer);
            await stream.ReadExactlyAsync(buffer);
            _latencies.Record(begin);
            _window.Add(1);
        }
    }
}
