namespace Mosaik.Quic.Tls;

/// <summary>
/// The alerts of RFC 8446 §6.2 that the profile sends. On the wire alert n is CONNECTION_CLOSE 0x1c with the error
/// 0x100 + n (RFC 9001 §4.8).
/// </summary>
internal enum TlsAlert : byte
{
    /// <summary>A message came at the wrong level or in the wrong order.</summary>
    UnexpectedMessage = 10,

    /// <summary>No common parameters.</summary>
    HandshakeFailure = 40,

    /// <summary>The raw public key is malformed or not the one that was dialled.</summary>
    BadCertificate = 42,

    /// <summary>Raw public keys were not agreed on.</summary>
    UnsupportedCertificate = 43,

    /// <summary>A field has a value that the sender may not send.</summary>
    IllegalParameter = 47,

    /// <summary>A message could not be parsed.</summary>
    DecodeError = 50,

    /// <summary>A signature or a Finished is wrong.</summary>
    DecryptError = 51,

    /// <summary>TLS 1.3 was not offered.</summary>
    ProtocolVersion = 70,

    /// <summary>A mandatory extension is missing.</summary>
    MissingExtension = 109,

    /// <summary>An extension that was not offered.</summary>
    UnsupportedExtension = 110,

    /// <summary>The client sent no certificate.</summary>
    CertificateRequired = 116,

    /// <summary>No common application protocol.</summary>
    NoApplicationProtocol = 120,
}
