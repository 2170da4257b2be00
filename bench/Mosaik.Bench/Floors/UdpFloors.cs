using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Mosaik.Bench.Contracts;

namespace Mosaik.Bench.Floors;

/// <summary>UDP on loopback: one-way flow and round trips (spec/performance.md §2.2, §2.4).</summary>
internal static class UdpFloors
{
    private const int MaxReceive = 65_536;

    /// <summary>Sender thread to receiver thread, counted at the receiver.</summary>
    public static FloorResult Flow(TimeSpan window, int segments, bool pinned)
    {
        using var receiver = NativeUdp.Bind(coalesce: segments > 1);
        using var sender = NativeUdp.Connect(receiver.LocalEndPoint!, segments);
        var gate = new FlowGate();
        var stop = false;
        var reading = NativeUdp.Run(
            () =>
            {
                var buffer = new byte[MaxReceive];
                try
                {
                    // Until the receive timeout, so that what is in the buffer is not counted as lost.
                    while (true)
                        gate.OnReceived(receiver.Receive(buffer));
                }
                catch (SocketException e) when (e.SocketErrorCode == SocketError.TimedOut)
                {
                    // The sender has stopped.
                }
            },
            pinned ? 1 : null);
        var writing = NativeUdp.Run(
            () =>
            {
                var buffer = new byte[segments * NativeUdp.DatagramSize];
                while (!Volatile.Read(ref stop) && gate.TrySend(buffer.Length))
                    sender.Send(buffer);
            },
            pinned ? 0 : null);

        Thread.Sleep(window / 4);
        var start = Stopwatch.GetTimestamp();
        var first = gate.Received;
        Thread.Sleep(window);
        var bytes = gate.Received - first;
        var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        Volatile.Write(ref stop, true);
        writing.Join();
        reading.Join();
        return new FloorResult(bytes / seconds / 1e6, "MB/s", true)
        {
            Samples = bytes / NativeUdp.DatagramSize,
            LossPercent = 100.0 * Math.Max(0, gate.Sent - gate.Received) / Math.Max(1, gate.Sent),
        };
    }

    /// <summary>Blocking threads that send 64 bytes to and fro.</summary>
    public static FloorResult RoundTripBlocking(TimeSpan window, bool pinned)
    {
        using var server = NativeUdp.Bind(coalesce: false);
        using var client = NativeUdp.Connect(server.LocalEndPoint!, 1);
        var stop = false;
        var echo = NativeUdp.Run(
            () =>
            {
                var buffer = new byte[64];
                var address = new SocketAddress(AddressFamily.InterNetwork);
                while (!Volatile.Read(ref stop))
                {
                    try
                    {
                        server.SendTo(buffer.AsSpan(0, server.ReceiveFrom(buffer, SocketFlags.None, address)), SocketFlags.None, address);
                    }
                    catch (SocketException e) when (e.SocketErrorCode == SocketError.TimedOut)
                    {
                        return;
                    }
                }
            },
            pinned ? 1 : null);
        var latencies = new Latencies();
        var asking = NativeUdp.Run(
            () =>
            {
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
                    client.Send(buffer);
                    client.Receive(buffer);
                    latencies.Record(begin);
                }
            },
            pinned ? 0 : null);
        asking.Join();
        Volatile.Write(ref stop, true);
        echo.Join();
        return Summarize(latencies);
    }

    /// <summary>Asynchronous sockets that send 64 bytes to and fro.</summary>
    public static async Task<FloorResult> RoundTripAsync(TimeSpan window)
    {
        using var server = NativeUdp.Bind(coalesce: false);
        using var client = NativeUdp.Connect(server.LocalEndPoint!, 1);
        using var stop = new CancellationTokenSource();
        var echo = EchoAsync(server, stop.Token);
        var latencies = new Latencies();
        var buffer = new byte[64];
        await AskAsync(window / 4);
        latencies.Reset();
        await AskAsync(window);
        await stop.CancelAsync();
        await echo;
        return Summarize(latencies);

        async Task AskAsync(TimeSpan duration)
        {
            var start = Stopwatch.GetTimestamp();
            while (Stopwatch.GetElapsedTime(start) < duration)
            {
                var begin = Stopwatch.GetTimestamp();
                await client.SendAsync(buffer);
                await client.ReceiveAsync(buffer);
                latencies.Record(begin);
            }
        }
    }

    public static FloorResult Summarize(Latencies latencies)
    {
        var summary = latencies.Summary();
        return new FloorResult(summary.P50, "us", false) { P50Us = summary.P50, P99Us = summary.P99, Samples = summary.Samples };
    }

    private static async Task EchoAsync(Socket server, CancellationToken stop)
    {
        var buffer = new byte[64];
        var address = new SocketAddress(AddressFamily.InterNetwork);
        try
        {
            while (true)
            {
                var length = await server.ReceiveFromAsync(buffer, SocketFlags.None, address, stop);
                await server.SendToAsync(buffer.AsMemory(0, length), SocketFlags.None, address, stop);
            }
        }
        catch (OperationCanceledException)
        {
            // The measurement is over.
        }
    }
}
