namespace Mosaik.Bench.Floors;

/// <summary>What a primitive costs on this machine in this run (B2).</summary>
internal sealed record FloorResult(double Value, string Unit, bool IsHigherBetter)
{
    public double? P50Us { get; init; }

    public double? P99Us { get; init; }

    public long Samples { get; init; }

    public double LossPercent { get; init; }
}

/// <summary>A floor: a name, a variant, whether its threads are pinned, and how to measure it for a while.</summary>
internal sealed record Floor(string Name, string Variant, bool IsPinned, Func<TimeSpan, Task<FloorResult>> MeasureAsync);
