using System.Runtime.InteropServices;
using Mosaik.Primitives;

namespace Mosaik.Streams;

/// <summary>
/// The first message of either side (spec/streams.md §2.2): network id ‖ stream id, 64 raw bytes, perhaps followed by
/// an extension: the consumer's criteria, the producer's confirmation of them (§13; <see cref="CriteriaCodec"/>). Bytes
/// after the known fields are ignored.
/// </summary>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct StreamHandshake(NetworkId Network, StreamId Stream)
{
    /// <summary>Encoded size without an extension.</summary>
    public const int Size = 2 * UniqueId.Length;

    /// <summary>Largest handshake accepted from either side (spec/streams.md §15).</summary>
    public const int MaxSize = 4096;

    /// <summary>Writes the 64 bytes.</summary>
    public byte[] Encode() => Encode(Network, Stream, []);

    /// <summary>Writes the 64 bytes and an extension.</summary>
    public static byte[] Encode(NetworkId network, StreamId stream, ReadOnlySpan<byte> extension)
    {
        var bytes = new byte[Size + extension.Length];
        ((UniqueId)network).AsSpan().CopyTo(bytes);
        ((UniqueId)stream).AsSpan().CopyTo(bytes.AsSpan(UniqueId.Length));
        extension.CopyTo(bytes.AsSpan(Size));
        return bytes;
    }

    /// <summary>Reads a handshake; false when it is shorter than its two ids.</summary>
    public static bool TryDecode(ReadOnlySpan<byte> payload, out StreamHandshake handshake)
    {
        if (payload.Length < Size)
        {
            handshake = default;
            return false;
        }

        handshake = new StreamHandshake(
            (NetworkId)UniqueId.FromRaw(payload[..UniqueId.Length]),
            (StreamId)UniqueId.FromRaw(payload[UniqueId.Length..Size]));
        return true;
    }
}
