using Mosaik.Groups.Raft;
using Mosaik.Testing;

namespace Mosaik.Simulation.Raft;

/// <summary>What may go wrong in a run (spec/groups-safety.md §10.1).</summary>
internal enum RaftFaults
{
    /// <summary>Messages and timers in any order.</summary>
    None,

    /// <summary>Bonds are lost and made again.</summary>
    Churn,

    /// <summary>Also processes that forget everything, and new ones.</summary>
    Restarts,

    /// <summary>A seed chooses.</summary>
    All,
}

/// <summary>How a run is driven.</summary>
internal enum RaftStyle
{
    /// <summary>A step is one event of any kind on any node; clocks move only when a timer fires.</summary>
    Events,

    /// <summary>Episodes with a new random mesh of bonds each.</summary>
    Meshes,

    /// <summary>Time passes; links have latencies, fall silent and heal; clocks drift; clients keep calling.</summary>
    Time,

    /// <summary>Every process is replaced, one after the other (Majority); the others keep working.</summary>
    Rolling,

    /// <summary>Every node begins alone, with a history of its own (Available).</summary>
    SeparateBoot,

    /// <summary>An established group meets a newcomer or a member that was away (Available).</summary>
    Newcomer,

    /// <summary>Two sides with histories of their own, and a newcomer between them (Available).</summary>
    Sides,

    /// <summary>Several voters are lost in several ways at about the same time, and replaced (Majority).</summary>
    Losses,

    /// <summary>
    /// A member comes back while another is being added for it, and the one that was added leads (Majority).
    /// </summary>
    Returns,

    /// <summary>Beyond the budget: two groups founded under one key meet (Majority).</summary>
    TwoFoundings,
}

/// <summary>One run, drawn from its seed.</summary>
/// <param name="Nodes">How many begin.</param>
/// <param name="Voters">The n of Majority(n); 0 = Available.</param>
/// <param name="Style">How it is driven.</param>
/// <param name="Faults">What may go wrong.</param>
/// <param name="Learners">Majority: processes that never vote.</param>
/// <param name="Spares">Majority: voters beyond n.</param>
/// <param name="Plain">Available: how many of those that begin send no extension block.</param>
/// <param name="Steps">How long it is.</param>
/// <param name="Limits">Sizes and delays.</param>
internal sealed record RaftPlan(
    int Nodes, int Voters, RaftStyle Style, RaftFaults Faults, int Learners, int Spares, int Plain, int Steps, RaftLimits Limits)
{
    /// <summary>Changes whenever the same seed would mean another run.</summary>
    public const int Version = 5;

    public bool IsMajority => Voters > 0;

    /// <summary>Draws what the command line leaves open.</summary>
    /// <param name="random">The seed's stream for the plan.</param>
    /// <param name="nodes">How many begin; null = any of 2 to 5.</param>
    /// <param name="voters">The n of Majority(n); 0 = Available; null = either.</param>
    /// <param name="faults">What may go wrong.</param>
    public static RaftPlan Draw(SimulationRandom random, int? nodes, int? voters, RaftFaults faults)
    {
        int count = nodes ?? 2 + random.NextBelow(4);
        int majority = voters ?? (random.NextBelow(2) == 0 ? count : 0);
        RaftFaults chosen = faults == RaftFaults.All
            ? (RaftFaults)random.NextBelow((int)RaftFaults.All) : faults;

        // With two voters there is none to spare (spec/groups-safety.md §7.4).
        bool rolls = chosen == RaftFaults.Restarts && majority > 2;
        bool loses = chosen == RaftFaults.Restarts && majority > 2;
        RaftStyle[] styles = majority > 0
            ? [RaftStyle.Events, RaftStyle.Events, RaftStyle.Meshes, RaftStyle.Meshes, RaftStyle.Time, RaftStyle.Time,
                rolls ? RaftStyle.Rolling : RaftStyle.Time, loses ? RaftStyle.Losses : RaftStyle.Events,
                chosen == RaftFaults.Restarts ? RaftStyle.TwoFoundings : RaftStyle.Meshes,
                loses ? RaftStyle.Returns : RaftStyle.Time]
            : [RaftStyle.Events, RaftStyle.Meshes, RaftStyle.Time, RaftStyle.SeparateBoot, RaftStyle.Newcomer, RaftStyle.Sides];
        RaftStyle style = styles[random.NextBelow(styles.Length)];

        // Majority(n) with more nodes than n: the others are learners. A spare voter may take the place of a lost one.
        int learners = majority > 0 ? Math.Max(count - majority, random.NextBelow(3)) : 0;
        int spares = majority > 0 && chosen == RaftFaults.Restarts && style is not (RaftStyle.Rolling or RaftStyle.TwoFoundings)
            ? random.NextBelow((majority / 2) + 1) : 0;
        if (style is RaftStyle.Losses or RaftStyle.Returns)
            spares = Math.Max(1, spares);
        int plain = majority == 0 && random.NextBelow(5) == 0 ? 1 + random.NextBelow(count) : 0;
        return new RaftPlan(
            count, majority, style, chosen, learners, spares, plain, 300 + random.NextBelow(400), RaftLimits.Draw(random));
    }
}

/// <summary>Sizes and delays of one run, the same on all nodes: small ones reach their limits.</summary>
internal sealed record RaftLimits(
    int ReplayBatchSize, TimeSpan ReplayFetchTimeout, long MaxBufferedBytes, int MaxBatchCommands, int MaxBatchBytes,
    TimeSpan ElectionTimeoutJitter, bool VerifyEntryBytes, TimeSpan VoterReplacementDelay)
{
    /// <summary>How long a member has to be away until everybody who gives up at all has given it up.</summary>
    public TimeSpan Patience => IsReplacing ? VoterReplacementDelay : TimeSpan.FromSeconds(30);

    /// <summary>Whether a member is given up for its absence alone.</summary>
    public bool IsReplacing => VoterReplacementDelay != Timeout.InfiniteTimeSpan;

    public static RaftLimits Draw(SimulationRandom random) => new(
        Any(random, 1, 2, 3, 5, 2000, 2000),
        TimeSpan.FromSeconds(Any(random, 1, 25)),
        Any(random, 6, 24, 64 * 1024 * 1024),
        Any(random, 1, 2, 4096, 4096),
        Any(random, 5, 256 * 1024, 256 * 1024),
        TimeSpan.FromMilliseconds(Any(random, 0, 500, 500, 1000)),
        random.NextBelow(3) > 0,
        AnyDelay(random));

    public RaftSettings Apply(RaftSettings settings) => settings with
    {
        ReplayBatchSize = ReplayBatchSize,
        ReplayFetchTimeout = ReplayFetchTimeout,
        MaxBufferedBytes = MaxBufferedBytes,
        MaxBatchCommands = MaxBatchCommands,
        MaxBatchBytes = MaxBatchBytes,
        ElectionTimeoutJitter = ElectionTimeoutJitter,
        VoterReplacementDelay = VoterReplacementDelay,
        VerifyEntryBytes = VerifyEntryBytes,
    };

    private static TimeSpan AnyDelay(SimulationRandom random)
    {
        int seconds = Any(random, 3, 3, 30, 30, 0);
        return seconds == 0 ? Timeout.InfiniteTimeSpan : TimeSpan.FromSeconds(seconds);
    }

    private static int Any(SimulationRandom random, params ReadOnlySpan<int> values) => values[random.NextBelow(values.Length)];
}
