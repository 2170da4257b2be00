using System.Diagnostics;
using HdrHistogram;

namespace Mosaik.Bench.Contracts;

/// <summary>A histogram from 1 µs to 60 s with three digits (B6); recorded in nanoseconds, thread-safe.</summary>
public sealed class Latencies
{
    private const long SamplesForP999 = 100_000;

    private readonly Lock _lock = new();
    private readonly LongHistogram _histogram = new(100, 60_000_000_000, 3);

    public void Record(long startTimestamp)
    {
        var elapsed = Math.Clamp((long)Stopwatch.GetElapsedTime(startTimestamp).TotalNanoseconds, 100, 60_000_000_000);
        lock (_lock)
            _histogram.RecordValue(elapsed);
    }

    public void Reset()
    {
        lock (_lock)
            _histogram.Reset();
    }

    public LatencySummary Summary()
    {
        lock (_lock)
        {
            if (_histogram.TotalCount == 0)
                return new(0, 0, 0, 0, 0);
            return new(
                Micro(_histogram.GetValueAtPercentile(50)), Micro(_histogram.GetValueAtPercentile(90)),
                Micro(_histogram.GetValueAtPercentile(99)), Micro(_histogram.GetMaxValue()), _histogram.TotalCount)
            {
                P999 = _histogram.TotalCount >= SamplesForP999 ? Micro(_histogram.GetValueAtPercentile(99.9)) : null,
            };
        }
    }

    private static double Micro(long nanoseconds) => nanoseconds / 1000.0;
}
