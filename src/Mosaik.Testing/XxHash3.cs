using System.Buffers.Binary;
using System.Numerics;

namespace Mosaik.Testing;

/// <summary>
/// XXH3-64 with seed 0 (Collet, xxHash specification): names of random streams and fingerprints of traces
/// (spec/reliability.md §3.1, §3.5). Stable across processes, unlike hash codes. Inputs up to 240 bytes.
/// </summary>
public static class XxHash3
{
    /// <summary>Longest input. Longer ones are hashed piece by piece, each together with the hash so far.</summary>
    public const int MaxLength = 240;

    private const ulong Prime64A = 0x9E3779B185EBCA87;
    private const ulong Prime64B = 0xC2B2AE3D27D4EB4F;
    private const ulong Prime64C = 0x165667B19E3779F9;
    private const ulong PrimeMxA = 0x165667919E3779F9;
    private const ulong PrimeMxB = 0x9FB21C651E98DF25;

    private static ReadOnlySpan<byte> Secret =>
    [
        0xb8, 0xfe, 0x6c, 0x39, 0x23, 0xa4, 0x4b, 0xbe, 0x7c, 0x01, 0x81, 0x2c, 0xf7, 0x21, 0xad, 0x1c,
        0xde, 0xd4, 0x6d, 0xe9, 0x83, 0x90, 0x97, 0xdb, 0x72, 0x40, 0xa4, 0xa4, 0xb7, 0xb3, 0x67, 0x1f,
        0xcb, 0x79, 0xe6, 0x4e, 0xcc, 0xc0, 0xe5, 0x78, 0x82, 0x5a, 0xd0, 0x7d, 0xcc, 0xff, 0x72, 0x21,
        0xb8, 0x08, 0x46, 0x74, 0xf7, 0x43, 0x24, 0x8e, 0xe0, 0x35, 0x90, 0xe6, 0x81, 0x3a, 0x26, 0x4c,
        0x3c, 0x28, 0x52, 0xbb, 0x91, 0xc3, 0x00, 0xcb, 0x88, 0xd0, 0x65, 0x8b, 0x1b, 0x53, 0x2e, 0xa3,
        0x71, 0x64, 0x48, 0x97, 0xa2, 0x0d, 0xf9, 0x4e, 0x38, 0x19, 0xef, 0x46, 0xa9, 0xde, 0xac, 0xd8,
        0xa8, 0xfa, 0x76, 0x3f, 0xe3, 0x9c, 0x34, 0x3f, 0xf9, 0xdc, 0xbb, 0xc7, 0xc7, 0x0b, 0x4f, 0x1d,
        0x8a, 0x51, 0xe0, 0x4b, 0xcd, 0xb4, 0x59, 0x31, 0xc8, 0x9f, 0x7e, 0xc9, 0xd9, 0x78, 0x73, 0x64,
        0xea, 0xc5, 0xac, 0x83, 0x34, 0xd3, 0xeb, 0xc3, 0xc5, 0x81, 0xa0, 0xff, 0xfa, 0x13, 0x63, 0xeb,
        0x17, 0x0d, 0xdd, 0x51, 0xb7, 0xf0, 0xda, 0x49, 0xd3, 0x16, 0x55, 0x26, 0x29, 0xd4, 0x68, 0x9e,
        0x2b, 0x16, 0xbe, 0x58, 0x7d, 0x47, 0xa1, 0xfc, 0x8f, 0xf8, 0xb8, 0xd1, 0x7a, 0xd0, 0x31, 0xce,
        0x45, 0xcb, 0x3a, 0x8f, 0x95, 0x16, 0x04, 0x28, 0xaf, 0xd7, 0xfb, 0xca, 0xbb, 0x4b, 0x40, 0x7e,
    ];

