using System.Diagnostics;

namespace Mosaik.Bench.Contracts;

/// <summary>Counts at the receiver, in a window that ends with time or with an amount (B5).</summary>
public sealed class RateWindow
{
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(2);
    private long _count;

    public void Add(long amount) => Interlocked.Add(ref _count, amount);

    public async Task<NodeMeasured> MeasureAsync(NodeMeasure measure, Func<LatencySummary?>? latency = null, Action? onWindow = null)
    {
        ArgumentNullException.ThrowIfNull(measure);
        onWindow?.Invoke();
        var meter = new ResourceMeter();
        var first = Interlocked.Read(ref _count);
        var start = Stopwatch.GetTimestamp();
        var window = TimeSpan.FromSeconds(measure.WindowSeconds);
        while (Stopwatch.GetElapsedTime(start) < window
            && (measure.MaxBytes == 0 || Interlocked.Read(ref _count) - first < measure.MaxBytes))
            await Task.Delay(Step);
        var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        return new NodeMeasured(Interlocked.Read(ref _count) - first, seconds, meter.Stop(), latency?.Invoke());
    }
}
