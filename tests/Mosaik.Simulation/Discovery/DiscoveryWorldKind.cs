using System.Globalization;

namespace Mosaik.Simulation.Discovery;

/// <summary>
/// The world <c>discovery</c>: catalogs, announcements and gossip of whole nodes under swarm faults (spec/reliability.md §2
/// T2, §5.3); with a number of nodes, as in <c>discovery/1000</c>, the start of so many (spec/performance.md D1).
/// </summary>
internal sealed class DiscoveryWorldKind(int? nodes) : IWorld
{
    private const string Prefix = "discovery";
    private const int FewestNodes = 3;
    private const int MostNodes = 10_000;

    public string Name => nodes is { } count ? string.Create(CultureInfo.InvariantCulture, $"{Prefix}/{count}") : Prefix;

    public int Plan => DiscoveryPlan.Version;

    public string Summary =>
        "whole nodes on the in-memory transport, 3-16 or discovery/N; D1, DI-1 to DI-6, GO-1 to GO-4, RE-1, RE-3";

    /// <summary>A seed is some minutes of a whole network, most of a second of computing.</summary>
    public int SeedsAmongAll(int seeds) => (seeds + 2) / 3;

    /// <summary>The world of a name, if it is one of these.</summary>
    public static DiscoveryWorldKind? Find(string name)
    {
        if (name == Prefix)
            return new DiscoveryWorldKind(null);
        return name.StartsWith(Prefix + "/", StringComparison.Ordinal)
            && int.TryParse(name.AsSpan(Prefix.Length + 1), NumberStyles.None, CultureInfo.InvariantCulture, out int nodes)
            && nodes is >= FewestNodes and <= MostNodes
            ? new DiscoveryWorldKind(nodes)
            : null;
    }

    public RunResult Run(ulong seed, RunOptions options)
    {
        using var world = new DiscoveryWorld(seed, nodes, options);
        Violation? violation = null;
        try
        {
            world.Run();
        }
        catch (InvariantViolationException e)
        {
            violation = new Violation(e.Invariant, e.Detail, world.Log.Trace.Recent(12));
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            violation = new Violation("EXCEPTION", e.ToString(), world.Log.Trace.Recent(12));
        }
        return new RunResult(seed, world.Scheduler.Steps, world.Scheduler.Now, world.Log.Trace.Hash, world.Log.Faults, violation)
        {
            Notes = world.Notes,
        };
    }
}
