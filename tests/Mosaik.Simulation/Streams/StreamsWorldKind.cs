using Mosaik.Testing;

namespace Mosaik.Simulation.Streams;

/// <summary>
/// The world <c>streams</c>: whole nodes in virtual time on the in-memory transport (spec/reliability.md §2 T2, §5.2).
/// </summary>
internal sealed class StreamsWorldKind : IWorld
{
    private const int RecentEvents = 40;
    private static readonly TimeSpan Longest = TimeSpan.FromHours(1);

    public string Name => "streams";

    public int Plan => 2;

    public string Summary => "1-3 producers, 1-4 consumers, whole nodes; ST-1 to ST-9, RE-1";

    public RunResult Run(ulong seed, RunOptions options)
    {
        var scheduler = new SimulationScheduler();
        using var world = new StreamsWorld(seed, scheduler, options);
        Violation? violation = null;
        try
        {
            world.Start();
            scheduler.RunUntil(
                () => world.IsOver || world.Violation is not null || scheduler.Steps >= options.Until, Longest,
                "the end of the run");
        }
        catch (SimulationException e)
        {
            violation = new Violation("LIVENESS", e.Message, world.Trace.Recent(RecentEvents));
        }
        if (world.Violation is { } found)
            violation = new Violation(found.Invariant, found.Detail, world.Trace.Recent(RecentEvents));
        return new RunResult(seed, scheduler.Steps, scheduler.Now, world.Trace.Hash, world.Faults, violation);
    }
}
