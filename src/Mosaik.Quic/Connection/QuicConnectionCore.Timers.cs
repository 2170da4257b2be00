using Mosaik.Quic.Tls;

namespace Mosaik.Quic.Connection;

// All deadlines of a connection behind one NextTimeout (RFC 9000 §10.1, RFC 9002 §6, spec/quic.md §6.2).
internal sealed partial class QuicConnectionCore
{
    /// <summary>More than any sensible timeout, and far from overflowing a TimeSpan.</summary>
    private const ulong MaxIdleMilliseconds = 1UL << 40;

    private TimeSpan _idleTimeout;
    private TimeSpan _idleSince;
    private TimeSpan? _handshakeDeadline;
    private TimeSpan? _keepAliveDeadline;
    private bool _sentSinceLastReceive;

    private TimeSpan ThreeProbeTimeouts => TimeSpan.FromTicks(_loss.ProbeTimeout.Ticks * 3);

    /// <summary>Never earlier than after three probe timeouts, so that a lost packet does not end the connection
    /// (RFC 9000 §10.1). Computed when it is read: it moves with every packet.</summary>
    private TimeSpan? IdleDeadline
    {
        get
        {
            if (_idleTimeout <= TimeSpan.Zero)
                return null;
            TimeSpan minimum = ThreeProbeTimeouts;
            return _idleSince + (_idleTimeout > minimum ? _idleTimeout : minimum);
        }
    }

    /// <summary>When <see cref="HandleTimeout"/> must be called; null = nothing is pending.</summary>
    public TimeSpan? NextTimeout
    {
        get
        {
            if (State == ConnectionState.Drained)
                return null;
            if (State is ConnectionState.Closing or ConnectionState.Draining)
                return _closeDeadline;
            TimeSpan next = TimeSpan.MaxValue;
            Earlier(ref next, IdleDeadline);
            Earlier(ref next, _handshakeDeadline);
            Earlier(ref next, _keepAliveDeadline);
            Earlier(ref next, _loss.NextTimeout);
            Earlier(ref next, _oneRtt.PreviousExpiry);
            Earlier(ref next, PathDeadline);
            if (!_blockedByAmplification && _oneRtt.CanWrite)
                Earlier(ref next, _levels[(int)EncryptionLevel.OneRtt].Space.Acks.Deadline);
            if (_blockedByPacer)
                Earlier(ref next, _path.Pacer.NextSendTime);
            return next == TimeSpan.MaxValue ? null : next;
        }
    }

    /// <summary>Does whatever is due; calling it early is harmless.</summary>
    public void HandleTimeout(TimeSpan now)
    {
        if (State == ConnectionState.Drained)
            return;
        _owner.OnWork(this);
        if (State is ConnectionState.Closing or ConnectionState.Draining)
        {
            if (now >= _closeDeadline)
                OnClosePeriodOver(now);
            return;
        }
        if (now >= _handshakeDeadline)
        {
            EndSilently(now, QuicCloseKind.HandshakeTimeout);
            return;
        }
        if (now >= IdleDeadline)
        {
            EndSilently(now, QuicCloseKind.IdleTimeout);
            return;
        }
        if (now >= _oneRtt.PreviousExpiry)
            _oneRtt.DropPrevious();
        if (now >= _loss.NextTimeout)
        {
            ulong lostBefore = _loss.LostPackets;
            _loss.OnTimeout(now);
            TraceRecovery(now, EncryptionLevel.OneRtt, lostBefore);
        }
        HandlePathTimeout(now);
        if (now >= _keepAliveDeadline)
        {
            _pingPending = true;
            _keepAliveDeadline = now + _settings.KeepAliveInterval;
        }
    }

    private static void Earlier(ref TimeSpan next, TimeSpan? candidate)
    {
        if (candidate is { } deadline && deadline < next)
            next = deadline;
    }

    /// <summary>An authentic packet came: the peer lives.</summary>
    private void RestartIdleTimer(TimeSpan now)
    {
        _sentSinceLastReceive = false;
        RestartIdlePeriod(now);
    }

    /// <summary>
    /// The first ack-eliciting packet after something was received restarts the timer, too (RFC 9000 §10.1).
    /// </summary>
    private void OnAckElicitingSent(TimeSpan now)
    {
        if (_sentSinceLastReceive)
            return;
        _sentSinceLastReceive = true;
        RestartIdlePeriod(now);
    }

    private void RestartIdlePeriod(TimeSpan now)
    {
        _idleSince = now;
        if (_settings.KeepAliveInterval > TimeSpan.Zero && IsHandshakeComplete)
            _keepAliveDeadline = now + _settings.KeepAliveInterval;
    }
}
