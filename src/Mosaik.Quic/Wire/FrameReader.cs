using System.Buffers.Binary;

namespace Mosaik.Quic.Wire;

/// <summary>
/// Reads the frames of one opened packet (RFC 9000 §19) without allocating.
/// </summary>
/// <remarks>
/// <para>
/// Use: construct over the payload, call <see cref="TryRead"/> until it returns false, then look at
/// <see cref="Error"/>: null means that the payload was read to its end. Frames before an error are valid and may have
/// been processed already; the connection ends with the error anyway.
/// </para>
/// <para>
/// What is an error here: a payload without frames, a frame type in more bytes than needed, a frame that the packet
/// type or the sender's role does not allow (PROTOCOL_VIOLATION); an unknown type, truncation, and every field outside
/// its range: stream or CRYPTO data beyond 2^62 − 1, more than 2^60 streams, ACK ranges below 0, connection ids not of
/// 1 to 20 bytes, Retire Prior To above the sequence number, an empty token (FRAME_ENCODING_ERROR). Stream state and
/// limits are checked by whoever owns them.
/// </para>
/// </remarks>
internal ref struct FrameReader
{
    /// <summary>The largest number of streams of one kind (RFC 9000 §4.6).</summary>
    public const ulong MaxStreamCount = 1UL << 60;

    private readonly ReadOnlySpan<byte> _payload;
    private readonly PacketType _packet;
    private readonly bool _receiverIsServer;
    private int _position;
    private Frame _frame;   // the helpers fill it; an out parameter would not pass the ref-safety rules

    /// <summary>Reads a payload that arrived in a packet of type <paramref name="packet"/>.</summary>
    public FrameReader(ReadOnlySpan<byte> payload, PacketType packet, bool receiverIsServer)
    {
        _payload = payload;
        _packet = packet;
        _receiverIsServer = receiverIsServer;
        if (payload.IsEmpty)
            Fail(QuicError.ProtocolViolation, "packet without frames");
    }

    /// <summary>What is wrong with the payload; null as long as nothing is.</summary>
    public QuicError? Error { get; private set; }

    /// <summary>The reason that goes with <see cref="Error"/>.</summary>
    public string? Reason { get; private set; }

    /// <summary>The type of the frame that was read last, also when it failed (for CONNECTION_CLOSE).</summary>
    public ulong LastFrameType { get; private set; }

    /// <summary>Reads the next frame; false at the end and on an error.</summary>
    public bool TryRead(out Frame frame)
    {
        frame = default;
        if (Error is not null || _position >= _payload.Length)
            return false;
        if (!TryReadType(out FrameType type))
            return false;
        _frame = new Frame { Type = type };
        bool complete = type switch
        {
            FrameType.Padding => ReadPadding(),
            FrameType.Ping or FrameType.HandshakeDone => true,
            FrameType.Ack or FrameType.AckEcn => ReadAck(),
            FrameType.Stream => ReadStream(),
            FrameType.Crypto => ReadCrypto(),
            FrameType.NewConnectionId => ReadNewConnectionId(),
            FrameType.ConnectionClose or FrameType.ApplicationClose => ReadClose(),
            FrameType.NewToken => ReadToken(),
            FrameType.PathChallenge or FrameType.PathResponse => ReadPathData(),
            _ => ReadNumbers(),
        };
        if (!complete && Error is null)
            Fail(QuicError.FrameEncodingError, "truncated frame");
        if (complete)
            frame = _frame;
        return complete;
    }

    private bool TryReadType(out FrameType type)
    {
        type = default;
        int start = _position;
        if (!VarInt.TryRead(_payload, ref _position, out ulong value))
            return Fail(QuicError.FrameEncodingError, "truncated frame type");
        LastFrameType = value;
        if (value > FrameTypes.Largest)
            return Fail(QuicError.FrameEncodingError, "unknown frame type");
        if (_position - start != 1)
            return Fail(QuicError.ProtocolViolation, "frame type not in its shortest form");
        if (!FrameTypes.IsAllowed((FrameType)value, _packet))
            return Fail(QuicError.ProtocolViolation, "frame not allowed in this packet");
        type = (value & 0xf8) == (ulong)FrameType.Stream ? FrameType.Stream : (FrameType)value;
        if (_receiverIsServer && FrameTypes.IsServerOnly(type))
            return Fail(QuicError.ProtocolViolation, "frame only servers may send");
        return true;
    }

    private bool ReadPadding()
    {
        int rest = _payload[_position..].IndexOfAnyExcept((byte)0);
        int count = rest < 0 ? _payload.Length - _position : rest;
        _position += count;
        _frame.Number = count + 1;
        return true;
    }

    private bool ReadAck()
    {
        if (!Next(out ulong largest) || !Next(out ulong delay) || !Next(out ulong count) || !Next(out ulong first))
            return false;
        if (first > largest)
            return Fail(QuicError.FrameEncodingError, "ACK range below zero");
        int start = _position;
        // Every range takes at least two bytes: a count beyond that is a lie, told before anything is walked.
        if (count > (ulong)(_payload.Length - _position) / 2)
            return false;
        ulong smallest = largest - first;
        for (ulong i = 0; i < count; i++)
        {
            if (!Next(out ulong gap) || !Next(out ulong length))
                return false;
            if (smallest < gap + 2 || smallest - gap - 2 < length)
                return Fail(QuicError.FrameEncodingError, "ACK range below zero");
            smallest = smallest - gap - 2 - length;
        }
        _frame.First = largest;
        _frame.Second = delay;
        _frame.Third = first;
        _frame.Number = (int)count + 1;
        _frame.More = _payload[start.._position];
        if (_frame.Type != FrameType.AckEcn)
            return true;
        start = _position;
        if (!Next(out _) || !Next(out _) || !Next(out _))
            return false;
        _frame.Data = _payload[start.._position];
        return true;
    }

    private bool ReadStream()
    {
        byte flags = (byte)LastFrameType;
        ulong offset = 0;
        if (!Next(out ulong id) || ((flags & 0x04) != 0 && !Next(out offset)))
            return false;
        ulong length = (ulong)(_payload.Length - _position);
        if ((flags & 0x02) != 0 && !Next(out length))
            return false;
        _frame.First = id;
        _frame.Second = offset;
        _frame.Fin = (flags & 0x01) != 0;
        return TakeData(length) && (offset + length <= VarInt.MaxValue
            || Fail(QuicError.FrameEncodingError, "stream data beyond 2^62 - 1"));
    }

    private bool ReadCrypto()
    {
        if (!Next(out ulong offset) || !Next(out ulong length))
            return false;
        _frame.Second = offset;
        return TakeData(length) && (offset + length <= VarInt.MaxValue
            || Fail(QuicError.FrameEncodingError, "CRYPTO data beyond 2^62 - 1"));
    }

    private bool ReadToken()
    {
        if (!Next(out ulong length))
            return false;
        if (length == 0)
            return Fail(QuicError.FrameEncodingError, "empty token");
        return TakeData(length);
    }

    private bool ReadNewConnectionId()
    {
        const int TokenLength = 16;
        if (!Next(out ulong sequence) || !Next(out ulong retirePriorTo) || _position >= _payload.Length)
            return false;
        int length = _payload[_position++];
        if (length is 0 or > ConnectionId.MaxLength)
            return Fail(QuicError.FrameEncodingError, "connection id length");
        if (retirePriorTo > sequence)
            return Fail(QuicError.FrameEncodingError, "Retire Prior To above the sequence number");
        if (_payload.Length - _position < length + TokenLength)
            return false;
        _frame.First = sequence;
        _frame.Second = retirePriorTo;
        _frame.Data = _payload.Slice(_position, length);
        _frame.More = _payload.Slice(_position + length, TokenLength);
        _position += length + TokenLength;
        return true;
    }

    private bool ReadPathData()
    {
        if (_payload.Length - _position < 8)
            return false;
        _frame.First = BinaryPrimitives.ReadUInt64BigEndian(_payload[_position..]);
        _position += 8;
        return true;
    }

    private bool ReadClose()
    {
        ulong trigger = 0;
        if (!Next(out ulong code) || (_frame.Type == FrameType.ConnectionClose && !Next(out trigger))
            || !Next(out ulong length))
        {
            return false;
        }
        _frame.Second = code;
        _frame.Third = trigger;
        return TakeData(length);
    }

    /// <summary>Frames that consist of one to three numbers.</summary>
    private bool ReadNumbers()
    {
        if (!Next(out ulong first))
            return false;
        ulong second;
        switch (_frame.Type)
        {
            case FrameType.ResetStream:
                if (!Next(out second) || !Next(out ulong finalSize))
                    return false;
                _frame.First = first;
                _frame.Second = second;
                _frame.Third = finalSize;
                return true;
            case FrameType.StopSending:
                if (!Next(out second))
                    return false;
                _frame.First = first;
                _frame.Second = second;
                return true;
            case FrameType.MaxStreamData or FrameType.StreamDataBlocked:
                if (!Next(out second))
                    return false;
                _frame.First = first;
                _frame.Second = second;
                return true;
            case FrameType.MaxStreamsBidirectional or FrameType.MaxStreamsUnidirectional
                or FrameType.StreamsBlockedBidirectional or FrameType.StreamsBlockedUnidirectional:
                _frame.Second = first;
                return first <= MaxStreamCount || Fail(QuicError.FrameEncodingError, "more than 2^60 streams");
            case FrameType.RetireConnectionId:
                _frame.First = first;
                return true;
            default:   // MAX_DATA, DATA_BLOCKED
                _frame.Second = first;
                return true;
        }
    }

    private bool Next(out ulong value) => VarInt.TryRead(_payload, ref _position, out value);

    private bool TakeData(ulong length)
    {
        if (length > (ulong)(_payload.Length - _position))
            return false;
        _frame.Number = _position;
        _frame.Data = _payload.Slice(_position, (int)length);
        _position += (int)length;
        return true;
    }

    private bool Fail(QuicError error, string reason)
    {
        Error = error;
        Reason = reason;
        return false;
    }
}
