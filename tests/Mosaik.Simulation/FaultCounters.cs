using System.Text;

namespace Mosaik.Simulation;

/// <summary>Everything out of the ordinary that a plan can ask for (spec/reliability.md §4).</summary>
internal enum FaultKind
{
    Loss,
    Duplicate,
    Reorder,
    LatencyTail,
    BitFlip,
    OneWay,
    Partition,
    TooLarge,
    QueueFull,
    CongestionMark,
    HandshakeLoss,
    CopiedInitial,
    Rebinding,
    Restart,
    KeyUpdate,
    HelloRetryRequest,
    Retry,
    VersionNegotiation,
    SplitClientHello,
    MtuProbe,
    SmallWindow,
    SlowReader,
    StreamReset,
    StreamStop,
    ProducerCrash,
    ConsumerCrash,
    ProducerRestart,
    Withdrawal,
    ConsumerReopened,
    LaggingConsumer,
    ConnectionLost,
    Revocation,
    Crash,
    Leave,
    LostDeparture,
    Join,
    Change,
    WrongClock,
    Repeat,
    Malformed,
}

/// <summary>How often each fault really happened, so that a clean run can be told from an idle one.</summary>
internal sealed class FaultCounters
{
    private static readonly FaultKind[] Kinds = Enum.GetValues<FaultKind>();
    private readonly long[] _counts = new long[Kinds.Length];

    /// <summary>How often a fault happened.</summary>
    public long this[FaultKind kind] => _counts[(int)kind];

    /// <summary>A fault happened.</summary>
    public void Count(FaultKind kind) => _counts[(int)kind]++;

    /// <summary>Adds the counts of another run.</summary>
    public void Add(FaultCounters other)
    {
        for (int i = 0; i < _counts.Length; i++)
            _counts[i] += other._counts[i];
    }

    /// <inheritdoc/>
    public override string ToString()
    {
        var text = new StringBuilder();
        foreach (FaultKind kind in Kinds)
        {
            if (this[kind] > 0)
                text.Append(text.Length > 0 ? " " : "").Append(kind).Append('=').Append(this[kind]);
        }
        return text.Length == 0 ? "none" : text.ToString();
    }
}
