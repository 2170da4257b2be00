namespace Mosaik.Quic.Tls;

/// <summary>Handshake message types (RFC 8446 §4) that the profile knows by name.</summary>
internal enum HandshakeType : byte
{
    /// <summary>ClientHello.</summary>
    ClientHello = 1,

    /// <summary>ServerHello and HelloRetryRequest.</summary>
    ServerHello = 2,

    /// <summary>NewSessionTicket; skipped by the client.</summary>
    NewSessionTicket = 4,

    /// <summary>EncryptedExtensions.</summary>
    EncryptedExtensions = 8,

    /// <summary>Certificate.</summary>
    Certificate = 11,

    /// <summary>CertificateRequest.</summary>
    CertificateRequest = 13,

    /// <summary>CertificateVerify.</summary>
    CertificateVerify = 15,

    /// <summary>Finished.</summary>
    Finished = 20,

    /// <summary>KeyUpdate; forbidden in QUIC (RFC 9001 §6).</summary>
    KeyUpdate = 24,

    /// <summary>The made-up message that stands for the first ClientHello after a HelloRetryRequest.</summary>
    MessageHash = 254,
}

/// <summary>Extension numbers that the profile knows by name (spec/quic.md §3.3).</summary>
internal static class ExtensionType
{
    internal const ushort ServerName = 0;
    internal const ushort SupportedGroups = 10;
    internal const ushort SignatureAlgorithms = 13;
    internal const ushort Alpn = 16;
    internal const ushort ClientCertificateType = 19;
    internal const ushort ServerCertificateType = 20;
    internal const ushort PreSharedKey = 41;
    internal const ushort EarlyData = 42;
    internal const ushort SupportedVersions = 43;
    internal const ushort Cookie = 44;
    internal const ushort KeyShare = 51;
    internal const ushort QuicTransportParameters = 57;
}

/// <summary>Numbers of the profile that occur in several messages.</summary>
internal static class TlsConstants
{
    /// <summary>The only version.</summary>
    internal const ushort Tls13 = 0x0304;

    /// <summary>What stands in the version field of both hellos.</summary>
    internal const ushort LegacyVersion = 0x0303;

    /// <summary>Ed25519, the only signature scheme.</summary>
    internal const ushort Ed25519Scheme = 0x0807;

    /// <summary>Certificate type RawPublicKey (RFC 7250).</summary>
    internal const byte RawPublicKeyType = 2;

    /// <summary>Length of the random field.</summary>
    internal const int RandomLength = 32;

    /// <summary>Type and length of a handshake message.</summary>
    internal const int HeaderLength = 4;

    /// <summary>Longest body of a handshake message that is accepted (spec/quic.md §3.7).</summary>
    internal const int MaxMessageLength = 16_384;

    /// <summary>The random value that marks a ServerHello as HelloRetryRequest (RFC 8446 §4.1.3).</summary>
    internal static ReadOnlySpan<byte> HelloRetryRandom =>
    [
        0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
        0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
    ];
}
