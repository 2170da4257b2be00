using Mosaik.Streams;
using Mosaik.Testing;

namespace Mosaik.Simulation.Streams;

/// <summary>What goes wrong once, and for how long.</summary>
/// <param name="At">When it begins.</param>
/// <param name="Kind">What it is.</param>
/// <param name="Producer">Whom it meets: a producer.</param>
/// <param name="Consumer">Whom it meets: a consumer.</param>
/// <param name="Duration">How long it lasts: the cut, the pause, the time until the node is back.</param>
internal sealed record StreamFault(TimeSpan At, FaultKind Kind, int Producer, int Consumer, TimeSpan Duration);

/// <summary>
/// Everything that is decided before a run, drawn from the stream <c>plan</c> of its seed. Swarm testing: each kind of
/// fault and each knob is on or off per seed, so that seeds differ in kinds and not only in luck.
/// </summary>
internal sealed class StreamsPlan
{
    private static readonly FaultKind[] Kinds =
    [
        FaultKind.Partition, FaultKind.OneWay, FaultKind.ProducerCrash, FaultKind.ConsumerCrash,
        FaultKind.ProducerRestart, FaultKind.Withdrawal, FaultKind.ConsumerReopened, FaultKind.SlowReader,
        FaultKind.LatencyTail, FaultKind.ConnectionLost, FaultKind.Revocation,
    ];

    private static readonly FaultKind[] GentleKinds =
    [
        FaultKind.SlowReader, FaultKind.ConnectionLost, FaultKind.Revocation, FaultKind.ConsumerReopened,
    ];

    /// <summary>All topics.</summary>
    private const int Everything = (1 << Datum.Topics) - 1;

    private readonly SimulationRandom _random;

    public StreamsPlan(SimulationRandom random)
    {
        _random = random;
        Producers = 1 + Below(3);
        Consumers = 1 + Below(4);
        Handles = Chance(0.6) ? 1 : 2;
        IsGentle = Chance(0.3);
        Policy = IsGentle && Chance(0.6) ? LagPolicy.Skip : (LagPolicy)Below(3);
        bool isDeep = Chance(0.15); // backlogs fill, however large they may be
        IsFat = !isDeep && Chance(0.3);
        BufferSize = isDeep ? 100 : Pick(1, 2, 4, 8, 32, 100);
        MaxBufferedBytes = Chance(0.2) ? Pick(600, 20_000, 200_000) : 64L * 1024 * 1024;
        QueueSize = Pick(1, 3, 16, 64);
        StallTimeout = Chance(0.15) ? Timeout.InfiniteTimeSpan : Duration(500, 6000);
        StreamWindow = IsFat ? Pick(20_000, 200_000, 1_250_000) : isDeep ? 500 : Pick(500, 3000, 1_250_000);
        MaxChunkBytes = IsFat ? Pick(3000, 65_536) : Pick(17, 400, 65_536);
        MaxPadding = IsFat ? Pick(8000, 60_000) : Pick(0, 40, 700);
        Pause = isDeep || Chance(0.3) ? Duration(0, 4) : Duration(5, 200);
        MaxLatency = Duration(1, 80);
        Loss = IsGentle || Chance(0.5) ? 0 : Below(60) / 1000.0;
        MaxConsumers = Consumers > 1 && Chance(0.25) ? Consumers - 1 : int.MaxValue;
        RequiresTag = Chance(0.25);
        HasFastBackoff = Chance(0.5);
        int tagged = Below(Consumers); // one at least, or nobody could ever send
        RequiresTicket = !RequiresTag && Chance(0.2);
        IsEligible = [.. Enumerable.Range(0, Consumers).Select(i => !HasRule || Chance(0.7) || i == tagged)];
        Places = Math.Min(MaxConsumers, IsEligible.Count(static eligible => eligible));
        MinimumOnline = Chance(0.15) ? 0 : Chance(0.3) ? 1 + Below(Places) : 1;
        HasCriteria = Chance(0.3);
        Wanted = [.. Enumerable.Range(0, Consumers).Select(
            _ => HasCriteria && Chance(0.7) ? 1 + Below(Everything) : Everything)];
        IsOneSided = !HasRule && Chance(0.3);
        EndsBusily = Chance(0.5);
        IsSlow = [.. Enumerable.Range(0, Consumers).Select(_ => isDeep || Chance(0.35))];
        FaultKind[] kinds = [.. (IsGentle ? GentleKinds : Kinds).Where(_ => Chance(0.5))];
        Faults = kinds.Length == 0 ? [] : [.. Enumerable.Range(0, Below(7)).Select(_ => DrawFault(kinds))];
        FaultsEnd = TimeSpan.FromSeconds(3);
        foreach (StreamFault fault in Faults)
            FaultsEnd = fault.At + fault.Duration > FaultsEnd ? fault.At + fault.Duration : FaultsEnd;
    }

