using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Mosaik.Postcard.Converters;

/// <content>The same in steps of thirty-two, where one instruction closes all gaps instead of shuffles from a
/// table.</content>
internal static partial class VarintRuns
{
    /// <summary>Numbers that are written, and bytes that are read, in the longer step.</summary>
    private const int WideBlock = 32;

    private static bool IsWide => Avx512Vbmi2.IsSupported;

    // The bytes used; 0 if a number is too large.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int TryWriteWide<T>(ref T source, ref byte destination)
        where T : unmanaged
    {
        if (!TryLoad(ref source, out var lower) || !TryLoad(ref Unsafe.Add(ref source, Block), out var upper))
            return 0;
        var lanes = Vector512.Create(lower, upper);
        if (IsSigned<T>())
            lanes = (lanes << 1) ^ (lanes.AsInt16() >> 15).AsUInt16();
        var isLong = Vector512.GreaterThan(lanes, Vector512.Create((ushort)0x7F));
        var pairs = (lanes & Vector512.Create((ushort)0x7F))
            | ((lanes << 1) & Vector512.Create((ushort)0x7F00))
            | (isLong & Vector512.Create((ushort)0x80));
        var kept = isLong | Vector512.Create((ushort)0xFF);
        Avx512Vbmi2.Compress(Vector512<byte>.Zero, kept.AsByte(), pairs.AsByte()).StoreUnsafe(ref destination);
        return WideBlock + BitOperations.PopCount(isLong.ExtractMostSignificantBits());
    }

    // How many numbers end in these bytes, or 0 if something begins in them that is not for this class.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int TryReadWide<T>(ref byte source, ref T destination, bool canonical)
        where T : unmanaged
    {
        var bytes = Vector256.LoadUnsafe(ref source);
        var before = Vector256.LoadUnsafe(ref Unsafe.Subtract(ref source, 1));
        var continues = bytes.ExtractMostSignificantBits();
        var continued = before.ExtractMostSignificantBits();
        if ((continues & continued) != 0
            || (canonical && (Vector256.Equals(bytes, Vector256<byte>.Zero).ExtractMostSignificantBits() & continued) != 0))
        {
            return 0;
        }

        var last = Avx512BW.ConvertToVector512UInt16(bytes);
        var low = Avx512BW.ConvertToVector512UInt16(before);
        var lanes = Vector512.ConditionalSelect(
            Vector512.GreaterThan(low, Vector512.Create((ushort)0x7F)),
            (last << 7) | (low & Vector512.Create((ushort)0x7F)),
            last);
        if (IsSigned<T>())
            lanes = (lanes >>> 1) ^ (Vector512<ushort>.Zero - (lanes & Vector512<ushort>.One));
        var ends = Vector512.LessThan(last, Vector512.Create((ushort)0x80));
        lanes = Avx512Vbmi2.Compress(Vector512<ushort>.Zero, ends, lanes);
        StoreWide(lanes.GetLower(), ref destination);
        StoreWide(lanes.GetUpper(), ref Unsafe.Add(ref destination, Block));
        return BitOperations.PopCount(~continues);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreWide<T>(Vector256<ushort> v, ref T destination)
        where T : unmanaged
    {
        if (Unsafe.SizeOf<T>() == sizeof(uint))
        {
            var all = IsSigned<T>() ? Avx512F.ConvertToVector512Int32(v.AsInt16()) : Avx512F.ConvertToVector512Int32(v);
            all.StoreUnsafe(ref Unsafe.As<T, int>(ref destination));
            return;
        }

        Store(v.GetLower(), ref destination);
        Store(v.GetUpper(), ref Unsafe.Add(ref destination, Half));
    }
}
