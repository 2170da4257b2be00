using Mosaik.Quic.Paths;
using Mosaik.Quic.Recovery;
using Mosaik.Quic.Tls;
using Mosaik.Quic.Wire;

namespace Mosaik.Quic.Connection;

// The frames of one opened packet, each handed to its owner (RFC 9000 §19), and the fate of the frames we sent (§13.3).
internal sealed partial class QuicConnectionCore
{
    /// <summary>
    /// Streams opened and reset before anything of them was read, per second (spec/reliability.md E13).
    /// </summary>
    private const ulong MaxEarlyResetsPerSecond = 200;

    /// <summary>The application code for a peer that churns through streams (spec/reliability.md E13).</summary>
    private const ulong ChurnCloseCode = 400;

    private TimeSpan _earlyResetWindowStart;
    private ulong _earlyResetsAtWindowStart;

    /// <summary>False when the packet ended the connection.</summary>
    private bool ProcessFrames(
        TimeSpan now, in PathAddress path, EncryptionLevel level, ulong generation, ReadOnlySpan<byte> payload,
        out bool ackEliciting, out bool probing)
    {
        ackEliciting = false;
        probing = true;
        var reader = new FrameReader(payload, _levels[(int)level].PacketType, receiverIsServer: !_isClient);
        while (reader.TryRead(out Frame frame))
        {
            ackEliciting |= FrameTypes.IsAckEliciting(frame.Type);
            probing &= FrameTypes.IsProbing(frame.Type);
            if (frame.Type is FrameType.Padding or FrameType.Ping)
                continue;
            QuicError? error = HandleFrame(now, path, level, generation, frame, out string reason);
            if (error is { } code)
                CloseWithError(now, code, reader.LastFrameType, reason);
            if (State is not (ConnectionState.Handshaking or ConnectionState.Open))
                return false;
        }
        if (reader.Error is not { } readError)
            return true;
        CloseWithError(now, readError, reader.LastFrameType, reader.Reason ?? "");
        return false;
    }

    private QuicError? HandleFrame(
        TimeSpan now, in PathAddress path, EncryptionLevel level, ulong generation, in Frame frame, out string reason)
    {
        reason = "";
        switch (frame.Type)
        {
            case FrameType.Stream:
                reason = "stream data";
                return _streams.OnStream(frame.StreamId, frame.Offset, frame.Data, frame.Fin);
            case FrameType.Ack or FrameType.AckEcn:
                return OnAck(now, level, generation, frame, out reason);
            case FrameType.Crypto:
                OnCrypto(now, level, frame.Offset, frame.Data);
                return null;
            case FrameType.ConnectionClose or FrameType.ApplicationClose:
                OnConnectionClose(now, frame);
                return null;
            case FrameType.HandshakeDone:
                OnHandshakeConfirmed(now);
                return null;
            case FrameType.NewToken:
                // Never used: spec/quic.md §6.2.
                return null;
            case FrameType.NewConnectionId:
                return OnNewConnectionId(frame, out reason);
            case FrameType.RetireConnectionId:
                return OnRetireConnectionId(frame, out reason);
            case FrameType.PathChallenge:
                OnPathChallenge(path, frame.PathData);
                return null;
            case FrameType.PathResponse:
                OnPathResponse(now, frame.PathData);
                return null;
            default:
                reason = "stream control";
                return HandleStreamControl(now, frame);
        }
    }

    private QuicError? HandleStreamControl(TimeSpan now, in Frame frame)
    {
        switch (frame.Type)
        {
            case FrameType.ResetStream:
                QuicError? error = _streams.OnResetStream(frame.StreamId, frame.ErrorCode, frame.FinalSize);
                CheckResetChurn(now);
                return error;
            case FrameType.StopSending:
                return _streams.OnStopSending(frame.StreamId, frame.ErrorCode);
            case FrameType.MaxData:
                return _streams.OnMaxData(frame.Limit);
            case FrameType.MaxStreamData:
                return _streams.OnMaxStreamData(frame.StreamId, frame.Limit);
            case FrameType.MaxStreamsBidirectional or FrameType.MaxStreamsUnidirectional:
                return _streams.OnMaxStreams(frame.Type == FrameType.MaxStreamsBidirectional, frame.Limit);
            case FrameType.DataBlocked:
                return _streams.OnDataBlocked(frame.Limit);
            case FrameType.StreamDataBlocked:
                return _streams.OnStreamDataBlocked(frame.StreamId, frame.Limit);
            case FrameType.StreamsBlockedBidirectional or FrameType.StreamsBlockedUnidirectional:
                return _streams.OnStreamsBlocked(frame.Type == FrameType.StreamsBlockedBidirectional, frame.Limit);
            default:
                // The reader lets only known types through, and all others have their case.
                return QuicError.FrameEncodingError;
        }
    }

