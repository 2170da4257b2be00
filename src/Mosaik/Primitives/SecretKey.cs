using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using Mosaik.Quic;
using Mosaik.Quic.Crypto;

namespace Mosaik.Primitives;

/// <summary>
/// The identity of a node: a 32-byte Ed25519 seed (RFC 8032). Its public half is the node's <see cref="PeerId"/>.
/// </summary>
/// <remarks>
/// Never printed and never part of a message. There is deliberately no public operation that signs: all signed
/// structures
/// share one key without domain separation (spec/wire.md §4.3).
/// </remarks>
public sealed class SecretKey : IEquatable<SecretKey>
{
    /// <summary>The size of the seed in bytes.</summary>
    public const int Length = 32;

    private readonly byte[] _seed;

    private SecretKey(ReadOnlySpan<byte> seed)
    {
        _seed = seed.ToArray();
        Span<byte> key = stackalloc byte[PeerId.Length];
        Ed25519Strict.GetPublicKey(_seed, key);
        PeerId = PeerId.FromRawUnchecked(key); // derived from a seed, hence a point
    }

    /// <summary>The public half.</summary>
    public PeerId PeerId { get; }

    /// <summary>The seed itself, for the transport, which proves the identity in its handshakes.</summary>
    internal ReadOnlyMemory<byte> Seed => _seed;

    /// <summary>The key whose seed is exactly these 32 bytes.</summary>
    /// <param name="seed">32 secret bytes.</param>
    /// <returns>The key.</returns>
    /// <exception cref="ArgumentException">The length is not 32.</exception>
    public static SecretKey FromSeed(ReadOnlySpan<byte> seed) => seed.Length == Length
        ? new SecretKey(seed)
        : throw new ArgumentException($"A seed has {Length} bytes, not {seed.Length}.", nameof(seed));

    /// <summary>The key whose seed is the bytes of an identifier.</summary>
    /// <param name="id">The identifier, which then is a secret.</param>
    /// <returns>The key.</returns>
    public static SecretKey FromId(UniqueId id) => new(id.AsSpan());

    /// <summary>
    /// The from-string rule: 64 hexadecimal digits are the seed, every other text is hashed into it. Never fails.
    /// </summary>
    /// <param name="text">The text.</param>
    /// <returns>The key.</returns>
    public static SecretKey FromText(string text) => FromId(UniqueId.From(text));

    /// <summary>A fresh key.</summary>
    /// <param name="source">The source of randomness; must be a cryptographic one outside of tests.</param>
    /// <returns>The key.</returns>
    public static SecretKey Random(RandomSource source)
    {
        ArgumentNullException.ThrowIfNull(source);
        Span<byte> seed = stackalloc byte[Length];
        source.Fill(seed);
        var key = new SecretKey(seed);
        CryptographicOperations.ZeroMemory(seed);
        return key;
    }

    /// <summary>64 hexadecimal digits or 52 base32 characters.</summary>
    /// <param name="text">The text.</param>
    /// <returns>The key.</returns>
    /// <exception cref="FormatException">The text has another form.</exception>
    public static SecretKey Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return TryParse(text, out SecretKey? key)
            ? key
            : throw new FormatException("A secret key is written as 64 hexadecimal or 52 base32 characters.");
    }

    /// <summary>64 hexadecimal digits or 52 base32 characters.</summary>
    /// <param name="text">The text.</param>
    /// <param name="key">The key.</param>
    /// <returns>Whether the text has one of the two forms.</returns>
    public static bool TryParse([NotNullWhen(true)] string? text, [NotNullWhen(true)] out SecretKey? key)
    {
        Span<byte> seed = stackalloc byte[Length];
        bool parsed = text is not null && (IdText.TryParseHex(text, seed) || Base32.TryDecode(text, seed));
        key = parsed ? new SecretKey(seed) : null;
        CryptographicOperations.ZeroMemory(seed);
        return parsed;
    }

    /// <summary>The seed, for keeping a stable identity in a secret store. Handle with care.</summary>
    /// <returns>32 secret bytes.</returns>
    public byte[] ExportSeed() => _seed.AsSpan().ToArray();

    /// <summary>Compares the seeds in constant time.</summary>
    /// <param name="other">The other key.</param>
    /// <returns>Whether both are the same key.</returns>
    public bool Equals(SecretKey? other) => other is not null && CryptographicOperations.FixedTimeEquals(_seed, other._seed);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as SecretKey);

    /// <inheritdoc/>
    public override int GetHashCode() => PeerId.GetHashCode();

    /// <summary>Never the key.</summary>
    /// <returns><c>&lt;redacted&gt;</c>.</returns>
    public override string ToString() => "<redacted>";

    /// <summary>Plain RFC 8032 Ed25519 over the message.</summary>
    internal Signature Sign(ReadOnlySpan<byte> message)
    {
        Span<byte> signature = stackalloc byte[Signature.Length];
        Ed25519Strict.Sign(_seed, message, signature);
        return Signature.FromRaw(signature);
    }
}
