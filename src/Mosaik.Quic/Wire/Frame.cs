namespace Mosaik.Quic.Wire;

/// <summary>
/// One frame as read from a payload. It is flat: each property says for which frames it is set, all others have it zero.
/// Spans point into the payload and live as long as it does.
/// </summary>
internal ref struct Frame
{
    /// <summary>Which frame.</summary>
    public FrameType Type { get; internal set; }

    /// <summary>RESET_STREAM, STOP_SENDING, STREAM, MAX_STREAM_DATA, STREAM_DATA_BLOCKED: the stream.</summary>
    public ulong StreamId { get; internal set; }

    /// <summary>CRYPTO, STREAM: where the data belongs.</summary>
    public ulong Offset { get; internal set; }

    /// <summary>CRYPTO, STREAM: the data; NEW_TOKEN: the token; CONNECTION_CLOSE: the reason phrase.</summary>
    public ReadOnlySpan<byte> Data { get; internal set; }

    /// <summary>Where <see cref="Data"/> is in the payload.</summary>
    public int DataOffset { get; internal set; }

    /// <summary>STREAM: the data reaches the end of the stream.</summary>
    public bool Fin { get; internal set; }

    /// <summary>MAX_DATA, MAX_STREAM_DATA, MAX_STREAMS and the *_BLOCKED frames: the limit.</summary>
    public ulong Limit { get; internal set; }

    /// <summary>RESET_STREAM, STOP_SENDING, CONNECTION_CLOSE: the code.</summary>
    public ulong ErrorCode { get; internal set; }

    /// <summary>RESET_STREAM: the length of the stream.</summary>
    public ulong FinalSize { get; internal set; }

    /// <summary>CONNECTION_CLOSE of the transport: the type of the frame that caused it, 0 if unknown.</summary>
    public ulong TriggeringFrameType { get; internal set; }

    /// <summary>NEW_CONNECTION_ID, RETIRE_CONNECTION_ID: the sequence number.</summary>
    public ulong SequenceNumber { get; internal set; }

    /// <summary>NEW_CONNECTION_ID: ids with a lower sequence number are to be retired.</summary>
    public ulong RetirePriorTo { get; internal set; }

    /// <summary>NEW_CONNECTION_ID: the id, 1 to 20 bytes.</summary>
    public ConnectionId ConnectionId { get; internal set; }

    /// <summary>NEW_CONNECTION_ID: the 16-byte reset token of the id.</summary>
    public ReadOnlySpan<byte> StatelessResetToken { get; internal set; }

    /// <summary>PATH_CHALLENGE, PATH_RESPONSE: the eight bytes, big-endian.</summary>
    public ulong PathData { get; internal set; }

    /// <summary>PADDING: how many consecutive bytes.</summary>
    public int PaddingLength { get; internal set; }

    /// <summary>ACK: the largest packet number acknowledged.</summary>
    public ulong LargestAcknowledged { get; internal set; }

    /// <summary>ACK: the delay field as sent, to be scaled with the sender's ack_delay_exponent.</summary>
    public ulong AckDelay { get; internal set; }

    /// <summary>ACK: the number of ranges, at least 1.</summary>
    public int AckRangeCount { get; internal set; }

    /// <summary>ACK with ECN counts: packets received with ECT(0).</summary>
    public ulong Ect0Count { get; internal set; }

    /// <summary>ACK with ECN counts: packets received with ECT(1).</summary>
    public ulong Ect1Count { get; internal set; }

    /// <summary>ACK with ECN counts: packets received with congestion experienced.</summary>
    public ulong CongestionExperiencedCount { get; internal set; }

    /// <summary>ACK: the ranges, newest first.</summary>
    public readonly AckRangeEnumerator AckRanges => new(LargestAcknowledged, FirstAckRange, AckRangeBytes);

    internal ulong FirstAckRange { get; set; }

    internal ReadOnlySpan<byte> AckRangeBytes { get; set; }
}
