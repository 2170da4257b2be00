using System.Diagnostics;
using Mosaik.Streams;

namespace Mosaik.Cli.Bench;

/// <summary>Receives one run, and checks that every datum came, once and in order.</summary>
internal sealed class BenchReceiver(Consumer<byte[]> consumer)
{
    private const int MaxLatencies = 20_000_000;

    private readonly List<long> _latencies = [];
    private long _first;
    private long _last;
    private long _count;
    private long _bytes;
    private TimeSpan _cpu;

    /// <summary>What was received, when the run has ended.</summary>
    public async Task<BenchResult> RunAsync(CancellationToken cancellation)
    {
        long next = -1;
        while (await consumer.WaitToReadAsync(cancellation).ConfigureAwait(false))
        {
            while (consumer.TryRead(out var datum))
            {
                if (!BenchDatum.TryRead(datum, out var number, out var timestamp, out var phase))
                    throw new ToolException($"a datum of {datum.Length} bytes is not of a benchmark");
                if (next >= 0 && number != next)
                    throw new ToolException($"datum {number} came where {next} was expected");
                next = number + 1;
                if (phase == BenchDatum.End)
                    return Result();
                if (phase == BenchDatum.Measured)
                    Count(datum.Length, timestamp);
            }
        }

        throw new ToolException("the sender has gone before the run ended");
    }

    private void Count(int length, long timestamp)
    {
        var now = Stopwatch.GetTimestamp();
        if (_count == 0)
            (_first, _cpu) = (now, Environment.CpuUsage.TotalTime);
        _last = now;
        _count++;
        _bytes += length;
        if (_latencies.Count < MaxLatencies)
            _latencies.Add(now - timestamp);
    }

    private BenchResult Result()
    {
        if (_count < 2)
            throw new ToolException("nothing was received while it was measured");
        var seconds = Stopwatch.GetElapsedTime(_first, _last).TotalSeconds;
        var cpu = (Environment.CpuUsage.TotalTime - _cpu).TotalMicroseconds / _count;
        _latencies.Sort();
        return new BenchResult(
            _count, seconds, (_count - 1) / seconds, _bytes / seconds / 1e6, cpu, Micro(0.5), Micro(0.99), Micro(1));
    }

    private double Micro(double share) =>
        Stopwatch.GetElapsedTime(0, _latencies[(int)(share * (_latencies.Count - 1))]).TotalMicroseconds;
}
