namespace Mosaik.Quic.Recovery;

internal sealed partial class LossDetector
{
    private TimeSpan PeriodWithBackoff(TimeSpan period) =>
        TimeSpan.FromTicks(period.Ticks << Math.Min(ProbeTimeoutCount, MaxBackoffExponent));

    /// <summary>
    /// Whether the peer has surely validated our address: always for a server, whose peer validates nothing; for a
    /// client when
    /// a Handshake packet was acknowledged or the handshake is confirmed (RFC 9002 §A.8).
    /// </summary>
    private bool PeerCompletedAddressValidation => _isServer || _handshakeAckReceived || IsHandshakeConfirmed;

    /// <summary>
    /// The timer has expired: declares packets lost by time, or asks for probes through
    /// <see cref="PacketSpace.ProbesPending"/>
    /// after reporting the oldest unacknowledged frames as to be sent again. Does nothing before
    /// <see cref="NextTimeout"/>.
    /// </summary>
    public void OnTimeout(TimeSpan now)
    {
        if (NextTimeout is not { } deadline || now < deadline)
            return;
        if (EarliestLossSpace() is { } lossSpace)
        {
            DetectLost(now, lossSpace);
            SetTimer(now);
            return;
        }

        if (HasAckElicitingInFlight)
        {
            (_, PacketSpace? space) = ProbeTimeAndSpace(now);
            if (space is not null)
            {
                Probe(space, ProbesPerTimeout);
                // The handshake flight spans both spaces: one round trip repairs both (RFC 9002 §6.2.4).
                if (space.Id == PacketSpaceId.Initial && _spaces[(int)PacketSpaceId.Handshake].Sent.AckElicitingCount > 0)
                    Probe(_spaces[(int)PacketSpaceId.Handshake], 1);
            }
        }
        else
        {
            // The server may wait for our bytes before it is allowed to send more.
            Probe(AntiDeadlockSpace, 1);
        }
        ProbeTimeoutCount++;
        SetTimer(now);
    }

    private PacketSpace AntiDeadlockSpace => _spaces[(int)(HasHandshakeKeys ? PacketSpaceId.Handshake : PacketSpaceId.Initial)];

    private void Probe(PacketSpace s, int packets)
    {
        s.ProbesPending = packets;
        // The frames move out of the old packets, so that their owners hear of them once more only if they are still
        // current and a later timeout repeats the next ones.
        for (ulong n = s.Sent.First; n < s.Sent.End && packets > 0; n++)
        {
            if (!s.Sent.IsOutstanding(n))
                continue;
            ref SentPacket packet = ref s.Sent[n];
            if (!packet.AckEliciting || packet.Frames.Count == 0)
                continue;
            _handler.OnFramesLost(s.Id, packet.Frames.AsSpan());
            packet.Frames.Release();
            packets--;
        }
    }

    private PacketSpace? EarliestLossSpace()
    {
        PacketSpace? earliest = null;
        foreach (PacketSpace s in _spaces)
        {
            if (s.LossTime is not null && (earliest is null || s.LossTime < earliest.LossTime))
                earliest = s;
        }
        return earliest;
    }

    private (TimeSpan? Time, PacketSpace? Space) ProbeTimeAndSpace(TimeSpan now)
    {
        if (!HasAckElicitingInFlight)
            return (now + PeriodWithBackoff(Rtt.ProbeTimeoutBase), AntiDeadlockSpace);
        TimeSpan? time = null;
        PacketSpace? space = null;
        foreach (PacketSpace s in _spaces)
        {
            if (s.Sent.AckElicitingCount == 0)
                continue;
            TimeSpan period = Rtt.ProbeTimeoutBase;
            if (s.Id == PacketSpaceId.Application)
            {
                // 1-RTT packets may be undecryptable for the peer until the handshake is confirmed (RFC 9002 §6.2.1).
                if (!IsHandshakeConfirmed)
                    break;
                period += PeerMaxAckDelay;
            }
            TimeSpan t = s.TimeOfLastAckElicitingPacket + PeriodWithBackoff(period);
            if (time is null || t < time)
            {
                time = t;
                space = s;
            }
        }
        return (time, space);
    }

    private void SetTimer(TimeSpan now)
    {
        _timerSetAt = now;
        _timerIsStale = true;
    }

    private TimeSpan? ComputeTimeout(TimeSpan now)
    {
        if (EarliestLossSpace() is { } lossSpace)
            return lossSpace.LossTime;
        if (_amplificationLimited || (!HasAckElicitingInFlight && PeerCompletedAddressValidation))
            return null;
        return ProbeTimeAndSpace(now).Time;
    }
}
