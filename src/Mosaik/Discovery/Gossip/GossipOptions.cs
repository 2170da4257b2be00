using Mosaik.Networking;

namespace Mosaik.Discovery.Gossip;

/// <summary>
/// How announcements spread: HyParView membership and PlumTree broadcast (spec/gossip.md §5). Validated when the network
/// starts. <see cref="MaxMessageSize"/> must be equal on all nodes of a network; the others should be.
/// </summary>
public sealed record GossipOptions
{
    /// <summary>The smallest <see cref="MaxMessageSize"/>.</summary>
    public const int MinMaxMessageSize = 512;

    private const int LargestMaxMessageSize = 1024 * 1024;

    /// <summary>Direct neighbours of this node, at most.</summary>
    public int ActiveViewCapacity { get; init; } = 5;

    /// <summary>Peers kept in reserve, at most.</summary>
    public int PassiveViewCapacity { get; init; } = 30;

    /// <summary>Hops that the news of a newcomer travels.</summary>
    public int ActiveRandomWalkLength { get; init; } = 6;

    /// <summary>At how many hops before its end that news puts the newcomer in reserve.</summary>
    public int PassiveRandomWalkLength { get; init; } = 3;

    /// <summary>Hops that a shuffle travels.</summary>
    public int ShuffleRandomWalkLength { get; init; } = 6;

    /// <summary>Neighbours told in a shuffle.</summary>
    public int ShuffleActiveCount { get; init; } = 3;

    /// <summary>Peers in reserve told in a shuffle.</summary>
    public int ShufflePassiveCount { get; init; } = 4;

    /// <summary>Time between two shuffles.</summary>
    public TimeSpan ShuffleInterval { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How long a peer in reserve may take to become a neighbour, dialling included.</summary>
    public TimeSpan NeighborRequestTimeout { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>How long to wait for a payload after its first announcement.</summary>
    public TimeSpan GraftTimeout1 { get; init; } = TimeSpan.FromMilliseconds(80);

    /// <summary>How long to wait for a payload after asking for it.</summary>
    public TimeSpan GraftTimeout2 { get; init; } = TimeSpan.FromMilliseconds(40);

    /// <summary>How long announcements of payloads are gathered, if none left for <see cref="DispatchInterval"/>.</summary>
    public TimeSpan DispatchTimeout { get; init; } = TimeSpan.FromMilliseconds(5);

    /// <summary>
    /// Least time between two dispatches of announcements: where payloads come more often, each dispatch has many of them.
    /// </summary>
    public TimeSpan DispatchInterval { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>By how many rounds a path must be shorter to replace another one.</summary>
    public int OptimizationThreshold { get; init; } = 7;

    /// <summary>How long payloads are kept for peers that miss them.</summary>
    public TimeSpan MessageCacheRetention { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long payloads are recognized as repetitions.</summary>
    public TimeSpan MessageIdRetention { get; init; } = TimeSpan.FromSeconds(90);

    /// <summary>Time between two looks at what has expired.</summary>
    public TimeSpan CacheSweepInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// The frame limit in bytes: payloads are smaller when sent, and up to this size when received. It must be equal on
    /// all nodes of a network; 512 to 1 MiB.
    /// </summary>
    public int MaxMessageSize { get; init; } = 4096;

    /// <summary>Messages that wait for one connection.</summary>
    public int SendQueueCapacity { get; init; } = 64;

    /// <summary>Calls that wait for the loop; further ones wait for room.</summary>
    public int CommandQueueCapacity { get; init; } = 64;

    /// <summary>Received messages that wait for the loop; connections are not read further meanwhile.</summary>
    public int InboundQueueCapacity { get; init; } = 1024;

    /// <summary>Events that wait for one subscriber; beyond, the oldest are lost and it is told how many.</summary>
    public int SubscriberQueueCapacity { get; init; } = 2048;

    /// <summary>Refuses values that cannot work.</summary>
    /// <exception cref="MosaikConfigurationException">Names the property.</exception>
    internal void Validate()
    {
        RequireWithin(ActiveViewCapacity, 1, 256, nameof(ActiveViewCapacity));
        RequireWithin(PassiveViewCapacity, 1, 4096, nameof(PassiveViewCapacity));
        RequireWithin(ActiveRandomWalkLength, 0, 1000, nameof(ActiveRandomWalkLength));
        RequireWithin(PassiveRandomWalkLength, 0, 1000, nameof(PassiveRandomWalkLength));
        RequireWithin(ShuffleRandomWalkLength, 0, 1000, nameof(ShuffleRandomWalkLength));
        RequireWithin(ShuffleActiveCount, 0, 15, nameof(ShuffleActiveCount));
        RequireWithin(ShufflePassiveCount, 0, 16, nameof(ShufflePassiveCount));
        RequirePositive(ShuffleInterval, nameof(ShuffleInterval));
        RequirePositive(NeighborRequestTimeout, nameof(NeighborRequestTimeout));
        RequirePositive(GraftTimeout1, nameof(GraftTimeout1));
        RequirePositive(GraftTimeout2, nameof(GraftTimeout2));
        RequirePositive(DispatchTimeout, nameof(DispatchTimeout));
        RequirePositive(DispatchInterval, nameof(DispatchInterval));
        RequireWithin(OptimizationThreshold, 1, ushort.MaxValue, nameof(OptimizationThreshold));
        RequirePositive(MessageCacheRetention, nameof(MessageCacheRetention));
        RequirePositive(MessageIdRetention, nameof(MessageIdRetention));
        RequirePositive(CacheSweepInterval, nameof(CacheSweepInterval));
        RequireWithin(MaxMessageSize, MinMaxMessageSize, LargestMaxMessageSize, nameof(MaxMessageSize));
        RequireWithin(SendQueueCapacity, 8, 65_536, nameof(SendQueueCapacity));
        RequireWithin(CommandQueueCapacity, 1, 65_536, nameof(CommandQueueCapacity));
        RequireWithin(InboundQueueCapacity, 1, 65_536, nameof(InboundQueueCapacity));
        RequireWithin(SubscriberQueueCapacity, 1, 1_048_576, nameof(SubscriberQueueCapacity));
    }

    private static void RequireWithin(int value, int min, int max, string property) =>
        Require(value >= min && value <= max, property, $"must be between {min} and {max}");

    private static void RequirePositive(TimeSpan value, string property) =>
        Require(
            value >= TimeSpan.FromMilliseconds(1) && value <= TimeSpan.FromDays(1),
            property,
            "must be between 1 ms and 1 day");

    private static void Require(bool condition, string property, string problem)
    {
        if (!condition)
            throw new MosaikConfigurationException($"{nameof(GossipOptions)}.{property}", problem);
    }
}
