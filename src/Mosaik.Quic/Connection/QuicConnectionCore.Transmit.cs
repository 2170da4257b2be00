using System.Buffers.Binary;
using Mosaik.Quic.Crypto;
using Mosaik.Quic.Recovery;
using Mosaik.Quic.Tls;
using Mosaik.Quic.Wire;

namespace Mosaik.Quic.Connection;

// From pending frames to sealed datagrams (RFC 9000 §12–14, spec/performance.md §4.1, §4.3).
//
// A datagram is built in two steps. First each level with keys writes one packet with its frames, unsealed; then the
// last
// packet is padded where the rules ask for it, and all are sealed in place and recorded. Acknowledgements are decided
// here,
// once for everything that was received since the last poll.
internal sealed partial class QuicConnectionCore
{
    /// <summary>
    /// A datagram at most so many bytes short of the segment size is padded (spec/performance.md §4.1 rule 1).
    /// </summary>
    private const int MaxSegmentPadding = 32;

    /// <summary>ACK Delay is sent in units of 2^3 µs, the default exponent.</summary>
    private const int AckDelayExponent = 3;

    private readonly PendingPacket[] _pending = new PendingPacket[3];
    private bool _pingPending;
    private bool _blockedByPacer;
    private bool _blockedByAmplification;
    private IReadOnlyList<int> _probeSizes = [];
    private int _probesSent;

    /// <summary>
    /// Fills <paramref name="buffer"/> with datagrams to send, many of one size where possible; false when there is
    /// nothing to
    /// send now. To be called until it returns false after datagrams, timeouts and stream operations.
    /// </summary>
    /// <param name="now">The time of sending.</param>
    /// <param name="buffer">At least 1472 bytes; <see cref="Transmit.MaxBytes"/> are never too few.</param>
    /// <param name="transmit">What was written.</param>
    public bool PollTransmit(TimeSpan now, Span<byte> buffer, out Transmit transmit)
    {
        transmit = default;
        if (State is ConnectionState.Draining or ConnectionState.Drained)
            return false;
        if (State == ConnectionState.Closing)
            return PollClose(now, buffer, out transmit);
        if (PollOffPath(now, buffer, out transmit) || PollPathProbe(now, buffer, out transmit))
            return true;
        if (!EnsureUsableKeys(now))
            return PollClose(now, buffer, out transmit);
        return PollBatch(now, buffer, out transmit);
    }

    private bool PollBatch(TimeSpan now, Span<byte> buffer, out Transmit transmit)
    {
        int segment = _path.MaxDatagramSize;
        int limit = Math.Min(buffer.Length, Transmit.MaxBytes);
        long pacing = _path.Pacer.Budget(now, _loss.Rtt.Smoothed, _loss.Congestion.Window, segment);
        _blockedByPacer = false;
        _blockedByAmplification = false;
        int length = 0;
        int count = 0;
        while (count < Transmit.MaxSegments && limit - length >= segment)
        {
            int room = segment;
            if (IsAmplificationLimited)
            {
                _blockedByAmplification = true;
                break;
            }
            if (_path.SendAllowance < segment)
                room = (int)_path.SendAllowance;
            bool paced = pacing < segment;
            bool mayFly = !paced && _loss.Congestion.Available >= segment;
            int written = BuildDatagram(now, buffer.Slice(length, room), mayFly);
            if (written == 0)
            {
                _blockedByPacer = paced && HasDataToSend;
                break;
            }
            length += written;
            count++;
            pacing -= written;
            _path.OnDatagramSent(written);
            if (written < segment)
                break;
        }
        // Also when the path was validated meanwhile: the probe timer must run again.
        _loss.SetAmplificationLimited(now, IsAmplificationLimited);
        transmit = default;
        if (count == 0)
            return false;
        _path.Pacer.OnSent(length);
        CountSent(length, count);
        transmit = new Transmit(_path.Address, length, count == 1 ? length : segment, Ecn.NotEct);
        return true;
    }

