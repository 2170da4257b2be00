using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Mosaik.Quic.Crypto;

/// <summary>A number modulo p = 2²⁵⁵ − 19: the coordinates of X25519 and Ed25519.</summary>
/// <remarks>
/// <para>
/// Five limbs of 51 bits. A product is <em>carried</em>: its limbs are at most 2⁵¹ + 1. <see cref="Add"/> and
/// <see cref="Subtract"/> do not carry; their results may go into one product or one further step, as the limits say:
/// limbs of factors stay below 2⁵³·1.2, and the subtrahend is carried. <see cref="Carry"/> brings anything below 2⁶³
/// back.
/// </para>
/// <para>
/// A factor is shifted by ten bits before it is multiplied, so that the two words of a product part at bit 54 and
/// columns add up without carries between words. Nothing here branches on a value or uses one as an index, so the time
/// tells nothing about secrets, except in <see cref="IsZero"/> and <see cref="IsOdd"/>, whose answers the caller
/// chooses to use.
/// </para>
/// </remarks>
[StructLayout(LayoutKind.Sequential)]
internal struct Field25519
{
    /// <summary>Length of an encoded number.</summary>
    internal const int Length = 32;

    /// <summary>Limbs of a number.</summary>
    internal const int Limbs = 5;

    private const int Bits = 51;
    private const ulong Mask = (1UL << Bits) - 1;
    private const int Shift = 10;                    // 64 − 10 = 54 bits in the low word
    private const int Excess = 64 - Shift - Bits;    // by which the high word's weight exceeds that of the next limb
    private const ulong Wrap = 19;

    // 2p, limb by limb at least as large as a carried number.
    private const ulong TwicePFirst = 2 * (Mask - Wrap + 1);
    private const ulong TwicePOther = 2 * Mask;

    private ulong _0;
    private ulong _1;
    private ulong _2;
    private ulong _3;
    private ulong _4;

    private Field25519(ulong l0, ulong l1, ulong l2, ulong l3, ulong l4) => (_0, _1, _2, _3, _4) = (l0, l1, l2, l3, l4);

    /// <summary>0.</summary>
    internal static Field25519 Zero => default;

    /// <summary>1.</summary>
    internal static Field25519 One => Small(1);

    /// <summary>Whether the number is 0 modulo p.</summary>
    internal readonly bool IsZero
    {
        get
        {
            var n = Normalized();
            return (n._0 | n._1 | n._2 | n._3 | n._4) == 0;
        }
    }

    /// <summary>The lowest bit of the canonical number: the sign of an x.</summary>
    internal readonly bool IsOdd => (Normalized()._0 & 1) != 0;

    /// <summary>A number below 2⁵¹.</summary>
    internal static Field25519 Small(ulong number) => new(number, 0, 0, 0, 0);

    /// <summary>The number of its limbs.</summary>
    internal static Field25519 FromLimbs(ReadOnlySpan<ulong> limbs) => new(limbs[0], limbs[1], limbs[2], limbs[3], limbs[4]);

    /// <summary>Writes the limbs.</summary>
    internal readonly void CopyTo(Span<ulong> limbs)
    {
        limbs[4] = _4;
        limbs[0] = _0;
        limbs[1] = _1;
        limbs[2] = _2;
        limbs[3] = _3;
    }

