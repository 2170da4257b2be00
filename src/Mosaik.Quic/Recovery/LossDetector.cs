using Mosaik.Quic.Congestion;

namespace Mosaik.Quic.Recovery;

/// <summary>
/// Loss detection and probe timeouts of one connection over its three packet number spaces (RFC 9002 §6, appendix A).
/// </summary>
/// <remarks>
/// <para>
/// Algorithm. A packet is lost when a packet sent three numbers later, or one sent 9/8 of a round trip later, is
/// acknowledged
/// before it. When nothing is acknowledged for a probe timeout (smoothed RTT + 4 deviations + the peer's max_ack_delay,
/// doubled with each repetition), two ack-eliciting packets are sent to provoke an ACK; they repeat the oldest
/// unacknowledged frames. A client with nothing in flight keeps that timer running until the server has validated its
/// address, since the server may be silenced by the amplification limit. Bytes sent, acknowledged and lost are
/// reported to the <see cref="CongestionController"/>; the fate of frames to the <see cref="ISentFrameHandler"/>.
/// </para>
/// <para>
/// The rules that are easily missed (spec/quic.md §13, traps 3 and 8–11): an ACK of a number never sent is a
/// PROTOCOL_VIOLATION; the
/// ACK delay is scaled with the peer's exponent, ignored outside the application space and capped by the peer's
/// max_ack_delay
/// once the handshake is confirmed; the probe timeout's back-off is not reset by an ACK while the server may still be
/// validating our address; discarding a space resets it.
/// </para>
/// <para>
/// Method order. <see cref="OnPacketSent"/> for each packet; for each ACK frame <see cref="BeginAck"/>,
/// <see cref="AckRange"/> per
/// range, <see cref="EndAck"/> (or <see cref="OnAckReceived"/> for all three), where any error closes the connection;
/// <see cref="OnTimeout"/> when <see cref="NextTimeout"/> has passed. <see cref="DiscardSpace"/>,
/// <see cref="OnHandshakeConfirmed"/>,
/// <see cref="SetAmplificationLimited"/>, <see cref="SetPeerAckDelay"/> and <see cref="OnPathChanged"/> as these things
/// happen.
/// </para>
/// <para>Not done: undoing a congestion event that turns out spurious, reordering thresholds that adapt, ECN.</para>
/// </remarks>
internal sealed partial class LossDetector
{
    /// <summary>A packet is lost when one this many numbers later is acknowledged (RFC 9002 §6.1.1).</summary>
    public const ulong PacketThreshold = 3;

    /// <summary>Persistent congestion: everything lost for this many probe timeouts (RFC 9002 §7.6.1).</summary>
    public const int PersistentCongestionThreshold = 3;

    /// <summary>Packets a probe timeout sends (RFC 9002 §6.2.4).</summary>
    public const int ProbesPerTimeout = 2;

    /// <summary>2^20 times the base is more than a day; beyond it only overflow is left to gain.</summary>
    private const int MaxBackoffExponent = 20;

    private static readonly TimeSpan DefaultMaxAckDelay = TimeSpan.FromMilliseconds(25);

    private readonly bool _isServer;
    private readonly ISentFrameHandler _handler;
    private readonly PacketSpace[] _spaces;

    private int _pathGeneration;
    private int _newestGeneration;
    private int _previousGeneration = -1;
    private CongestionController? _previousCongestion;   // of the path before, whose packets are still settled
    private TimeSpan? _firstSampleAt;
    private int _ackDelayExponent = 3;
    private bool _handshakeAckReceived;
    private bool _amplificationLimited;
    private TimeSpan? _nextTimeout;
    private TimeSpan _timerSetAt;
    private bool _timerIsStale;

