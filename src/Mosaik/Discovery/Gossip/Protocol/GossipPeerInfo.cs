using Mosaik.Postcard;
using Mosaik.Primitives;

namespace Mosaik.Discovery.Gossip.Protocol;

/// <summary>A peer as one peer tells another of it: id and, if known, its data (spec/gossip.md §4).</summary>
internal readonly record struct GossipPeerInfo(PeerId Id, PeerData? Data)
{
    /// <summary>The fewest bytes it takes.</summary>
    public const int MinimumSize = PeerId.Length + 1;

    /// <summary>Peers taken from one message; the others are not even looked at (spec/gossip.md §14).</summary>
    public const int MaxPerMessage = 32;

    public void Write(ref PostcardWriter writer)
    {
        writer.WriteRaw(Id.AsSpan());
        WriteData(ref writer, Data);
    }

    public static bool TryRead(ref PostcardReader reader, out GossipPeerInfo info)
    {
        info = default;
        if (!TryReadId(ref reader, out PeerId id) || !TryReadData(ref reader, out PeerData? data))
            return false;
        info = new GossipPeerInfo(id, data);
        return true;
    }

    public static void WriteList(ref PostcardWriter writer, IReadOnlyList<GossipPeerInfo> peers)
    {
        writer.WriteCount(peers.Count);
        foreach (GossipPeerInfo peer in peers)
            peer.Write(ref writer);
    }

    /// <summary>Reads a list; of peers beyond the limit only the form is checked, because a key costs time.</summary>
    public static bool TryReadList(ref PostcardReader reader, out IReadOnlyList<GossipPeerInfo> peers)
    {
        peers = [];
        if (!reader.TryReadCount(MinimumSize, out int count))
            return false;
        var list = new List<GossipPeerInfo>(Math.Min(count, MaxPerMessage));
        for (int i = 0; i < count; i++)
        {
            if (i >= MaxPerMessage)
            {
                if (!reader.TryReadRaw(PeerId.Length, out _) || !TryReadOptionalBytes(ref reader, out _, out _))
                    return false;
                continue;
            }

            if (!TryRead(ref reader, out GossipPeerInfo peer))
                return false;
            list.Add(peer);
        }

        peers = list;
        return true;
    }

    public static bool TryReadId(ref PostcardReader reader, out PeerId id)
    {
        id = default;
        int start = reader.Position;
        return reader.TryReadRaw(PeerId.Length, out ReadOnlySpan<byte> raw)
            && (PeerId.TryFromRaw(raw, out id) || reader.Fail(PostcardError.InvalidValue, start));
    }

    public static void WriteData(ref PostcardWriter writer, PeerData? data)
    {
        writer.WriteOption(data is not null);
        if (data is not null)
            writer.WriteBytes(data.Span);
    }

    public static bool TryReadData(ref PostcardReader reader, out PeerData? data)
    {
        data = null;
        if (!TryReadOptionalBytes(ref reader, out bool isSome, out ReadOnlySpan<byte> bytes))
            return false;
        if (isSome)
            data = new PeerData(bytes.ToArray()); // bounded by the frame
        return true;
    }

    private static bool TryReadOptionalBytes(ref PostcardReader reader, out bool isSome, out ReadOnlySpan<byte> bytes)
    {
        bytes = default;
        return reader.TryReadOption(out isSome) && (!isSome || reader.TryReadBytes(out bytes));
    }
}
