using Mosaik.Postcard;

namespace Mosaik.Discovery.Gossip.Protocol;

/// <summary>The news of a newcomer on its random walk.</summary>
/// <param name="Peer">The newcomer.</param>
/// <param name="Ttl">Hops left.</param>
internal sealed record ForwardJoinMessage(GossipPeerInfo Peer, ushort Ttl) : GossipMessage
{
    /// <inheritdoc/>
    public override GossipMessageKind Kind => GossipMessageKind.ForwardJoin;

    public static bool TryRead(ref PostcardReader reader, out GossipMessage? message)
    {
        ushort ttl = 0;
        bool read = GossipPeerInfo.TryRead(ref reader, out GossipPeerInfo peer) && reader.TryReadUInt16(out ttl);
        message = read ? new ForwardJoinMessage(peer, ttl) : null;
        return read;
    }

    private protected override void WriteBody(ref PostcardWriter writer)
    {
        Peer.Write(ref writer);
        writer.WriteUInt16(Ttl);
    }
}