    public int Producers { get; }

    public int Consumers { get; }

    /// <summary>Handles of each producer, each with a sender of its own.</summary>
    public int Handles { get; }

    public LagPolicy Policy { get; }

    /// <summary>Whether datums are so large that the transport's buffers fill.</summary>
    public bool IsFat { get; }

    public int BufferSize { get; }

    public long MaxBufferedBytes { get; }

    public int QueueSize { get; }

    public TimeSpan StallTimeout { get; }

    public int StreamWindow { get; }

    public int MaxChunkBytes { get; }

    public int MaxPadding { get; }

    /// <summary>The longest pause of a sender between two calls.</summary>
    public TimeSpan Pause { get; }

    public TimeSpan MaxLatency { get; }

    public double Loss { get; }

    public int MaxConsumers { get; }

    /// <summary>Whether producers accept only consumers with a tag.</summary>
    public bool RequiresTag { get; }

    /// <summary>Whether producers accept only consumers with a ticket that has not expired.</summary>
    public bool RequiresTicket { get; }

    /// <summary>Whether producers accept only some.</summary>
    public bool HasRule => RequiresTag || RequiresTicket;

    public bool HasFastBackoff { get; }

    /// <summary>Which consumers have what producers ask for.</summary>
    public IReadOnlyList<bool> IsEligible { get; }

    /// <summary>How many consumers each producer has when all is well.</summary>
    public int Places { get; }

    /// <summary>A producer is online with so many consumers.</summary>
    public int MinimumOnline { get; }

    /// <summary>Whether some consumers want only some topics.</summary>
    public bool HasCriteria { get; }

    /// <summary>The topics that each consumer wants, as bits.</summary>
    public IReadOnlyList<int> Wanted { get; }

    /// <summary>
    /// Whether only consumers are told of producers: a producer gets to know a consumer by refusing it as unknown
    /// (401), upon which the consumer synchronises its catalog.
    /// </summary>
    public bool IsOneSided { get; }

    /// <summary>Whether streams are withdrawn while datums still wait to be sent.</summary>
    public bool EndsBusily { get; }

    /// <summary>Which consumers take their time before the quiet phase.</summary>
    public IReadOnlyList<bool> IsSlow { get; }

    public IReadOnlyList<StreamFault> Faults { get; }

    /// <summary>Whether nothing happens that must cost a connection.</summary>
    public bool IsHarmless => Faults.All(static fault => fault.Kind is FaultKind.SlowReader or FaultKind.LatencyTail);

    /// <summary>
    /// Whether all that can happen to a connection is that it breaks or is not allowed any more: messages are not lost,
    /// nodes stay, and latencies are short, so that it is known how long it takes to connect again.
    /// </summary>
    public bool IsGentle { get; }

    /// <summary>When the last fault is over.</summary>
    public TimeSpan FaultsEnd { get; }

    /// <inheritdoc/>
    public override string ToString() =>
        $"{Producers} producers with {Handles} handles, {Consumers} consumers, {Policy}, "
        + $"buffer {BufferSize} / {MaxBufferedBytes} B, queue {QueueSize}, stall {StallTimeout.TotalSeconds:0.0} s, "
        + $"window {StreamWindow}, chunks {MaxChunkBytes}, padding {MaxPadding}, "
        + $"pause {Pause.TotalMilliseconds:0} ms, latency {MaxLatency.TotalMilliseconds:0} ms, loss {Loss:0.000}, "
        + $"max consumers {MaxConsumers}, tag {RequiresTag}, ticket {RequiresTicket}, "
        + $"online from {MinimumOnline}, topics {string.Join(' ', Wanted)}, "
        + $"one-sided {IsOneSided}, ends busily {EndsBusily}, faults {string.Join("; ", Faults)}";

    private StreamFault DrawFault(FaultKind[] kinds)
    {
        FaultKind kind = kinds[Below(kinds.Length)];
        TimeSpan longest = kind switch
        {
            FaultKind.Partition or FaultKind.OneWay => TimeSpan.FromSeconds(45),
            FaultKind.Revocation => TimeSpan.FromSeconds(25),
            FaultKind.SlowReader => TimeSpan.FromSeconds(12),
            _ => TimeSpan.FromSeconds(6),
        };
        return new StreamFault(
            Duration(500, 15_000), kind, Below(Producers), Below(Consumers),
            Duration(1, (int)longest.TotalMilliseconds));
    }

    private TimeSpan Duration(int fromMs, int toMs) => TimeSpan.FromMilliseconds(fromMs + Below(toMs - fromMs + 1));

    private T Pick<T>(params ReadOnlySpan<T> values) => values[Below(values.Length)];

    private bool Chance(double probability) => _random.NextDouble() < probability;

    private int Below(int count) => _random.NextBelow(count);
}
