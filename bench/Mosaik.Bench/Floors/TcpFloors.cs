using System.Diagnostics;
using System.Net.Sockets;
using Mosaik.Bench.Contracts;
using Mosaik.Bench.Peers;

namespace Mosaik.Bench.Floors;

/// <summary>TCP and SslStream on loopback: round trips, bulk, handshakes (spec/performance.md §2.4, §2.5).</summary>
internal static class TcpFloors
{
    public static async Task<FloorResult> RoundTripAsync(TimeSpan window, bool tls)
    {
        var (client, server) = await PairAsync(tls);
        await using var ownedClient = client;
        await using var ownedServer = server;
        var echo = EchoAsync(server);
        var latencies = new Latencies();
        var buffer = new byte[64];
        var start = Stopwatch.GetTimestamp();
        var warm = false;
        while (Stopwatch.GetElapsedTime(start) < window * 1.25)
        {
            if (!warm && Stopwatch.GetElapsedTime(start) > window / 4)
            {
                warm = true;
                latencies.Reset();
            }

            var begin = Stopwatch.GetTimestamp();
            await client.WriteAsync(buffer);
            await client.ReadExactlyAsync(buffer);
            latencies.Record(begin);
        }

        await client.DisposeAsync();
        await echo;
        return UdpFloors.Summarize(latencies);
    }

    public static async Task<FloorResult> BulkAsync(TimeSpan window, int size)
    {
        var (client, server) = await PairAsync(tls: true);
        await using var ownedServer = server;
        long received = 0;
        var stop = false;
        var reading = Task.Run(async () =>
        {
            var buffer = new byte[64 * 1024];
            try
            {
                while (await server.ReadAsync(buffer) is > 0 and var read)
                    Interlocked.Add(ref received, read);
            }
            catch (IOException) when (Volatile.Read(ref stop))
            {
                // The client closes with session tickets unread, which TCP answers with a reset.
            }
        });
        var writing = Task.Run(async () =>
        {
            await using var owned = client;
            var buffer = new byte[size];
            while (!Volatile.Read(ref stop))
                await client.WriteAsync(buffer);
        });
        await Task.Delay(window / 4);
        var start = Stopwatch.GetTimestamp();
        var first = Interlocked.Read(ref received);
        await Task.Delay(window);
        var bytes = Interlocked.Read(ref received) - first;
        var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        Volatile.Write(ref stop, true);
        await writing;
        await reading;
        return new FloorResult(bytes / seconds / 1e6, "MB/s", true) { Samples = bytes / size };
    }

    public static async Task<FloorResult> HandshakesAsync(TimeSpan window, int concurrency)
    {
        using var listener = SslPeer.Listen();
        using var stop = new CancellationTokenSource();
        using var stopServing = new CancellationTokenSource();
        var serving = ServeAsync(listener, stopServing.Token);
        var latencies = new Latencies();
        long done = 0;
        var clients = Enumerable.Range(0, concurrency).Select(_ => Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                var begin = Stopwatch.GetTimestamp();
                await using var stream = await SslPeer.ConnectAsync(listener.LocalEndPoint!);
                latencies.Record(begin);
                Interlocked.Increment(ref done);
            }
        })).ToArray();
        await Task.Delay(window / 4);
        latencies.Reset();
        var start = Stopwatch.GetTimestamp();
        var first = Interlocked.Read(ref done);
        await Task.Delay(window);
        var count = Interlocked.Read(ref done) - first;
        var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        var summary = latencies.Summary();
        await stop.CancelAsync();
        // The server goes on until no client waits for it.
        await Task.WhenAll(clients);
        await stopServing.CancelAsync();
        await serving;
        return new FloorResult(count / seconds, "1/s", true) { P50Us = summary.P50, P99Us = summary.P99, Samples = count };
    }

    private static async Task<(Stream Client, Stream Server)> PairAsync(bool tls)
    {
        using var listener = SslPeer.Listen();
        if (tls)
        {
            var accepting = SslPeer.AcceptAsync(listener);
            return (await SslPeer.ConnectAsync(listener.LocalEndPoint!), await accepting);
        }

        var plain = listener.AcceptAsync();
        var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await client.ConnectAsync(listener.LocalEndPoint!);
        var server = await plain;
        server.NoDelay = true;
        return (new NetworkStream(client, ownsSocket: true), new NetworkStream(server, ownsSocket: true));
    }

    private static async Task EchoAsync(Stream stream)
    {
        var buffer = new byte[64];
        try
        {
            while (await stream.ReadAsync(buffer) is > 0 and var read)
                await stream.WriteAsync(buffer.AsMemory(0, read));
        }
        catch (IOException)
        {
            // The client has closed; TCP may say so with a reset.
        }
    }

    private static async Task ServeAsync(Socket listener, CancellationToken stop)
    {
        var open = new List<Task>();
        try
        {
            while (true)
            {
                var socket = await listener.AcceptAsync(stop);
                open.RemoveAll(static t => t.IsCompleted);
                open.Add(Task.Run(async () =>
                {
                    try
                    {
                        await using var stream = await SslPeer.ServeAsync(socket);
                        _ = await stream.ReadAsync(new byte[1]);
                    }
                    catch (IOException)
                    {
                        // The client closed first.
                    }
                }, CancellationToken.None));
            }
        }
        catch (OperationCanceledException)
        {
            await Task.WhenAll(open);
        }
    }
}
