namespace Mosaik.Quic;

/// <summary>Whether both sides send on a stream or only its opener (RFC 9000 §2.1).</summary>
public enum QuicStreamDirection
{
    /// <summary>Both sides send.</summary>
    Bidirectional,

    /// <summary>Only the side that opened the stream sends.</summary>
    Unidirectional,
}