    /// <summary>Builds one datagram and returns its length, 0 when there is nothing to send.</summary>
    private int BuildDatagram(TimeSpan now, Span<byte> datagram, bool mayFly)
    {
        int count = 0;
        int length = 0;
        bool padToMinimum = false;
        _padDatagram = false;
        foreach (LevelState state in _levels)
        {
            if (!CanSeal(state) || !BuildPacket(now, datagram[length..], state, mayFly, ref _pending[count]))
                continue;
            ref PendingPacket packet = ref _pending[count];
            packet.Start = length;
            length += packet.SealedLength;
            count++;
            padToMinimum |= state.Level == EncryptionLevel.Initial && (_isClient || packet.AckEliciting);
        }
        if (count == 0)
            return 0;
        if (padToMinimum || _padDatagram)
            length = PadLastPacket(datagram, count, length, MinInitialDatagram);
        else if (datagram.Length - length is > 0 and <= MaxSegmentPadding && mayFly && _streams.HasPendingFrames)
            length = PadLastPacket(datagram, count, length, datagram.Length);
        SealPending(now, datagram, count);
        return length;
    }

    private bool BuildPacket(TimeSpan now, Span<byte> room, LevelState state, bool mayFly, ref PendingPacket packet)
    {
        PacketSpace space = state.Space;
        bool isApplication = state.Level == EncryptionLevel.OneRtt;
        bool probe = space.ProbesPending > 0;
        bool wantsData = probe || (mayFly && (isApplication ? HasApplicationFrames : state.Crypto.HasPendingFrames));
        // Validating a path must not wait for a window that packets to the old address keep full.
        bool wantsPathFrames = isApplication && HasPathFrames;
        if ((!wantsData && !wantsPathFrames && !space.Acks.IsDue(now)) || !TryBeginPacket(room, state, ref packet))
            return false;
        Span<byte> payload = PayloadRoom(room, packet);
        if (_settings.Knobs.MaxInitialFrameBytes is > 0 and int most && state.Level == EncryptionLevel.Initial)
            payload = payload[..Math.Min(payload.Length, most)];
        var writer = new FrameWriter(payload);
        if (space.Acks.IsOwed)
            WriteAckFrame(now, state, ref writer, ref packet);
        int ackBytes = writer.Written;
        if (wantsData)
        {
            if (isApplication)
                WriteApplicationFrames(ref writer, ref packet.Frames);
            else
                state.Crypto.WriteFrames(ref writer, ref packet.Frames);
            if (writer.Written == ackBytes && probe && writer.TryWritePing())
                packet.Frames.Add(new SentFrame(SentFrameKind.Ping));
        }
        else if (wantsPathFrames)
        {
            WritePathFrames(ref writer, ref packet.Frames);
        }
        else if (space.ShouldElicitAck && mayFly && writer.TryWritePing())
        {
            packet.Frames.Add(new SentFrame(SentFrameKind.Ping));
        }
        if (writer.Written == 0)
        {
            packet.Frames.Release();
            return false;
        }
        packet.AckEliciting = writer.Written > ackBytes;
        packet.PayloadLength = writer.Written;
        int missing = PacketProtection.MinPacketNumberAndPayload - packet.Layout.PacketNumberLength - writer.Written;
        if (missing > 0)
        {
            // RFC 9001 §5.4.2: the header-protection sample needs these bytes.
            writer.TryWritePadding(missing);
            packet.PayloadLength += missing;
            packet.Padded = true;
        }
        return true;
    }

    private bool HasDataToSend => HasApplicationFrames
        || _levels[(int)EncryptionLevel.Initial].Crypto.HasPendingFrames
        || _levels[(int)EncryptionLevel.Handshake].Crypto.HasPendingFrames;

