namespace Mosaik.Bench.Contracts;

/// <summary>How one side of one variant is to be run.</summary>
/// <param name="Variant">For example <c>size=64</c>.</param>
/// <param name="Placement">Where the processes run (B3).</param>
/// <param name="Processes">1 or 2 (B4).</param>
/// <param name="WarmUp">Not measured (B5).</param>
/// <param name="Window">Measured.</param>
/// <param name="IsQuick">Whether data amounts may be smaller.</param>
public sealed record RunPlan(
    string Variant, Placement Placement, int Processes, TimeSpan WarmUp, TimeSpan Window, bool IsQuick);

/// <summary>Where processes run.</summary>
public enum Placement
{
    /// <summary>The scheduler decides.</summary>
    Free,

    /// <summary>Load on core 0, server on core 1.</summary>
    Pinned,
}