    /// <summary>Loss detection for a new connection.</summary>
    /// <param name="isServer">Our role; it decides who waits for address validation.</param>
    /// <param name="rtt">Round-trip estimate of the path in use.</param>
    /// <param name="congestion">Congestion controller of the path in use.</param>
    /// <param name="handler">Learns what became of frames.</param>
    /// <param name="skipPacketNumbersWith">Randomness for the skipping rule in the application space, or null to switch
    /// it off.</param>
    public LossDetector(
        bool isServer,
        RttEstimator rtt,
        CongestionController congestion,
        ISentFrameHandler handler,
        RandomSource? skipPacketNumbersWith = null)
    {
        _isServer = isServer;
        _handler = handler;
        Rtt = rtt;
        Congestion = congestion;
        _spaces =
        [
            new(PacketSpaceId.Initial),
            new(PacketSpaceId.Handshake),
            new(PacketSpaceId.Application, skipPacketNumbersWith),
        ];
    }

    /// <summary>The round-trip estimate of the path in use.</summary>
    public RttEstimator Rtt { get; private set; }

    /// <summary>The congestion controller of the path in use.</summary>
    public CongestionController Congestion { get; private set; }

    /// <summary>
    /// When <see cref="OnTimeout"/> must be called, or null. Computed when it is read: a batch of packets sets it once.
    /// </summary>
    public TimeSpan? NextTimeout
    {
        get
        {
            if (_timerIsStale)
            {
                _timerIsStale = false;
                _nextTimeout = ComputeTimeout(_timerSetAt);
            }
            return _nextTimeout;
        }
    }

    /// <summary>Probe timeouts in a row without an answer.</summary>
    public int ProbeTimeoutCount { get; private set; }

    /// <summary>Whether the handshake is confirmed (RFC 9001 §4.1.2).</summary>
    public bool IsHandshakeConfirmed { get; private set; }

    /// <summary>Whether Handshake keys are available: where a client's anti-deadlock probe goes.</summary>
    public bool HasHandshakeKeys { get; set; }

    /// <summary>The peer's max_ack_delay.</summary>
    public TimeSpan PeerMaxAckDelay { get; private set; } = DefaultMaxAckDelay;

    /// <summary>
    /// The probe timeout of the application space without back-off: the unit of idle and closing periods (RFC 9000
    /// §10).
    /// </summary>
    public TimeSpan ProbeTimeout => Rtt.ProbeTimeoutBase + PeerMaxAckDelay;

    /// <summary>Ack-eliciting packets whose fate is open, over all spaces.</summary>
    public bool HasAckElicitingInFlight =>
        _spaces[0].Sent.AckElicitingCount + _spaces[1].Sent.AckElicitingCount + _spaces[2].Sent.AckElicitingCount > 0;

    /// <summary>Packets declared lost so far.</summary>
    public ulong LostPackets { get; private set; }

    /// <summary>A space.</summary>
    public PacketSpace this[PacketSpaceId space] => _spaces[(int)space];

