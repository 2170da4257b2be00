namespace Mosaik.Testing;

/// <summary>What a directed connection between two hosts does to what is sent over it (spec/reliability.md §3.3, §4.1).</summary>
public sealed record LinkConditions
{
    /// <summary>Shortest time under way.</summary>
    public TimeSpan MinLatency { get; init; } = TimeSpan.FromMilliseconds(1);

    /// <summary>Longest time under way, the tail aside; uniform in between. Not below <see cref="MinLatency"/>.</summary>
    public TimeSpan MaxLatency { get; init; } = TimeSpan.FromMilliseconds(1);

    /// <summary>Share of datagrams that take <see cref="TailFactor"/> times as long.</summary>
    public double TailProbability { get; init; }

    /// <summary>How much longer the tail takes.</summary>
    public double TailFactor { get; init; } = 20;

    /// <summary>Share of datagrams that are lost. 1 is a silent one-way connection.</summary>
    public double Loss { get; init; }

    /// <summary>Share of datagrams that arrive twice.</summary>
    public double Duplication { get; init; }

    /// <summary>Share of datagrams that are held up by up to three times the latency and so overtaken.</summary>
    public double Reordering { get; init; }

    /// <summary>Share of datagrams in which one bit is flipped.</summary>
    public double Corruption { get; init; }

    /// <summary>Share of ECN-capable datagrams that are marked.</summary>
    public double EcnMarking { get; init; }

    /// <summary>Bytes per second; null = without limit. A datagram that finds the queue full is lost.</summary>
    public long? Bandwidth { get; init; }

    /// <summary>Datagrams above this size are lost silently.</summary>
    public int MaxDatagramSize { get; init; } = 1500;
}
