namespace Mosaik.Quic.Connection;

/// <summary>The life of a connection (RFC 9000 §10). It only moves forward.</summary>
internal enum ConnectionState
{
    /// <summary>Keys are being agreed on.</summary>
    Handshaking,

    /// <summary>The TLS handshake is complete; data flows.</summary>
    Open,

    /// <summary>We closed; the close is repeated in answer to packets for three probe timeouts.</summary>
    Closing,

    /// <summary>The peer closed; nothing is sent any more for three probe timeouts.</summary>
    Draining,

    /// <summary>All state may be dropped.</summary>
    Drained,
}
