using Mosaik.Discovery;
using Mosaik.Testing;

namespace Mosaik.Simulation.Discovery;

/// <summary>In which order and rhythm the nodes start.</summary>
internal enum StartPattern
{
    /// <summary>All in the same instant.</summary>
    AtOnce,

    /// <summary>Spread over some seconds.</summary>
    Staggered,

    /// <summary>The first one long before the others.</summary>
    FirstAlone,

    /// <summary>The first one some time after the others, which may depend on it.</summary>
    FirstLast,
}

/// <summary>Whom a node is told of at its start.</summary>
internal enum BootstrapPattern
{
    /// <summary>The first node only.</summary>
    One,

    /// <summary>The first three nodes, which know each other.</summary>
    Three,

    /// <summary>One node that came earlier, whichever.</summary>
    Chain,
}

/// <summary>Everything that a seed decides before the run begins (spec/reliability.md §3.1, §4).</summary>
internal sealed class DiscoveryPlan
{
    /// <summary>Raised when the same seed would mean another run.</summary>
    public const int Version = 3;

    private const int LargestWithFaults = 100;

    // A dial that nobody answers ends after 10 s; within the first 10 s the next one follows after 8 s and a fifth.
    private static readonly TimeSpan LongestRetry = TimeSpan.FromSeconds(20);

    // Skews stay within a third of the tolerated drift, for two nodes may be off in opposite directions.
    private static readonly TimeSpan LargestSkew = TimeSpan.FromSeconds(3);

    public DiscoveryPlan(SimulationRandom random, int? nodes)
    {
        NodeCount = nodes ?? 3 + random.NextBelow(14);
        HasFaults = NodeCount <= LargestWithFaults;
        Starts = Pick<StartPattern>(random);
        Bootstraps = Pick<BootstrapPattern>(random);
        StartsSpread = TimeSpan.FromSeconds(1 + random.NextBelow(10));
        bool isSkewed = random.NextBelow(2) == 0;
        for (int i = 0; i < NodeCount + MaxJoins; i++)
        {
            double skew = isSkewed ? (random.NextDouble() * 2) - 1 : 0;
            Clocks.Add((1 + (skew * 0.001), LargestSkew * skew));
            BootstrapOf.Add(DrawBootstraps(random, i));
            StartAt.Add(DrawStart(random, i));
        }
        if (!HasFaults)
            return;
        // Short lives of entries make purging part of every run; they are what users set in tests of their own.
        (int purge, int announce) = ((int, int)[])[(30, 10), (60, 15), (90, 15), (300, 15)] is var choices
            ? choices[random.NextBelow(choices.Length)] : default;
        Discovery = Discovery with { PurgeAfter = TimeSpan.FromSeconds(purge), AnnounceInterval = TimeSpan.FromSeconds(announce) };
        Faults.AddRange(FaultPlanner.Draw(this, random));
        FaultsEnd = Faults.Count == 0 ? TimeSpan.Zero : Faults.Max(static fault => fault.At + fault.Duration);
    }

    /// <summary>Nodes that may join while there are faults.</summary>
    public const int MaxJoins = 4;

    public int NodeCount { get; }

    public bool HasFaults { get; }

    public StartPattern Starts { get; }

    public TimeSpan StartsSpread { get; }

    public BootstrapPattern Bootstraps { get; }

    /// <summary>Per node: the rate and the offset of its clock.</summary>
    public List<(double Rate, TimeSpan Offset)> Clocks { get; } = [];

    /// <summary>Per node: whom it is told of.</summary>
    public List<int[]> BootstrapOf { get; } = [];

    /// <summary>Per node: when it starts. Only in <see cref="StartPattern.FirstLast"/> is a way in there after who needs it.</summary>
    public List<TimeSpan> StartAt { get; } = [];

    public DiscoveryOptions Discovery { get; } = new() { EventsBacklog = 100_000, RttProbe = RttProbe.Never };

    /// <summary>10 to 50 ms, as performance.md D1 has it.</summary>
    public LinkConditions CleanLink { get; } =
        new() { MinLatency = TimeSpan.FromMilliseconds(10), MaxLatency = TimeSpan.FromMilliseconds(50) };

    /// <summary>What goes wrong, and when, counted from the convergence after the start.</summary>
    public List<DiscoveryFault> Faults { get; } = [];

    public TimeSpan FaultsEnd { get; }

    /// <summary>Nodes that others depend on as their way in are restarted, never lost for good.</summary>
    public bool IsBootstrap(int node) => BootstrapOf.Exists(peers => peers.Contains(node));

    /// <summary>A node that runs with a wrong clock for a while.</summary>
    public bool HasWrongClock(int node) => Faults.Exists(
        fault => (fault is DiscoveryFault.WrongClock wrong && wrong.Node == node) || (fault is DiscoveryFault.HastyClock hasty && hasty.Node == node));

    /// <summary>How long after the last start all must know all (performance.md D1).</summary>
    public TimeSpan StartBound => JoinBound + (Starts == StartPattern.FirstLast ? LongestRetry : TimeSpan.Zero);

    /// <summary>How long after one has joined all must know it.</summary>
    public TimeSpan JoinBound => TimeSpan.FromSeconds(NodeCount <= 10 ? 2 : NodeCount <= 100 ? 5 : 20);

    public override string ToString() =>
        $"{NodeCount} nodes, start {Starts}, bootstrap {Bootstraps}, purge after {Discovery.PurgeAfter.TotalSeconds} s, {Faults.Count} faults";

    private int[] DrawBootstraps(SimulationRandom random, int node) => Bootstraps switch
    {
        BootstrapPattern.One => node == 0 ? [] : [0],
        BootstrapPattern.Three => [.. Enumerable.Range(0, Math.Min(3, NodeCount)).Where(other => other != node)],
        _ => node == 0 ? [] : [random.NextBelow(Math.Min(node, NodeCount))],
    };

    private TimeSpan DrawStart(SimulationRandom random, int node)
    {
        double fraction = random.NextDouble();
        return Starts switch
        {
            StartPattern.AtOnce => TimeSpan.Zero,
            StartPattern.FirstAlone => node == 0 ? TimeSpan.Zero : StartsSpread,
            StartPattern.FirstLast => node == 0 ? StartsSpread : TimeSpan.Zero,
            _ when Bootstraps == BootstrapPattern.Three && node < 3 => TimeSpan.Zero,
            _ => StartsSpread * Math.Min(1, (node + fraction) / NodeCount),
        };
    }

    private static T Pick<T>(SimulationRandom random)
        where T : struct, Enum
    {
        T[] values = Enum.GetValues<T>();
        return values[random.NextBelow(values.Length)];
    }
}
