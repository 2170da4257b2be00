namespace Mosaik.Quic;

/// <summary>
/// Transport error codes of CONNECTION_CLOSE 0x1c (RFC 9000 §20.1). A TLS alert <c>n</c> is <see cref="CryptoError"/> +
/// n (RFC 9001 §4.8). Application codes are plain numbers and do not appear here.
/// </summary>
public enum QuicError : ulong
{
    /// <summary>The connection ends without an error.</summary>
    NoError = 0x00,

    /// <summary>The endpoint met an internal error and cannot go on.</summary>
    InternalError = 0x01,

    /// <summary>The server refuses a new connection, for example because its accept queue is full.</summary>
    ConnectionRefused = 0x02,

    /// <summary>More data arrived than the advertised windows allow.</summary>
    FlowControlError = 0x03,

    /// <summary>A stream was opened beyond the advertised number of streams.</summary>
    StreamLimitError = 0x04,

    /// <summary>A frame arrived for a stream that may not receive it.</summary>
    StreamStateError = 0x05,

    /// <summary>The final size of a stream changed, or data lay beyond it.</summary>
    FinalSizeError = 0x06,

    /// <summary>A frame is malformed or of unknown type.</summary>
    FrameEncodingError = 0x07,

    /// <summary>Transport parameters are malformed, missing or contradict the packets.</summary>
    TransportParameterError = 0x08,

    /// <summary>More connection ids than the active_connection_id_limit.</summary>
    ConnectionIdLimitError = 0x09,

    /// <summary>A violation of the protocol that no other code describes.</summary>
    ProtocolViolation = 0x0a,

    /// <summary>A token in an Initial packet is invalid.</summary>
    InvalidToken = 0x0b,

    /// <summary>The application closed the connection before the handshake was complete (RFC 9000 §10.2.3).</summary>
    ApplicationError = 0x0c,

    /// <summary>More CRYPTO data than is buffered.</summary>
    CryptoBufferExceeded = 0x0d,

    /// <summary>A key update broke the rules of RFC 9001 §6.</summary>
    KeyUpdateError = 0x0e,

    /// <summary>The confidentiality or integrity limit of a key is reached (RFC 9001 §6.6).</summary>
    AeadLimitReached = 0x0f,

    /// <summary>No path to the peer is usable.</summary>
    NoViablePath = 0x10,

    /// <summary>Base of the 256 codes 0x0100–0x01ff that carry TLS alerts.</summary>
    CryptoError = 0x100,
}
