using System.Runtime.InteropServices;
using Org.BouncyCastle.Math.EC.Rfc7748;
using Org.BouncyCastle.Math.EC.Rfc8032;

namespace Mosaik.Quic.Crypto;

/// <summary>
/// Ed25519 with the strict verification of spec/wire.md §4.2: the one wrapper for every signature of the product.
/// </summary>
/// <remarks>
/// <para>
/// Verification refuses S ≥ L, points that are not canonical or not on the curve, and points outside the subgroup of
/// prime order, for the key A and for R (spec/quic.md §2.3). With both points in that subgroup the equations with and
/// without the cofactor are the same, so the answer does not depend on which of them the library uses.
/// </para>
/// <para>
/// The full check of A and its decompression cost as much as half a verification; they are done once per key and
/// remembered in a table of fixed size, replaced by position. An entry is immutable and published by one reference
/// write, so any number of threads may use the table without a lock; a lost race costs a repeated check, nothing else.
/// Keys that fail are not remembered.
/// </para>
/// </remarks>
public static class Ed25519Strict
{
    /// <summary>Length of a private seed.</summary>
    public const int SeedLength = 32;

    /// <summary>Length of a public key.</summary>
    public const int PublicKeyLength = 32;

    /// <summary>Length of a signature.</summary>
    public const int SignatureLength = 64;

    // Two places per key. 4096 entries of about 200 bytes: enough for every peer of a large network, under one MiB.
    private const int CacheSets = 2048;
    private const int CacheWays = 2;

    // d = −121665/121666, little-endian (RFC 8032 §5.1).
    private static ReadOnlySpan<byte> CurveConstant =>
    [
        0xa3, 0x78, 0x59, 0x13, 0xca, 0x4d, 0xeb, 0x75, 0xab, 0xd8, 0x41, 0x41, 0x4d, 0x0a, 0x70, 0x00,
        0x98, 0xe8, 0x79, 0x77, 0x79, 0x40, 0xc7, 0x8c, 0x73, 0xfe, 0x6f, 0x2b, 0xee, 0x6c, 0x03, 0x52,
    ];

    private static readonly CheckedKey?[] Cache = new CheckedKey?[CacheSets * CacheWays];

    /// <summary>Writes the public key of a seed.</summary>
    public static void GetPublicKey(ReadOnlySpan<byte> seed, Span<byte> publicKey)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(seed.Length, SeedLength, nameof(seed));
        Ed25519.GeneratePublicKey(seed, publicKey[..PublicKeyLength]);
    }

    /// <summary>
    /// Signs with a bare seed. A node that signs often keeps an <see cref="Ed25519SigningKey"/>, which is twice as
    /// fast.
    /// </summary>
    public static void Sign(ReadOnlySpan<byte> seed, ReadOnlySpan<byte> message, Span<byte> signature)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(seed.Length, SeedLength, nameof(seed));
        Ed25519.Sign(seed, message, signature[..SignatureLength]);
    }

    /// <summary>
    /// Whether the signature is valid under the strict rule. False for any input of a wrong length; never throws.
    /// </summary>
    public static bool Verify(ReadOnlySpan<byte> publicKey, ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature)
    {
        if (publicKey.Length != PublicKeyLength || signature.Length != SignatureLength)
            return false;
        var point = GetCheckedPoint(publicKey);
        return point is not null
            && Ed25519.ValidatePublicKeyFull(signature[..PublicKeyLength])
            && Ed25519.Verify(signature, point, message);
    }

    /// <summary>
    /// Whether the bytes decompress to a curve point: what the parser of a peer id asks.
    /// </summary>
    /// <remarks>
    /// As lenient as the parser of Rust peers (curve25519-dalek): y is taken modulo p, and points of small order pass.
    /// Such a key is a name under which nothing ever verifies.
    /// </remarks>
    public static bool IsValidPoint(ReadOnlySpan<byte> publicKey)
    {
        if (publicKey.Length != PublicKeyLength)
            return false;
        // RFC 8032 §5.1.3: x² = (y² − 1) / (d·y² + 1) must have a root; the sign of x can always be chosen.
        var y = X25519Field.Create();
        var u = X25519Field.Create();
        var v = X25519Field.Create();
        X25519Field.Decode255(publicKey, y);
        X25519Field.Sqr(y, u);
        X25519Field.Decode255(CurveConstant, v);
        X25519Field.Mul(v, u, v);
        X25519Field.SubOne(u);
        X25519Field.AddOne(v);
        X25519Field.Normalize(u);
        X25519Field.Normalize(v);
        return X25519Field.SqrtRatioVar(u, v, y);
    }

    private static Ed25519.PublicPoint? GetCheckedPoint(ReadOnlySpan<byte> publicKey)
    {
        // The position only decides what is evicted, never a result. Key bytes are chosen by peers, who can at worst
        // make their own keys collide with others: the cost is then that of a first-seen key.
        var set = (int)(MemoryMarshal.Read<ulong>(publicKey[8..]) % CacheSets) * CacheWays;
        for (var way = 0; way < CacheWays; way++)
        {
            var entry = Cache[set + way];
            if (entry is not null && entry.Matches(publicKey))
                return entry.Point;
        }
        var point = Ed25519.ValidatePublicKeyFullExport(publicKey);
        if (point is null)
            return null;
        // The newest key takes the first place and pushes its neighbour to the second.
        Cache[set + 1] = Cache[set];
        Cache[set] = new CheckedKey(publicKey, point);
        return point;
    }

    /// <summary>A key whose point was found to be canonical and of prime order.</summary>
    private sealed class CheckedKey(ReadOnlySpan<byte> key, Ed25519.PublicPoint point)
    {
        private readonly byte[] _key = key.ToArray();

        internal Ed25519.PublicPoint Point { get; } = point;

        internal bool Matches(ReadOnlySpan<byte> key) => key.SequenceEqual(_key);
    }
}