    private QuicError? OnAck(TimeSpan now, EncryptionLevel level, ulong generation, in Frame frame, out string reason)
    {
        reason = "acknowledgement of a packet that was never sent";
        PacketSpaceId space = _levels[(int)level].Space.Id;
        if (_loss.BeginAck(space, frame.LargestAcknowledged, frame.AckDelay) is { } error)
            return error;
        if (level == EncryptionLevel.OneRtt && !_oneRtt.OnAcknowledged(frame.LargestAcknowledged, generation))
        {
            reason = "new keys acknowledged under old ones";
            return QuicError.KeyUpdateError;
        }
        foreach (PacketNumberRange range in frame.AckRanges)
        {
            if (_loss.AckRange(range.Smallest, range.Largest) is { } rangeError)
                return rangeError;
        }
        EcnCounts? ecn = frame.Type == FrameType.AckEcn ? frame.EcnCounts : null;
        ulong lostBefore = _loss.LostPackets;
        _loss.EndAck(now, ecn);
        TraceRecovery(now, level, lostBefore);
        return null;
    }

    private void TraceRecovery(TimeSpan now, EncryptionLevel level, ulong lostBefore)
    {
        if (_trace is null)
            return;
        if (_loss.LostPackets != lostBefore)
            _trace.PacketsLost(now, level, (int)(_loss.LostPackets - lostBefore));
        _trace.MetricsUpdated(now, _loss.Rtt.Smoothed, _loss.Congestion.Window, _loss.Congestion.BytesInFlight);
    }

    private void CheckResetChurn(TimeSpan now)
    {
        if (now - _earlyResetWindowStart >= TimeSpan.FromSeconds(1))
        {
            _earlyResetWindowStart = now;
            _earlyResetsAtWindowStart = _streams.EarlyResets;
        }
        if (_streams.EarlyResets - _earlyResetsAtWindowStart > MaxEarlyResetsPerSecond)
            Close(now, ChurnCloseCode, "streams are reset too fast");
    }

    void ISentFrameHandler.OnFramesAcknowledged(PacketSpaceId space, ReadOnlySpan<SentFrame> frames)
    {
        LevelState state = _levels[(int)space];
        foreach (ref readonly SentFrame frame in frames)
        {
            switch (frame.Kind)
            {
                case SentFrameKind.Ack:
                    state.Space.Received.ForgetThrough(frame.Offset);
                    break;
                case SentFrameKind.Crypto:
                    state.Crypto.OnAcknowledged(frame);
                    break;
                case SentFrameKind.RetireConnectionId:
                    _remoteIds.OnAcknowledged(frame.Id);
                    break;
                case SentFrameKind.HandshakeDone or SentFrameKind.Ping or SentFrameKind.NewConnectionId
                    or SentFrameKind.PathChallenge or SentFrameKind.PathResponse or SentFrameKind.NewToken:
                    break;
                default:
                    _streams.OnAcknowledged(frame);
                    break;
            }
        }
    }

    void ISentFrameHandler.OnFramesLost(PacketSpaceId space, ReadOnlySpan<SentFrame> frames)
    {
        LevelState state = _levels[(int)space];
        foreach (ref readonly SentFrame frame in frames)
        {
            switch (frame.Kind)
            {
                case SentFrameKind.Crypto:
                    state.Crypto.OnLost(frame);
                    break;
                case SentFrameKind.HandshakeDone:
                    _handshakeDonePending = true;
                    break;
                case SentFrameKind.NewConnectionId:
                    _localIds.OnLost(frame.Id);
                    break;
                case SentFrameKind.RetireConnectionId:
                    _remoteIds.OnLost(frame.Id);
                    break;
                case SentFrameKind.Ack or SentFrameKind.Ping or SentFrameKind.PathResponse or SentFrameKind.NewToken
                    or SentFrameKind.PathChallenge:
                    // An ACK is rebuilt from newer state, a challenge is repeated by its own timer, the rest is not
                    // repeated.
                    break;
                default:
                    _streams.OnLost(frame);
                    break;
            }
        }
    }
}
