using Mosaik.Postcard;
using Mosaik.Primitives;

namespace Mosaik.Discovery.Gossip.Protocol;

/// <summary>Peers that a node tells of on a random walk; where it ends, as many are told back.</summary>
/// <param name="Origin">Who began.</param>
/// <param name="Nodes">At most 32 after decoding.</param>
/// <param name="Ttl">Hops left.</param>
internal sealed record ShuffleMessage(PeerId Origin, IReadOnlyList<GossipPeerInfo> Nodes, ushort Ttl) : GossipMessage
{
    /// <inheritdoc/>
    public override GossipMessageKind Kind => GossipMessageKind.Shuffle;

    public static bool TryRead(ref PostcardReader reader, out GossipMessage? message)
    {
        message = null;
        if (!GossipPeerInfo.TryReadId(ref reader, out PeerId origin)
            || !GossipPeerInfo.TryReadList(ref reader, out IReadOnlyList<GossipPeerInfo> nodes)
            || !reader.TryReadUInt16(out ushort ttl))
        {
            return false;
        }

        message = new ShuffleMessage(origin, nodes, ttl);
        return true;
    }

    private protected override void WriteBody(ref PostcardWriter writer)
    {
        writer.WriteRaw(Origin.AsSpan());
        GossipPeerInfo.WriteList(ref writer, Nodes);
        writer.WriteUInt16(Ttl);
    }
}
