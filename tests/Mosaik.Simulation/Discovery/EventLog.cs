using Mosaik.Testing;

namespace Mosaik.Simulation.Discovery;

/// <summary>What happened in a world that runs on a scheduler: the fingerprint, and lines for whoever reads.</summary>
internal sealed class EventLog(SimulationScheduler scheduler, RunOptions options)
{
    public EventTrace Trace { get; } = new();

    public FaultCounters Faults { get; } = new();

    public bool IsLogging => options.Log is not null;

    public void Record(int node, string kind, ulong argument = 0, ReadOnlySpan<byte> bytes = default)
    {
        Trace.Add(scheduler.Steps, scheduler.Now, node, kind, argument, bytes);
        if (IsLogging)
            Line($"n{node} {kind} {argument:x}");
    }

    /// <summary>A line of the log. Check <see cref="IsLogging"/> before building the text.</summary>
    public void Line(string text) => options.Log?.WriteLine($"{scheduler.Steps,9} {scheduler.Now.TotalSeconds,12:f6} {text}");
}
