using Mosaik.Postcard;

namespace Mosaik.Discovery.Gossip.Protocol;

/// <summary>A payload on its way; <c>Gossip</c> on the wire.</summary>
/// <param name="Id">BLAKE3 of the content; a received one is not checked by decoding.</param>
/// <param name="Content">The bytes.</param>
/// <param name="Scope">How far it goes, with the hops behind it.</param>
internal sealed record BroadcastMessage(MessageId Id, ReadOnlyMemory<byte> Content, GossipScope Scope) : GossipMessage
{
    private const uint Swarm = 0, Neighbours = 1, Scopes = 2;

    /// <inheritdoc/>
    public override GossipMessageKind Kind => GossipMessageKind.Gossip;

    public static bool TryRead(ref PostcardReader reader, out GossipMessage? message)
    {
        message = null;
        ushort round = 0;
        if (!MessageId.TryRead(ref reader, out MessageId id)
            || !reader.TryReadBytes(out ReadOnlySpan<byte> content)
            || !reader.TryReadVariant(Scopes, out uint scope)
            || (scope == Swarm && !reader.TryReadUInt16(out round)))
        {
            return false;
        }

        message = new BroadcastMessage(
            id, content.ToArray(), scope == Swarm ? GossipScope.SwarmAt(round) : GossipScope.Neighbours);
        return true;
    }

    private protected override void WriteBody(ref PostcardWriter writer)
    {
        Id.Write(ref writer);
        writer.WriteBytes(Content.Span);
        writer.WriteVariant(Scope.IsSwarm ? Swarm : Neighbours);
        if (Scope.IsSwarm)
            writer.WriteUInt16(Scope.Round);
    }
}
