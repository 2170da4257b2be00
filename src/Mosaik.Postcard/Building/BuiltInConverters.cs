using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Net;
using System.Text;
using Mosaik.Postcard.Converters;

namespace Mosaik.Postcard.Building;

/// <summary>The converters that need no type shape.</summary>
internal static class BuiltInConverters
{
    private static readonly FrozenDictionary<Type, PostcardConverter> ByType = new PostcardConverter[]
    {
        new ValueConverter<bool, BoolCodec>(),
        new BlockConverter<byte, ByteCodec>(),
        new BlockConverter<sbyte, SByteCodec>(),
        new IntegerRunConverter<ushort, UInt16Codec>(),
        new IntegerRunConverter<uint, UInt32Codec>(),
        new IntegerRunConverter<ulong, UInt64Codec>(),
        new ValueConverter<UInt128, UInt128Codec>(),
        new ValueConverter<nuint, UIntPtrCodec>(),
        new IntegerRunConverter<short, Int16Codec>(),
        new IntegerRunConverter<int, Int32Codec>(),
        new IntegerRunConverter<long, Int64Codec>(),
        new ValueConverter<Int128, Int128Codec>(),
        new ValueConverter<nint, IntPtrCodec>(),
        new BlockConverter<float, SingleCodec>(),
        new BlockConverter<double, DoubleCodec>(),
        new ValueConverter<Rune, RuneCodec>(),
        new ValueConverter<string, StringCodec>(),
        new ValueConverter<byte[], ByteArrayCodec>(),
        new ValueConverter<Memory<byte>, MemoryCodec>(),
        new ValueConverter<ReadOnlyMemory<byte>, ReadOnlyMemoryCodec>(),
        new ValueConverter<ImmutableArray<byte>, ImmutableBytesCodec>(),
        new ValueConverter<TimeSpan, TimeSpanCodec>(),
        new ValueConverter<DateTimeOffset, DateTimeOffsetCodec>(),
        new ValueConverter<DateTime, DateTimeCodec>(),
        new ValueConverter<IPAddress, IPAddressCodec>(),
        new ValueConverter<IPEndPoint, IPEndPointCodec>(),
    }.ToFrozenDictionary(static c => c.Type);

    public static PostcardConverter? Find(Type type) => ByType.GetValueOrDefault(type);
}
