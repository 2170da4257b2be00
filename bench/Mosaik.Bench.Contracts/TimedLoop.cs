using System.Diagnostics;

namespace Mosaik.Bench.Contracts;

/// <summary>Runs an operation again and again on this thread.</summary>
public static class TimedLoop
{
    private const int BatchMilliseconds = 25;

    /// <summary>
    /// The median time per operation over batches of 25 ms, after a warm-up that ends when the compiler has come to rest.
    /// </summary>
    public static Sample Time(RunPlan plan, Action<int> runMany)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(runMany);
        var batch = WarmUp(plan.WarmUp, runMany);
        var times = new List<double>();
        var meter = new ResourceMeter();
        var start = Stopwatch.GetTimestamp();
        long operations = 0;
        while (Stopwatch.GetElapsedTime(start) < plan.Window || times.Count < 5)
        {
            var begin = Stopwatch.GetTimestamp();
            runMany(batch);
            times.Add(Stopwatch.GetElapsedTime(begin).TotalNanoseconds / batch);
            operations += batch;
        }

        var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        times.Sort();
        return new Sample(times[times.Count / 2], "ns/op", false, operations, seconds) { Resources = meter.Stop() };
    }

    private static int WarmUp(TimeSpan duration, Action<int> runMany)
    {
        var start = Stopwatch.GetTimestamp();
        var rest = new CompilerRest();
        var batch = 16;
        var last = 0.0;
        do
        {
            var begin = Stopwatch.GetTimestamp();
            runMany(batch);
            last = Stopwatch.GetElapsedTime(begin).TotalMilliseconds;
            if (last < BatchMilliseconds)
                batch = (int)Math.Min(batch * 2L, 1 << 28);
        }
        while (!rest.IsReached() || Stopwatch.GetElapsedTime(start) < duration || last < BatchMilliseconds);

        return Math.Max(1, (int)(batch * (BatchMilliseconds / last)));
    }
}
