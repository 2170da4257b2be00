using Mosaik.Quic.Wire;

namespace Mosaik.Quic.Recovery;

internal sealed partial class LossDetector
{
    private PacketSpace? _ackSpace;          // set between BeginAck and EndAck
    private ulong _ackLargest;
    private ulong _ackDelayField;
    private ulong _ackBelow;                 // ranges must end below this number
    private bool _ackedAny;
    private bool _ackedEliciting;
    private long _ackedBytes;                // of packets that may open the window
    private TimeSpan? _ackLargestSentAt;     // when the largest acknowledged packet was sent, if it is newly acknowledged
    private TimeSpan? _ackNewestSentAt;      // the newest packet of this path acknowledged by the frame

    /// <summary>Processes a whole ACK frame; see <see cref="BeginAck"/>.</summary>
    /// <param name="now">The time of receipt.</param>
    /// <param name="space">The space of the packet with the frame.</param>
    /// <param name="ackDelay">The ACK Delay field as it is on the wire, not scaled.</param>
    /// <param name="newestFirst">At least one range, descending.</param>
    /// <param name="ecn">The counters of an ACK_ECN frame.</param>
    /// <returns>PROTOCOL_VIOLATION for a number never sent, else null.</returns>
    public QuicError? OnAckReceived(
        TimeSpan now,
        PacketSpaceId space,
        ulong ackDelay,
        ReadOnlySpan<PacketNumberRange> newestFirst,
        EcnCounts? ecn = null)
    {
        if (BeginAck(space, newestFirst[0].Largest, ackDelay) is { } error)
            return error;
        foreach (PacketNumberRange range in newestFirst)
        {
            if (AckRange(range.Smallest, range.Largest) is { } rangeError)
                return rangeError;
        }
        EndAck(now, ecn);
        return null;
    }

    /// <summary>
    /// Starts an ACK frame. After an error the connection is closed and the detector not used for ACKs again.
    /// </summary>
    public QuicError? BeginAck(PacketSpaceId space, ulong largest, ulong ackDelay)
    {
        PacketSpace s = this[space];
        if (largest >= s.NextPacketNumber)
            return QuicError.ProtocolViolation;
        _ackSpace = s;
        _ackLargest = largest;
        _ackDelayField = ackDelay;
        _ackBelow = largest + 1;
        _ackedAny = false;
        _ackedEliciting = false;
        _ackedBytes = 0;
        _ackLargestSentAt = null;
        _ackNewestSentAt = null;
        return null;
    }

    /// <summary>One range of the frame, the newest first.</summary>
    public QuicError? AckRange(ulong smallest, ulong largest)
    {
        PacketSpace s = _ackSpace ?? throw new InvalidOperationException("BeginAck comes first");
        if (smallest > largest || largest >= _ackBelow)
            return QuicError.FrameEncodingError;
        _ackBelow = smallest;
        if (s.CoversUnsent(smallest, largest))
            return QuicError.ProtocolViolation;

        ulong first = Math.Max(smallest, s.Sent.First);
        ulong end = Math.Min(largest + 1, s.Sent.End);
        for (ulong n = first; n < end; n++)
        {
            if (s.Sent.IsOutstanding(n))
                Acknowledge(s, n);
        }
        return null;
    }

    /// <summary>
    /// Ends the frame: takes the RTT sample, finds losses, moves the congestion window, resets the probe timer.
    /// </summary>
    public void EndAck(TimeSpan now, EcnCounts? ecn = null)
    {
        PacketSpace s = _ackSpace ?? throw new InvalidOperationException("BeginAck comes first");
        _ackSpace = null;
        if (s.LargestAcknowledged is null || _ackLargest > s.LargestAcknowledged)
            s.LargestAcknowledged = _ackLargest;
        if (ecn is not null)
            s.Ecn = ecn.Value;
        if (!_isServer && s.Id == PacketSpaceId.Handshake)
            _handshakeAckReceived = true;
        if (!_ackedAny)
            return;

        if (_ackLargestSentAt is { } sentAt && _ackedEliciting)
        {
            Rtt.Update(now - sentAt, DecodeAckDelay(s.Id));
            _firstSampleAt ??= now;
        }
        if (_ackNewestSentAt is { } newest)
            BreakRunsOfOtherSpaces(s.Id, newest);

        bool reduced = DetectLost(now, s);
        // A window that was just reduced is not opened by packets sent before the reduction (RFC 9002 §7.3.2).
        if (_ackedBytes > 0 && !reduced && _ackNewestSentAt is { } newestSentAt)
            Congestion.OnAcknowledged(now, newestSentAt, _ackedBytes, Rtt.Smoothed);
        if (PeerCompletedAddressValidation)
            ProbeTimeoutCount = 0;
        SetTimer(now);
    }

