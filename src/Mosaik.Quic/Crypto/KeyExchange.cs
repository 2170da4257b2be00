namespace Mosaik.Quic.Crypto;

/// <summary>
/// One ephemeral Diffie-Hellman key of a handshake (spec/quic.md §3.8). Disposing zeroes the private part.
/// </summary>
internal abstract class KeyExchange : IDisposable
{
    /// <summary>Both groups of the profile agree on 32 bytes.</summary>
    internal const int SharedSecretLength = 32;

    /// <summary>The group of the key.</summary>
    internal abstract NamedGroup Group { get; }

    /// <summary>The public key as it stands in a key share.</summary>
    internal abstract ReadOnlySpan<byte> PublicShare { get; }

    /// <summary>
    /// Agrees with the share of the peer. False when the share is malformed, not on the curve, or leads to a secret
    /// that the peer alone has chosen; nothing usable is then in <paramref name="secret"/>.
    /// </summary>
    internal abstract bool TryAgree(ReadOnlySpan<byte> peerShare, Span<byte> secret);

    /// <summary>Makes a key from random bytes.</summary>
    internal static KeyExchange Create(NamedGroup group, RandomSource random) =>
        group == NamedGroup.X25519 ? X25519Exchange.Create(random) : P256Exchange.Create(random);

    /// <inheritdoc/>
    public abstract void Dispose();
}
