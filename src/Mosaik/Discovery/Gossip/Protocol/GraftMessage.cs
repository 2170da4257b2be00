using Mosaik.Postcard;

namespace Mosaik.Discovery.Gossip.Protocol;

/// <summary>"Push payloads to me again": the link joins the tree, and perhaps one payload is asked for.</summary>
/// <param name="Id">The payload that is missing; null to change the tree alone.</param>
/// <param name="Round">The round it was announced with.</param>
internal sealed record GraftMessage(MessageId? Id, ushort Round) : GossipMessage
{
    /// <inheritdoc/>
    public override GossipMessageKind Kind => GossipMessageKind.Graft;

    public static bool TryRead(ref PostcardReader reader, out GossipMessage? message)
    {
        message = null;
        MessageId id = default;
        if (!reader.TryReadOption(out bool isSome)
            || (isSome && !MessageId.TryRead(ref reader, out id))
            || !reader.TryReadUInt16(out ushort round))
        {
            return false;
        }

        message = new GraftMessage(isSome ? id : null, round);
        return true;
    }

    private protected override void WriteBody(ref PostcardWriter writer)
    {
        writer.WriteOption(Id is not null);
        Id?.Write(ref writer);
        writer.WriteUInt16(Round);
    }
}
