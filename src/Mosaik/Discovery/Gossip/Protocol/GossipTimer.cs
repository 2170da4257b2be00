using Mosaik.Primitives;

namespace Mosaik.Discovery.Gossip.Protocol;

/// <summary>A timer of one topic. The owner hands it back when it is due; none is ever cancelled.</summary>
internal abstract record GossipTimer
{
    private GossipTimer()
    {
    }

    /// <summary>The next shuffle.</summary>
    public sealed record DoShuffle : GossipTimer;

    /// <summary>A peer of the reserve should have become a neighbour by now.</summary>
    public sealed record PendingNeighbor(PeerId Peer) : GossipTimer;

    /// <summary>A payload that was announced should have come by now.</summary>
    public sealed record SendGraft(MessageId Id) : GossipTimer;

    /// <summary>Send the announcements that were gathered.</summary>
    public sealed record Dispatch : GossipTimer;

    /// <summary>Forget what has expired.</summary>
    public sealed record Sweep : GossipTimer;
}
