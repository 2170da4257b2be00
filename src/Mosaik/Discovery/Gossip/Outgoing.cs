using Mosaik.Discovery.Gossip.Protocol;

namespace Mosaik.Discovery.Gossip;

/// <summary>An encoded message on its way to a peer.</summary>
/// <param name="Topic">Which stream it takes.</param>
/// <param name="Kind">Which message it is.</param>
/// <param name="Frame">Length and payload; shared by all peers it goes to, never changed.</param>
internal sealed record Outgoing(TopicId Topic, GossipMessageKind Kind, byte[] Frame)
{
    /// <summary>Whether the broadcast can do without it: it repairs itself, the membership does not.</summary>
    public bool IsDispensable => (int)Kind >= (int)GossipMessageKind.Gossip;
}
