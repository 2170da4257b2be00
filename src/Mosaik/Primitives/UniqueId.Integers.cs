using System.Buffers.Binary;

namespace Mosaik.Primitives;

// The integer constructors: little-endian image right-aligned in 32 zero bytes, not hashed, not sign-extended
// (spec/wire.md §1.2). Nothing that crosses the wire uses them.
public readonly partial struct UniqueId
{
    /// <summary>The integer in the last byte, not hashed.</summary>
    /// <param name="value">The integer.</param>
    /// <returns>The identifier.</returns>
    public static UniqueId FromByte(byte value) => FromLittleEndian([value]);

    /// <summary>The little-endian integer in the last 2 bytes, not hashed.</summary>
    /// <param name="value">The integer.</param>
    /// <returns>The identifier.</returns>
    public static UniqueId FromUInt16(ushort value)
    {
        Span<byte> image = stackalloc byte[sizeof(ushort)];
        BinaryPrimitives.WriteUInt16LittleEndian(image, value);
        return FromLittleEndian(image);
    }

    /// <summary>The little-endian integer in the last 4 bytes, not hashed.</summary>
    /// <param name="value">The integer.</param>
    /// <returns>The identifier.</returns>
    public static UniqueId FromUInt32(uint value)
    {
        Span<byte> image = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(image, value);
        return FromLittleEndian(image);
    }

    /// <summary>The little-endian integer in the last 8 bytes, not hashed.</summary>
    /// <param name="value">The integer.</param>
    /// <returns>The identifier.</returns>
    public static UniqueId FromUInt64(ulong value)
    {
        Span<byte> image = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(image, value);
        return FromLittleEndian(image);
    }

    /// <summary>The little-endian integer in the last 16 bytes, not hashed.</summary>
    /// <param name="value">The integer.</param>
    /// <returns>The identifier.</returns>
    public static UniqueId FromUInt128(UInt128 value)
    {
        Span<byte> image = stackalloc byte[16];
        BinaryPrimitives.WriteUInt128LittleEndian(image, value);
        return FromLittleEndian(image);
    }

    /// <summary>The integer in the last 8 bytes on every machine, not hashed.</summary>
    /// <param name="value">The integer.</param>
    /// <returns>The identifier.</returns>
    public static UniqueId FromUIntPtr(nuint value) => FromUInt64(value);

    /// <summary>The two's complement in the last byte, not hashed.</summary>
    /// <param name="value">The integer.</param>
    /// <returns>The identifier.</returns>
    public static UniqueId FromSByte(sbyte value) => FromByte(unchecked((byte)value));

    /// <summary>The little-endian two's complement in the last 2 bytes, not hashed.</summary>
    /// <param name="value">The integer.</param>
    /// <returns>The identifier.</returns>
    public static UniqueId FromInt16(short value) => FromUInt16(unchecked((ushort)value));

    /// <summary>The little-endian two's complement in the last 4 bytes, not hashed.</summary>
    /// <param name="value">The integer.</param>
    /// <returns>The identifier.</returns>
    public static UniqueId FromInt32(int value) => FromUInt32(unchecked((uint)value));

    /// <summary>The little-endian two's complement in the last 8 bytes, not hashed.</summary>
    /// <param name="value">The integer.</param>
    /// <returns>The identifier.</returns>
    public static UniqueId FromInt64(long value) => FromUInt64(unchecked((ulong)value));

    /// <summary>The little-endian two's complement in the last 16 bytes, not hashed.</summary>
    /// <param name="value">The integer.</param>
    /// <returns>The identifier.</returns>
    public static UniqueId FromInt128(Int128 value) => FromUInt128(unchecked((UInt128)value));

    /// <summary>The two's complement in the last 8 bytes on every machine, not hashed.</summary>
    /// <param name="value">The integer.</param>
    /// <returns>The identifier.</returns>
    public static UniqueId FromIntPtr(nint value) => FromInt64(value);

    private static UniqueId FromLittleEndian(ReadOnlySpan<byte> image)
    {
        Span<byte> raw = stackalloc byte[Length];
        raw.Clear();
        image.CopyTo(raw[(Length - image.Length)..]);
        return new UniqueId(raw);
    }
}
