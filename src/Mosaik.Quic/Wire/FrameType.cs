namespace Mosaik.Quic.Wire;

/// <summary>
/// The frames of RFC 9000 §19. Types that are flags of one frame (STREAM) share a name and keep their first value.
/// </summary>
internal enum FrameType : byte
{
    Padding = 0x00,
    Ping = 0x01,
    Ack = 0x02,
    AckEcn = 0x03,
    ResetStream = 0x04,
    StopSending = 0x05,
    Crypto = 0x06,
    NewToken = 0x07,

    /// <summary>0x08 to 0x0f: bit 0 = FIN, bit 1 = length present, bit 2 = offset present.</summary>
    Stream = 0x08,
    MaxData = 0x10,
    MaxStreamData = 0x11,
    MaxStreamsBidirectional = 0x12,
    MaxStreamsUnidirectional = 0x13,
    DataBlocked = 0x14,
    StreamDataBlocked = 0x15,
    StreamsBlockedBidirectional = 0x16,
    StreamsBlockedUnidirectional = 0x17,
    NewConnectionId = 0x18,
    RetireConnectionId = 0x19,
    PathChallenge = 0x1a,
    PathResponse = 0x1b,
    ConnectionClose = 0x1c,
    ApplicationClose = 0x1d,
    HandshakeDone = 0x1e,
}

/// <summary>Table 3 of RFC 9000 §12.4: which frame may be in which packet, and what it means there.</summary>
internal static class FrameTypes
{
    /// <summary>The largest frame type that is known.</summary>
    public const ulong Largest = (ulong)FrameType.HandshakeDone;

    private const byte Initial = 1 << (int)PacketType.Initial;
    private const byte ZeroRtt = 1 << (int)PacketType.ZeroRtt;
    private const byte Handshake = 1 << (int)PacketType.Handshake;
    private const byte OneRtt = 1 << (int)PacketType.OneRtt;
    private const byte Everywhere = Initial | Handshake | ZeroRtt | OneRtt;
    private const byte NotEarly = Initial | Handshake | OneRtt;
    private const byte Application = ZeroRtt | OneRtt;

    /// <summary>One byte per frame type: a bit for each packet type that may carry it.</summary>
    private static ReadOnlySpan<byte> AllowedIn =>
    [
        Everywhere,     // 0x00 PADDING
        Everywhere,     // 0x01 PING
        NotEarly,       // 0x02 ACK
        NotEarly,       // 0x03 ACK with ECN counts
        Application,    // 0x04 RESET_STREAM
        Application,    // 0x05 STOP_SENDING
        NotEarly,       // 0x06 CRYPTO
        OneRtt,         // 0x07 NEW_TOKEN
        Application, Application, Application, Application,     // 0x08–0x0f STREAM
        Application, Application, Application, Application,
        Application,    // 0x10 MAX_DATA
        Application,    // 0x11 MAX_STREAM_DATA
        Application,    // 0x12 MAX_STREAMS (bidirectional)
        Application,    // 0x13 MAX_STREAMS (unidirectional)
        Application,    // 0x14 DATA_BLOCKED
        Application,    // 0x15 STREAM_DATA_BLOCKED
        Application,    // 0x16 STREAMS_BLOCKED (bidirectional)
        Application,    // 0x17 STREAMS_BLOCKED (unidirectional)
        Application,    // 0x18 NEW_CONNECTION_ID
        Application,    // 0x19 RETIRE_CONNECTION_ID
        Application,    // 0x1a PATH_CHALLENGE
        OneRtt,         // 0x1b PATH_RESPONSE
        Everywhere,     // 0x1c CONNECTION_CLOSE of the transport
        Application,    // 0x1d CONNECTION_CLOSE of the application
        OneRtt,         // 0x1e HANDSHAKE_DONE
    ];

    /// <summary>True when a packet of type <paramref name="packet"/> may carry the frame.</summary>
    public static bool IsAllowed(FrameType frame, PacketType packet) =>
        (byte)frame < AllowedIn.Length && (AllowedIn[(byte)frame] & (1 << (int)packet)) != 0;

    /// <summary>
    /// True for frames only a server sends; a server that receives one closes with PROTOCOL_VIOLATION.
    /// </summary>
    public static bool IsServerOnly(FrameType frame) => frame is FrameType.NewToken or FrameType.HandshakeDone;

    /// <summary>
    /// True for frames that make the receiver send an ACK (RFC 9000 §1.2): all but PADDING, ACK, CONNECTION_CLOSE.
    /// </summary>
    public static bool IsAckEliciting(FrameType frame) => frame is not (FrameType.Padding or FrameType.Ack or FrameType.AckEcn
        or FrameType.ConnectionClose or FrameType.ApplicationClose);

    /// <summary>True for probing frames (RFC 9000 §9.1): a packet with only such frames is no migration.</summary>
    public static bool IsProbing(FrameType frame) => frame is FrameType.Padding or FrameType.PathChallenge
        or FrameType.PathResponse or FrameType.NewConnectionId;
}
