using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Security.Cryptography;

namespace Mosaik.Quic.Crypto;

/// <summary>Secret multiples of the base point of Ed25519: key generation and signatures.</summary>
/// <remarks>
/// <para>
/// n·B with n in 64 signed digits of four bits. The table has 1·256ⁱ·B to 8·256ⁱ·B for i below 32: every second digit
/// is looked up and added, the sum is doubled four times, and the other digits follow (the fixed-base method of
/// "High-speed high-security signatures", Bernstein et al. 2011, §4).
/// </para>
/// <para>
/// Time and addresses do not depend on n: a look-up reads all eight entries and keeps one by masks, the sign is applied
/// by masks, and the additions are complete.
/// </para>
/// </remarks>
internal static class Ed25519BasePoint
{
    /// <summary>Length of a scalar; it must be below 2²⁵⁵.</summary>
    internal const int ScalarLength = 32;

    private const int Digits = 2 * ScalarLength;
    private const int PerWindow = 8;

    // An entry is three numbers of five limbs and one word that fills four vectors.
    private const int EntryVectors = 4;
    private const int EntryWords = 4 * EntryVectors;

    private static readonly ulong[] Table = MakeTable();
    private static readonly ulong[] Neutral = MakeNeutral();

    /// <summary>n·B for 32 bytes, little-endian, of a number below 2²⁵⁵.</summary>
    internal static Ed25519Accumulator Multiply(ReadOnlySpan<byte> scalar)
    {
        Span<sbyte> digits = stackalloc sbyte[Digits];
        WriteDigits(scalar, digits);
        var sum = new Ed25519Accumulator();
        for (var i = 1; i < Digits; i += 2)
            Add(sum, i / 2, digits[i]);
        for (var i = 0; i < 4; i++)
            sum.Double();
        for (var i = 0; i < Digits; i += 2)
            Add(sum, i / 2, digits[i]);
        CryptographicOperations.ZeroMemory(MemoryMarshal.AsBytes(digits));
        return sum;
    }

    // Digits from −8 to 8: what exceeds 7 borrows from the next. The last one takes the carry, hence the limit of 2²⁵⁵.
    private static void WriteDigits(ReadOnlySpan<byte> scalar, Span<sbyte> digits)
    {
        var carry = 0;
        for (var i = 0; i < Digits; i++)
        {
            var digit = ((scalar[i / 2] >> (4 * (i & 1))) & 15) + carry;
            carry = i == Digits - 1 ? 0 : (digit + 8) >> 4;
            digits[i] = (sbyte)(digit - (carry << 4));
        }
    }

    private static void Add(Ed25519Accumulator sum, int window, int digit)
    {
        var sign = digit >> 31;
        var size = (ulong)((digit ^ sign) - sign);
        ref var table = ref MemoryMarshal.GetArrayDataReference(Table);
        ref var neutral = ref MemoryMarshal.GetArrayDataReference(Neutral);
        var (a, b) = (Vector256.LoadUnsafe(ref neutral), Vector256.LoadUnsafe(ref neutral, 4));
        var (c, d) = (Vector256.LoadUnsafe(ref neutral, 8), Vector256.LoadUnsafe(ref neutral, 12));
        var wanted = Vector256.Create(size);
        var at = (nuint)(window * PerWindow * EntryWords);
        for (var multiple = 1UL; multiple <= PerWindow; multiple++, at += EntryWords)
        {
            var mask = Vector256.Equals(wanted, Vector256.Create(multiple));
            a = Vector256.ConditionalSelect(mask, Vector256.LoadUnsafe(ref table, at), a);
            b = Vector256.ConditionalSelect(mask, Vector256.LoadUnsafe(ref table, at + 4), b);
            c = Vector256.ConditionalSelect(mask, Vector256.LoadUnsafe(ref table, at + 8), c);
            d = Vector256.ConditionalSelect(mask, Vector256.LoadUnsafe(ref table, at + 12), d);
        }

        Span<ulong> words = stackalloc ulong[EntryWords];
        ref var first = ref MemoryMarshal.GetReference(words);
        a.StoreUnsafe(ref first);
        b.StoreUnsafe(ref first, 4);
        c.StoreUnsafe(ref first, 8);
        d.StoreUnsafe(ref first, 12);
        Ed25519Multiples.Entry entry;
        entry.HalfSum = Field25519.FromLimbs(words);
        entry.HalfDifference = Field25519.FromLimbs(words[Field25519.Limbs..]);
        entry.ProductTimesD = Field25519.FromLimbs(words[(2 * Field25519.Limbs)..]);
        // −(x, y) = (−x, y).
        var isNegative = (ulong)(sign & 1);
        Field25519.Subtract(Field25519.Zero, entry.ProductTimesD, out var negated);
        Field25519.Swap(isNegative, ref entry.HalfSum, ref entry.HalfDifference);
        Field25519.Swap(isNegative, ref entry.ProductTimesD, ref negated);
        sum.Add(entry, negate: false);
    }

    private static ulong[] MakeTable()
    {
        var powers = new Ed25519Accumulator[ScalarLength];
        var running = new Ed25519Accumulator();
        running.SetAffine(Ed25519Curve.Base.X, Ed25519Curve.Base.Y);
        for (var i = 0; i < powers.Length; i++)
        {
            powers[i] = running.Clone();
            for (var bit = 0; bit < 8; bit++)
                running.Double();
        }

        var affine = Ed25519Multiples.ToEntries(powers);
        var multiples = new Ed25519Accumulator[ScalarLength * PerWindow];
        for (var i = 0; i < multiples.Length; i++)
        {
            multiples[i] = powers[i / PerWindow].Clone();
            powers[i / PerWindow].Add(affine[i / PerWindow], negate: false);
        }

        var table = new ulong[multiples.Length * EntryWords];
        var entries = Ed25519Multiples.ToEntries(multiples);
        for (var i = 0; i < entries.Length; i++)
            Write(entries[i], table.AsSpan(i * EntryWords));
        return table;
    }

    private static ulong[] MakeNeutral()
    {
        var words = new ulong[EntryWords];
        Write(Ed25519Multiples.ToEntries([new Ed25519Accumulator()])[0], words);
        return words;
    }

    private static void Write(in Ed25519Multiples.Entry entry, Span<ulong> words)
    {
        entry.HalfSum.CopyTo(words);
        entry.HalfDifference.CopyTo(words[Field25519.Limbs..]);
        entry.ProductTimesD.CopyTo(words[(2 * Field25519.Limbs)..]);
    }
}
