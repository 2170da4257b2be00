using Mosaik.Quic.Wire;

namespace Mosaik.Quic.Tests.Wire;

/// <summary>Writes a frame that was read, as it was read.</summary>
internal static class FrameEcho
{
    /// <summary>False when the frame does not fit, or is one we never write (ACK with ECN counts).</summary>
    internal static bool Write(ref FrameWriter writer, in Frame frame, bool withLength = true)
    {
        switch (frame.Type)
        {
            case FrameType.Padding:
                return writer.TryWritePadding(frame.PaddingLength);
            case FrameType.Ping:
                return writer.TryWritePing();
            case FrameType.Ack:
                var ranges = new List<PacketNumberRange>();
                foreach (PacketNumberRange range in frame.AckRanges)
                    ranges.Add(range);
                return writer.TryWriteAck([.. ranges], frame.AckDelay);
            case FrameType.ResetStream:
                return writer.TryWriteResetStream(frame.StreamId, frame.ErrorCode, frame.FinalSize);
            case FrameType.StopSending:
                return writer.TryWriteStopSending(frame.StreamId, frame.ErrorCode);
            case FrameType.Crypto:
                bool crypto = writer.TryBeginCrypto(frame.Offset, frame.Data.Length, out Span<byte> cryptoData);
                frame.Data.CopyTo(cryptoData);
                return crypto;
            case FrameType.NewToken:
                return writer.TryWriteNewToken(frame.Data);
            case FrameType.Stream:
                bool stream = writer.TryBeginStream(
                    frame.StreamId, frame.Offset, frame.Data.Length, frame.Fin, withLength, out Span<byte> streamData);
                frame.Data.CopyTo(streamData);
                return stream;
            case FrameType.MaxData:
                return writer.TryWriteMaxData(frame.Limit);
            case FrameType.MaxStreamData:
                return writer.TryWriteMaxStreamData(frame.StreamId, frame.Limit);
            case FrameType.MaxStreamsBidirectional or FrameType.MaxStreamsUnidirectional:
                return writer.TryWriteMaxStreams(frame.Type == FrameType.MaxStreamsBidirectional, frame.Limit);
            case FrameType.DataBlocked:
                return writer.TryWriteDataBlocked(frame.Limit);
            case FrameType.StreamDataBlocked:
                return writer.TryWriteStreamDataBlocked(frame.StreamId, frame.Limit);
            case FrameType.StreamsBlockedBidirectional or FrameType.StreamsBlockedUnidirectional:
                return writer.TryWriteStreamsBlocked(frame.Type == FrameType.StreamsBlockedBidirectional, frame.Limit);
            case FrameType.NewConnectionId:
                return writer.TryWriteNewConnectionId(
                    frame.SequenceNumber, frame.RetirePriorTo, frame.ConnectionId, frame.StatelessResetToken);
            case FrameType.RetireConnectionId:
                return writer.TryWriteRetireConnectionId(frame.SequenceNumber);
            case FrameType.PathChallenge:
                return writer.TryWritePathChallenge(frame.PathData);
            case FrameType.PathResponse:
                return writer.TryWritePathResponse(frame.PathData);
            case FrameType.ConnectionClose:
                return writer.TryWriteConnectionClose(frame.ErrorCode, frame.TriggeringFrameType, frame.Data);
            case FrameType.ApplicationClose:
                return writer.TryWriteApplicationClose(frame.ErrorCode, frame.Data);
            case FrameType.HandshakeDone:
                return writer.TryWriteHandshakeDone();
            default:
                return false;
        }
    }
}
