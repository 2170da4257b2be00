using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using Mosaik.Postcard;
using Mosaik.Primitives;

namespace Mosaik.Discovery.Gossip.Protocol;

/// <summary>Frames on a gossip stream: 4 bytes of big-endian length, then postcard (spec/gossip.md §3, §4).</summary>
internal static class GossipCodec
{
    /// <summary>Length of the length.</summary>
    public const int PrefixLength = 4;

    private const uint Layers = 2, MembershipMessages = 6, BroadcastMessages = 4;

    /// <summary>Tags, id and scope of a broadcast at round 0, without the length of the content.</summary>
    private const int BroadcastOverhead = 1 + 1 + UniqueId.Length + 1 + 1;

    /// <summary>The first frame of every stream.</summary>
    public static byte[] EncodeHeader(TopicId topic)
    {
        byte[] frame = new byte[PrefixLength + UniqueId.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame, UniqueId.Length);
        topic.Value.CopyTo(frame.AsSpan(PrefixLength));
        return frame;
    }

    /// <summary>Decodes the payload of a first frame; what follows the topic is ignored.</summary>
    public static bool TryDecodeHeader(ReadOnlySpan<byte> payload, out TopicId topic)
    {
        topic = default;
        if (payload.Length < UniqueId.Length)
            return false;
        topic = new TopicId(UniqueId.FromRaw(payload[..UniqueId.Length]));
        return true;
    }

    /// <summary>The frame of a message.</summary>
    public static byte[] Encode(GossipMessage message)
    {
        var writer = new PostcardWriter(stackalloc byte[512]);
        try
        {
            message.Write(ref writer);
            byte[] frame = new byte[PrefixLength + writer.Position];
            BinaryPrimitives.WriteInt32BigEndian(frame, writer.Position);
            writer.Written.CopyTo(frame.AsSpan(PrefixLength));
            return frame;
        }
        finally
        {
            writer.Dispose();
        }
    }

    /// <summary>Whether a payload of this length may be sent; what may be received is one byte longer.</summary>
    public static bool MaySend(int payloadLength, int maxMessageSize) => payloadLength < maxMessageSize;

    /// <summary>The largest content of a broadcast at round 0.</summary>
    public static int MaxContent(GossipScope scope, int maxMessageSize)
    {
        int room = maxMessageSize - 1 - BroadcastOverhead + (scope.IsSwarm ? 0 : 1); // no round for neighbours
        int length = room - 1;
        while (length + VarintLength(length) > room)
            length--;
        return length;
    }

    /// <summary>Decodes the payload of a frame; bytes after the message are ignored.</summary>
    /// <param name="payload">Bytes of a stranger, not longer than the frame limit.</param>
    /// <param name="message">Holds copies.</param>
    public static bool TryDecode(ReadOnlySpan<byte> payload, [NotNullWhen(true)] out GossipMessage? message)
    {
        message = null;
        var reader = new PostcardReader(payload);
        if (!reader.TryReadVariant(Layers, out uint layer)
            || !reader.TryReadVariant(layer == 0 ? MembershipMessages : BroadcastMessages, out uint tag))
        {
            return false;
        }

        var kind = (GossipMessageKind)((layer << 8) | tag);
        return TryReadBody(kind, ref reader, out message) && message is not null;
    }

    private static bool TryReadBody(GossipMessageKind kind, ref PostcardReader reader, out GossipMessage? message)
    {
        switch (kind)
        {
            case GossipMessageKind.Join:
                return JoinMessage.TryRead(ref reader, out message);
            case GossipMessageKind.ForwardJoin:
                return ForwardJoinMessage.TryRead(ref reader, out message);
            case GossipMessageKind.Shuffle:
                return ShuffleMessage.TryRead(ref reader, out message);
            case GossipMessageKind.ShuffleReply:
                return ShuffleReplyMessage.TryRead(ref reader, out message);
            case GossipMessageKind.Neighbor:
                return NeighborMessage.TryRead(ref reader, out message);
            case GossipMessageKind.Disconnect:
                return DisconnectMessage.TryRead(ref reader, out message);
            case GossipMessageKind.Gossip:
                return BroadcastMessage.TryRead(ref reader, out message);
            case GossipMessageKind.Graft:
                return GraftMessage.TryRead(ref reader, out message);
            case GossipMessageKind.IHave:
                return IHaveMessage.TryRead(ref reader, out message);
            default:
                message = PruneMessage.Instance;
                return true;
        }
    }

    private static int VarintLength(int value)
    {
        int length = 1;
        while ((value >>= 7) > 0)
            length++;
        return length;
    }
}
