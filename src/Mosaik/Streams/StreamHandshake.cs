using System.Runtime.InteropServices;
using Mosaik.Primitives;

namespace Mosaik.Streams;

/// <summary>
/// The first message of either side (spec/streams.md §2.2): network id ‖ stream id, 64 raw bytes. The consumer's may
/// be followed by criteria (none today, §13); bytes after the known fields are ignored.
/// </summary>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct StreamHandshake(NetworkId Network, StreamId Stream)
{
    /// <summary>Encoded size without criteria.</summary>
    public const int Size = 2 * UniqueId.Length;

    /// <summary>Largest handshake accepted from either side (spec/streams.md §15).</summary>
    public const int MaxSize = 4096;

    /// <summary>Writes the 64 bytes.</summary>
    public byte[] Encode()
    {
        var bytes = new byte[Size];
        ((UniqueId)Network).AsSpan().CopyTo(bytes);
        ((UniqueId)Stream).AsSpan().CopyTo(bytes.AsSpan(UniqueId.Length));
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