    private void Acknowledge(PacketSpace s, ulong packetNumber)
    {
        ref SentPacket packet = ref s.Sent[packetNumber];
        _ackedAny = true;
        _ackedEliciting |= packet.AckEliciting;
        if (packet.PathGeneration == _pathGeneration)
        {
            if (packetNumber == _ackLargest)
                _ackLargestSentAt = packet.TimeSent;
            if (_ackNewestSentAt is null || packet.TimeSent > _ackNewestSentAt)
                _ackNewestSentAt = packet.TimeSent;
            if (packet.InFlight && Congestion.MayGrow(packet.TimeSent))
                _ackedBytes += packet.Size;
        }
        RemoveFromFlight(in packet);
        // What is older than the oldest outstanding packet is settled already, so no run of losses can span this one.
        if (packetNumber == s.Sent.First)
            s.LossRun.Break();
        _handler.OnFramesAcknowledged(s.Id, packet.Frames.AsSpan());
        s.Sent.Settle(packetNumber, SentPacketState.Acknowledged);
    }

    private TimeSpan DecodeAckDelay(PacketSpaceId space)
    {
        if (space != PacketSpaceId.Application)
            return TimeSpan.Zero;
        // The field may be any varint. An hour is beyond every max_ack_delay (2^14 ms) and far from overflowing.
        ulong limit = (ulong)TimeSpan.FromHours(1).TotalMicroseconds;
        ulong microseconds = _ackDelayField > limit >> _ackDelayExponent ? limit : _ackDelayField << _ackDelayExponent;
        TimeSpan delay = TimeSpan.FromMicroseconds((long)microseconds);
        return IsHandshakeConfirmed && delay > PeerMaxAckDelay ? PeerMaxAckDelay : delay;
    }

    /// <summary>
    /// Settles lost packets of a space and tells whether the congestion window was reduced (RFC 9002 §A.10, §B.8).
    /// </summary>
    private bool DetectLost(TimeSpan now, PacketSpace s)
    {
        s.LossTime = null;
        if (s.LargestAcknowledged is not { } largestAcknowledged)
            return false;
        TimeSpan delay = Rtt.LossDelay;
        TimeSpan newestLostSentAt = TimeSpan.MinValue;
        long lostBytes = 0;
        bool persistent = false;

        // Losses are a prefix of what is outstanding: whatever makes a packet lost holds for all older ones as well.
        // The first number of the ring is always outstanding, and the one being lost is at most the largest
        // acknowledged.
        while (s.Sent.Count > 0 && s.Sent.First < largestAcknowledged)
        {
            ulong n = s.Sent.First;
            ref SentPacket packet = ref s.Sent[n];
            bool lost = largestAcknowledged - n >= PacketThreshold || now - packet.TimeSent >= delay;
            if (!lost)
            {
                s.LossTime = packet.TimeSent + delay;
                break;
            }
            RemoveFromFlight(in packet);
            if (packet.PathGeneration == _pathGeneration)
            {
                if (packet.InFlight)
                {
                    lostBytes += packet.Size;
                    newestLostSentAt = packet.TimeSent;
                }
                if (packet.AckEliciting && packet.TimeSent > _firstSampleAt)
                {
                    s.LossRun.Extend(packet.TimeSent);
                    persistent |= s.LossRun.Duration > PersistentCongestionDuration;
                }
            }
            LostPackets++;
            _handler.OnFramesLost(s.Id, packet.Frames.AsSpan());
            s.Sent.Settle(n, SentPacketState.Lost);
            if (s.Sent.PassedAcknowledged)
                s.LossRun.Break();
        }
        if (lostBytes == 0)
            return false;
        bool reduced = Congestion.OnLost(now, newestLostSentAt, lostBytes);
        if (persistent)
        {
            Congestion.OnPersistentCongestion();
            Rtt.RestartMinimum();
            s.LossRun.Break();
            reduced = true;
        }
        return reduced;
    }

    private TimeSpan PersistentCongestionDuration => (Rtt.ProbeTimeoutBase + PeerMaxAckDelay) * PersistentCongestionThreshold;

    private void BreakRunsOfOtherSpaces(PacketSpaceId space, TimeSpan timeSent)
    {
        foreach (PacketSpace other in _spaces)
        {
            if (other.Id != space)
                other.LossRun.BreakIfStartedBy(timeSent);
        }
    }
}
