namespace Mosaik.Bench.Contracts.Consensus;

/// <summary>The timing all sides have (spec/performance.md §7.3): time-outs are drawn from 300 to 600 ms.</summary>
public static class ElectionTimes
{
    public static readonly TimeSpan Shortest = TimeSpan.FromMilliseconds(300);

    public static readonly TimeSpan Longest = TimeSpan.FromMilliseconds(600);

    public static readonly TimeSpan Heartbeat = TimeSpan.FromMilliseconds(50);
}
