using System.Text;
using Mosaik.Quic.Crypto;

namespace Mosaik.Quic.Tls;

/// <summary>What both roles of a handshake need (spec/quic.md §3).</summary>
internal abstract record TlsSettings
{
    /// <summary>The suites of the profile in order of preference.</summary>
    internal static readonly IReadOnlyList<CipherSuite> DefaultCipherSuites =
        [CipherSuite.Aes256GcmSha384, CipherSuite.Aes128GcmSha256, CipherSuite.ChaCha20Poly1305Sha256];

    /// <summary>The groups of the profile in order of preference.</summary>
    internal static readonly IReadOnlyList<NamedGroup> DefaultGroups = [NamedGroup.X25519, NamedGroup.P256];

    /// <summary>The own identity. Not disposed by the handshake: one key serves a whole endpoint.</summary>
    internal required Ed25519SigningKey Identity { get; init; }

    /// <summary>
    /// The application protocols, 1 to 255 bytes of UTF-8 each: what a client offers, what a server accepts by
    /// preference.
    /// </summary>
    internal required IReadOnlyList<string> Alpn { get; init; }

    /// <summary>The encoded own transport parameters.</summary>
    internal required ReadOnlyMemory<byte> TransportParameters { get; init; }

    /// <summary>Where random bytes and ephemeral keys come from.</summary>
    internal required RandomSource Random { get; init; }

    /// <summary>The suites to offer or accept. The client's order wins.</summary>
    internal IReadOnlyList<CipherSuite> CipherSuites { get; init; } = DefaultCipherSuites;

    /// <summary>The groups to offer or accept; a client sends a share of the first one.</summary>
    internal IReadOnlyList<NamedGroup> Groups { get; init; } = DefaultGroups;

    /// <summary>Takes NSS key-log lines (spec/quic.md §3.11); null when nobody listens.</summary>
    internal Action<string>? KeyLog { get; init; }

    /// <summary>
    /// A fixed X25519 private key instead of a random one, for recorded handshakes; empty in production.
    /// </summary>
    internal ReadOnlyMemory<byte> FixedX25519PrivateKey { get; init; }

    /// <summary>
    /// Refuses settings under which no handshake could be correct: a mistake of the caller, not of a peer.
    /// </summary>
    /// <exception cref="ArgumentException">A list is empty or a value has a wrong length.</exception>
    internal static void Validate(TlsSettings settings)
    {
        if (settings.CipherSuites.Count == 0 || !settings.CipherSuites.All(suite => suite.IsKnown))
            throw new ArgumentException("Cipher suites must be some of the three of TLS 1.3.", nameof(settings));
        if (settings.Groups.Count == 0
            || !settings.Groups.All(group => group is NamedGroup.X25519 or NamedGroup.P256))
        {
            throw new ArgumentException("Groups must be X25519, P-256 or both.", nameof(settings));
        }
        if (settings.Alpn.Count == 0)
            throw new ArgumentException("At least one application protocol is needed.", nameof(settings));
        foreach (var name in settings.Alpn)
        {
            if (Encoding.UTF8.GetByteCount(name) is 0 or > byte.MaxValue)
                throw new ArgumentException("An application protocol has 1 to 255 bytes.", nameof(settings));
        }
        if (settings is TlsClientSettings { ExpectedPeerKey.Length: not Ed25519Strict.PublicKeyLength })
            throw new ArgumentException("A peer key has 32 bytes.", nameof(settings));
    }
}

/// <summary>What a client needs.</summary>
internal sealed record TlsClientSettings : TlsSettings
{
    /// <summary>The 32-byte public key that was dialled; the server must prove that it owns it.</summary>
    internal required ReadOnlyMemory<byte> ExpectedPeerKey { get; init; }

    /// <summary>The name to send as SNI, or null for none (spec/quic.md §4.1).</summary>
    internal string? ServerName { get; init; }
}

/// <summary>What a server needs.</summary>
internal sealed record TlsServerSettings : TlsSettings;
