using Mosaik.Postcard;

namespace Mosaik.Discovery.Gossip.Protocol;

/// <summary>"Be my neighbour", and the answer to it.</summary>
/// <param name="Priority">Whether it may be refused.</param>
/// <param name="Data">The sender's own.</param>
internal sealed record NeighborMessage(NeighborPriority Priority, PeerData? Data) : GossipMessage
{
    /// <inheritdoc/>
    public override GossipMessageKind Kind => GossipMessageKind.Neighbor;

    public static bool TryRead(ref PostcardReader reader, out GossipMessage? message)
    {
        message = null;
        if (!reader.TryReadVariant(2, out uint priority) || !GossipPeerInfo.TryReadData(ref reader, out PeerData? data))
            return false;
        message = new NeighborMessage((NeighborPriority)priority, data);
        return true;
    }

    private protected override void WriteBody(ref PostcardWriter writer)
    {
        writer.WriteVariant((uint)Priority);
        GossipPeerInfo.WriteData(ref writer, Data);
    }
}
