using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;

namespace Mosaik.Postcard.Converters;

/// <summary>byte[]: length and raw bytes.</summary>
internal readonly struct ByteArrayCodec : IValueCodec<byte[]>
{
    public static int MinimumSize => 1;

    public static void Write(ref PostcardWriter writer, byte[] value)
    {
        if (value is null)
            Null.Refuse<byte[]>();
        writer.WriteBytes(value);
    }

    public static bool TryRead(ref PostcardReader reader, [MaybeNullWhen(false)] out byte[] value)
    {
        var read = reader.TryReadBytes(out var bytes);
        value = read ? bytes.ToArray() : null;
        return read;
    }
}

/// <summary>Memory&lt;byte&gt;: length and raw bytes.</summary>
internal readonly struct MemoryCodec : IValueCodec<Memory<byte>>
{
    public static int MinimumSize => 1;

    public static void Write(ref PostcardWriter writer, Memory<byte> value) => writer.WriteBytes(value.Span);

    public static bool TryRead(ref PostcardReader reader, out Memory<byte> value)
    {
        var read = reader.TryReadBytes(out var bytes);
        value = read ? bytes.ToArray() : default;
        return read;
    }
}

/// <summary>ReadOnlyMemory&lt;byte&gt;: length and raw bytes.</summary>
internal readonly struct ReadOnlyMemoryCodec : IValueCodec<ReadOnlyMemory<byte>>
{
    public static int MinimumSize => 1;

    public static void Write(ref PostcardWriter writer, ReadOnlyMemory<byte> value) => writer.WriteBytes(value.Span);

    public static bool TryRead(ref PostcardReader reader, out ReadOnlyMemory<byte> value)
    {
        var read = reader.TryReadBytes(out var bytes);
        value = read ? bytes.ToArray() : default;
        return read;
    }
}

/// <summary>ImmutableArray&lt;byte&gt;: length and raw bytes.</summary>
internal readonly struct ImmutableBytesCodec : IValueCodec<ImmutableArray<byte>>
{
    public static int MinimumSize => 1;

    public static void Write(ref PostcardWriter writer, ImmutableArray<byte> value)
    {
        if (value.IsDefault)
            Null.Refuse<ImmutableArray<byte>>();
        writer.WriteBytes(value.AsSpan());
    }

    public static bool TryRead(ref PostcardReader reader, out ImmutableArray<byte> value)
    {
        var read = reader.TryReadBytes(out var bytes);
        value = read ? ImmutableCollectionsMarshal.AsImmutableArray(bytes.ToArray()) : default;
        return read;
    }
}
