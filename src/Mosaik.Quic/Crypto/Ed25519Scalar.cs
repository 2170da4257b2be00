using System.Buffers.Binary;

namespace Mosaik.Quic.Crypto;

/// <summary>Numbers modulo L = 2²⁵² + c, the order of the base point of Ed25519 (RFC 8032 §5.1).</summary>
/// <remarks>
/// Only what a verification needs, for public values: nothing here hides its input. A number is four little-endian
/// 64-bit words.
/// </remarks>
internal static class Ed25519Scalar
{
    /// <summary>Words of a reduced number.</summary>
    internal const int Words = 4;

    private const int WideWords = 8;

    // The highest word of L is 2⁶⁰: 252 = 3 · 64 + 60.
    private const int HighBits = 60;
    private const ulong HighMask = (1UL << HighBits) - 1;

    private static ReadOnlySpan<ulong> L => [0x5812631a5cf5d3ed, 0x14def9dea2f79cd6, 0, 1UL << HighBits];

    /// <summary>Reads 32 bytes; false when the number is not below L.</summary>
    internal static bool TryRead(ReadOnlySpan<byte> bytes, Span<ulong> destination)
    {
        for (var i = 0; i < Words; i++)
            destination[i] = BinaryPrimitives.ReadUInt64LittleEndian(bytes[(8 * i)..]);
        return !IsAtLeastL(destination);
    }

    /// <summary>Reduces 64 bytes modulo L.</summary>
    /// <remarks>
    /// 2²⁵² ≡ −c, so x = lo + 2²⁵²·hi ≡ lo − c·hi. With hi of 260 bits and c of 125, three such steps leave
    /// lo₀ − lo₁ + lo₂ − lo₃ with every part below 2²⁵²: between −2L and 2L.
    /// </remarks>
    internal static void Reduce(ReadOnlySpan<byte> bytes, Span<ulong> destination)
    {
        Span<ulong> wide = stackalloc ulong[WideWords];
        Span<ulong> high = stackalloc ulong[WideWords - Words + 1];
        for (var i = 0; i < WideWords; i++)
            wide[i] = BinaryPrimitives.ReadUInt64LittleEndian(bytes[(8 * i)..]);
        // Starts with 2·L, so that no partial sum is negative.
        Span<ulong> sum = stackalloc ulong[Words];
        L.CopyTo(sum);
        AddTo(sum, L);
        for (var step = 0; ; step++)
        {
            for (var i = 0; i < high.Length; i++)
            {
                var upper = i + Words < WideWords ? wide[i + Words] << (64 - HighBits) : 0;
                high[i] = (wide[i + Words - 1] >> HighBits) | upper;
            }
            wide[Words - 1] &= HighMask;
            if ((step & 1) == 0)
                AddTo(sum, wide[..Words]);
            else
                SubtractFrom(sum, wide[..Words]);
            if (!high.ContainsAnyExcept(0UL))
                break;
            MultiplyByC(high, wide);
        }
        while (IsAtLeastL(sum))
            SubtractFrom(sum, L);
        sum.CopyTo(destination);
    }

    private static bool IsAtLeastL(ReadOnlySpan<ulong> number)
    {
        for (var i = Words - 1; i >= 0; i--)
        {
            if (number[i] != L[i])
                return number[i] > L[i];
        }
        return true;
    }

    // destination = high · c; 260 + 125 bits at most.
    private static void MultiplyByC(ReadOnlySpan<ulong> high, Span<ulong> destination)
    {
        destination.Clear();
        for (var j = 0; j < 2; j++)
        {
            ulong carry = 0;
            for (var i = 0; i < high.Length; i++)
            {
                var product = ((UInt128)high[i] * L[j]) + destination[i + j] + carry;
                destination[i + j] = (ulong)product;
                carry = (ulong)(product >> 64);
            }
            destination[high.Length + j] = carry;
        }
    }

    private static void AddTo(Span<ulong> sum, ReadOnlySpan<ulong> number)
    {
        ulong carry = 0;
        for (var i = 0; i < Words; i++)
        {
            var part = (UInt128)sum[i] + number[i] + carry;
            sum[i] = (ulong)part;
            carry = (ulong)(part >> 64);
        }
    }

    private static void SubtractFrom(Span<ulong> sum, ReadOnlySpan<ulong> number)
    {
        ulong borrow = 0;
        for (var i = 0; i < Words; i++)
        {
            var part = (UInt128)sum[i] - number[i] - borrow;
            sum[i] = (ulong)part;
            borrow = (ulong)(part >> 64) & 1;
        }
    }
}
