using System.Runtime.InteropServices;
using Org.BouncyCastle.Math.EC.Rfc8032;

namespace Mosaik.Quic.Crypto;

/// <summary>
/// Ed25519 with the strict verification of spec/wire.md §4.2: the one wrapper for every signature of the product.
/// </summary>
/// <remarks>
/// <para>
/// Verification refuses S ≥ L, keys that are not canonical, not on the curve or not of prime order, and every R that is
/// not byte for byte the canonical encoding of R' = S·B − k·A (spec/quic.md §2.3). This is the plain equation of
/// RFC 8032 §5.1.7, without the cofactor. A and B have prime order, so R' has it as well or is the neutral element,
/// which is refused: an R with a part of small order, or written in another way, cannot be equal. R itself need not be
/// decompressed.
/// </para>
/// <para>
/// The full check of A and the multiples of −A cost more than a verification; both are made once per key and
/// remembered in a table of fixed size, replaced by position. An entry is immutable and published by one reference
/// write, so any number of threads may use the table without a lock; a lost race costs a repeated check, nothing else.
/// Keys that fail are not remembered.
/// </para>
/// <para>
/// Verification takes variable time: key, message and signature are public. Signing does not.
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

    // Two places per key. 2048 entries of 3.5 KiB: enough for every peer of a large network, under eight MiB.
    private const int CacheSets = 1024;
    private const int CacheWays = 2;

    private static ReadOnlySpan<byte> NeutralElement =>
    [
        1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ];

    private static readonly CheckedKey?[] Cache = new CheckedKey?[CacheSets * CacheWays];

    /// <summary>Writes the public key of a seed.</summary>
    public static void GetPublicKey(ReadOnlySpan<byte> seed, Span<byte> publicKey)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(seed.Length, SeedLength, nameof(seed));
        using var key = Ed25519SigningKey.FromSeed(seed);
        key.PublicKey.Span.CopyTo(publicKey);
    }

    /// <summary>
    /// Signs with a bare seed. A node that signs often keeps an <see cref="Ed25519SigningKey"/>, which is twice as
    /// fast.
    /// </summary>
    public static void Sign(ReadOnlySpan<byte> seed, ReadOnlySpan<byte> message, Span<byte> signature)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(seed.Length, SeedLength, nameof(seed));
        using var key = Ed25519SigningKey.FromSeed(seed);
        key.Sign(message, signature);
    }

    /// <summary>
    /// Whether the signature is valid under the strict rule. False for any input of a wrong length; never throws.
    /// </summary>
    public static bool Verify(ReadOnlySpan<byte> publicKey, ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature)
    {
        if (publicKey.Length != PublicKeyLength || signature.Length != SignatureLength)
            return false;
        var r = signature[..PublicKeyLength];
        Span<ulong> s = stackalloc ulong[Ed25519Scalar.Words];
        if (!Ed25519Scalar.TryRead(signature[PublicKeyLength..], s) || GetCheckedKey(publicKey) is not { } key)
            return false;
        Span<ulong> k = stackalloc ulong[Ed25519Scalar.Words];
        Ed25519Scalar.Hash(r, publicKey, message, k);
        Span<byte> expected = stackalloc byte[PublicKeyLength];
        Ed25519Curve.MultiplyAdd(s, k, key.NegatedMultiples, expected);
        return r.SequenceEqual(expected) && !r.SequenceEqual(NeutralElement);
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
        return Ed25519Curve.TryDecompress(publicKey, out _, out _);
    }

    private static CheckedKey? GetCheckedKey(ReadOnlySpan<byte> publicKey)
    {
        // The position only decides what is evicted, never a result. Key bytes are chosen by peers, who can at worst
        // make their own keys collide with others: the cost is then that of a first-seen key.
        var set = (int)(MemoryMarshal.Read<ulong>(publicKey[8..]) % CacheSets) * CacheWays;
        for (var way = 0; way < CacheWays; way++)
        {
            var entry = Cache[set + way];
            if (entry is not null && entry.Matches(publicKey))
                return entry;
        }
        if (!Ed25519.ValidatePublicKeyFull(publicKey))
            return null;
        var made = new CheckedKey(publicKey);
        // The newest key takes the first place and pushes its neighbour to the second.
        Cache[set + 1] = Cache[set];
        Cache[set] = made;
        return made;
    }

    /// <summary>A key whose point was found to be canonical and of prime order.</summary>
    private sealed class CheckedKey(ReadOnlySpan<byte> key)
    {
        private readonly byte[] _key = key.ToArray();

        internal Ed25519Multiples NegatedMultiples { get; } = Ed25519Curve.NegatedMultiples(key);

        internal bool Matches(ReadOnlySpan<byte> key) => key.SequenceEqual(_key);
    }
}
