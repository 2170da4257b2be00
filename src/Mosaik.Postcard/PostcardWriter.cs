using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace Mosaik.Postcard;

/// <summary>
/// Writes postcard values, always in their shortest form.
/// </summary>
/// <remarks>
/// Starts in the caller's buffer and moves to a pooled one when that is full, so it never fails for lack of room and
/// allocates nothing in steady state. <see cref="Dispose"/> returns the pooled buffer; <see cref="Written"/> is invalid
/// after that. A value without a postcard image raises <see cref="PostcardEncodeException"/>.
/// </remarks>
public ref partial struct PostcardWriter
{
    private Span<byte> _buffer;
    private int _position;
    private int _depth;
    private byte[]? _rented;

    /// <summary>Starts at the front of a buffer.</summary>
    /// <param name="initial">Where the first bytes go; may be empty.</param>
    public PostcardWriter(Span<byte> initial) => _buffer = initial;

    /// <summary>What was written so far.</summary>
    public readonly ReadOnlySpan<byte> Written => _buffer[.._position];

    /// <summary>How many bytes were written.</summary>
    public readonly int Position => _position;

    internal readonly bool HasMoved => _rented is not null;

    internal readonly Span<byte> WrittenMutable => _buffer[.._position];

    /// <summary>Returns the pooled buffer, if one was taken.</summary>
    public void Dispose()
    {
        if (_rented is { } rented)
        {
            _rented = null;
            _buffer = default;
            _position = 0;
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    /// <summary>Forgets everything and starts again in the same buffer.</summary>
    public void Reset()
    {
        _position = 0;
        _depth = 0;
    }

    /// <summary>Goes one level deeper; paired with <see cref="Leave"/>.</summary>
    /// <exception cref="PostcardEncodeException">The nesting is too deep for any reader.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Enter()
    {
        if (++_depth > PostcardReader.MaxDepth)
            Refuse("Values are nested more than 64 levels deep.");
    }

    /// <summary>Comes back from a level.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Leave() => _depth--;

    /// <summary>Writes one raw byte.</summary>
    /// <param name="value">The byte.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void WriteByte(byte value)
    {
        var position = _position;
        if ((uint)position >= (uint)_buffer.Length)
            Grow(1);
        _buffer[position] = value;
        _position = position + 1;
    }

    /// <summary>Writes a signed byte as one raw byte.</summary>
    /// <param name="value">The value.</param>
    public void WriteSByte(sbyte value) => WriteByte((byte)value);

    /// <summary>Writes a bool as 0 or 1.</summary>
    /// <param name="value">The value.</param>
    public void WriteBool(bool value) => WriteByte(value ? (byte)1 : (byte)0);

    /// <summary>Writes the tag of an option; the value follows if there is one.</summary>
    /// <param name="isSome">Whether a value follows.</param>
    public void WriteOption(bool isSome) => WriteBool(isSome);

    /// <summary>Writes the variant index of an enum; its fields follow.</summary>
    /// <param name="variant">The index, counted from 0.</param>
    public void WriteVariant(uint variant) => WriteUInt32(variant);

    /// <summary>Writes the element count of a collection; the elements follow.</summary>
    /// <param name="count">The number of elements or entries.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void WriteCount(int count) => WriteUInt64((uint)count);

    /// <summary>Writes a u16.</summary>
    /// <param name="value">The value.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void WriteUInt16(ushort value) => WriteUInt64(value);

    /// <summary>Writes a u32.</summary>
    /// <param name="value">The value.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void WriteUInt32(uint value) => WriteUInt64(value);

    /// <summary>Writes a u64.</summary>
    /// <param name="value">The value.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void WriteUInt64(ulong value)
    {
        var position = _position;
        if (value < 0x80 && (uint)position < (uint)_buffer.Length)
        {
            _buffer[position] = (byte)value;
            _position = position + 1;
            return;
        }

        WriteVarint(value);
    }

    /// <summary>Writes a u128.</summary>
    /// <param name="value">The value.</param>
    public void WriteUInt128(UInt128 value)
    {
        while (value >= 0x80)
        {
            WriteByte((byte)((uint)value | 0x80));
            value >>= 7;
        }

        WriteByte((byte)value);
    }

    /// <summary>Writes an i16 as zigzag.</summary>
    /// <param name="value">The value.</param>
    public void WriteInt16(short value) => WriteUInt64((ushort)((value << 1) ^ (value >> 15)));

    /// <summary>Writes an i32 as zigzag.</summary>
    /// <param name="value">The value.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void WriteInt32(int value) => WriteUInt64((uint)((value << 1) ^ (value >> 31)));

    /// <summary>Writes an i64 as zigzag.</summary>
    /// <param name="value">The value.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void WriteInt64(long value) => WriteUInt64((ulong)((value << 1) ^ (value >> 63)));

    /// <summary>Writes an i128 as zigzag.</summary>
    /// <param name="value">The value.</param>
    public void WriteInt128(Int128 value) => WriteUInt128((UInt128)((value << 1) ^ (value >> 127)));

    /// <summary>Writes 4 little-endian bytes.</summary>
    /// <param name="value">The value; its bits are kept.</param>
    public void WriteSingle(float value) =>
        BinaryPrimitives.WriteSingleLittleEndian(Take(sizeof(float)), value);

    /// <summary>Writes 8 little-endian bytes.</summary>
    /// <param name="value">The value; its bits are kept.</param>
    public void WriteDouble(double value) =>
        BinaryPrimitives.WriteDoubleLittleEndian(Take(sizeof(double)), value);

    /// <summary>Writes bytes without a length: a fixed array, or an image made elsewhere.</summary>
    /// <param name="bytes">The bytes.</param>
    public void WriteRaw(scoped ReadOnlySpan<byte> bytes) => bytes.CopyTo(Take(bytes.Length));

    /// <summary>Writes a byte buffer: length and bytes.</summary>
    /// <param name="bytes">The bytes.</param>
    public void WriteBytes(scoped ReadOnlySpan<byte> bytes)
    {
        WriteCount(bytes.Length);
        WriteRaw(bytes);
    }

    /// <summary>Takes room for raw bytes that the caller fills at once, completely.</summary>
    /// <param name="length">How many.</param>
    /// <returns>The room; valid until the next write.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Span<byte> Take(int length)
    {
        var position = _position;
        if (_buffer.Length - position < length)
            Grow(length);
        _position = position + length;
        return _buffer.Slice(position, length);
    }

    /// <summary>Makes room for at least this many bytes, so that writes up to there move nothing.</summary>
    /// <param name="length">How many.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Reserve(int length)
    {
        if (_buffer.Length - _position < length)
            Grow(length);
    }

    /// <summary>The room behind what was written; <see cref="Advance"/> says how much of it was used.</summary>
    internal readonly Span<byte> Free => _buffer[_position..];

    internal void Advance(int length) => _position += length;

    [DoesNotReturn]
    internal static void Refuse(string message) => throw new PostcardEncodeException(message);

    // Eight groups of seven bits are spread over the bytes of one word and stored together; only numbers of 57 bits and
    // more need a second store.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void WriteVarint(ulong value)
    {
        if (_buffer.Length - _position < MaxVarint)
            Grow(MaxVarint);
        _position += PutVarint(ref Unsafe.Add(ref MemoryMarshal.GetReference(_buffer), _position), value);
    }

    /// <summary>The room <see cref="PutVarint"/> needs; the longest varint takes 10 bytes.</summary>
    internal const int MaxVarint = 10;

    /// <summary>Writes a varint into at least <see cref="MaxVarint"/> bytes of room.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static int PutVarint(ref byte destination, ulong value)
    {
        var length = ((BitOperations.Log2(value | 1) * 9) + 73) >> 6;
        var word = Spread(value & ((1UL << 56) - 1));
        if (length <= 8)
        {
            word |= 0x8080_8080_8080_8080 & ((1UL << ((length - 1) * 8)) - 1);
            Store(ref destination, word);
            return length;
        }

        Store(ref destination, word | 0x8080_8080_8080_8080);
        var high = (uint)(value >> 56);
        Unsafe.Add(ref destination, 8) = (byte)(length == 9 ? high : high | 0x80);
        if (length == 10)
            Unsafe.Add(ref destination, 9) = (byte)(high >> 7);
        return length;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(ref byte destination, ulong word) =>
        Unsafe.WriteUnaligned(ref destination,
            BitConverter.IsLittleEndian ? word : BinaryPrimitives.ReverseEndianness(word));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Spread(ulong value)
    {
        if (Bmi2.X64.IsSupported)
            return Bmi2.X64.ParallelBitDeposit(value, 0x7F7F_7F7F_7F7F_7F7F);
        value = (value & 0x0000_0000_0FFF_FFFF) | ((value & 0x00FF_FFFF_F000_0000) << 4);
        value = (value & 0x0000_3FFF_0000_3FFF) | ((value & 0x0FFF_C000_0FFF_C000) << 2);
        return (value & 0x007F_007F_007F_007F) | ((value & 0x3F80_3F80_3F80_3F80) << 1);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Grow(int length)
    {
        if (length > Array.MaxLength - _position)
            Refuse("The encoded value does not fit into memory.");
        var size = Math.Max(Math.Max(_position + length, 256), (int)Math.Min(2L * _buffer.Length, Array.MaxLength));
        var larger = ArrayPool<byte>.Shared.Rent(size);
        _buffer[.._position].CopyTo(larger);
        if (_rented is { } rented)
            ArrayPool<byte>.Shared.Return(rented);
        _rented = larger;
        _buffer = larger;
    }
}
