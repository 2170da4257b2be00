namespace Mosaik.Quic.Wire;

/// <summary>
/// Truncated packet numbers (RFC 9000 §17.1, Appendix A.2 and A.3). A sender writes the 1 to 4 lowest bytes of the
/// number, enough that the receiver, who knows the largest number it has opened, can tell which one is meant. "None
/// yet" is an ordinary state on both sides: the first 1-RTT packet of a peer may well have another number than 0
/// (spec/quic.md §7.2).
/// </summary>
internal static class PacketNumber
{
    /// <summary>The largest packet number, 2^62 − 1; the connection ends before it is used (RFC 9000 §12.3).</summary>
    public const ulong MaxValue = VarInt.MaxValue;

    /// <summary>
    /// How many bytes of <paramref name="packetNumber"/> to send when <paramref name="largestAcknowledged"/> (null:
    /// none) is the largest number the peer has acknowledged: more than twice the unacknowledged distance must be
    /// expressible.
    /// </summary>
    public static int EncodedLength(ulong packetNumber, ulong? largestAcknowledged)
    {
        ulong unacknowledged = largestAcknowledged is { } acknowledged ? packetNumber - acknowledged : packetNumber + 1;
        // n bits express a distance up to 2^(n-1); A.2: log2(distance) + 1 bits, rounded up to bytes.
        if (unacknowledged <= 1UL << 7)
            return 1;
        if (unacknowledged <= 1UL << 15)
            return 2;
        return unacknowledged <= 1UL << 23 ? 3 : 4;
    }

    /// <summary>Writes the <paramref name="length"/> lowest bytes of the number.</summary>
    public static void Write(Span<byte> destination, ulong packetNumber, int length)
    {
        for (int i = length - 1; i >= 0; i--)
        {
            destination[i] = (byte)packetNumber;
            packetNumber >>= 8;
        }
    }

    /// <summary>Reads <paramref name="length"/> (1 to 4) bytes as a truncated number.</summary>
    public static uint Read(ReadOnlySpan<byte> source, int length)
    {
        uint value = 0;
        for (int i = 0; i < length; i++)
            value = (value << 8) | source[i];
        return value;
    }

    /// <summary>
    /// The full number: the one closest to the number after <paramref name="largestReceived"/> (null: none received)
    /// whose lowest <paramref name="length"/> bytes are <paramref name="truncated"/> (RFC 9000 A.3).
    /// </summary>
    public static ulong Decode(uint truncated, int length, ulong? largestReceived)
    {
        ulong expected = largestReceived is { } largest ? largest + 1 : 0;
        ulong window = 1UL << (length * 8);
        ulong half = window / 2;
        ulong candidate = (expected & ~(window - 1)) | truncated;
        if (candidate + half <= expected && candidate < (1UL << 62) - window)
            return candidate + window;
        // The second condition goes beyond A.3: behind the very last number there is no other candidate.
        if ((candidate > expected + half || candidate > MaxValue) && candidate >= window)
            return candidate - window;
        return candidate;
    }
}
