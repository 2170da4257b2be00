using Mosaik.Quic.Congestion;
using Mosaik.Quic.Recovery;

namespace Mosaik.Quic.Paths;

/// <summary>
/// One path: its address, what may be sent to it before the peer has proved to be there, and what is known of its
/// speed.
/// </summary>
/// <remarks>
/// <para>
/// Algorithm (RFC 9000 §8). Until the address is validated at most three times the bytes of accepted datagrams from it
/// are sent to
/// it. An address becomes valid by a Handshake packet or a token (<see cref="OnPeerAddressValidated"/>), or by
/// answering a
/// PATH_CHALLENGE: <see cref="BeginValidation"/> asks for one, each probe timeout asks for another with new data, the
/// answer to any of the last <see cref="MaxOutstandingChallenges"/> counts, and after three timeouts (of at least 999
/// ms) the
/// validation has failed. Of PATH_CHALLENGEs received only the newest is answered, on the address it came from
/// (spec/reliability.md §11, E11).
/// </para>
/// <para>
/// Method order: <see cref="OnDatagramReceived"/> for each accepted datagram; before a datagram leaves
/// <see cref="SendAllowance"/>, afterwards
/// <see cref="OnDatagramSent"/>; <see cref="TryTakeChallenge"/> and <see cref="TryTakeResponse"/> while packets are
/// written;
/// <see cref="OnTimeout"/> at <see cref="NextTimeout"/>. The padding of both frames to 1200 bytes is the packet
/// writer's work.
/// </para>
/// </remarks>
internal sealed class PathState
{
    /// <summary>How much more than it received an endpoint sends to an unproved address (RFC 9000 §8.1).</summary>
    public const int AmplificationFactor = 3;

    /// <summary>Challenges whose answers still count.</summary>
    public const int MaxOutstandingChallenges = 3;

    /// <summary>Every path carries datagrams of this size (RFC 9000 §14).</summary>
    public const int MinDatagramSize = 1200;

    private readonly RandomSource _random;
    private readonly ulong[] _challenges = new ulong[MaxOutstandingChallenges];
    private int _challengeCount;
    private bool _challengePending;
    private TimeSpan _challengeInterval;
    private TimeSpan _validationEnds;
    private TimeSpan _nextChallenge;
    private long _received;
    private long _sent;
    private bool _responsePending;
    private ulong _response;
    private PathAddress _responseTo;

    /// <summary>
    /// A path with an address that is trusted (a client's view of the server) or still to be validated.
    /// </summary>
    public PathState(in PathAddress address, bool validated, RandomSource random, RttEstimator rtt, CongestionController congestion)
    {
        Address = address;
        IsValidated = validated;
        Rtt = rtt;
        Congestion = congestion;
        _random = random;
    }

    /// <summary>Which path.</summary>
    public PathId Id { get; } = PathId.Zero;

    /// <summary>Where it leads.</summary>
    public PathAddress Address { get; }

    /// <summary>Its round-trip time.</summary>
    public RttEstimator Rtt { get; }

    /// <summary>Its congestion window.</summary>
    public CongestionController Congestion { get; }

    /// <summary>Its pacer.</summary>
    public Pacer Pacer { get; } = new();

    /// <summary>Bytes of the largest datagram to send.</summary>
    public int MaxDatagramSize => Congestion.MaxDatagramSize;

    /// <summary>Whether the peer has proved to receive at the address.</summary>
    public bool IsValidated { get; private set; }

    /// <summary>Whether a validation by challenge is under way.</summary>
    public bool IsValidating { get; private set; }

    /// <summary>Whether the last validation by challenge got no answer in time.</summary>
    public bool ValidationFailed { get; private set; }

    /// <summary>Bytes that may be sent; <see cref="long.MaxValue"/> when the address is validated.</summary>
    public long SendAllowance => IsValidated ? long.MaxValue : Math.Max(0, _received * AmplificationFactor - _sent);

