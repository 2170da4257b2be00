using System.Diagnostics;
using System.Net.Sockets;
using Mosaik.Bench.Contracts;

namespace Mosaik.Bench.Floors;

/// <summary>
/// The encrypted datapath without a protocol: seal, UDP with segmentation, coalesced receive, open; payload bytes per
/// second at the receiver (spec/performance.md §2.3). Two threads of one process; also the denominator of Q1.
/// </summary>
internal sealed class DatapathSide(int segments) : IWorkloadSide
{
    private const int MaxReceive = 65_536;

    public string Name => $"datapath-x{segments}";

    public bool IsEncrypted => true;

    public ValueTask StartAsync(RunPlan plan) => ValueTask.CompletedTask;

    public ValueTask<Sample> RunAsync(RunPlan plan)
    {
        var meter = new ResourceMeter();
        var result = Measure(plan.WarmUp, plan.Window, segments, plan.Placement == Placement.Pinned);
        return ValueTask.FromResult(
            new Sample(result.Value, result.Unit, true, result.Samples * PacketCipher.PayloadLength, plan.Window.TotalSeconds)
            {
                Resources = meter.Stop(),
            });
    }

    public ValueTask StopAsync() => ValueTask.CompletedTask;

    public static FloorResult Measure(TimeSpan warmUp, TimeSpan window, int segments, bool pinned)
    {
        using var receiver = NativeUdp.Bind(coalesce: segments > 1);
        using var sender = NativeUdp.Connect(receiver.LocalEndPoint!, segments);
        var gate = new FlowGate();
        var stop = false;
        var reading = NativeUdp.Run(() => Receive(receiver, gate), pinned ? 1 : null);
        var writing = NativeUdp.Run(() => Send(sender, segments, gate, ref stop), pinned ? 0 : null);

        Thread.Sleep(warmUp);
        var start = Stopwatch.GetTimestamp();
        var first = gate.Received;
        Thread.Sleep(window);
        var packets = (gate.Received - first) / NativeUdp.DatagramSize;
        var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        Volatile.Write(ref stop, true);
        writing.Join();
        reading.Join();
        return new FloorResult(packets * PacketCipher.PayloadLength / seconds / 1e6, "MB/s", true)
        {
            Samples = packets,
            LossPercent = 100.0 * Math.Max(0, gate.Sent - gate.Received) / Math.Max(1, gate.Sent),
        };
    }

    private static void Send(Socket socket, int segments, FlowGate gate, ref bool stop)
    {
        using var cipher = new PacketCipher();
        var buffer = new byte[segments * NativeUdp.DatagramSize];
        uint number = 0;
        while (!Volatile.Read(ref stop) && gate.TrySend(buffer.Length))
        {
            for (var i = 0; i < segments; i++)
                cipher.Seal(buffer.AsSpan(i * NativeUdp.DatagramSize, NativeUdp.DatagramSize), number++);
            socket.Send(buffer);
        }
    }

    private static void Receive(Socket socket, FlowGate gate)
    {
        using var cipher = new PacketCipher();
        var buffer = new byte[MaxReceive];
        try
        {
            while (true)
            {
                var length = socket.Receive(buffer);
                for (var at = 0; at < length; at += NativeUdp.DatagramSize)
                    cipher.Open(buffer.AsSpan(at, NativeUdp.DatagramSize));
                gate.OnReceived(length);
            }
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.TimedOut)
        {
            // The sender has stopped.
        }
    }
}
