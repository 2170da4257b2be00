namespace Mosaik.Quic.Crypto;

/// <summary>
/// Protects and unprotects whole packets in place: AEAD first and header protection after it when sending, the other
/// way round when receiving (RFC 9001 §5.3, §5.4).
/// </summary>
internal static class PacketProtection
{
    /// <summary>Length of the authentication tag of every suite.</summary>
    internal const int TagLength = 16;

    /// <summary>The sample starts this far after the start of the packet number, whatever its length.</summary>
    internal const int SampleOffset = 4;

    /// <summary>
    /// Fewest bytes of packet number and plaintext together, so that a sample exists behind them (RFC 9001 §5.4.2).
    /// </summary>
    internal const int MinPacketNumberAndPayload = SampleOffset + HeaderProtection.SampleLength - TagLength;

    private const byte LongHeaderForm = 0x80;
    private const byte LongHeaderMask = 0x0f;
    private const byte ShortHeaderMask = 0x1f;
    private const byte PacketNumberLengthBits = 0x03;

    /// <summary>
    /// Seals <paramref name="packet"/>, laid out as header, packet number, payload and 16 bytes of room for the tag,
    /// and then protects its header.
    /// </summary>
    /// <exception cref="ArgumentException">The packet is too short to be sampled; its builder must pad it.</exception>
    internal static void Seal(
        PacketKeys keys,
        Span<byte> packet,
        int packetNumberOffset,
        int packetNumberLength,
        ulong packetNumber)
    {
        var headerLength = packetNumberOffset + packetNumberLength;
        if (packet.Length - packetNumberOffset < SampleOffset + HeaderProtection.SampleLength)
            throw new ArgumentException("The packet is too short for a header-protection sample.", nameof(packet));
        keys.Seal(packetNumber, packet[..headerLength], packet[headerLength..]);
        Span<byte> mask = stackalloc byte[HeaderProtection.MaskLength];
        keys.HeaderProtection.ComputeMask(
            packet.Slice(packetNumberOffset + SampleOffset, HeaderProtection.SampleLength), mask);
        packet[0] ^= (byte)(mask[0] & FirstByteMask(packet[0]));
        for (var i = 0; i < packetNumberLength; i++)
            packet[packetNumberOffset + i] ^= mask[i + 1];
    }

    /// <summary>
    /// Removes header protection in place and reads the truncated packet number. False when the packet is too short to
    /// be sampled; it is then unchanged.
    /// </summary>
    internal static bool TryRemoveHeaderProtection(
        HeaderProtection hp,
        Span<byte> packet,
        int packetNumberOffset,
        out int packetNumberLength,
        out uint truncatedPacketNumber)
    {
        packetNumberLength = 0;
        truncatedPacketNumber = 0;
        if (packetNumberOffset < 1
            || packet.Length - packetNumberOffset < SampleOffset + HeaderProtection.SampleLength)
        {
            return false;
        }
        Span<byte> mask = stackalloc byte[HeaderProtection.MaskLength];
        hp.ComputeMask(packet.Slice(packetNumberOffset + SampleOffset, HeaderProtection.SampleLength), mask);
        packet[0] ^= (byte)(mask[0] & FirstByteMask(packet[0]));
        packetNumberLength = (packet[0] & PacketNumberLengthBits) + 1;
        var number = packet.Slice(packetNumberOffset, packetNumberLength);
        for (var i = 0; i < number.Length; i++)
        {
            number[i] ^= mask[i + 1];
            truncatedPacketNumber = (truncatedPacketNumber << 8) | number[i];
        }
        return true;
    }

    // The form bit is not protected, so the rule is the same before and after.
    private static byte FirstByteMask(byte first) =>
        (first & LongHeaderForm) != 0 ? LongHeaderMask : ShortHeaderMask;
}
