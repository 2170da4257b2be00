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

    /// <summary>Whether the id is known to be that of the content.</summary>
    private bool IsGenuine { get; init; }

    /// <summary>The message of a payload of our own.</summary>
    public static BroadcastMessage Of(ReadOnlyMemory<byte> content, GossipScope scope)
    {
        var id = MessageId.Of(content.Span);
        KnownPayloads.Shared.Add(id, content);
        return new BroadcastMessage(id, content, scope) { IsGenuine = true };
    }

    /// <summary>Whether the id is that of the content; hashes it unless the payload is known.</summary>
    public bool HasTrueId()
    {
        if (IsGenuine)
            return true;
        if (MessageId.Of(Content.Span) != Id)
            return false;
        KnownPayloads.Shared.Add(Id, Content);
        return true;
    }

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

        bool isKnown = KnownPayloads.Shared.TryGet(id, content, out ReadOnlyMemory<byte> payload);
        message = new BroadcastMessage(
            id,
            isKnown ? payload : content.ToArray(),
            scope == Swarm ? GossipScope.SwarmAt(round) : GossipScope.Neighbours)
        {
            IsGenuine = isKnown,
        };
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
