using Mosaik.Primitives;

namespace Mosaik.Discovery.Gossip;

/// <summary>What a subscriber of a topic is told (spec/gossip.md §11).</summary>
internal abstract record GossipEvent
{
    private GossipEvent()
    {
    }

    /// <summary>A direct neighbour more.</summary>
    /// <param name="Peer">Who.</param>
    public sealed record NeighborUp(PeerId Peer) : GossipEvent;

    /// <summary>A direct neighbour fewer.</summary>
    /// <param name="Peer">Who.</param>
    public sealed record NeighborDown(PeerId Peer) : GossipEvent;

    /// <summary>A broadcast of somebody else.</summary>
    /// <param name="Content">The bytes; the receiver may keep them.</param>
    /// <param name="Scope">As received: with the round of the last hop.</param>
    /// <param name="DeliveredFrom">The previous hop, which need not be the author.</param>
    public sealed record Received(ReadOnlyMemory<byte> Content, GossipScope Scope, PeerId DeliveredFrom) : GossipEvent;

    /// <summary>The subscriber was too slow: the oldest events are lost. It stays subscribed.</summary>
    /// <param name="Count">How many are lost since the last one of these.</param>
    public sealed record Lagged(long Count) : GossipEvent;
}
