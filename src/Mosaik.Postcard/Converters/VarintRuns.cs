using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Mosaik.Postcard.Converters;

/// <summary>
/// Runs of integers whose varints have one or two bytes, sixteen at a time by vectors, and thirty-two where the machine
/// can close gaps in a vector of 64 bytes.
/// </summary>
/// <remarks>
/// <para>
/// Writing: sixteen numbers below 2^14 become sixteen lanes of two bytes, low group first. A lane below 0x80 gives one
/// byte, any other two; the pattern for the eight bits that say which is looked up, and one shuffle closes the gaps.
/// </para>
/// <para>
/// Reading: for each of sixteen bytes the number is computed that would end there, from that byte and the one before.
/// The bytes without continuation bit say where numbers really end; one shuffle per eight bytes brings those together.
/// A block may begin in the middle of a number, so no block waits for the length of the one before.
/// </para>
/// <para>
/// Not done here: numbers of three and more bytes, over-long forms in canonical form, the end of the input. Where they
/// begin the run ends, and the caller goes on number by number, which also reports what is wrong and where.
/// </para>
/// </remarks>
internal static partial class VarintRuns
{
    /// <summary>Numbers that are written, and bytes that are read, in the shorter step.</summary>
    public const int Block = 16;

    /// <summary>Bytes of the longest number that is written here.</summary>
    public const int MaxNumberBytes = 2;

    private const int Half = Block / 2;
    private const int Pattern = 16;
    private const ushort Limit = 1 << 14;

    private static readonly byte[] PackPatterns = MakePatterns(packsBytes: true);
    private static readonly byte[] GatherPatterns = MakePatterns(packsBytes: false);

    /// <summary>Whether the machine gains anything by it.</summary>
    public static bool IsSupported => Vector128.IsHardwareAccelerated && BitConverter.IsLittleEndian;

    /// <summary>
    /// Writes as many numbers as it can, in whole blocks, into <see cref="MaxNumberBytes"/> of room for each.
    /// <paramref name="used"/> is how many bytes they took.
    /// </summary>
    /// <returns>How many numbers were written; the next block has one that is too large, or the numbers end in
    /// it.</returns>
    public static int Write<T>(ReadOnlySpan<T> numbers, Span<byte> destination, out int used)
        where T : unmanaged
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(destination.Length / MaxNumberBytes, numbers.Length, nameof(destination));
        ref var source = ref MemoryMarshal.GetReference(numbers);
        ref var bytes = ref MemoryMarshal.GetReference(destination);
        var count = 0;
        used = 0;
        for (int length; IsWide && numbers.Length - count >= WideBlock; count += WideBlock, used += length)
        {
            length = TryWriteWide(ref Unsafe.Add(ref source, count), ref Unsafe.Add(ref bytes, used));
            if (length == 0)
                break;
        }

        for (int length; numbers.Length - count >= Block; count += Block, used += length)
        {
            length = TryWrite(ref Unsafe.Add(ref source, count), ref Unsafe.Add(ref bytes, used));
            if (length == 0)
                break;
        }

