using Mosaik.Postcard;
using Mosaik.Primitives;

namespace Mosaik.Discovery.Gossip.Protocol;

/// <summary>Payloads that the sender has and does not push to us.</summary>
/// <param name="Items">The payloads.</param>
internal sealed record IHaveMessage(IReadOnlyList<Announced> Items) : GossipMessage
{
    private const int MinimumItemSize = UniqueId.Length + 1, LargestItemSize = UniqueId.Length + 3;

    /// <inheritdoc/>
    public override GossipMessageKind Kind => GossipMessageKind.IHave;

    /// <summary>Items sent in one frame: as Rust counts, with topic id, layer tag and head of the message apart.</summary>
    public static int MaxItems(int maxMessageSize) => (maxMessageSize - 33 - 3) / LargestItemSize;

    public static bool TryRead(ref PostcardReader reader, out GossipMessage? message)
    {
        message = null;
        if (!reader.TryReadCount(MinimumItemSize, out int count))
            return false;
        var items = new Announced[count];
        for (int i = 0; i < count; i++)
        {
            if (!MessageId.TryRead(ref reader, out MessageId id) || !reader.TryReadUInt16(out ushort round))
                return false;
            items[i] = new Announced(id, round);
        }

        message = new IHaveMessage(items);
        return true;
    }

    private protected override void WriteBody(ref PostcardWriter writer)
    {
        writer.WriteCount(Items.Count);
        foreach (Announced item in Items)
        {
            item.Id.Write(ref writer);
            writer.WriteUInt16(item.Round);
        }
    }
}
