namespace Mosaik.Bench.Contracts;

/// <summary>What one side did in one round.</summary>
/// <param name="Value">The measured value.</param>
/// <param name="Unit">Its unit.</param>
/// <param name="IsHigherBetter">Its direction.</param>
/// <param name="Operations">How many operations were measured.</param>
/// <param name="Seconds">How long.</param>
public sealed record Sample(double Value, string Unit, bool IsHigherBetter, long Operations, double Seconds)
{
    /// <summary>Resources used by all processes of the side while it was measured (B8).</summary>
    public Resources Resources { get; init; } = new();

    /// <summary>Latencies, where the workload has any.</summary>
    public LatencySummary? Latency { get; init; }

    /// <summary>Lost application data in percent; anything but 0 voids a throughput run (B5).</summary>
    public double LossPercent { get; init; }
}

/// <summary>Latencies in microseconds.</summary>
public sealed record LatencySummary(double P50, double P90, double P99, double Max, long Samples)
{
    /// <summary>Only of so many samples that it means something (B6).</summary>
    public double? P999 { get; init; }
}
