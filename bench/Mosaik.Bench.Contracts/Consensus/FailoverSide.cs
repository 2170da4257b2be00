using System.Diagnostics;

namespace Mosaik.Bench.Contracts.Consensus;

/// <summary>
/// A side of R4: its leader is killed again and again; what is measured is the time until something is committed without it.
/// </summary>
public abstract class FailoverSide(string name) : IWorkloadSide
{
    private const int Kills = 10;
    private const int QuickKills = 2;

    // Kills that kept step with heartbeats would always find the same time since the last one.
    private static readonly TimeSpan LongestRest = TimeSpan.FromMilliseconds(200);

    public string Name => name;

    public bool IsEncrypted { get; init; }

    public string? Missing { get; init; }

    public abstract ValueTask StartAsync(RunPlan plan);

    public async ValueTask<Sample> RunAsync(RunPlan plan)
    {
        ArgumentNullException.ThrowIfNull(plan);
        var gaps = new List<double>();
        var start = Stopwatch.GetTimestamp();
        for (var kills = plan.IsQuick ? QuickKills : Kills; gaps.Count < kills;)
        {
            await Task.Delay(LongestRest * Random.Shared.NextDouble());
            gaps.Add((await KillLeaderAsync()).TotalMilliseconds);
            await RestoreAsync();
        }

        gaps.Sort();
        var (median, longest) = (gaps[gaps.Count / 2], gaps[^1]);
        // With so few of them the longest one is the 99th percentile.
        return new Sample(longest, "ms", IsHigherBetter: false, gaps.Count, Stopwatch.GetElapsedTime(start).TotalSeconds)
        {
            Latency = new LatencySummary(median * 1000, longest * 1000, longest * 1000, longest * 1000, gaps.Count),
        };
    }

    public abstract ValueTask StopAsync();

    /// <summary>Kills the leader while clients of the others write.</summary>
    /// <returns>The time from the kill to the first commit under another leader, as its client sees it.</returns>
    protected abstract Task<TimeSpan> KillLeaderAsync();

    /// <summary>Starts again what was killed; completes when the cluster is whole.</summary>
    protected abstract Task RestoreAsync();
}
