using Mosaik.Quic.Wire;

namespace Mosaik.Quic.Recovery;

/// <summary>Everything about one packet number space: what was sent, what was received, what is owed.</summary>
/// <remarks>
/// A packet is built with <see cref="NextPacketNumber"/>, which does not change until the packet is handed to
/// <see cref="LossDetector.OnPacketSent"/>; a packet that came out empty is simply not sent. Received packets go
/// through
/// <see cref="OnPacketReceived"/>. The fields of loss detection are written by the <see cref="LossDetector"/> alone.
/// </remarks>
internal sealed class PacketSpace
{
    /// <summary>
    /// Packets in a row that elicit no ACK before one should carry a PING, so that the peer confirms our ACKs.
    /// </summary>
    public const int AckOnlyPacketsBeforePing = 32;

    private readonly PacketNumberSkipper? _skipper;
    private int _ackOnlyInARow;

    /// <summary>
    /// A space that is in use. Numbers are left out if <paramref name="skipWith"/> is given (1-RTT only, spec/quic.md
    /// §7.2).
    /// </summary>
    public PacketSpace(PacketSpaceId id, RandomSource? skipWith = null)
    {
        Id = id;
        Acks = new AckPolicy(id);
        if (skipWith is not null)
        {
            _skipper = new PacketNumberSkipper(skipWith);
            NextPacketNumber = _skipper.Resolve(0);
        }
    }

    /// <summary>Which space.</summary>
    public PacketSpaceId Id { get; }

    /// <summary>The number of the next packet.</summary>
    public ulong NextPacketNumber { get; private set; }

    /// <summary>Packets sent and not settled.</summary>
    public SentPackets Sent { get; } = new();

    /// <summary>Packet numbers received.</summary>
    public AckRanges Received { get; } = new();

    /// <summary>When to acknowledge.</summary>
    public AckPolicy Acks { get; }

    /// <summary>The largest number the peer has acknowledged: what packet numbers are encoded against.</summary>
    public ulong? LargestAcknowledged { get; internal set; }

    /// <summary>The newest counters of the peer's ACK_ECN frames.</summary>
    public EcnCounts Ecn { get; internal set; }

    /// <summary>Ack-eliciting packets to send now regardless of the congestion window (RFC 9002 §6.2.4).</summary>
    public int ProbesPending { get; internal set; }

    /// <summary>Whether keys and state are gone; such a space neither sends nor receives.</summary>
    public bool IsDiscarded { get; internal set; }

    /// <summary>When the next outstanding packet is lost by time, or null.</summary>
    internal TimeSpan? LossTime { get; set; }

    /// <summary>When the newest ack-eliciting packet was sent.</summary>
    internal TimeSpan TimeOfLastAckElicitingPacket { get; set; }

    /// <summary>Lost packets without an acknowledged one between them, for persistent congestion.</summary>
    internal LossRun LossRun;

    /// <summary>
    /// Whether a packet that elicits no ACK should get a PING: the peer acknowledges nothing otherwise, and the ranges
    /// it has confirmed could never be forgotten (RFC 9000 §13.2.4).
    /// </summary>
    public bool ShouldElicitAck => _ackOnlyInARow >= AckOnlyPacketsBeforePing;

    /// <summary>Numbers left out so far.</summary>
    internal ReadOnlySpan<ulong> SkippedNumbers => _skipper is null ? [] : _skipper.Skipped;

    /// <summary>
    /// Notes an authenticated packet; false when it is a duplicate, which is dropped unread. Called before the frames
    /// are
    /// processed; <see cref="OnPacketReceived"/> follows when they tell whether the packet elicits an ACK.
    /// </summary>
    public bool TryAcceptPacketNumber(ulong packetNumber) => Received.TryAdd(packetNumber);

    /// <summary>The frames of an accepted packet are processed: decides whether an ACK is owed.</summary>
    public void OnPacketReceived(TimeSpan now, ulong packetNumber, bool ackEliciting, bool congestionExperienced = false) =>
        Acks.OnPacketReceived(now, packetNumber, ackEliciting, congestionExperienced);

    /// <summary>Takes the number <see cref="NextPacketNumber"/>.</summary>
    internal ulong TakePacketNumber(bool ackEliciting)
    {
        ulong taken = NextPacketNumber;
        NextPacketNumber = _skipper is null ? taken + 1 : _skipper.Resolve(taken + 1);
        _ackOnlyInARow = ackEliciting ? 0 : _ackOnlyInARow + 1;
        return taken;
    }

    /// <summary>Whether a range contains a number that was never sent.</summary>
    internal bool CoversUnsent(ulong smallest, ulong largest) =>
        largest >= NextPacketNumber || (_skipper is not null && _skipper.Covers(smallest, largest));
}
