using Mosaik.Groups.Raft;
using Mosaik.Primitives;

namespace Mosaik.Simulation.Raft.Cluster;

/// <summary>Sees what happens in a <see cref="RaftCluster"/>: every input before and after, and what it made a node send.</summary>
internal interface IClusterObserver
{
    /// <summary>An input is about to reach a node: the only one of its turn, or one of several.</summary>
    void Before(ClusterNode node, in ClusterInput input);

    /// <summary>The node sends; null = to every bond.</summary>
    void Sent(ClusterNode node, PeerId? to, byte[] message);

    /// <summary>A turn and everything it caused on the node is done.</summary>
    /// <param name="node">The node.</param>
    /// <param name="last">Its last input.</param>
    /// <param name="inputs">How many it had.</param>
    void After(ClusterNode node, in ClusterInput last, int inputs);
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
    Tickets,
}

/// <summary>One input.</summary>
/// <param name="Kind">What it is.</param>
internal readonly record struct ClusterInput(InputKind Kind)
{
    /// <summary>In words, where there is no message.</summary>
    public string? What { get; init; }

    /// <summary>The sender of a message, or the other end of a bond.</summary>
    public ClusterNode? From { get; init; }

    /// <summary>Of a lost bond: the peer said good-bye.</summary>
    public bool HasDeparted { get; init; }

    /// <summary>The message, without the bond tag.</summary>
    public byte[]? Message { get; init; }

    /// <summary>The token of a call or query.</summary>
    public ulong Token { get; init; }

    /// <summary>What is called; empty = a query.</summary>
    public IReadOnlyList<string> Commands { get; init; } = [];

    /// <summary>What the caller of commands waits for.</summary>
    public SubmitMode Mode { get; init; }

    /// <summary>Of tickets: whether they are valid.</summary>
    public bool IsAuthorized { get; init; }

    /// <summary>Whether a query is strong.</summary>
    public bool IsStrong { get; init; }

    /// <summary>As a line of a trace.</summary>
    public string Describe(ClusterNode node) => Kind == InputKind.Message
        ? $"{node.Name} <- {From!.Name} {(Message!.Length == 0 ? "nothing" : ((RaftMessageKind)Message[0]).ToString())}"
        : $"{node.Name} {What}";
}

/// <summary>An input and how it reaches the core.</summary>
internal readonly record struct ClusterEvent(ClusterInput Input, Action<ClusterNode> Run);
