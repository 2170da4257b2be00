using Mosaik.Primitives;

namespace Mosaik.Simulation.Raft.Cluster;

/// <summary>Sees what happens in a <see cref="RaftCluster"/>: every input before and after, and what it made a node send.</summary>
internal interface IClusterObserver
{
    /// <summary>An input is about to reach a node.</summary>
    void Before(ClusterNode node, in ClusterInput input);

    /// <summary>The node sends; null = to every bond.</summary>
    void Sent(ClusterNode node, PeerId? to, byte[] message);

    /// <summary>The input and everything it caused on the node is done.</summary>
    void After(ClusterNode node, in ClusterInput input);
}

/// <summary>What reaches a node.</summary>
internal enum InputKind
{
    Other,
    Start,
    BondUp,
    BondDown,
    Message,
    Submit,
    Query,
    Timer,
}

/// <summary>One input.</summary>
/// <param name="Kind">What it is.</param>
internal readonly record struct ClusterInput(InputKind Kind)
{
    /// <summary>The sender of a message.</summary>
    public ClusterNode? From { get; init; }

    /// <summary>The message, without the bond tag.</summary>
    public byte[]? Message { get; init; }

    /// <summary>The token of a call or query.</summary>
    public ulong Token { get; init; }
}
