using Mosaik.Postcard;

namespace Mosaik.Discovery.Gossip.Protocol;

/// <summary>Peers for the reserve of somebody who shuffled, or who loses a neighbour.</summary>
/// <param name="Nodes">At most 32 after decoding.</param>
internal sealed record ShuffleReplyMessage(IReadOnlyList<GossipPeerInfo> Nodes) : GossipMessage
{
    /// <inheritdoc/>
    public override GossipMessageKind Kind => GossipMessageKind.ShuffleReply;

    public static bool TryRead(ref PostcardReader reader, out GossipMessage? message)
    {
        bool read = GossipPeerInfo.TryReadList(ref reader, out IReadOnlyList<GossipPeerInfo> nodes);
        message = read ? new ShuffleReplyMessage(nodes) : null;
        return read;
    }

    private protected override void WriteBody(ref PostcardWriter writer) => GossipPeerInfo.WriteList(ref writer, Nodes);
}
