using Mosaik.Primitives;

namespace Mosaik.Discovery.Gossip.Protocol;

/// <summary>What the owner of a core has to do, strictly in order (spec/gossip.md §6).</summary>
internal abstract record GossipEffect
{
    private GossipEffect()
    {
    }

    /// <summary>Send a message; connect first if there is no connection.</summary>
    public sealed record Send(PeerId Peer, TopicId Topic, GossipMessage Message) : GossipEffect;

    /// <summary>Tell the subscribers.</summary>
    public sealed record Emit(TopicId Topic, GossipEvent Event) : GossipEffect;

    /// <summary>Hand the timer back after a delay.</summary>
    public sealed record Schedule(TimeSpan Delay, TopicId Topic, GossipTimer Timer) : GossipEffect;

    /// <summary>The connections with the peer are needed no longer, once everything is sent.</summary>
    public sealed record DisconnectPeer(PeerId Peer) : GossipEffect;

    /// <summary>A peer, or somebody else for it, has told where it is.</summary>
    public sealed record PeerDataSeen(PeerId Peer, PeerData Data) : GossipEffect;

    /// <summary>Something received was refused; to be counted.</summary>
    /// <param name="From">Who sent it.</param>
    /// <param name="Reason">Why.</param>
    public sealed record Refuse(PeerId From, GossipFault Reason) : GossipEffect;
}