        return count;
    }

    private static int TryWrite<T>(ref T source, ref byte destination)
        where T : unmanaged
    {
        if (!TryLoad(ref source, out var lanes))
            return 0;
        if (IsSigned<T>())
            lanes = (lanes << 1) ^ (lanes.AsInt16() >> 15).AsUInt16();
        var isLong = Vector256.GreaterThan(lanes.AsInt16(), Vector256.Create((short)0x7F)).AsUInt16();
        var longs = isLong.ExtractMostSignificantBits();
        if (longs == 0)
        {
            Vector128.Narrow(lanes.GetLower(), lanes.GetUpper()).StoreUnsafe(ref destination);
            return Block;
        }

        var pairs = (lanes & Vector256.Create((ushort)0x7F))
            | ((lanes << 1) & Vector256.Create((ushort)0x7F00))
            | (isLong & Vector256.Create((ushort)0x80));
        var first = longs & 0xFF;
        var second = longs >> 8;
        Shuffle(pairs.GetLower(), PackPatterns, first).StoreUnsafe(ref destination);
        var length = Half + BitOperations.PopCount(first);
        Shuffle(pairs.GetUpper(), PackPatterns, second).StoreUnsafe(ref destination, (nuint)length);
        return length + Half + BitOperations.PopCount(second);
    }

    /// <summary>Reads as many numbers as it can. <paramref name="used"/> is how many bytes they took.</summary>
    /// <returns>How many numbers were read.</returns>
    public static int Read<T>(ReadOnlySpan<byte> input, Span<T> numbers, bool canonical, out int used)
        where T : unmanaged
    {
        ref var source = ref MemoryMarshal.GetReference(input);
        ref var destination = ref MemoryMarshal.GetReference(numbers);
        nuint at = 0;
        nuint count = 0;
        while (at + Block <= (uint)input.Length && count + Block <= (uint)numbers.Length)
        {
            // Its look at the byte before needs one.
            if (IsWide && at > 0 && at + WideBlock <= (uint)input.Length && count + WideBlock <= (uint)numbers.Length)
            {
                var read = TryReadWide(ref Unsafe.Add(ref source, at), ref Unsafe.Add(ref destination, count), canonical);
                if (read > 0)
                {
                    at += WideBlock;
                    count += (uint)read;
                    continue;
                }
            }

            var bytes = Vector128.LoadUnsafe(ref source, at);
            // The byte before each; before the first of all lies something that is not part of this run.
            var before = at == 0
                ? Vector128.Shuffle(bytes, Vector128.Create((byte)16, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14))
                : Vector128.LoadUnsafe(ref source, at - 1);
            var continues = bytes.ExtractMostSignificantBits();
            var continued = before.ExtractMostSignificantBits();
            if ((continues & continued) != 0
                || (canonical && (Vector128.Equals(bytes, Vector128<byte>.Zero).ExtractMostSignificantBits() & continued) != 0))
                break;

            var last = Widen(bytes);
            if ((continues | continued) == 0)
            {
                last = Unfold<T>(last);
                Store(last.GetLower(), ref Unsafe.Add(ref destination, count));
                Store(last.GetUpper(), ref Unsafe.Add(ref destination, count + Half));
                at += Block;
                count += Block;
                continue;
            }

            var low = Widen(before);
            var lanes = Unfold<T>(Vector256.ConditionalSelect(
                Vector256.GreaterThan(low.AsInt16(), Vector256.Create((short)0x7F)).AsUInt16(),
                (last << 7) | (low & Vector256.Create((ushort)0x7F)),
                last));
            var first = ~continues & 0xFF;
            var second = (~continues >> 8) & 0xFF;
            Store(Shuffle(lanes.GetLower(), GatherPatterns, first).AsUInt16(), ref Unsafe.Add(ref destination, count));
            count += (uint)BitOperations.PopCount(first);
            Store(Shuffle(lanes.GetUpper(), GatherPatterns, second).AsUInt16(), ref Unsafe.Add(ref destination, count));
            count += (uint)BitOperations.PopCount(second);
            at += Block;
        }

        // The first byte of a number that the next block would have completed.
        used = (int)(at > 0 && Unsafe.Add(ref source, at - 1) >= 0x80 ? at - 1 : at);
        return (int)count;
    }

    // A constant once the method is compiled for T.
    private static bool IsSigned<T>() => typeof(T) == typeof(short) || typeof(T) == typeof(int) || typeof(T) == typeof(long);

    /// <summary>Sixteen numbers in sixteen bits each; false if the varint of one has three or more bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool TryLoad<T>(ref T source, out Vector256<ushort> lanes)
        where T : unmanaged
    {
        if (Unsafe.SizeOf<T>() == sizeof(ushort))
        {
            lanes = Vector256.LoadUnsafe(ref Unsafe.As<T, ushort>(ref source));
            return AreShort(IsSigned<T>() ? lanes + Vector256.Create((ushort)(Limit / 2)) : lanes);
        }

        if (Unsafe.SizeOf<T>() == sizeof(uint))
        {
            ref var words = ref Unsafe.As<T, uint>(ref source);
            var (a, b) = (Vector256.LoadUnsafe(ref words), Vector256.LoadUnsafe(ref words, 8));
            lanes = Vector256.Narrow(a, b);
            var bias = Vector256.Create(IsSigned<T>() ? Limit / 2u : 0);
            return AreShort((a + bias) | (b + bias));
        }
        else
        {
            ref var words = ref Unsafe.As<T, ulong>(ref source);
            var (a, b) = (Vector256.LoadUnsafe(ref words), Vector256.LoadUnsafe(ref words, 4));
            var (c, d) = (Vector256.LoadUnsafe(ref words, 8), Vector256.LoadUnsafe(ref words, 12));
            lanes = Vector256.Narrow(Vector256.Narrow(a, b), Vector256.Narrow(c, d));
            var bias = Vector256.Create(IsSigned<T>() ? Limit / 2u : 0UL);
            return AreShort((a + bias) | (b + bias) | (c + bias) | (d + bias));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool AreShort<T>(Vector256<T> numbers)
        where T : unmanaged, INumber<T> =>
        (numbers & Vector256.Create(T.CreateTruncating(-Limit))) == Vector256<T>.Zero;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<ushort> Widen(Vector128<byte> bytes)
    {
        // The portable way below takes three instructions more here.
        if (Avx2.IsSupported)
            return Avx2.ConvertToVector256Int16(bytes).AsUInt16();
        var (lower, upper) = Vector128.Widen(bytes);
        return Vector256.Create(lower, upper);
    }

    // Undoes the zigzag where there is one. Fourteen bits stay within sixteen, with sign.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<ushort> Unfold<T>(Vector256<ushort> v) =>
        IsSigned<T>() ? (v >>> 1) ^ (Vector256<ushort>.Zero - (v & Vector256<ushort>.One)) : v;

    /// <summary>Stores eight numbers at the width of T, with their sign if T has one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store<T>(Vector128<ushort> v, ref T destination)
        where T : unmanaged
    {
        if (Unsafe.SizeOf<T>() == sizeof(uint) && Avx2.IsSupported)
        {
            var all = IsSigned<T>() ? Avx2.ConvertToVector256Int32(v.AsInt16()) : Avx2.ConvertToVector256Int32(v);
            all.StoreUnsafe(ref Unsafe.As<T, int>(ref destination));
            return;
        }

        if (Unsafe.SizeOf<T>() == sizeof(ushort))
        {
            v.StoreUnsafe(ref Unsafe.As<T, ushort>(ref destination));
            return;
        }

        if (!IsSigned<T>())
        {
            StoreWidened(Vector128.Widen(v), ref destination);
            return;
        }

        var (lower, upper) = Vector128.Widen(v.AsInt16());
        StoreWidened((lower.AsUInt32(), upper.AsUInt32()), ref destination);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreWidened<T>((Vector128<uint> Lower, Vector128<uint> Upper) v, ref T destination)
        where T : unmanaged
    {
        if (Unsafe.SizeOf<T>() == sizeof(uint))
        {
            ref var words = ref Unsafe.As<T, uint>(ref destination);
            v.Lower.StoreUnsafe(ref words);
            v.Upper.StoreUnsafe(ref words, 4);
            return;
        }

        ref var wide = ref Unsafe.As<T, ulong>(ref destination);
        StoreWide<T>(v.Lower, ref wide);
        StoreWide<T>(v.Upper, ref Unsafe.Add(ref wide, 4));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreWide<T>(Vector128<uint> v, ref ulong destination)
    {
        if (IsSigned<T>())
        {
            var (lower, upper) = Vector128.Widen(v.AsInt32());
            lower.AsUInt64().StoreUnsafe(ref destination);
            upper.AsUInt64().StoreUnsafe(ref destination, 2);
        }
        else
        {
            var (lower, upper) = Vector128.Widen(v);
            lower.StoreUnsafe(ref destination);
            upper.StoreUnsafe(ref destination, 2);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> Shuffle(Vector128<ushort> lanes, byte[] patterns, uint mask) =>
        // All indices are below 16; the mask has eight bits.
        Vector128.ShuffleNative(
            lanes.AsByte(), Vector128.LoadUnsafe(ref MemoryMarshal.GetArrayDataReference(patterns), mask * Pattern));

    /// <summary>
    /// For each of 256 masks the bytes of eight lanes that are kept, in order: of a lane whose bit is set both, else
    /// the low one (<paramref name="packsBytes"/>) or none. What follows does not matter.
    /// </summary>
    private static byte[] MakePatterns(bool packsBytes)
    {
        var patterns = new byte[256 * Pattern];
        for (var mask = 0; mask < 256; mask++)
        {
            var at = mask * Pattern;
            for (var lane = 0; lane < Half; lane++)
            {
                var isSet = (mask & (1 << lane)) != 0;
                if (isSet || packsBytes)
                    patterns[at++] = (byte)(2 * lane);
                if (isSet)
                    patterns[at++] = (byte)((2 * lane) + 1);
            }
        }

        return patterns;
    }
}
