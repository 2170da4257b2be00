using Mosaik.Postcard;

namespace Mosaik.Discovery.Gossip.Protocol;

/// <summary>"Let me in": the first message of a newcomer.</summary>
/// <param name="Data">The sender's own.</param>
internal sealed record JoinMessage(PeerData? Data) : GossipMessage
{
    /// <inheritdoc/>
    public override GossipMessageKind Kind => GossipMessageKind.Join;

    public static bool TryRead(ref PostcardReader reader, out GossipMessage? message)
    {
        bool read = GossipPeerInfo.TryReadData(ref reader, out PeerData? data);
        message = read ? new JoinMessage(data) : null;
        return read;
    }

    private protected override void WriteBody(ref PostcardWriter writer) => GossipPeerInfo.WriteData(ref writer, Data);
}
