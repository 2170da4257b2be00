using System.Buffers.Binary;

namespace Mosaik.Quic.Wire;

/// <summary>
/// Variable-length integers (RFC 9000 §16): the two highest bits of the first byte say whether 1, 2, 4 or 8 bytes hold
/// the number, big-endian. Longer forms than necessary are read, and never written unless a fixed size is asked for.
/// </summary>
internal static class VarInt
{
    /// <summary>The largest number with an encoding, 2^62 − 1.</summary>
    public const ulong MaxValue = (1UL << 62) - 1;

    /// <summary>The largest number that fits two bytes.</summary>
    public const int MaxTwoByteValue = (1 << 14) - 1;

    /// <summary>The length of the shortest encoding: 1, 2, 4 or 8.</summary>
    public static int Length(ulong value)
    {
        if (value < 1UL << 6)
            return 1;
        if (value < 1UL << 14)
            return 2;
        return value < 1UL << 30 ? 4 : 8;
    }

    /// <summary>
    /// Reads a number from the start of <paramref name="source"/>; false when the bytes end too early.
    /// </summary>
    public static bool TryRead(ReadOnlySpan<byte> source, out ulong value, out int length)
    {
        if (source.IsEmpty)
        {
            value = 0;
            length = 0;
            return false;
        }
        byte first = source[0];
        length = 1 << (first >> 6);
        if (length > source.Length)
        {
            value = 0;
            return false;
        }
        value = length switch
        {
            1 => first,
            2 => BinaryPrimitives.ReadUInt16BigEndian(source) & 0x3fffu,
            4 => BinaryPrimitives.ReadUInt32BigEndian(source) & 0x3fff_ffffu,
            _ => BinaryPrimitives.ReadUInt64BigEndian(source) & MaxValue,
        };
        return true;
    }

    /// <summary>
    /// Reads a number at <paramref name="position"/> and moves it behind; false (unmoved) when the bytes end too early.
    /// </summary>
    public static bool TryRead(ReadOnlySpan<byte> source, ref int position, out ulong value)
    {
        if (!TryRead(source[position..], out value, out int length))
            return false;
        position += length;
        return true;
    }

    /// <summary>Writes the shortest encoding and returns its length. The caller has made room.</summary>
    public static int Write(Span<byte> destination, ulong value)
    {
        int length = Length(value);
        WriteFixed(destination, value, length);
        return length;
    }

    /// <summary>
    /// Writes a number in 1, 2, 4 or 8 bytes, whether or not fewer would do (packet lengths patched later).
    /// </summary>
    public static void WriteFixed(Span<byte> destination, ulong value, int length)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(value, MaxValue);
        ArgumentOutOfRangeException.ThrowIfLessThan(length, Length(value));
        switch (length)
        {
            case 1:
                destination[0] = (byte)value;
                break;
            case 2:
                BinaryPrimitives.WriteUInt16BigEndian(destination, (ushort)(value | 0x4000));
                break;
            case 4:
                BinaryPrimitives.WriteUInt32BigEndian(destination, (uint)value | 0x8000_0000);
                break;
            case 8:
                BinaryPrimitives.WriteUInt64BigEndian(destination, value | 0xc000_0000_0000_0000);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(length));
        }
    }
}
