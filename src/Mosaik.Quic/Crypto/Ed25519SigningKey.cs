using System.Security.Cryptography;
using Org.BouncyCastle.Math.EC.Rfc8032;

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
    private readonly byte[] _expanded = new byte[Ed25519.ExpandedKey.ExpandedKeySize];
    private readonly byte[] _publicKey = new byte[Ed25519.PublicKeySize];
    private bool _disposed;

    private Ed25519SigningKey(ReadOnlySpan<byte> seed)
    {
        Ed25519.ExpandedKey.ExpandPrivateKey(seed, _expanded);
        Ed25519.ExpandedKey.GeneratePublicKey(_expanded, _publicKey);
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
        Ed25519.ExpandedKey.Sign(_expanded, _publicKey, message, signature[..Ed25519Strict.SignatureLength]);
    }

    /// <summary>Zeroes the private key.</summary>
    public void Dispose()
    {
        _disposed = true;
        CryptographicOperations.ZeroMemory(_expanded);
    }
}
