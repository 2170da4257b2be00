using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Mosaik.Quic.Wire;

/// <summary>Where the parts of a header that was just written are, counted from the start of the packet.</summary>
/// <param name="LengthOffset">Where the length field is; 0 in short headers.</param>
/// <param name="LengthSize">The bytes of the length field, 2 or 4; 0 in short headers.</param>
/// <param name="PacketNumberOffset">Where the packet number is.</param>
/// <param name="PacketNumberLength">Its bytes, 1 to 4.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct PacketHeaderLayout(
    int LengthOffset, int LengthSize, int PacketNumberOffset, int PacketNumberLength)
{
    /// <summary>The bytes of the whole header, packet number included: the associated data of the AEAD.</summary>
    public int HeaderLength => PacketNumberOffset + PacketNumberLength;
}

/// <summary>
/// Writes packet headers before protection (RFC 9000 §17). The fixed bit is 1 in every one of them; reserved and spin
/// bits are 0. A long header reserves its length field, which <see cref="PatchLength"/> fills in when the packet is
/// complete.
/// </summary>
internal static class PacketHeaderWriter
{
    /// <summary>The bytes a long header needs, packet number included.</summary>
    public static int LongHeaderLength(
        PacketType type, int destinationLength, int sourceLength, int tokenLength, int lengthSize, int packetNumberLength) =>
        1 + 4 + 1 + destinationLength + 1 + sourceLength
        + (type == PacketType.Initial ? VarInt.Length((ulong)tokenLength) + tokenLength : 0) + lengthSize + packetNumberLength;

    /// <summary>The bytes a short header needs, packet number included.</summary>
    public static int ShortHeaderLength(int destinationLength, int packetNumberLength) =>
        1 + destinationLength + packetNumberLength;

    /// <summary>
    /// Writes an Initial, 0-RTT or Handshake header with a length field of <paramref name="lengthSize"/> (2 or 4)
    /// bytes.
    /// </summary>
    public static PacketHeaderLayout WriteLong(
        Span<byte> packet, PacketType type, in ConnectionId destination, in ConnectionId source, ReadOnlySpan<byte> token,
        int lengthSize, ulong packetNumber, int packetNumberLength)
    {
        if (type is not (PacketType.Initial or PacketType.ZeroRtt or PacketType.Handshake))
            throw new ArgumentOutOfRangeException(nameof(type));
        int position = WriteLongStart(packet, FirstByte(type, packetNumberLength), PacketHeader.Version1, destination, source);
        if (type == PacketType.Initial)
        {
            position += VarInt.Write(packet[position..], (ulong)token.Length);
            token.CopyTo(packet[position..]);
            position += token.Length;
        }
        int lengthOffset = position;
        VarInt.WriteFixed(packet[position..], 0, lengthSize);
        position += lengthSize;
        PacketNumber.Write(packet[position..], packetNumber, packetNumberLength);
        return new PacketHeaderLayout(lengthOffset, lengthSize, position, packetNumberLength);
    }

    /// <summary>
    /// Writes the length of a long-header packet that ends (AEAD tag included) at <paramref name="packetEnd"/>.
    /// </summary>
    public static void PatchLength(Span<byte> packet, in PacketHeaderLayout layout, int packetEnd) =>
        VarInt.WriteFixed(packet[layout.LengthOffset..], (ulong)(packetEnd - layout.PacketNumberOffset), layout.LengthSize);

    /// <summary>Writes a 1-RTT header.</summary>
    public static PacketHeaderLayout WriteShort(
        Span<byte> packet, in ConnectionId destination, bool keyPhase, ulong packetNumber, int packetNumberLength)
    {
        packet[0] = (byte)(PacketHeader.FixedBit | (keyPhase ? 0x04 : 0) | (packetNumberLength - 1));
        int position = 1 + destination.CopyTo(packet[1..]);
        PacketNumber.Write(packet[position..], packetNumber, packetNumberLength);
        return new PacketHeaderLayout(0, 0, position, packetNumberLength);
    }

    /// <summary>Writes a Retry packet up to its integrity tag (RFC 9001 §5.8) and returns the length so far.</summary>
    public static int WriteRetry(Span<byte> packet, in ConnectionId destination, in ConnectionId source, ReadOnlySpan<byte> token)
    {
        int position = WriteLongStart(
            packet, PacketHeader.LongHeaderBit | PacketHeader.FixedBit | ((int)PacketType.Retry << 4), PacketHeader.Version1,
            destination, source);
        token.CopyTo(packet[position..]);
        return position + token.Length;
    }

    /// <summary>
    /// Writes a Version Negotiation packet and returns its length. The ids are those of the packet answered, exchanged;
    /// they may have up to 255 bytes (RFC 8999 §6).
    /// </summary>
    /// <param name="packet">Room for 7 bytes, both ids and four bytes per version.</param>
    /// <param name="randomBits">Seven unpredictable bits for the first byte.</param>
    /// <param name="destination">The source id of the packet answered.</param>
    /// <param name="source">The destination id of the packet answered.</param>
    /// <param name="versions">The versions offered.</param>
    public static int WriteVersionNegotiation(
        Span<byte> packet, byte randomBits, ReadOnlySpan<byte> destination, ReadOnlySpan<byte> source, ReadOnlySpan<uint> versions)
    {
        // The fixed bit is set although the packet has no version, so that it can share a port with other protocols
        // (§17.2.1).
        packet[0] = (byte)(PacketHeader.LongHeaderBit | PacketHeader.FixedBit | randomBits);
        BinaryPrimitives.WriteUInt32BigEndian(packet[1..], 0);
        int position = 5;
        packet[position++] = checked((byte)destination.Length);
        destination.CopyTo(packet[position..]);
        position += destination.Length;
        packet[position++] = checked((byte)source.Length);
        source.CopyTo(packet[position..]);
        position += source.Length;
        foreach (uint version in versions)
        {
            BinaryPrimitives.WriteUInt32BigEndian(packet[position..], version);
            position += 4;
        }
        return position;
    }

    private static int FirstByte(PacketType type, int packetNumberLength) =>
        PacketHeader.LongHeaderBit | PacketHeader.FixedBit | ((int)type << 4) | (packetNumberLength - 1);

    private static int WriteLongStart(
        Span<byte> packet, int firstByte, uint version, in ConnectionId destination, in ConnectionId source)
    {
        packet[0] = (byte)firstByte;
        BinaryPrimitives.WriteUInt32BigEndian(packet[1..], version);
        int position = 5;
        packet[position++] = (byte)destination.Length;
        position += destination.CopyTo(packet[position..]);
        packet[position++] = (byte)source.Length;
        return position + source.CopyTo(packet[position..]);
    }
}
