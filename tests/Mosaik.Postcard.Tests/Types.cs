using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Net;
using System.Runtime.CompilerServices;
using System.Text;
using PolyType;

namespace Mosaik.Postcard.Tests;

[GenerateShape]
public sealed partial record Order(ulong Id, uint Price, uint Amount, byte Side, string Symbol, long Time);

[GenerateShape]
public sealed partial record Numbers(
    bool Bool, byte U8, sbyte I8, ushort U16, short I16, uint U32, int I32, ulong U64, long I64, UInt128 U128, Int128 I128,
    nuint USize, nint ISize, float F32, double F64, Rune Char);

public enum Side
{
    Buy,
    Sell,
    Short,
}

[GenerateShape]
public sealed partial record Everything(
    string Text, string? MaybeText, int? MaybeNumber, Optional<Optional<byte>> Nested, Side Side, TimeSpan Duration,
    DateTimeOffset At, IPAddress Address, IPEndPoint EndPoint, (int, string) Pair, byte[] Bytes, ReadOnlyMemory<byte> Memory,
    ImmutableArray<byte> Immutable, Shape Shape, Shape? MaybeShape);

[GenerateShape]
public sealed partial record Collections(
    int[] Array, List<string> List, Queue<long> Queue, ImmutableList<short> ImmutableList, ImmutableArray<double> ImmutableArray,
    HashSet<string> Set, SortedSet<int> SortedSet, FrozenSet<ulong> FrozenSet, ImmutableHashSet<int> ImmutableSet,
    ImmutableSortedSet<int> ImmutableSortedSet, Dictionary<string, int> Map, SortedDictionary<int, string> SortedMap,
    FrozenDictionary<int, byte> FrozenMap, ImmutableDictionary<string, bool> ImmutableMap,
    ImmutableSortedDictionary<int, int> ImmutableSortedMap, IReadOnlyList<Order> Orders, LinkedList<byte> Linked);

[DerivedTypeShape(typeof(Circle), Tag = 0)]
[DerivedTypeShape(typeof(Square), Tag = 1)]
[DerivedTypeShape(typeof(Empty), Tag = 4)]
[GenerateShape]
public abstract partial record Shape
{
    public sealed record Circle(uint Radius) : Shape;

    public sealed record Square(uint Side, string Label) : Shape;

    public sealed record Empty : Shape;

    public sealed record Stranger : Shape;
}

[GenerateShape]
public sealed partial record Tree(int Value, List<Tree> Children);

[GenerateShape]
public sealed partial record Chain(byte Value, Chain? Next);

[GenerateShape]
public sealed partial record Unit;

[GenerateShape]
public partial record struct Wrapper(ulong Value);

[InlineArray(4)]
public struct FourInts
{
    private int _first;
}

[InlineArray(3)]
public struct ThreeBytes
{
    private byte _first;
}

[InlineArray(4)]
public struct FourBytes
{
    private byte _first;
}

[InlineArray(16)]
public struct SixteenBytes
{
    private byte _first;
}

[InlineArray(32)]
public struct ThirtyTwoBytes
{
    private byte _first;
}

[GenerateShape]
public sealed partial record Fixed(FourInts Ints, ThirtyTwoBytes Bytes);

[GenerateShape]
public sealed partial class MutableBag
{
    public int A { get; set; }

    public string B { get; set; } = "";

    public List<int> C { get; set; } = [];

    public int Computed => A + C.Count;
}

[GenerateShape]
public sealed partial class Initialized
{
    public required int A { get; init; }

    public required string? B { get; init; }

    public uint C { get; set; }
}

[GenerateShape]
public sealed partial record Reordered(
    [property: PropertyShape(Order = 3)] byte Third,
    [property: PropertyShape(Order = 1)] byte First,
    [property: PropertyShape(Order = 2)] byte Second);

[GenerateShape]
public sealed partial record PositionalAndMore(byte First, byte Second)
{
    public byte Third { get; init; }
}

public record Base(byte A);

[GenerateShape]
public sealed partial record Derived(byte B, byte A) : Base(A);

[GenerateShape]
public sealed partial class ByConstructor(byte second, byte first)
{
    public byte First { get; } = first;

    public byte Second { get; } = second;
}

[GenerateShape]
public sealed partial record Picky
{
    public Picky(int value)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(value);
        Value = value;
    }

    public int Value { get; }
}

[PostcardConverter(typeof(ReversedConverter))]
public readonly record struct Reversed(byte A, byte B);

public sealed class ReversedConverter : PostcardConverter<Reversed>
{
    public override int MinimumSize => 2;

    public override void Write(ref PostcardWriter writer, in Reversed value)
    {
        writer.WriteByte(value.B);
        writer.WriteByte(value.A);
    }

    public override bool TryRead(ref PostcardReader reader, out Reversed value)
    {
        value = default;
        if (!reader.TryReadByte(out var b) || !reader.TryReadByte(out var a))
            return false;
        value = new Reversed(a, b);
        return true;
    }
}

public readonly record struct Key32(UInt128 High, UInt128 Low);

public sealed class Key32Converter : PostcardConverter<Key32>
{
    public override int MinimumSize => 32;

    public override void Write(ref PostcardWriter writer, in Key32 value)
    {
        var room = writer.Take(32);
        System.Buffers.Binary.BinaryPrimitives.WriteUInt128BigEndian(room, value.High);
        System.Buffers.Binary.BinaryPrimitives.WriteUInt128BigEndian(room[16..], value.Low);
    }

    public override bool TryRead(ref PostcardReader reader, out Key32 value)
    {
        value = default;
        if (!reader.TryReadRaw(32, out var bytes))
            return false;
        value = new Key32(
            System.Buffers.Binary.BinaryPrimitives.ReadUInt128BigEndian(bytes),
            System.Buffers.Binary.BinaryPrimitives.ReadUInt128BigEndian(bytes[16..]));
        return true;
    }
}

[GenerateShape]
public sealed partial record Custom(Reversed Pair, Key32 Key, List<Reversed> Pairs);

public sealed record Generic<T>(T Value, T[] Values, T? Maybe = default);

[GenerateShapeFor(typeof(Generic<string>))]
[GenerateShapeFor(typeof(List<int>))]
[GenerateShapeFor(typeof((string, int)))]
public sealed partial class Shapes;

[DerivedTypeShape(typeof(A), Tag = 0)]
[DerivedTypeShape(typeof(B), Tag = 1)]
public abstract record AOrB
{
    public sealed record A : AOrB;

    public sealed record B(ushort Value) : AOrB;
}