    private bool HasApplicationFrames =>
        _streams.HasPendingFrames || _pingPending || _handshakeDonePending || _localIds.HasPendingFrames
        || _remoteIds.HasPendingFrames || HasPathFrames || _levels[(int)EncryptionLevel.OneRtt].Crypto.HasPendingFrames;

    private void WriteApplicationFrames(ref FrameWriter writer, ref SentFrameList frames)
    {
        if (_handshakeDonePending && writer.TryWriteHandshakeDone())
        {
            _handshakeDonePending = false;
            frames.Add(new SentFrame(SentFrameKind.HandshakeDone));
        }
        WritePathFrames(ref writer, ref frames);
        WriteConnectionIdFrames(ref writer, ref frames);
        LevelState state = _levels[(int)EncryptionLevel.OneRtt];
        if (state.Crypto.HasPendingFrames)
            state.Crypto.WriteFrames(ref writer, ref frames);
        // Before the handshake is complete the peer is not authenticated: nothing of the application leaves.
        if (IsHandshakeComplete && _streams.HasPendingFrames)
            _streams.WriteFrames(ref writer, ref frames);
        if (_pingPending)
        {
            // Any ack-eliciting frame does the work of a PING.
            if (frames.Count > 0 && HasElicitingFrame(frames))
            {
                _pingPending = false;
            }
            else if (writer.TryWritePing())
            {
                _pingPending = false;
                frames.Add(new SentFrame(SentFrameKind.Ping));
            }
        }
    }

    private static bool HasElicitingFrame(in SentFrameList frames)
    {
        foreach (ref readonly SentFrame frame in frames.AsSpan())
        {
            if (frame.Kind != SentFrameKind.Ack)
                return true;
        }
        return false;
    }

    private void WriteAckFrame(TimeSpan now, LevelState state, ref FrameWriter writer, ref PendingPacket packet)
    {
        AckRanges received = state.Space.Received;
        if (received.Count == 0)
            return;
        ulong delay = state.Level == EncryptionLevel.OneRtt
            ? (ulong)(state.Space.Acks.AckDelay(now).Ticks / TimeSpan.TicksPerMicrosecond) >> AckDelayExponent
            : 0;
        if (!writer.TryWriteAck(received.NewestFirst, delay))
            return;
        ulong largest = received.NewestFirst[0].Largest;
        packet.Frames.Add(new SentFrame(SentFrameKind.Ack, 0, largest));
        state.Space.Acks.OnAckSent();
        if (state.Level == EncryptionLevel.OneRtt)
            _oneRtt.OnAckSent(largest);
    }

    private bool CanSeal(LevelState state) =>
        state.Level == EncryptionLevel.OneRtt ? _oneRtt.CanWrite : state.Write is not null;

    /// <summary>Writes the header of the next packet of a level; false when not even a small packet fits.</summary>
    private bool TryBeginPacket(Span<byte> room, LevelState state, ref PendingPacket packet)
    {
        const int LengthSize = 2;       // a packet never needs more than 14 bits of length
        const int SmallestUsefulPayload = 32;
        ulong number = state.Space.NextPacketNumber;
        int numberLength = PacketNumber.EncodedLength(number, state.Space.LargestAcknowledged);
        ConnectionId destination = _remoteIds.Current;
        bool isApplication = state.Level == EncryptionLevel.OneRtt;
        int headerLength = isApplication
            ? PacketHeaderWriter.ShortHeaderLength(destination.Length, numberLength)
            : PacketHeaderWriter.LongHeaderLength(
                state.PacketType, destination.Length, ConnectionId.LocalLength, _token.Length, LengthSize,
                numberLength);
        if (room.Length < headerLength + SmallestUsefulPayload + PacketProtection.TagLength)
            return false;
        // The list of frames is empty: they moved out with the packet before, or were released.
        packet.State = state;
        packet.Number = number;
        packet.PayloadLength = 0;
        packet.AckEliciting = false;
        packet.Padded = false;
        packet.Layout = isApplication
            ? PacketHeaderWriter.WriteShort(room, destination, _oneRtt.WritePhase, number, numberLength)
            : PacketHeaderWriter.WriteLong(
                room, state.PacketType, destination, _localInitialId,
                state.Level == EncryptionLevel.Initial ? _token : default, LengthSize, number, numberLength);
        if (_isClient && !isApplication && _settings.InitialVersion != PacketHeader.Version1)
            BinaryPrimitives.WriteUInt32BigEndian(room[1..], _settings.InitialVersion);
        return true;
    }

