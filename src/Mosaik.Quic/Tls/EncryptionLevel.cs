namespace Mosaik.Quic.Tls;

/// <summary>The encryption levels of CRYPTO data (RFC 9001 §2.1). There is no 0-RTT.</summary>
internal enum EncryptionLevel
{
    /// <summary>Initial packets.</summary>
    Initial = 0,

    /// <summary>Handshake packets.</summary>
    Handshake = 1,

    /// <summary>1-RTT packets.</summary>
    OneRtt = 2,
}