    /// <summary>The peer's transport parameters are known.</summary>
    public void SetPeerAckDelay(int ackDelayExponent, TimeSpan maxAckDelay)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)ackDelayExponent, 20u, nameof(ackDelayExponent));
        _ackDelayExponent = ackDelayExponent;
        PeerMaxAckDelay = maxAckDelay;
    }

    /// <summary>
    /// Records the packet built with the space's <see cref="PacketSpace.NextPacketNumber"/>. The list of frames moves
    /// in and is
    /// empty afterwards.
    /// </summary>
    /// <param name="now">The time of sending.</param>
    /// <param name="space">The packet's space.</param>
    /// <param name="size">Bytes of the whole packet.</param>
    /// <param name="ackEliciting">Whether it has a frame other than ACK, PADDING and CONNECTION_CLOSE.</param>
    /// <param name="inFlight">Whether it is ack-eliciting or padded.</param>
    /// <param name="frames">Its frames.</param>
    /// <returns>The packet number taken.</returns>
    public ulong OnPacketSent(
        TimeSpan now, PacketSpaceId space, int size, bool ackEliciting, bool inFlight, ref SentFrameList frames)
    {
        PacketSpace s = this[space];
        if (s.IsDiscarded)
            throw new InvalidOperationException("the packet number space was discarded");
        ulong packetNumber = s.TakePacketNumber(ackEliciting);
        s.Sent.Add(packetNumber, now, size, ackEliciting, inFlight, _pathGeneration, ref frames);
        if (inFlight)
        {
            Congestion.OnPacketSent(now, size);
            if (ackEliciting)
            {
                s.TimeOfLastAckElicitingPacket = now;
                if (s.ProbesPending > 0)
                    s.ProbesPending--;
            }
            SetTimer(now);
        }
        return packetNumber;
    }

    /// <summary>The handshake is confirmed: the application space is probed from now on.</summary>
    public void OnHandshakeConfirmed(TimeSpan now)
    {
        IsHandshakeConfirmed = true;
        SetTimer(now);
    }

    /// <summary>The server may (not) send more to an address that is not validated (RFC 9002 §6.2.2.1).</summary>
    public void SetAmplificationLimited(TimeSpan now, bool limited)
    {
        if (_amplificationLimited == limited)
            return;
        _amplificationLimited = limited;
        SetTimer(now);
    }

    /// <summary>Keys of a space are gone: its packets are forgotten without a verdict (RFC 9002 §6.4).</summary>
    public void DiscardSpace(TimeSpan now, PacketSpaceId space)
    {
        PacketSpace s = this[space];
        if (s.IsDiscarded)
            return;
        ForgetInFlight(s);
        s.Sent.Clear();
        s.IsDiscarded = true;
        s.LossTime = null;
        s.ProbesPending = 0;
        s.Acks.OnAckSent();
        ProbeTimeoutCount = 0;
        SetTimer(now);
    }

    /// <summary>
    /// A client was told to start over by a Retry packet: everything in the Initial space is sent again, without
    /// counting as a
    /// loss; packet numbers go on (RFC 9002 §6.3, RFC 9000 §17.2.5.3).
    /// </summary>
    public void OnRetry(TimeSpan now)
    {
        PacketSpace s = this[PacketSpaceId.Initial];
        ForgetInFlight(s);
        for (ulong n = s.Sent.First; n < s.Sent.End; n++)
        {
            if (s.Sent.IsOutstanding(n))
                _handler.OnFramesLost(s.Id, s.Sent[n].Frames.AsSpan());
        }
        s.Sent.Clear();
        s.LossTime = null;
        s.ProbesPending = 0;
        ProbeTimeoutCount = 0;
        SetTimer(now);
    }

    /// <summary>
    /// The peer moved to another address, or back to the one before: RTT and congestion are those given now, and
    /// packets sent on
    /// the other path feed neither of them (RFC 9000 §9.4). With the estimator and controller already in use nothing
    /// changes.
    /// </summary>
    public void OnPathChanged(TimeSpan now, RttEstimator rtt, CongestionController congestion)
    {
        if (ReferenceEquals(congestion, Congestion))
            return;
        int generation = ReferenceEquals(congestion, _previousCongestion) ? _previousGeneration : ++_newestGeneration;
        _previousCongestion = Congestion;
        _previousGeneration = _pathGeneration;
        _pathGeneration = generation;
        Rtt = rtt;
        Congestion = congestion;
        _firstSampleAt = rtt.HasSample ? now : null;
        ProbeTimeoutCount = 0;
        foreach (PacketSpace s in _spaces)
            s.LossRun.Break();
        SetTimer(now);
    }

    /// <summary>
    /// The peer answered from its new address: what was sent to the old one is probed for now, not after a back-off
    /// that grew while nobody was there.
    /// </summary>
    public void OnPathValidated(TimeSpan now)
    {
        ProbeTimeoutCount = 0;
        SetTimer(now);
    }

    private void ForgetInFlight(PacketSpace s)
    {
        for (ulong n = s.Sent.First; n < s.Sent.End; n++)
        {
            if (s.Sent.IsOutstanding(n))
                RemoveFromFlight(in s.Sent[n]);
        }
    }

    private void RemoveFromFlight(in SentPacket packet)
    {
        if (!packet.InFlight)
            return;
        if (packet.PathGeneration == _pathGeneration)
            Congestion.OnPacketRemoved(packet.Size);
        else if (packet.PathGeneration == _previousGeneration)
            _previousCongestion?.OnPacketRemoved(packet.Size);
    }
}
