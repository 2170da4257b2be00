using System.Diagnostics;
using System.Net;
using System.Security.Cryptography;
using Mosaik.Bench.Contracts;
using Mosaik.Quic;

namespace Mosaik.Bench.Workloads.Transport;

/// <summary>What the QUIC roles share: an endpoint on loopback with a fresh identity.</summary>
internal abstract class QuicRole : INodeRole
{
    protected static readonly string[] Alpn = ["bench"];

    private CancellationTokenSource? _stop = new();

    protected RateWindow Window { get; } = new();

    protected QuicEndpoint? Endpoint { get; private set; }

    protected CancellationToken Stopping => _stop?.Token ?? new CancellationToken(canceled: true);

    protected List<Task> Loops { get; } = [];

    public async Task<NodeReady> StartAsync(NodeStart start)
    {
        Endpoint = QuicEndpoint.Bind(new QuicOptions
        {
            IdentitySeed = RandomNumberGenerator.GetBytes(QuicOptions.KeyLength),
            AcceptedAlpn = Alpn,
            BindEndPoints = [new IPEndPoint(IPAddress.Loopback, 0)],
        });
        await BeginAsync(start);
        return new NodeReady(Endpoint.LocalEndPoints[0].ToString(), Convert.ToHexString(Endpoint.PublicKey.Span));
    }

    public async Task<NodeMeasured> MeasureAsync(NodeMeasure measure)
    {
        var measured = await MeasureWindowAsync(measure);
        // A loop that failed makes the rate of the others meaningless.
        foreach (var loop in Loops.Where(static l => l.IsFaulted))
            await loop;
        return measured;
    }

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _stop, null) is not { } stop)
            return;
        await stop.CancelAsync();
        if (Endpoint is not null)
            await Endpoint.DisposeAsync();
        try
        {
            await Task.WhenAll(Loops);
        }
        catch (Exception e) when (e is OperationCanceledException or QuicException or ObjectDisposedException)
        {
            // The endpoint was closed under them on purpose.
        }

        stop.Dispose();
    }

    protected abstract Task BeginAsync(NodeStart start);

    protected virtual Task<NodeMeasured> MeasureWindowAsync(NodeMeasure measure) => Window.MeasureAsync(measure);

    protected ValueTask<QuicConnection> ConnectAsync(NodeStart start) =>
        Endpoint!.ConnectAsync(IPEndPoint.Parse(start.Address), Convert.FromHexString(start.Key), Alpn, Stopping);
}

/// <summary>Receives everything on one stream and counts it (Q1).</summary>
internal sealed class QuicSink : QuicRole
{
    protected override Task BeginAsync(NodeStart start)
    {
        Loops.Add(ReadAsync());
        return Task.CompletedTask;
    }

    private async Task ReadAsync()
    {
        await using var connection = await Endpoint!.AcceptAsync(Stopping);
        var stream = await connection.AcceptStreamAsync(QuicStreamDirection.Unidirectional, Stopping);
        var buffer = new byte[256 * 1024];
        while (await stream.ReadAsync(buffer, Stopping) is > 0 and var read)
            Window.Add(read);
    }
}

/// <summary>Sends without end on one stream (Q1).</summary>
internal sealed class QuicSource : QuicRole
{
    protected override async Task BeginAsync(NodeStart start)
    {
        var connection = await ConnectAsync(start);
        var stream = await connection.OpenStreamAsync(QuicStreamDirection.Unidirectional, Stopping);
        Loops.Add(WriteAsync(stream, start.WriteSize));
    }

    private async Task WriteAsync(QuicStream stream, int size)
    {
        var buffer = new byte[size];
        while (!Stopping.IsCancellationRequested)
        {
            await stream.WriteAsync(buffer, Stopping);
            Window.Add(size);
        }
    }
}

/// <summary>Accepts connections and echoes one message on each (Q2).</summary>
internal sealed class QuicEchoServer : QuicRole
{
    protected override Task BeginAsync(NodeStart start)
    {
        Loops.Add(AcceptAsync());
        return Task.CompletedTask;
    }

    private async Task AcceptAsync()
    {
        while (!Stopping.IsCancellationRequested)
            _ = EchoAsync(await Endpoint!.AcceptAsync(Stopping));
    }

    private async Task EchoAsync(QuicConnection connection)
    {
        await using var owned = connection;
        var stream = await connection.AcceptStreamAsync(QuicStreamDirection.Bidirectional, Stopping);
        var buffer = new byte[64];
        for (var length = 0; length < buffer.Length;)
        {
            var read = await stream.ReadAsync(buffer.AsMemory(length), Stopping);
            if (read == 0)
                return;
            length += read;
        }

        await stream.WriteAsync(buffer, Stopping);
        stream.CompleteWrites();
        await connection.WaitClosedAsync(Stopping);
        Window.Add(1);
    }
}

/// <summary>Opens a connection, sends 64 bytes, waits for the echo, closes; many at once (Q2).</summary>
internal sealed class QuicEchoClients : QuicRole
{
    private readonly Latencies _latencies = new();

    protected override Task<NodeMeasured> MeasureWindowAsync(NodeMeasure measure) =>
        Window.MeasureAsync(measure, _latencies.Summary, _latencies.Reset);

    protected override Task BeginAsync(NodeStart start)
    {
        for (var i = 0; i < start.Concurrency; i++)
            Loops.Add(LoopAsync(start));
        return Task.CompletedTask;
    }

    private async Task LoopAsync(NodeStart start)
    {
        var buffer = new byte[64];
        while (!Stopping.IsCancellationRequested)
        {
            var begin = Stopwatch.GetTimestamp();
            await using var connection = await ConnectAsync(start);
            var stream = await connection.OpenStreamAsync(QuicStreamDirection.Bidirectional, Stopping);
            await stream.WriteAsync(buffer, Stopping);
            for (var length = 0; length < buffer.Length;)
            {
                var read = await stream.ReadAsync(buffer.AsMemory(length), Stopping);
                if (read == 0)
                    throw new InvalidDataException("The echo was cut off.");
                length += read;
            }

            await connection.CloseAsync(0);
            _latencies.Record(begin);
            Window.Add(1);
        }
    }
}
