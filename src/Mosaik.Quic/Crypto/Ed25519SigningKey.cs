using System.Security.Cryptography;

namespace Mosaik.Quic.Crypto;

/// <summary>
/// An Ed25519 private key, expanded once, so that a signature costs one base-point multiplication (RFC 8032 §5.1.6).
/// </summary>
/// <remarks>
/// The public key is derived here and cannot be given from outside: signing with a foreign public key would reveal the
/// private key. Signing is thread-safe; disposing zeroes the key and must not race with it.
/// </remarks>
public sealed class Ed25519SigningKey : IDisposable
{
    private const int HalfLength = SHA512.HashSizeInBytes / 2;

    // SHA-512 of the seed: the clamped scalar, then the prefix of every nonce.
    private readonly byte[] _expanded = new byte[SHA512.HashSizeInBytes];
    private readonly byte[] _publicKey = new byte[Ed25519Strict.PublicKeyLength];
    private bool _disposed;

    private Ed25519SigningKey(ReadOnlySpan<byte> seed)
    {
        SHA512.HashData(seed, _expanded);
        _expanded[0] &= 0xf8;
        _expanded[HalfLength - 1] = (byte)((_expanded[HalfLength - 1] & 0x7f) | 0x40);
        Ed25519Curve.Encode(Ed25519BasePoint.Multiply(Scalar), _publicKey);
    }

    /// <summary>Expands the 32-byte seed of RFC 8032.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The seed does not have 32 bytes.</exception>
    public static Ed25519SigningKey FromSeed(ReadOnlySpan<byte> seed)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(seed.Length, Ed25519Strict.SeedLength, nameof(seed));
        return new Ed25519SigningKey(seed);
    }

    /// <summary>The 32 bytes of the public key.</summary>
    public ReadOnlyMemory<byte> PublicKey => _publicKey;

    /// <summary>Signs a message; <paramref name="signature"/> takes the 64 bytes.</summary>
    public void Sign(ReadOnlySpan<byte> message, Span<byte> signature)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        var commitment = signature[..Ed25519Strict.PublicKeyLength];
        Span<ulong> nonce = stackalloc ulong[Ed25519Scalar.Words];
        Span<ulong> challenge = stackalloc ulong[Ed25519Scalar.Words];
        Span<byte> bytes = stackalloc byte[HalfLength];
        Ed25519Scalar.Hash(_expanded.AsSpan(HalfLength), default, message, nonce);
        Ed25519Scalar.Write(nonce, bytes);
        Ed25519Curve.Encode(Ed25519BasePoint.Multiply(bytes), commitment);
        Ed25519Scalar.Hash(commitment, _publicKey, message, challenge);
        Ed25519Scalar.MultiplyAdd(challenge, Scalar, nonce, challenge);
        Ed25519Scalar.Write(challenge, signature[Ed25519Strict.PublicKeyLength..]);
        CryptographicOperations.ZeroMemory(bytes);
        nonce.Clear();
    }

    /// <summary>Zeroes the private key.</summary>
    public void Dispose()
    {
        _disposed = true;
        CryptographicOperations.ZeroMemory(_expanded);
    }

    private ReadOnlySpan<byte> Scalar => _expanded.AsSpan(0, HalfLength);
}
