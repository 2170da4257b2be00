using Mosaik.Bench.Contracts;
using Mosaik.Bench.Contracts.Consensus;

namespace Mosaik.Bench.Workloads.Groups;

/// <summary>The limit of R4 as a side: the longest election time-out + 300 ms.</summary>
internal sealed class ElectionLimit : IWorkloadSide
{
    private static readonly TimeSpan Allowance = TimeSpan.FromMilliseconds(300);

    public string Name => "election-limit";

    public bool IsEncrypted => false;

    public ValueTask StartAsync(RunPlan plan) => ValueTask.CompletedTask;

    public ValueTask<Sample> RunAsync(RunPlan plan) =>
        ValueTask.FromResult(new Sample((ElectionTimes.Longest + Allowance).TotalMilliseconds, "ms", IsHigherBetter: false, 1, 1));

    public ValueTask StopAsync() => ValueTask.CompletedTask;
}
