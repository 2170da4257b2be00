namespace Mosaik.Bench.Contracts;

/// <summary>A row of the target tables (spec/performance.md §7).</summary>
/// <param name="Id">For example Q1.</param>
/// <param name="Title">One line.</param>
/// <param name="Metric">What is compared: rate, time.</param>
/// <param name="Variants">All variants.</param>
/// <param name="Processes">How many processes a side has.</param>
/// <param name="Placements">Which placements the row asks for. The targets are for the first one (B3), which is also the quick
/// one.</param>
public sealed record Workload(
    string Id, string Title, string Metric, IReadOnlyList<string> Variants, int Processes, IReadOnlyList<Placement> Placements)
{
    /// <summary>The variants of <c>--quick</c>.</summary>
    public IReadOnlyList<string> QuickVariants { get; init; } = Variants;

    /// <summary>Whether it takes the latencies of a fixed schedule.</summary>
    public bool IsOpenLoop { get; init; }

    /// <summary>Makes our side for a variant.</summary>
    public required Func<string, IWorkloadSide> Ours { get; init; }

    /// <summary>Makes the peers' sides for a variant.</summary>
    public required Func<string, IReadOnlyList<Func<IWorkloadSide>>> Peers { get; init; }

    /// <summary>The targets for a variant and a peer.</summary>
    public required Func<string, string, Target?> Targets { get; init; }

    /// <summary>The targets for the 99th percentile, where a workload has one beside the median.</summary>
    public Func<string, string, Target?>? TailTargets { get; init; }

    /// <summary>Whether every round has to meet the targets, not only the median of the rounds.</summary>
    public bool JudgesWorstRound { get; init; }

    /// <summary>The floor printed beside every ratio.</summary>
    public string? Floor { get; init; }
}

/// <summary>A ratio, oriented so that larger is better (B1).</summary>
public sealed record Target(double Must, double? Stretch);
