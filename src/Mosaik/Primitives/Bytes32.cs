using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Mosaik.Primitives;

/// <summary>
/// 32 bytes inline: equality, unsigned lexicographic order and a view as a span. The body of every identifier.
/// </summary>
[StructLayout(LayoutKind.Sequential, Size = Length)]
internal readonly struct Bytes32 : IEquatable<Bytes32>
{
    public const int Length = 32;

    // Kept in memory order, so that the struct can be viewed as its bytes.
    private readonly ulong _a;
    private readonly ulong _b;
    private readonly ulong _c;
    private readonly ulong _d;

    public Bytes32(ReadOnlySpan<byte> bytes) => this = MemoryMarshal.Read<Bytes32>(bytes);

    [UnscopedRef]
    public ReadOnlySpan<byte> AsSpan() => MemoryMarshal.AsBytes(new ReadOnlySpan<Bytes32>(in this));

    public bool Equals(Bytes32 other) => _a == other._a && _b == other._b && _c == other._c && _d == other._d;

    public override bool Equals(object? obj) => obj is Bytes32 other && Equals(other);

    // Identifiers are hashes or keys: any 32 bits of them are spread well; mixing guards hand-made ones.
    public override int GetHashCode() => HashCode.Combine(_a, _b, _c, _d);

    public int Order(Bytes32 other)
    {
        if (_a != other._a)
            return Compare(_a, other._a);
        if (_b != other._b)
            return Compare(_b, other._b);
        if (_c != other._c)
            return Compare(_c, other._c);
        return Compare(_d, other._d);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Compare(ulong x, ulong y) => BitConverter.IsLittleEndian
        ? BinaryPrimitives.ReverseEndianness(x).CompareTo(BinaryPrimitives.ReverseEndianness(y))
        : x.CompareTo(y);
}