    /// <summary>The hash of some bytes.</summary>
    /// <param name="data">At most <see cref="MaxLength"/> bytes.</param>
    /// <returns>64 bits.</returns>
    public static ulong Hash(ReadOnlySpan<byte> data)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(data.Length, MaxLength, nameof(data));
        return data.Length switch
        {
            0 => Avalanche64(Read64(Secret, 56) ^ Read64(Secret, 64)),
            <= 3 => Hash1To3(data),
            <= 8 => Hash4To8(data),
            <= 16 => Hash9To16(data),
            <= 128 => Hash17To128(data),
            _ => Hash129To240(data),
        };
    }

    private static ulong Hash1To3(ReadOnlySpan<byte> data)
    {
        var combined = ((uint)data[0] << 16) | ((uint)data[data.Length >> 1] << 24) | data[^1] | ((uint)data.Length << 8);
        return Avalanche64(combined ^ (ulong)(Read32(Secret, 0) ^ Read32(Secret, 4)));
    }

    private static ulong Hash4To8(ReadOnlySpan<byte> data)
    {
        var input = Read32(data, data.Length - 4) + ((ulong)Read32(data, 0) << 32);
        var keyed = input ^ Read64(Secret, 8) ^ Read64(Secret, 16);
        keyed ^= BitOperations.RotateLeft(keyed, 49) ^ BitOperations.RotateLeft(keyed, 24);
        keyed *= PrimeMxB;
        keyed ^= (keyed >> 35) + (ulong)data.Length;
        keyed *= PrimeMxB;
        return keyed ^ (keyed >> 28);
    }

    private static ulong Hash9To16(ReadOnlySpan<byte> data)
    {
        var low = Read64(data, 0) ^ Read64(Secret, 24) ^ Read64(Secret, 32);
        var high = Read64(data, data.Length - 8) ^ Read64(Secret, 40) ^ Read64(Secret, 48);
        return Avalanche((ulong)data.Length + BinaryPrimitives.ReverseEndianness(low) + high + Fold(low, high));
    }

    private static ulong Hash17To128(ReadOnlySpan<byte> data)
    {
        var sum = (ulong)data.Length * Prime64A;
        for (var i = (data.Length - 1) / 32; i >= 0; i--)
        {
            sum += Mix16(data, 16 * i, 32 * i);
            sum += Mix16(data, data.Length - (16 * (i + 1)), (32 * i) + 16);
        }

        return Avalanche(sum);
    }

    private static ulong Hash129To240(ReadOnlySpan<byte> data)
    {
        var sum = (ulong)data.Length * Prime64A;
        for (var i = 0; i < 8; i++)
            sum += Mix16(data, 16 * i, 16 * i);
        sum = Avalanche(sum);
        for (var i = 8; i < data.Length / 16; i++)
            sum += Mix16(data, 16 * i, (16 * (i - 8)) + 3);
        return Avalanche(sum + Mix16(data, data.Length - 16, 136 - 17));
    }

    private static ulong Mix16(ReadOnlySpan<byte> data, int at, int secret) =>
        Fold(Read64(data, at) ^ Read64(Secret, secret), Read64(data, at + 8) ^ Read64(Secret, secret + 8));

    private static ulong Fold(ulong x, ulong y)
    {
        var high = Math.BigMul(x, y, out var low);
        return high ^ low;
    }

    private static ulong Avalanche(ulong hash)
    {
        hash ^= hash >> 37;
        hash *= PrimeMxA;
        return hash ^ (hash >> 32);
    }

    private static ulong Avalanche64(ulong hash)
    {
        hash ^= hash >> 33;
        hash *= Prime64B;
        hash ^= hash >> 29;
        hash *= Prime64C;
        return hash ^ (hash >> 32);
    }

    private static ulong Read64(ReadOnlySpan<byte> data, int at) => BinaryPrimitives.ReadUInt64LittleEndian(data[at..]);

    private static uint Read32(ReadOnlySpan<byte> data, int at) => BinaryPrimitives.ReadUInt32LittleEndian(data[at..]);
}