    /// <summary>Reads 32 bytes, little-endian; the highest bit is ignored, numbers from p on are reduced.</summary>
    internal static Field25519 Decode(ReadOnlySpan<byte> bytes)
    {
        var (a, b, c, d) = (Word(bytes, 0), Word(bytes, 8), Word(bytes, 16), Word(bytes, 24));
        return new Field25519(
            a & Mask,
            ((a >> 51) | (b << 13)) & Mask,
            ((b >> 38) | (c << 26)) & Mask,
            ((c >> 25) | (d << 39)) & Mask,
            (d >> 12) & Mask);

        static ulong Word(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt64LittleEndian(bytes[at..]);
    }

    /// <summary>Writes the canonical 32 bytes.</summary>
    internal readonly void Encode(Span<byte> bytes)
    {
        var n = Normalized();
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, n._0 | (n._1 << 51));
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[8..], (n._1 >> 13) | (n._2 << 38));
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[16..], (n._2 >> 26) | (n._3 << 25));
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[24..], (n._3 >> 39) | (n._4 << 12));
    }

    /// <summary>a + b, not carried.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Add(in Field25519 a, in Field25519 b, out Field25519 sum) =>
        sum = new Field25519(a._0 + b._0, a._1 + b._1, a._2 + b._2, a._3 + b._3, a._4 + b._4);

    /// <summary>a − b for a carried b, not carried.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Subtract(in Field25519 a, in Field25519 b, out Field25519 difference) =>
        difference = new Field25519(
            a._0 + TwicePFirst - b._0, a._1 + TwicePOther - b._1, a._2 + TwicePOther - b._2, a._3 + TwicePOther - b._3,
            a._4 + TwicePOther - b._4);

    /// <summary>The same number, carried.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Carry(in Field25519 a, out Field25519 carried) => carried = Carried(a._0, a._1, a._2, a._3, a._4);

    /// <summary>a · b.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Multiply(in Field25519 a, in Field25519 b, out Field25519 product)
    {
        var (a0, a1, a2, a3, a4) = (a._0, a._1, a._2, a._3, a._4);
        var (b0, b1, b2, b3, b4) = (b._0 << Shift, b._1 << Shift, b._2 << Shift, b._3 << Shift, b._4 << Shift);
        ulong h0 = 0, l0 = 0, h1 = 0, l1 = 0, h2 = 0, l2 = 0, h3 = 0, l3 = 0, h4 = 0, l4 = 0;
        ulong h5 = 0, l5 = 0, h6 = 0, l6 = 0, h7 = 0, l7 = 0, h8 = 0, l8 = 0;
        Step(a0, b0, ref h0, ref l0);
        Step(a0, b1, ref h1, ref l1);
        Step(a1, b0, ref h1, ref l1);
        Step(a0, b2, ref h2, ref l2);
        Step(a1, b1, ref h2, ref l2);
        Step(a2, b0, ref h2, ref l2);
        Step(a0, b3, ref h3, ref l3);
        Step(a1, b2, ref h3, ref l3);
        Step(a2, b1, ref h3, ref l3);
        Step(a3, b0, ref h3, ref l3);
        Step(a0, b4, ref h4, ref l4);
        Step(a1, b3, ref h4, ref l4);
        Step(a2, b2, ref h4, ref l4);
        Step(a3, b1, ref h4, ref l4);
        Step(a4, b0, ref h4, ref l4);
        Step(a1, b4, ref h5, ref l5);
        Step(a2, b3, ref h5, ref l5);
        Step(a3, b2, ref h5, ref l5);
        Step(a4, b1, ref h5, ref l5);
        Step(a2, b4, ref h6, ref l6);
        Step(a3, b3, ref h6, ref l6);
        Step(a4, b2, ref h6, ref l6);
        Step(a3, b4, ref h7, ref l7);
        Step(a4, b3, ref h7, ref l7);
        Step(a4, b4, ref h8, ref l8);
        product = Fold(h0, l0, h1, l1, h2, l2, h3, l3, h4, l4, h5, l5, h6, l6, h7, l7, h8, l8);
    }

    /// <summary>a².</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Square(in Field25519 a, out Field25519 square)
    {
        var (a0, a1, a2, a3, a4) = (a._0, a._1, a._2, a._3, a._4);
        var (d0, d1, d2, d3) = (2 * a0, 2 * a1, 2 * a2, 2 * a3);
        var (b0, b1, b2, b3, b4) = (a0 << Shift, a1 << Shift, a2 << Shift, a3 << Shift, a4 << Shift);
        ulong h0 = 0, l0 = 0, h1 = 0, l1 = 0, h2 = 0, l2 = 0, h3 = 0, l3 = 0, h4 = 0, l4 = 0;
        ulong h5 = 0, l5 = 0, h6 = 0, l6 = 0, h7 = 0, l7 = 0, h8 = 0, l8 = 0;
        Step(a0, b0, ref h0, ref l0);
        Step(d0, b1, ref h1, ref l1);
        Step(d0, b2, ref h2, ref l2);
        Step(a1, b1, ref h2, ref l2);
        Step(d0, b3, ref h3, ref l3);
        Step(d1, b2, ref h3, ref l3);
        Step(d0, b4, ref h4, ref l4);
        Step(d1, b3, ref h4, ref l4);
        Step(a2, b2, ref h4, ref l4);
        Step(d1, b4, ref h5, ref l5);
        Step(d2, b3, ref h5, ref l5);
        Step(d2, b4, ref h6, ref l6);
        Step(a3, b3, ref h6, ref l6);
        Step(d3, b4, ref h7, ref l7);
        Step(a4, b4, ref h8, ref l8);
        square = Fold(h0, l0, h1, l1, h2, l2, h3, l3, h4, l4, h5, l5, h6, l6, h7, l7, h8, l8);
    }

    /// <summary>1 / a = a^(p − 2); 0 for 0.</summary>
    internal static void Invert(in Field25519 a, out Field25519 inverse)
    {
        // 2²⁵⁵ − 21 in binary: 250 ones, then 01011.
        Square(a, out var z2);
        SquareTimes(z2, 2, out var t);
        Multiply(t, a, out var z9);
        Multiply(z9, z2, out var z11);
        Square(z11, out t);
        Multiply(t, z9, out var ones5);
        SquareTimes(ones5, 5, out t);
        Multiply(t, ones5, out var ones10);
        SquareTimes(ones10, 10, out t);
        Multiply(t, ones10, out var ones20);
        SquareTimes(ones20, 20, out t);
        Multiply(t, ones20, out t);
        SquareTimes(t, 10, out t);
        Multiply(t, ones10, out var ones50);
        SquareTimes(ones50, 50, out t);
        Multiply(t, ones50, out var ones100);
        SquareTimes(ones100, 100, out t);
        Multiply(t, ones100, out t);
        SquareTimes(t, 50, out t);
        Multiply(t, ones50, out t);
        SquareTimes(t, 5, out t);
        Multiply(t, z11, out inverse);
    }

    /// <summary>Exchanges a and b if <paramref name="bit"/> is 1, leaves them if it is 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Swap(ulong bit, ref Field25519 a, ref Field25519 b)
    {
        var mask = 0 - bit;
        var (x0, x1, x2) = ((a._0 ^ b._0) & mask, (a._1 ^ b._1) & mask, (a._2 ^ b._2) & mask);
        var (x3, x4) = ((a._3 ^ b._3) & mask, (a._4 ^ b._4) & mask);
        a = new Field25519(a._0 ^ x0, a._1 ^ x1, a._2 ^ x2, a._3 ^ x3, a._4 ^ x4);
        b = new Field25519(b._0 ^ x0, b._1 ^ x1, b._2 ^ x2, b._3 ^ x3, b._4 ^ x4);
    }

    private static void SquareTimes(in Field25519 a, int times, out Field25519 square)
    {
        Square(a, out square);
        for (var i = 1; i < times; i++)
            Square(square, out square);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Step(ulong a, ulong shiftedB, ref ulong high, ref ulong low)
    {
        high += Math.BigMul(a, shiftedB, out var l);
        low += l >> Shift;
    }

    // Column k has the low words of k and the high words of k − 1; columns from 5 on come back nineteenfold.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Field25519 Fold(
        ulong h0, ulong l0, ulong h1, ulong l1, ulong h2, ulong l2, ulong h3, ulong l3, ulong h4, ulong l4,
        ulong h5, ulong l5, ulong h6, ulong l6, ulong h7, ulong l7, ulong h8, ulong l8) => Carried(
            l0 + (Wrap * (l5 + (h4 << Excess))),
            l1 + (h0 << Excess) + (Wrap * (l6 + (h5 << Excess))),
            l2 + (h1 << Excess) + (Wrap * (l7 + (h6 << Excess))),
            l3 + (h2 << Excess) + (Wrap * (l8 + (h7 << Excess))),
            l4 + (h3 << Excess) + (Wrap * (h8 << Excess)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Field25519 Carried(ulong l0, ulong l1, ulong l2, ulong l3, ulong l4)
    {
        l1 += l0 >> Bits;
        l2 += l1 >> Bits;
        l3 += l2 >> Bits;
        l4 += l3 >> Bits;
        l0 = (l0 & Mask) + (Wrap * (l4 >> Bits));
        return new Field25519(l0 & Mask, (l1 & Mask) + (l0 >> Bits), l2 & Mask, l3 & Mask, l4 & Mask);
    }

    // The one representation below p.
    private readonly Field25519 Normalized()
    {
        var n = Carried(_0, _1, _2, _3, _4);
        // The limbs are below 2p now; n ≥ p exactly when n + 19 carries out of bit 255.
        var carry = (n._0 + Wrap) >> Bits;
        carry = (n._1 + carry) >> Bits;
        carry = (n._2 + carry) >> Bits;
        carry = (n._3 + carry) >> Bits;
        carry = (n._4 + carry) >> Bits;
        n._0 += Wrap * carry;
        n._1 += n._0 >> Bits;
        n._2 += n._1 >> Bits;
        n._3 += n._2 >> Bits;
        n._4 += n._3 >> Bits;
        return new Field25519(n._0 & Mask, n._1 & Mask, n._2 & Mask, n._3 & Mask, n._4 & Mask);
    }
}
