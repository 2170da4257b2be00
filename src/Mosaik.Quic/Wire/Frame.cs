using System.Runtime.InteropServices;

namespace Mosaik.Quic.Wire;

/// <summary>ECN counts of an ACK frame of type 0x03 (RFC 9000 §19.3.2).</summary>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct EcnCounts(ulong Ect0, ulong Ect1, ulong CongestionExperienced);

/// <summary>
/// One frame as read from a payload. It is flat and small: each property names the frames for which it has a meaning;
/// for others its value is arbitrary, because properties share storage. Spans point into the payload and live as long
/// as it.
/// </summary>
internal ref struct Frame
{
    internal ulong First;
    internal ulong Second;
    internal ulong Third;
    internal ReadOnlySpan<byte> More;

    /// <summary>Which frame; every STREAM type is <see cref="FrameType.Stream"/>.</summary>
    public FrameType Type { get; internal set; }

    /// <summary>STREAM: the data reaches the end of the stream.</summary>
    public bool Fin { get; internal set; }

    /// <summary>
    /// PADDING: how many consecutive bytes. ACK: how many ranges, at least 1. CRYPTO, STREAM: where the data is in the
    /// payload.
    /// </summary>
    internal int Number { get; set; }

    /// <summary>CRYPTO, STREAM: the data; NEW_TOKEN: the token; CONNECTION_CLOSE: the reason phrase.</summary>
    public ReadOnlySpan<byte> Data { get; internal set; }

    /// <summary>CRYPTO, STREAM, NEW_TOKEN, CONNECTION_CLOSE: where <see cref="Data"/> is in the payload.</summary>
    public readonly int DataOffset => Number;

    /// <summary>RESET_STREAM, STOP_SENDING, STREAM, MAX_STREAM_DATA, STREAM_DATA_BLOCKED: the stream.</summary>
    public readonly ulong StreamId => First;

    /// <summary>CRYPTO, STREAM: where the data belongs.</summary>
    public readonly ulong Offset => Second;

    /// <summary>MAX_DATA, MAX_STREAM_DATA, MAX_STREAMS and the *_BLOCKED frames: the limit.</summary>
    public readonly ulong Limit => Second;

    /// <summary>RESET_STREAM, STOP_SENDING, CONNECTION_CLOSE: the code.</summary>
    public readonly ulong ErrorCode => Second;

    /// <summary>RESET_STREAM: the length of the stream.</summary>
    public readonly ulong FinalSize => Third;

    /// <summary>CONNECTION_CLOSE of the transport: the type of the frame that caused it, 0 if unknown.</summary>
    public readonly ulong TriggeringFrameType => Third;

    /// <summary>NEW_CONNECTION_ID, RETIRE_CONNECTION_ID: the sequence number.</summary>
    public readonly ulong SequenceNumber => First;

    /// <summary>NEW_CONNECTION_ID: ids with a lower sequence number are to be retired.</summary>
    public readonly ulong RetirePriorTo => Second;

    /// <summary>NEW_CONNECTION_ID: the id, 1 to 20 bytes.</summary>
    public readonly ConnectionId ConnectionId => new(Data);

    /// <summary>NEW_CONNECTION_ID: the 16-byte reset token of the id.</summary>
    public readonly ReadOnlySpan<byte> StatelessResetToken => More;

    /// <summary>PATH_CHALLENGE, PATH_RESPONSE: the eight bytes, big-endian.</summary>
    public readonly ulong PathData => First;

    /// <summary>PADDING: how many consecutive bytes.</summary>
    public readonly int PaddingLength => Number;

    /// <summary>ACK: the largest packet number acknowledged.</summary>
    public readonly ulong LargestAcknowledged => First;

    /// <summary>ACK: the delay field as sent, to be scaled with the sender's ack_delay_exponent.</summary>
    public readonly ulong AckDelay => Second;

    /// <summary>ACK: the number of ranges, at least 1.</summary>
    public readonly int AckRangeCount => Number;

    /// <summary>ACK: the ranges, newest first.</summary>
    public readonly AckRangeEnumerator AckRanges => new(First, Third, More);

    /// <summary>ACK of type 0x03: its counts.</summary>
    public readonly EcnCounts EcnCounts
    {
        get
        {
            int position = 0;
            VarInt.TryRead(Data, ref position, out ulong ect0);
            VarInt.TryRead(Data, ref position, out ulong ect1);
            VarInt.TryRead(Data, ref position, out ulong experienced);
            return new EcnCounts(ect0, ect1, experienced);
        }
    }
}
