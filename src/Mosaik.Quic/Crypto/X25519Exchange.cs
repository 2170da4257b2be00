using System.Security.Cryptography;

namespace Mosaik.Quic.Crypto;

/// <summary>
/// X25519 (RFC 7748 §5). A result of zero, which a peer can force with a point of small order, is refused.
/// </summary>
internal sealed class X25519Exchange : KeyExchange
{
    /// <summary>Length of private and public keys.</summary>
    internal const int KeyLength = X25519.KeyLength;

    private readonly byte[] _privateKey = new byte[KeyLength];
    private readonly byte[] _publicKey = new byte[KeyLength];

    private X25519Exchange()
    {
    }

    /// <summary>Makes a key from 32 random bytes.</summary>
    internal static X25519Exchange Create(RandomSource random)
    {
        var exchange = new X25519Exchange();
        random.Fill(exchange._privateKey);
        X25519.MultiplyBase(exchange._privateKey, exchange._publicKey);
        return exchange;
    }

    /// <summary>Takes a given private key: recorded handshakes and test vectors.</summary>
    internal static X25519Exchange FromPrivateKey(ReadOnlySpan<byte> privateKey)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(privateKey.Length, KeyLength, nameof(privateKey));
        var exchange = new X25519Exchange();
        privateKey.CopyTo(exchange._privateKey);
        X25519.MultiplyBase(exchange._privateKey, exchange._publicKey);
        return exchange;
    }

    /// <inheritdoc/>
    internal override NamedGroup Group => NamedGroup.X25519;

    /// <inheritdoc/>
    internal override ReadOnlySpan<byte> PublicShare => _publicKey;

    /// <inheritdoc/>
    internal override bool TryAgree(ReadOnlySpan<byte> peerShare, Span<byte> secret) =>
        peerShare.Length == KeyLength && X25519.TryMultiply(_privateKey, peerShare, secret[..KeyLength]);

    /// <inheritdoc/>
    public override void Dispose() => CryptographicOperations.ZeroMemory(_privateKey);
}
