namespace Mosaik.Simulation;

/// <summary>One kind of simulated world: a run is a function of its seed (spec/reliability.md §3).</summary>
internal interface IWorld
{
    /// <summary>The name on the command line.</summary>
    string Name { get; }

    /// <summary>The version of the plan: it changes whenever the same seed would mean another run.</summary>
    int Plan { get; }

    /// <summary>One line about what is simulated.</summary>
    string Summary { get; }

    /// <summary>How many seeds it runs where all worlds run so many: fewer, if one of its seeds is expensive.</summary>
    int SeedsAmongAll(int seeds) => seeds;

    /// <summary>Runs one seed to its end, to its first violation, or to a step.</summary>
    RunResult Run(ulong seed, RunOptions options);
}

/// <summary>How far to run, and where to tell about it.</summary>
/// <param name="Until">Stop before this step; null = to the end.</param>
/// <param name="Log">Every event as a line; null = none.</param>
internal sealed record RunOptions(long? Until = null, TextWriter? Log = null)
{
    /// <summary>To the end, silently.</summary>
    public static RunOptions Default { get; } = new();
}

/// <summary>What a run was.</summary>
/// <param name="Seed">The seed.</param>
/// <param name="Steps">Events handled.</param>
/// <param name="VirtualTime">How long it took in its own time.</param>
/// <param name="TraceHash">The fingerprint of everything that happened (spec/reliability.md §3.5).</param>
/// <param name="Faults">What was injected.</param>
/// <param name="Violation">The first broken invariant; null = none.</param>
internal sealed record RunResult(
    ulong Seed, long Steps, TimeSpan VirtualTime, ulong TraceHash, FaultCounters Faults, Violation? Violation)
{
    /// <summary>What was measured, for people.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];
}

/// <summary>A broken invariant.</summary>
/// <param name="Invariant">Its name in spec/reliability.md §5.</param>
/// <param name="Detail">What was seen, and what had to be.</param>
/// <param name="Recent">The last events, oldest first.</param>
internal sealed record Violation(string Invariant, string Detail, IReadOnlyList<string> Recent);

/// <summary>Ends a run at the moment an invariant breaks.</summary>
internal sealed class InvariantViolationException(string invariant, string detail) : Exception(invariant + ": " + detail)
{
    /// <summary>The name of the invariant.</summary>
    public string Invariant { get; } = invariant;

    /// <summary>What was seen.</summary>
    public string Detail { get; } = detail;
}