    /// <summary>
    /// Whether the limit leaves no room for a full datagram; the probe timer stops then (RFC 9002 §6.2.2.1).
    /// </summary>
    public bool IsAmplificationLimited => SendAllowance < MaxDatagramSize;

    /// <summary>Whether a PATH_CHALLENGE waits to be written.</summary>
    public bool HasChallenge => _challengePending;

    /// <summary>Whether a PATH_RESPONSE waits to be written.</summary>
    public bool HasResponse => _responsePending;

    /// <summary>When <see cref="OnTimeout"/> must be called, or null.</summary>
    public TimeSpan? NextTimeout => IsValidating ? (_nextChallenge < _validationEnds ? _nextChallenge : _validationEnds) : null;

    /// <summary>
    /// A datagram came from the address and at least one packet in it belongs to this connection. All of it counts.
    /// </summary>
    public void OnDatagramReceived(int bytes) => _received += bytes;

    /// <summary>A datagram leaves for the address.</summary>
    public void OnDatagramSent(int bytes) => _sent += bytes;

    /// <summary>The peer has proved its address by a Handshake packet or a token.</summary>
    public void OnPeerAddressValidated()
    {
        IsValidated = true;
        EndValidation();
    }

    /// <summary>Starts validation by challenge, unless one is under way.</summary>
    /// <param name="now">The time.</param>
    /// <param name="probeTimeout">The connection's probe timeout.</param>
    public void BeginValidation(TimeSpan now, TimeSpan probeTimeout)
    {
        if (IsValidating)
            return;
        // At least the initial probe timeout: the new path may be slower than the old one (RFC 9000 §8.2.4).
        TimeSpan initial = RttEstimator.Initial * 3;
        _challengeInterval = probeTimeout > initial ? probeTimeout : initial;
        _validationEnds = now + _challengeInterval * 3;
        _nextChallenge = now + _challengeInterval;
        _challengeCount = 0;
        _challengePending = true;
        ValidationFailed = false;
        IsValidating = true;
    }

    /// <summary>Takes the data of a PATH_CHALLENGE to write.</summary>
    public bool TryTakeChallenge(out ulong data)
    {
        data = 0;
        if (!_challengePending)
            return false;
        _challengePending = false;
        data = _random.NextUInt64();
        _challenges[_challengeCount++ % MaxOutstandingChallenges] = data;
        return true;
    }

    /// <summary>
    /// A PATH_RESPONSE arrived, whatever address it came from (RFC 9000 §8.2.3); true if it validates this path.
    /// </summary>
    public bool OnPathResponse(ulong data)
    {
        int known = Math.Min(_challengeCount, MaxOutstandingChallenges);
        if (!IsValidating || !_challenges.AsSpan(0, known).Contains(data))
            return false;
        OnPeerAddressValidated();
        return true;
    }

    /// <summary>A PATH_CHALLENGE arrived; an older one that is not answered yet is forgotten.</summary>
    public void OnPathChallenge(in PathAddress from, ulong data)
    {
        _responsePending = true;
        _response = data;
        _responseTo = from;
    }

    /// <summary>Takes the PATH_RESPONSE to write and the address it must go to.</summary>
    public bool TryTakeResponse(out PathAddress to, out ulong data)
    {
        to = _responseTo;
        data = _response;
        bool pending = _responsePending;
        _responsePending = false;
        return pending;
    }

    /// <summary>Asks for another challenge, or gives up.</summary>
    public void OnTimeout(TimeSpan now)
    {
        if (!IsValidating)
            return;
        if (now >= _validationEnds)
        {
            EndValidation();
            ValidationFailed = true;
        }
        else if (now >= _nextChallenge)
        {
            _challengePending = true;
            _nextChallenge = now + _challengeInterval;
        }
    }

    private void EndValidation()
    {
        IsValidating = false;
        _challengePending = false;
        _challengeCount = 0;
    }
}
