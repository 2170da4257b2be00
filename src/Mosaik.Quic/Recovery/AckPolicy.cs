namespace Mosaik.Quic.Recovery;

/// <summary>Decides when an ACK frame is due in one packet number space.</summary>
/// <remarks>
/// <para>
/// Algorithm (spec/performance.md §4.7, RFC 9000 §13.2.1): an ACK is due after two ack-eliciting packets; at once when
/// a packet
/// arrives out of order or opens a gap, when it is marked CE, and for every ack-eliciting Initial or Handshake packet;
/// otherwise
/// <see cref="MaxAckDelay"/> after the first unacknowledged ack-eliciting packet. Packets that do not elicit an ACK
/// never make
/// one due, so two endpoints cannot acknowledge each other's acknowledgements for ever.
/// </para>
/// <para>
/// Method order: <see cref="OnPacketReceived"/> for each new packet of a receive drain; after the whole drain
/// <see cref="IsDue"/>, once, so that a coalesced batch causes one ACK; <see cref="HasUnreported"/> says whether an ACK
/// may
/// ride on a packet that leaves anyway; <see cref="OnAckSent"/> when the frame was written. <see cref="Deadline"/>
/// belongs
/// into the connection's next timeout.
/// </para>
/// </remarks>
internal sealed class AckPolicy
{
    /// <summary>Ack-eliciting packets that may wait for an ACK (RFC 9000 §13.2.2).</summary>
    public const int AckElicitingThreshold = 2;

    /// <summary>Our max_ack_delay, the protocol's default, hence not sent as a parameter (spec/quic.md §5.1).</summary>
    public static readonly TimeSpan MaxAckDelay = TimeSpan.FromMilliseconds(25);

    private readonly bool _delaysAcks;
    private int _unacknowledgedEliciting;
    private bool _immediate;
    private ulong? _largest;
    private TimeSpan _largestReceivedAt;

    /// <summary>A policy for one space; only the application space delays its ACKs.</summary>
    public AckPolicy(PacketSpaceId space) => _delaysAcks = space == PacketSpaceId.Application;

    /// <summary>When an ACK becomes due by time alone, or null while none is owed.</summary>
    public TimeSpan? Deadline { get; private set; }

    /// <summary>Whether packets arrived that no ACK frame has reported yet.</summary>
    public bool HasUnreported { get; private set; }

    /// <summary>Whether an ack-eliciting packet waits for its ACK: worth riding on any packet that leaves.</summary>
    public bool IsOwed => _unacknowledgedEliciting > 0;

    /// <summary>Notes a packet that was authenticated and is not a duplicate.</summary>
    public void OnPacketReceived(TimeSpan now, ulong packetNumber, bool ackEliciting, bool congestionExperienced = false)
    {
        bool inOrder = _largest is null || packetNumber == _largest + 1;
        HasUnreported = true;
        if (_largest is null || packetNumber > _largest)
        {
            _largest = packetNumber;
            _largestReceivedAt = now;
        }
        if (!ackEliciting)
            return;

        _unacknowledgedEliciting++;
        if (!_delaysAcks || !inOrder || congestionExperienced)
            _immediate = true;
        Deadline ??= now + MaxAckDelay;
    }

    /// <summary>Whether an ACK must be sent now, alone if no other packet leaves.</summary>
    public bool IsDue(TimeSpan now) =>
        IsOwed && (_immediate || _unacknowledgedEliciting >= AckElicitingThreshold || now >= Deadline);

    /// <summary>How long the largest received packet has waited: the ACK Delay field before scaling.</summary>
    public TimeSpan AckDelay(TimeSpan now) =>
        _largest is null || now < _largestReceivedAt ? TimeSpan.Zero : now - _largestReceivedAt;

    /// <summary>An ACK frame with everything received so far was written.</summary>
    public void OnAckSent()
    {
        _unacknowledgedEliciting = 0;
        _immediate = false;
        HasUnreported = false;
        Deadline = null;
    }
}
