using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Text;

namespace Mosaik.Postcard.Converters;

/// <summary>bool (spec/wire.md §3.1).</summary>
internal readonly struct BoolCodec : IValueCodec<bool>
{
    public static int MinimumSize => 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Write(ref PostcardWriter writer, bool value) => writer.WriteBool(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryRead(ref PostcardReader reader, out bool value) => reader.TryReadBool(out value);
}

/// <summary>byte (spec/wire.md §3.1).</summary>
internal readonly struct ByteCodec : IValueCodec<byte>
{
    public static int MinimumSize => 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Write(ref PostcardWriter writer, byte value) => writer.WriteByte(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryRead(ref PostcardReader reader, out byte value) => reader.TryReadByte(out value);
}

/// <summary>sbyte (spec/wire.md §3.1).</summary>
internal readonly struct SByteCodec : IValueCodec<sbyte>
{
    public static int MinimumSize => 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Write(ref PostcardWriter writer, sbyte value) => writer.WriteSByte(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryRead(ref PostcardReader reader, out sbyte value) => reader.TryReadSByte(out value);
}

/// <summary>ushort (spec/wire.md §3.1).</summary>
internal readonly struct UInt16Codec : IValueCodec<ushort>
{
    public static int MinimumSize => 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Write(ref PostcardWriter writer, ushort value) => writer.WriteUInt16(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryRead(ref PostcardReader reader, out ushort value) => reader.TryReadUInt16(out value);
}

/// <summary>uint (spec/wire.md §3.1).</summary>
internal readonly struct UInt32Codec : IValueCodec<uint>
{
    public static int MinimumSize => 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Write(ref PostcardWriter writer, uint value) => writer.WriteUInt32(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryRead(ref PostcardReader reader, out uint value) => reader.TryReadUInt32(out value);
}

/// <summary>ulong (spec/wire.md §3.1).</summary>
internal readonly struct UInt64Codec : IValueCodec<ulong>
{
    public static int MinimumSize => 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Write(ref PostcardWriter writer, ulong value) => writer.WriteUInt64(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryRead(ref PostcardReader reader, out ulong value) => reader.TryReadUInt64(out value);
}

/// <summary>UInt128 (spec/wire.md §3.1).</summary>
internal readonly struct UInt128Codec : IValueCodec<UInt128>
{
    public static int MinimumSize => 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Write(ref PostcardWriter writer, UInt128 value) => writer.WriteUInt128(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryRead(ref PostcardReader reader, out UInt128 value) => reader.TryReadUInt128(out value);
}

/// <summary>short (spec/wire.md §3.1).</summary>
internal readonly struct Int16Codec : IValueCodec<short>
{
    public static int MinimumSize => 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Write(ref PostcardWriter writer, short value) => writer.WriteInt16(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryRead(ref PostcardReader reader, out short value) => reader.TryReadInt16(out value);
}

/// <summary>int (spec/wire.md §3.1).</summary>
internal readonly struct Int32Codec : IValueCodec<int>
{
    public static int MinimumSize => 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Write(ref PostcardWriter writer, int value) => writer.WriteInt32(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryRead(ref PostcardReader reader, out int value) => reader.TryReadInt32(out value);
}

/// <summary>long (spec/wire.md §3.1).</summary>
internal readonly struct Int64Codec : IValueCodec<long>
{
    public static int MinimumSize => 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Write(ref PostcardWriter writer, long value) => writer.WriteInt64(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryRead(ref PostcardReader reader, out long value) => reader.TryReadInt64(out value);
}

/// <summary>Int128 (spec/wire.md §3.1).</summary>
internal readonly struct Int128Codec : IValueCodec<Int128>
{
    public static int MinimumSize => 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Write(ref PostcardWriter writer, Int128 value) => writer.WriteInt128(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryRead(ref PostcardReader reader, out Int128 value) => reader.TryReadInt128(out value);
}

/// <summary>float (spec/wire.md §3.1).</summary>
internal readonly struct SingleCodec : IValueCodec<float>
{
    public static int MinimumSize => 4;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Write(ref PostcardWriter writer, float value) => writer.WriteSingle(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryRead(ref PostcardReader reader, out float value) => reader.TryReadSingle(out value);
}

/// <summary>double (spec/wire.md §3.1).</summary>
internal readonly struct DoubleCodec : IValueCodec<double>
{
    public static int MinimumSize => 8;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Write(ref PostcardWriter writer, double value) => writer.WriteDouble(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryRead(ref PostcardReader reader, out double value) => reader.TryReadDouble(out value);
}

/// <summary>nuint as usize: always 64 bits on the wire.</summary>
internal readonly struct UIntPtrCodec : IValueCodec<nuint>
{
    public static int MinimumSize => 1;

    public static void Write(ref PostcardWriter writer, nuint value) => writer.WriteUInt64(value);

    public static bool TryRead(ref PostcardReader reader, out nuint value)
    {
        var start = reader.Position;
        var read = reader.TryReadUInt64(out var wide);
        value = (nuint)wide;
        return read && (value == wide || reader.Fail(PostcardError.InvalidValue, start));
    }
}

/// <summary>nint as isize: always 64 bits on the wire.</summary>
internal readonly struct IntPtrCodec : IValueCodec<nint>
{
    public static int MinimumSize => 1;

    public static void Write(ref PostcardWriter writer, nint value) => writer.WriteInt64(value);

    public static bool TryRead(ref PostcardReader reader, out nint value)
    {
        var start = reader.Position;
        var read = reader.TryReadInt64(out var wide);
        value = (nint)wide;
        return read && (value == wide || reader.Fail(PostcardError.InvalidValue, start));
    }
}

/// <summary>Rune as char.</summary>
internal readonly struct RuneCodec : IValueCodec<Rune>
{
    // Length 1 and one byte.
    public static int MinimumSize => 2;

    public static void Write(ref PostcardWriter writer, Rune value) => writer.WriteRune(value);

    public static bool TryRead(ref PostcardReader reader, out Rune value) => reader.TryReadRune(out value);
}

/// <summary>string; null has no image unless the member says it may be null.</summary>
internal readonly struct StringCodec : IValueCodec<string>
{
    public static int MinimumSize => 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Write(ref PostcardWriter writer, string value)
    {
        if (value is null)
            Null.Refuse<string>();
        writer.WriteString(value);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryRead(ref PostcardReader reader, [MaybeNullWhen(false)] out string value) =>
        reader.TryReadString(out value);
}
