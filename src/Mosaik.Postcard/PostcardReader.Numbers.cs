using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Mosaik.Postcard;

public ref partial struct PostcardReader
{
    private const ulong ContinuationBits = 0x8080_8080_8080_8080;

    /// <summary>Reads a u16: at most 3 bytes.</summary>
    /// <param name="value">The value.</param>
    /// <returns>False when it is cut off or out of range.</returns>
    public bool TryReadUInt16(out ushort value)
    {
        if (TryReadShort(out var small))
        {
            value = (ushort)small;
            return true;
        }

        var read = TryReadVarint(3, 0x03, out var wide);
        value = (ushort)wide;
        return read;
    }

    /// <summary>Reads a u32: at most 5 bytes.</summary>
    /// <param name="value">The value.</param>
    /// <returns>False when it is cut off or out of range.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryReadUInt32(out uint value)
    {
        if (TryReadShort(out value))
            return true;
        var read = TryReadVarint(5, 0x0F, out var wide);
        value = (uint)wide;
        return read;
    }

    /// <summary>Reads a u64: at most 10 bytes.</summary>
    /// <param name="value">The value.</param>
    /// <returns>False when it is cut off or out of range.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryReadUInt64(out ulong value)
    {
        if (TryReadShort(out var small))
        {
            value = small;
            return true;
        }

        return TryReadVarint(10, 0x01, out value);
    }

    /// <summary>Reads a u128: at most 19 bytes.</summary>
    /// <param name="value">The value.</param>
    /// <returns>False when it is cut off or out of range.</returns>
    public bool TryReadUInt128(out UInt128 value)
    {
        const int MaxBytes = 19;
        value = 0;
        var available = Math.Min(Remaining, MaxBytes);
        for (var i = 0; i < available; i++)
        {
            var next = _input[_position + i];
            if (i == MaxBytes - 1 && next > 0x03)
                break;
            value |= (UInt128)(next & 0x7Fu) << (7 * i);
            if (next >= 0x80)
                continue;
            if (_canonical && next == 0 && i > 0)
                return Fail(PostcardError.NotCanonical);
            _position += i + 1;
            return true;
        }

        return Fail(available < MaxBytes ? PostcardError.EndOfInput : PostcardError.VarintRange);
    }

    /// <summary>Reads an i16: zigzag in at most 3 bytes.</summary>
    /// <param name="value">The value.</param>
    /// <returns>False when it is cut off or out of range.</returns>
    public bool TryReadInt16(out short value)
    {
        var read = TryReadUInt16(out var raw);
        value = (short)((raw >> 1) ^ -(raw & 1));
        return read;
    }

    /// <summary>Reads an i32: zigzag in at most 5 bytes.</summary>
    /// <param name="value">The value.</param>
    /// <returns>False when it is cut off or out of range.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryReadInt32(out int value)
    {
        var read = TryReadUInt32(out var raw);
        value = (int)(raw >> 1) ^ -(int)(raw & 1);
        return read;
    }

    /// <summary>Reads an i64: zigzag in at most 10 bytes.</summary>
    /// <param name="value">The value.</param>
    /// <returns>False when it is cut off or out of range.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryReadInt64(out long value)
    {
        var read = TryReadUInt64(out var raw);
        value = (long)(raw >> 1) ^ -(long)(raw & 1);
        return read;
    }

    /// <summary>Reads an i128: zigzag in at most 19 bytes.</summary>
    /// <param name="value">The value.</param>
    /// <returns>False when it is cut off or out of range.</returns>
    public bool TryReadInt128(out Int128 value)
    {
        var read = TryReadUInt128(out var raw);
        value = (Int128)(raw >> 1) ^ -(Int128)(raw & 1);
        return read;
    }

    /// <summary>Reads 4 little-endian bytes as an IEEE 754 number; every bit pattern is kept.</summary>
    /// <param name="value">The value.</param>
    /// <returns>False when fewer bytes are left.</returns>
    public bool TryReadSingle(out float value)
    {
        var read = TryReadRaw(sizeof(float), out var bytes);
        value = read ? BinaryPrimitives.ReadSingleLittleEndian(bytes) : 0;
        return read;
    }

    /// <summary>Reads 8 little-endian bytes as an IEEE 754 number; every bit pattern is kept.</summary>
    /// <param name="value">The value.</param>
    /// <returns>False when fewer bytes are left.</returns>
    public bool TryReadDouble(out double value)
    {
        var read = TryReadRaw(sizeof(double), out var bytes);
        value = read ? BinaryPrimitives.ReadDoubleLittleEndian(bytes) : 0;
        return read;
    }

    /// <summary>Reads the variant index of an enum and checks it against the number of variants.</summary>
    /// <param name="variantCount">How many variants there are.</param>
    /// <param name="variant">The index, below <paramref name="variantCount"/>.</param>
    /// <returns>False when the variant is unknown.</returns>
    public bool TryReadVariant(uint variantCount, out uint variant)
    {
        var start = _position;
        if (!TryReadUInt32(out variant))
            return false;
        return variant < variantCount || Fail(PostcardError.InvalidVariant, start);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryReadShort(out uint value)
    {
        var position = _position;
        var input = _input;
        if ((uint)position < (uint)input.Length)
        {
            value = input[position];
            if (value < 0x80)
            {
                _position = position + 1;
                return true;
            }
        }

        value = 0;
        return false;
    }

    // With at least 8 bytes left the whole varint is looked at in one word: the first byte without a continuation bit
    // ends it, and the 7-bit groups are squeezed together. Longer ones and those near the end of the input go byte by
    // byte.
    private bool TryReadVarint(int maxBytes, byte lastByteMax, out ulong value)
    {
        var rest = _input[_position..];
        if (BinaryPrimitives.TryReadUInt64LittleEndian(rest, out var word))
        {
            var stops = ~word & ContinuationBits;
            if (stops != 0)
            {
                var stopBit = BitOperations.TrailingZeroCount(stops);
                var length = (stopBit + 1) >> 3;
                var last = (byte)(word >> (stopBit - 7));
                if (length < maxBytes || (length == maxBytes && last <= lastByteMax))
                {
                    value = Squeeze(word & (ulong.MaxValue >> (63 - stopBit)));
                    _position += length;
                    return !(_canonical && last == 0 && length > 1)
                        || Fail(PostcardError.NotCanonical, _position - length);
                }

                value = 0;
                return Fail(PostcardError.VarintRange);
            }
        }

        return TryReadVarintByBytes(rest, maxBytes, lastByteMax, out value);
    }

    private bool TryReadVarintByBytes(scoped ReadOnlySpan<byte> rest, int maxBytes, byte lastByteMax, out ulong value)
    {
        value = 0;
        var available = Math.Min(rest.Length, maxBytes);
        for (var i = 0; i < available; i++)
        {
            var next = rest[i];
            if (i == maxBytes - 1 && next > lastByteMax)
                break;
            value |= (ulong)(next & 0x7Fu) << (7 * i);
            if (next >= 0x80)
                continue;
            if (_canonical && next == 0 && i > 0)
                return Fail(PostcardError.NotCanonical);
            _position += i + 1;
            return true;
        }

        return Fail(available < maxBytes ? PostcardError.EndOfInput : PostcardError.VarintRange);
    }

    // Removes bit 7 of every byte: eight groups of seven bits become one number.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Squeeze(ulong word)
    {
        if (Bmi2.X64.IsSupported)
            return Bmi2.X64.ParallelBitExtract(word, ~ContinuationBits);
        word &= ~ContinuationBits;
        word = (word & 0x007F_007F_007F_007F) | ((word & 0x7F00_7F00_7F00_7F00) >> 1);
        word = (word & 0x0000_3FFF_0000_3FFF) | ((word & 0x3FFF_0000_3FFF_0000) >> 2);
        return (word & 0x0000_0000_0FFF_FFFF) | ((word & 0x0FFF_FFFF_0000_0000) >> 4);
    }
}
