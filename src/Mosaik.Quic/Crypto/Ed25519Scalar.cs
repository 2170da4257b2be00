using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Mosaik.Quic.Crypto;

/// <summary>Numbers modulo L = 2²⁵² + c, the order of the base point of Ed25519 (RFC 8032 §5.1).</summary>
/// <remarks>
/// A number is four little-endian 64-bit words. Time depends on a value in <see cref="TryRead"/> only, which reads what
/// peers send; everything else is also used for secrets.
/// </remarks>
internal static class Ed25519Scalar
{
    /// <summary>Words of a reduced number.</summary>
    internal const int Words = 4;

    private const int WideWords = 8;

    // 512 bits become 260, 133, 6 and none above 2²⁵².
    private const int ReductionSteps = 4;

    // Texts up to this length are hashed from the stack; every text of the product is shorter.
    private const int ShortInput = 512;

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
        for (var step = 0; step < ReductionSteps; step++)
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
                SubtractFrom(sum, wide[..Words], ulong.MaxValue);
            MultiplyByC(high, wide);
        }
        // Below 4L now.
        Span<ulong> twice = stackalloc ulong[Words];
        L.CopyTo(twice);
        AddTo(twice, L);
        SubtractIfAtLeast(sum, twice);
        SubtractIfAtLeast(sum, L);
        sum.CopyTo(destination);
        wide.Clear();
    }

    /// <summary>SHA-512 of three parts, one after the other, modulo L.</summary>
    internal static void Hash(
        ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, ReadOnlySpan<byte> third, Span<ulong> destination)
    {
        Span<byte> hash = stackalloc byte[SHA512.HashSizeInBytes];
        var length = first.Length + second.Length + third.Length;
        if (length <= ShortInput)
        {
            Span<byte> input = stackalloc byte[ShortInput];
            first.CopyTo(input);
            second.CopyTo(input[first.Length..]);
            third.CopyTo(input[(first.Length + second.Length)..]);
            SHA512.HashData(input[..length], hash);
            CryptographicOperations.ZeroMemory(input);
        }
        else
        {
            using var running = IncrementalHash.CreateHash(HashAlgorithmName.SHA512);
            running.AppendData(first);
            running.AppendData(second);
            running.AppendData(third);
            running.GetHashAndReset(hash);
        }
        Reduce(hash, destination);
        CryptographicOperations.ZeroMemory(hash);
    }

    /// <summary>a · b + c modulo L for a and c below L and 32 bytes of a number b below 2²⁵⁵.</summary>
    internal static void MultiplyAdd(ReadOnlySpan<ulong> a, ReadOnlySpan<byte> b, ReadOnlySpan<ulong> c, Span<ulong> destination)
    {
        Span<ulong> wide = stackalloc ulong[WideWords];
        wide.Clear();
        c.CopyTo(wide);
        for (var j = 0; j < Words; j++)
        {
            var word = BinaryPrimitives.ReadUInt64LittleEndian(b[(8 * j)..]);
            ulong carry = 0;
            for (var i = 0; i < Words; i++)
            {
                var product = ((UInt128)a[i] * word) + wide[i + j] + carry;
                wide[i + j] = (ulong)product;
                carry = (ulong)(product >> 64);
            }
            wide[Words + j] = carry;
        }
        Span<byte> bytes = stackalloc byte[WideWords * sizeof(ulong)];
        for (var i = 0; i < WideWords; i++)
            BinaryPrimitives.WriteUInt64LittleEndian(bytes[(8 * i)..], wide[i]);
        Reduce(bytes, destination);
        CryptographicOperations.ZeroMemory(bytes);
        CryptographicOperations.ZeroMemory(MemoryMarshal.AsBytes(wide));
    }

    /// <summary>Writes 32 bytes.</summary>
    internal static void Write(ReadOnlySpan<ulong> number, Span<byte> destination)
    {
        for (var i = 0; i < Words; i++)
            BinaryPrimitives.WriteUInt64LittleEndian(destination[(8 * i)..], number[i]);
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

    // Subtracts if the mask is all ones, nothing if it is zero; returns the borrow.
    private static ulong SubtractFrom(Span<ulong> sum, ReadOnlySpan<ulong> number, ulong mask)
    {
        ulong borrow = 0;
        for (var i = 0; i < Words; i++)
        {
            var part = (UInt128)sum[i] - (number[i] & mask) - borrow;
            sum[i] = (ulong)part;
            borrow = (ulong)(part >> 64) & 1;
        }
        return borrow;
    }

    private static void SubtractIfAtLeast(Span<ulong> sum, ReadOnlySpan<ulong> number)
    {
        Span<ulong> rest = stackalloc ulong[Words];
        sum.CopyTo(rest);
        SubtractFrom(sum, number, SubtractFrom(rest, number, ulong.MaxValue) - 1);
    }
}
