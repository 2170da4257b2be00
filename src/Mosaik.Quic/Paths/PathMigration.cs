using Mosaik.Quic.Congestion;
using Mosaik.Quic.Recovery;

namespace Mosaik.Quic.Paths;

/// <summary>
/// Follows a peer that appears at another address (RFC 9000 §9.3), as a server does after the handshake.
/// </summary>
/// <remarks>
/// <para>
/// Algorithm: the newest non-probing packet decides. <see cref="TryMigrate"/> makes the new address current at once,
/// under the 3 ×
/// limit, and asks for a challenge; the old path is kept. When the answer comes, the old path is dropped; when none
/// comes,
/// or a newer packet arrives from the old address, the old path is current again. A change of the port alone keeps RTT
/// and
/// congestion state (RFC 9000 §9.4).
/// </para>
/// <para>
/// Limits (spec/reliability.md §11, E12): one validation at a time and at most <see cref="MaxChangesPerSecond"/>
/// changes per second are
/// considered; others are ignored and the path is kept.
/// </para>
/// <para>
/// After each method that returns true the caller gives <see cref="Current"/>'s RTT and controller to
/// <see cref="LossDetector.OnPathChanged"/>.
/// </para>
/// </remarks>
internal sealed class PathMigration
{
    /// <summary>Address changes that are considered within one second.</summary>
    public const int MaxChangesPerSecond = 4;

    private readonly RandomSource _random;
    private readonly Func<int, CongestionController> _newController;
    private PathState? _fallback;
    private TimeSpan _secondStart;
    private int _changes;

    /// <summary>Begins with the path of the handshake.</summary>
    /// <param name="initial">The path in use.</param>
    /// <param name="random">For challenges.</param>
    /// <param name="newController">Makes a controller for a datagram size.</param>
    public PathMigration(PathState initial, RandomSource random, Func<int, CongestionController> newController)
    {
        Current = initial;
        _random = random;
        _newController = newController;
    }

    /// <summary>The path packets are sent on.</summary>
    public PathState Current { get; private set; }

    /// <summary>The validated path to return to, while the current one is being validated.</summary>
    public PathState? Fallback => _fallback;

    /// <summary>
    /// The newest non-probing packet came from another address than the current one; true if the path changed.
    /// </summary>
    public bool TryMigrate(TimeSpan now, in PathAddress to, TimeSpan probeTimeout)
    {
        if (to == Current.Address)
            return false;
        if (_fallback is not null && to == _fallback.Address)
        {
            if (!TryCount(now))
                return false;
            Current = _fallback;
            _fallback = null;
            return true;
        }
        if (_fallback is not null || !TryCount(now))
            return false;

        PathState old = Current;
        bool sameHost = to.HasSameHost(old.Address);
        Current = new PathState(
            to,
            validated: false,
            _random,
            sameHost ? old.Rtt : new RttEstimator(),
            sameHost ? old.Congestion : _newController(PathState.MinDatagramSize));
        Current.BeginValidation(now, probeTimeout);
        _fallback = old;
        return true;
    }

    /// <summary>A PATH_RESPONSE arrived; true if the current path is validated by it.</summary>
    public bool OnPathResponse(ulong data)
    {
        if (!Current.OnPathResponse(data))
            return false;
        _fallback = null;
        return true;
    }

    /// <summary>
    /// To be called at the current path's <see cref="PathState.NextTimeout"/>; true if the path fell back to the old
    /// one.
    /// </summary>
    public bool OnTimeout(TimeSpan now)
    {
        Current.OnTimeout(now);
        if (!Current.ValidationFailed || _fallback is null)
            return false;
        Current = _fallback;
        _fallback = null;
        return true;
    }

    private bool TryCount(TimeSpan now)
    {
        if (_changes == 0 || now - _secondStart >= TimeSpan.FromSeconds(1))
        {
            _secondStart = now;
            _changes = 0;
        }
        if (_changes == MaxChangesPerSecond)
            return false;
        _changes++;
        return true;
    }
}