    private static Span<byte> PayloadRoom(Span<byte> room, in PendingPacket packet) =>
        room[packet.Layout.HeaderLength..^PacketProtection.TagLength];

    /// <summary>
    /// Lengthens the last pending packet with PADDING until the datagram has <paramref name="target"/> bytes.
    /// </summary>
    private int PadLastPacket(Span<byte> datagram, int count, int length, int target)
    {
        int missing = Math.Min(target, datagram.Length) - length;
        if (missing <= 0)
            return length;
        ref PendingPacket last = ref _pending[count - 1];
        datagram.Slice(last.Start + last.Layout.HeaderLength + last.PayloadLength, missing).Clear();
        last.PayloadLength += missing;
        last.Padded = true;
        return length + missing;
    }

    private void SealPending(TimeSpan now, Span<byte> datagram, int count)
    {
        bool sentHandshake = false;
        for (int i = 0; i < count; i++)
        {
            ref PendingPacket pending = ref _pending[i];
            LevelState state = pending.State;
            int size = pending.SealedLength;
            Span<byte> packet = datagram.Slice(pending.Start, size);
            PacketKeys keys;
            if (state.Level == EncryptionLevel.OneRtt)
            {
                keys = _oneRtt.Write;
                _oneRtt.OnSealed();
            }
            else
            {
                PacketHeaderWriter.PatchLength(packet, pending.Layout, size);
                keys = state.Write!;    // CanSeal was checked when the packet was begun
                sentHandshake |= state.Level == EncryptionLevel.Handshake;
            }
            PacketProtection.Seal(
                keys, packet, pending.Layout.PacketNumberOffset, pending.Layout.PacketNumberLength, pending.Number);
            if (pending.AckEliciting)
                OnAckElicitingSent(now);
            bool inFlight = pending.AckEliciting || pending.Padded;
            _loss.OnPacketSent(now, state.Space.Id, size, pending.AckEliciting, inFlight, ref pending.Frames);
            Statistics.PacketsSent++;
            _trace?.PacketSent(now, state.Level, pending.Number, size, pending.AckEliciting);
        }
        if (sentHandshake && _isClient)
            DiscardLevel(now, EncryptionLevel.Initial);    // RFC 9001 §4.9.1
    }

    /// <summary>
    /// Updates the 1-RTT keys when their limit comes near; false when they are used up and the connection was closed.
    /// </summary>
    private bool EnsureUsableKeys(TimeSpan now)
    {
        if (!_oneRtt.NeedsUpdate)
            return true;
        if (IsHandshakeConfirmed && _oneRtt.TryUpdate(NextPacketNumber(EncryptionLevel.OneRtt)))
            _trace?.KeyUpdated(now, EncryptionLevel.OneRtt, write: true, _oneRtt.WriteGeneration);
        if (!_oneRtt.IsExhausted)
            return true;
        CloseWithError(now, QuicError.AeadLimitReached, 0, "confidentiality limit of the packet keys");
        return false;
    }

    private ulong NextPacketNumber(EncryptionLevel level) => _levels[(int)level].Space.NextPacketNumber;

    private void CountSent(int bytes, int datagrams = 1)
    {
        Statistics.DatagramsSent += (ulong)datagrams;
        Statistics.BytesSent += (ulong)bytes;
    }
}
