using System.Buffers.Binary;

namespace Mosaik.Quic.Wire;

/// <summary>
/// Writes frames (RFC 9000 §19) into the payload of one packet. Every method writes its frame whole and returns true,
/// or writes nothing and returns false because the frame does not fit. Numbers take their shortest form; nothing
/// allocates.
/// </summary>
internal ref struct FrameWriter
{
    private readonly Span<byte> _destination;
    private int _position;

    /// <summary>Writes from the start of <paramref name="destination"/>.</summary>
    public FrameWriter(Span<byte> destination) => _destination = destination;

    /// <summary>The bytes written.</summary>
    public readonly int Written => _position;

    /// <summary>The room that is left.</summary>
    public readonly int Remaining => _destination.Length - _position;

    /// <summary>What was written.</summary>
    public readonly ReadOnlySpan<byte> WrittenSpan => _destination[.._position];

    /// <summary>Takes back everything after a position.</summary>
    public void Rewind(int position)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(position);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(position, _position);
        _position = position;
    }

    /// <summary>The bytes a STREAM frame takes before its data.</summary>
    public static int StreamHeaderLength(ulong streamId, ulong offset, int length, bool withLength) =>
        1 + VarInt.Length(streamId) + (offset == 0 ? 0 : VarInt.Length(offset))
        + (withLength ? VarInt.Length((ulong)length) : 0);

    /// <summary>The bytes a CRYPTO frame takes before its data.</summary>
    public static int CryptoHeaderLength(ulong offset, int length) =>
        1 + VarInt.Length(offset) + VarInt.Length((ulong)length);

    /// <summary>
    /// The most data, up to <paramref name="wanted"/>, that fits into <paramref name="room"/> bytes behind a header of
    /// <paramref name="fixedLength"/> bytes and a length field; −1 when not even the header fits.
    /// </summary>
    public static int FittingData(int room, int fixedLength, int wanted)
    {
        int left = room - fixedLength;
        if (left < 1)
            return -1;
        // With a length field of s bytes the data is at most left − s and at most the largest number of s bytes.
        int best = Math.Min(left - 1, 63);
        if (left >= 2)
            best = Math.Max(best, Math.Min(left - 2, VarInt.MaxTwoByteValue));
        if (left >= 4)
            best = Math.Max(best, left - 4);
        return Math.Min(best, wanted);
    }

    /// <summary>Fills <paramref name="length"/> bytes with PADDING.</summary>
    public bool TryWritePadding(int length)
    {
        if (Remaining < length)
            return false;
        _destination.Slice(_position, length).Clear();
        _position += length;
        return true;
    }

    /// <summary>PING.</summary>
    public bool TryWritePing() => TryWriteType(FrameType.Ping);

    /// <summary>HANDSHAKE_DONE.</summary>
    public bool TryWriteHandshakeDone() => TryWriteType(FrameType.HandshakeDone);

    /// <summary>
    /// ACK without ECN counts. As many ranges are written as fit, the newest first; at least the first one must.
    /// </summary>
    /// <param name="newestFirst">Disjoint ranges, descending, never adjacent.</param>
    /// <param name="ackDelay">The delay, already scaled by our ack_delay_exponent.</param>
    public bool TryWriteAck(scoped ReadOnlySpan<PacketNumberRange> newestFirst, ulong ackDelay)
    {
        PacketNumberRange first = newestFirst[0];
        int length = 1 + VarInt.Length(first.Largest) + VarInt.Length(ackDelay)
            + VarInt.Length((ulong)newestFirst.Length - 1) + VarInt.Length(first.Largest - first.Smallest);
        if (length > Remaining)
            return false;
        int count = 1;
        for (; count < newestFirst.Length; count++)
        {
            ulong gap = newestFirst[count - 1].Smallest - newestFirst[count].Largest - 2;
            int more = VarInt.Length(gap) + VarInt.Length(newestFirst[count].Largest - newestFirst[count].Smallest);
            if (length + more > Remaining)
                break;
            length += more;
        }
        PutType(FrameType.Ack);
        Put(first.Largest);
        Put(ackDelay);
        Put((ulong)count - 1);
        Put(first.Largest - first.Smallest);
        for (int i = 1; i < count; i++)
        {
            Put(newestFirst[i - 1].Smallest - newestFirst[i].Largest - 2);
            Put(newestFirst[i].Largest - newestFirst[i].Smallest);
        }
        return true;
    }

    /// <summary>RESET_STREAM.</summary>
    public bool TryWriteResetStream(ulong streamId, ulong errorCode, ulong finalSize) =>
        TryWriteNumbers(FrameType.ResetStream, streamId, errorCode, finalSize);

    /// <summary>STOP_SENDING.</summary>
    public bool TryWriteStopSending(ulong streamId, ulong errorCode) =>
        TryWriteNumbers(FrameType.StopSending, streamId, errorCode);

    /// <summary>MAX_DATA.</summary>
    public bool TryWriteMaxData(ulong limit) => TryWriteNumbers(FrameType.MaxData, limit);

    /// <summary>MAX_STREAM_DATA.</summary>
    public bool TryWriteMaxStreamData(ulong streamId, ulong limit) =>
        TryWriteNumbers(FrameType.MaxStreamData, streamId, limit);

    /// <summary>MAX_STREAMS.</summary>
    public bool TryWriteMaxStreams(bool bidirectional, ulong limit) => TryWriteNumbers(
        bidirectional ? FrameType.MaxStreamsBidirectional : FrameType.MaxStreamsUnidirectional, limit);

    /// <summary>DATA_BLOCKED.</summary>
    public bool TryWriteDataBlocked(ulong limit) => TryWriteNumbers(FrameType.DataBlocked, limit);

    /// <summary>STREAM_DATA_BLOCKED.</summary>
    public bool TryWriteStreamDataBlocked(ulong streamId, ulong limit) =>
        TryWriteNumbers(FrameType.StreamDataBlocked, streamId, limit);

    /// <summary>STREAMS_BLOCKED.</summary>
    public bool TryWriteStreamsBlocked(bool bidirectional, ulong limit) => TryWriteNumbers(
        bidirectional ? FrameType.StreamsBlockedBidirectional : FrameType.StreamsBlockedUnidirectional, limit);

    /// <summary>RETIRE_CONNECTION_ID.</summary>
    public bool TryWriteRetireConnectionId(ulong sequenceNumber) =>
        TryWriteNumbers(FrameType.RetireConnectionId, sequenceNumber);

    /// <summary>PATH_CHALLENGE.</summary>
    public bool TryWritePathChallenge(ulong data) => TryWritePathData(FrameType.PathChallenge, data);

    /// <summary>PATH_RESPONSE.</summary>
    public bool TryWritePathResponse(ulong data) => TryWritePathData(FrameType.PathResponse, data);

    /// <summary>NEW_CONNECTION_ID; the token has 16 bytes.</summary>
    public bool TryWriteNewConnectionId(
        ulong sequenceNumber, ulong retirePriorTo, in ConnectionId id, scoped ReadOnlySpan<byte> statelessResetToken)
    {
        int length = 2 + VarInt.Length(sequenceNumber) + VarInt.Length(retirePriorTo) + id.Length + statelessResetToken.Length;
        if (length > Remaining)
            return false;
        PutType(FrameType.NewConnectionId);
        Put(sequenceNumber);
        Put(retirePriorTo);
        _destination[_position++] = (byte)id.Length;
        _position += id.CopyTo(_destination[_position..]);
        PutBytes(statelessResetToken);
        return true;
    }

    /// <summary>NEW_TOKEN.</summary>
    public bool TryWriteNewToken(scoped ReadOnlySpan<byte> token)
    {
        if (1 + VarInt.Length((ulong)token.Length) + token.Length > Remaining)
            return false;
        PutType(FrameType.NewToken);
        Put((ulong)token.Length);
        PutBytes(token);
        return true;
    }

    /// <summary>
    /// CONNECTION_CLOSE of the transport. A reason that does not fit is cut, never split inside a UTF-8 character.
    /// </summary>
    public bool TryWriteConnectionClose(ulong errorCode, ulong triggeringFrameType, scoped ReadOnlySpan<byte> reason)
    {
        int fixedLength = 1 + VarInt.Length(errorCode) + VarInt.Length(triggeringFrameType);
        int length = FittingData(Remaining, fixedLength, reason.Length);
        if (length < 0)
            return false;
        PutType(FrameType.ConnectionClose);
        Put(errorCode);
        Put(triggeringFrameType);
        PutReason(reason, length);
        return true;
    }

    /// <summary>CONNECTION_CLOSE of the application. A reason that does not fit is cut.</summary>
    public bool TryWriteApplicationClose(ulong errorCode, scoped ReadOnlySpan<byte> reason)
    {
        int length = FittingData(Remaining, 1 + VarInt.Length(errorCode), reason.Length);
        if (length < 0)
            return false;
        PutType(FrameType.ApplicationClose);
        Put(errorCode);
        PutReason(reason, length);
        return true;
    }

    /// <summary>
    /// Begins a CRYPTO frame and returns where its <paramref name="length"/> bytes of data go; empty with false when it
    /// does not fit (see <see cref="FittingData"/> and <see cref="CryptoHeaderLength"/>).
    /// </summary>
    public bool TryBeginCrypto(ulong offset, int length, out Span<byte> data)
    {
        if (CryptoHeaderLength(offset, length) + length > Remaining)
        {
            data = default;
            return false;
        }
        PutType(FrameType.Crypto);
        Put(offset);
        Put((ulong)length);
        data = _destination.Slice(_position, length);
        _position += length;
        return true;
    }

    /// <summary>
    /// Begins a STREAM frame and returns where its <paramref name="length"/> bytes of data go. Without a length field
    /// the frame reaches to the end of the packet, which the caller must make so.
    /// </summary>
    public bool TryBeginStream(ulong streamId, ulong offset, int length, bool fin, bool withLength, out Span<byte> data)
    {
        if (StreamHeaderLength(streamId, offset, length, withLength) + length > Remaining)
        {
            data = default;
            return false;
        }
        _destination[_position++] = (byte)((int)FrameType.Stream | (fin ? 1 : 0) | (withLength ? 2 : 0) | (offset != 0 ? 4 : 0));
        Put(streamId);
        if (offset != 0)
            Put(offset);
        if (withLength)
            Put((ulong)length);
        data = _destination.Slice(_position, length);
        _position += length;
        return true;
    }

    private bool TryWriteType(FrameType type)
    {
        if (Remaining < 1)
            return false;
        PutType(type);
        return true;
    }

    private bool TryWriteNumbers(FrameType type, ulong first)
    {
        if (1 + VarInt.Length(first) > Remaining)
            return false;
        PutType(type);
        Put(first);
        return true;
    }

    private bool TryWriteNumbers(FrameType type, ulong first, ulong second)
    {
        if (1 + VarInt.Length(first) + VarInt.Length(second) > Remaining)
            return false;
        PutType(type);
        Put(first);
        Put(second);
        return true;
    }

    private bool TryWriteNumbers(FrameType type, ulong first, ulong second, ulong third)
    {
        if (1 + VarInt.Length(first) + VarInt.Length(second) + VarInt.Length(third) > Remaining)
            return false;
        PutType(type);
        Put(first);
        Put(second);
        Put(third);
        return true;
    }

    private bool TryWritePathData(FrameType type, ulong data)
    {
        if (Remaining < 9)
            return false;
        PutType(type);
        BinaryPrimitives.WriteUInt64BigEndian(_destination[_position..], data);
        _position += 8;
        return true;
    }

    private void PutReason(scoped ReadOnlySpan<byte> reason, int length)
    {
        while (length > 0 && length < reason.Length && (reason[length] & 0xc0) == 0x80)
            length--;   // the byte after the cut continues a character: cut before that character
        Put((ulong)length);
        PutBytes(reason[..length]);
    }

    private void PutType(FrameType type) => _destination[_position++] = (byte)type;

    private void Put(ulong value) => _position += VarInt.Write(_destination[_position..], value);

    private void PutBytes(scoped ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(_destination[_position..]);
        _position += bytes.Length;
    }
}
