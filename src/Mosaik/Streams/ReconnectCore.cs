using Mosaik.Networking;
using Mosaik.Primitives;
using Mosaik.Quic;

namespace Mosaik.Streams;

/// <summary>What a receiver does next: wait, perhaps synchronise the catalog first, and try again.</summary>
/// <param name="Delay">How long to wait before the next attempt.</param>
/// <param name="Terminated">The channel has ended; a later attempt makes a new one, visible once it is
/// connected.</param>
/// <param name="SyncFirst">Synchronise the catalog with the producer before the attempt: it does not know us.</param>
internal readonly record struct NextAttempt(TimeSpan Delay, bool Terminated, bool SyncFirst);

/// <summary>Why an attempt or a connection of a receiver ended.</summary>
internal enum AttemptEnd
{
    /// <summary>Connecting failed or timed out, the connection was lost, or the stream ended without a close.</summary>
    Lost,

    /// <summary>The producer closed with an application code.</summary>
    ClosedByPeer,

    /// <summary>The producer's StartStream named another network or stream, or a datum could not be decoded.</summary>
    Refused,

    /// <summary>
    /// The round-trip time, now that it is known, excludes the producer: no attempt until it is eligible again.
    /// </summary>
    Unsuitable,
}

/// <summary>
/// The retry schedules of one receiver (one consumer, one producer).
/// </summary>
/// <remarks>
/// <para>Four schedules, chosen by the cause of the last end (spec/streams.md §9.3): the <i>normal</i> backoff for what
/// may pass by itself; one immediate attempt after a catalog sync when the producer does not know us (401); the
/// <i>capacity</i> schedule while the producer is full (10509), fast enough to take a freed place within two seconds;
/// the <i>slow</i> schedule, without end, after a terminal cause. A connection that was healthy starts the normal and
/// the slow schedule over. A trigger (the producer's entry changed) makes the next attempt of a slow schedule due
/// within a quarter of a second.</para>
/// <para>Pure: time and randomness are passed in. Calls: <see cref="OnEnded"/> after every attempt, perhaps
/// followed by <see cref="OnSyncFailed"/> or <see cref="OnBackoffFailed"/>; <see cref="OnTriggered"/> while waiting. It
/// does not connect, sync or sleep.</para>
/// </remarks>
internal sealed class ReconnectCore
{
    private static readonly TimeSpan CapacityInitial = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan CapacityCap = TimeSpan.FromMilliseconds(1500);
    private static readonly TimeSpan CapacityLateCap = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan CapacityLateAfter = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan SlowInitial = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan SlowCap = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan TriggerWindow = TimeSpan.FromMilliseconds(250);

    private readonly IBackoff _backoff;
    private readonly RandomSource _random;

    private TimeSpan _slow = SlowInitial;
    private TimeSpan _capacity = CapacityInitial;
    private TimeSpan? _fullSince;
    private bool _lastWasUnknownPeer;

    /// <summary>The schedules of a new receiver.</summary>
    public ReconnectCore(IBackoff backoff, RandomSource random) => (_backoff, _random) = (backoff, random);

    /// <summary>An attempt or connection has ended; decides when and how the next one is made.</summary>
    /// <param name="now">Monotonic time.</param>
    /// <param name="end">What kind of end it was.</param>
    /// <param name="code">The application code, if there was one.</param>
    /// <param name="healthy">It delivered a datum, or was connected for at least five seconds.</param>
    public NextAttempt OnEnded(TimeSpan now, AttemptEnd end, CloseCode? code, bool healthy)
    {
        if (healthy)
        {
            _backoff.Reset();
            _slow = SlowInitial;
        }

        var unknownBefore = _lastWasUnknownPeer;
        _lastWasUnknownPeer = end == AttemptEnd.ClosedByPeer && code == CloseCode.UnknownPeer;
        if (end != AttemptEnd.ClosedByPeer || code != CloseCode.NoCapacity)
            (_fullSince, _capacity) = (null, CapacityInitial);

        if (end == AttemptEnd.Refused)
            return Slow();
        if (end == AttemptEnd.ClosedByPeer && code is { } reason)
        {
            if (reason == CloseCode.UnknownPeer && !unknownBefore)
                return new NextAttempt(TimeSpan.Zero, Terminated: false, SyncFirst: true);
            if (reason == CloseCode.NoCapacity)
                return new NextAttempt(Capacity(now), Terminated: false, SyncFirst: false);
            if (reason == CloseCode.NotAllowed || reason == CloseCode.StreamNotFound
                || reason == CloseCode.DifferentNetwork || reason == CloseCode.GracefulShutdown)
                return Slow();
        }

        return Normal(now);
    }

    /// <summary>The sync that a 401 asked for has failed: the normal backoff applies.</summary>
    public NextAttempt OnSyncFailed(TimeSpan now) => Normal(now);

    /// <summary>The backoff, user code, has failed: as if it were exhausted.</summary>
    public NextAttempt OnBackoffFailed() => Slow();

    /// <summary>Something changed that may end a terminal cause; the slow schedule starts over.</summary>
    /// <returns>How long from now the next attempt is due.</returns>
    public TimeSpan OnTriggered()
    {
        _slow = SlowInitial;
        return TriggerWindow * _random.NextDouble();
    }

    private NextAttempt Normal(TimeSpan now) =>
        _backoff.NextDelay(now, _random) is { } delay ? new NextAttempt(delay, Terminated: false, SyncFirst: false) : Slow();

    private NextAttempt Slow()
    {
        var delay = Spread(_slow, 0.2);
        _slow = Min(_slow * 2, SlowCap);
        return new NextAttempt(delay, Terminated: true, SyncFirst: false);
    }

    private TimeSpan Capacity(TimeSpan now)
    {
        _fullSince ??= now;
        var cap = now - _fullSince >= CapacityLateAfter ? CapacityLateCap : CapacityCap;
        var delay = Spread(_capacity, 0.25);
        _capacity = Min(_capacity * 1.5, cap);
        return delay;
    }

    private TimeSpan Spread(TimeSpan mean, double share) => mean * (1 + share * (2 * _random.NextDouble() - 1));

    private static TimeSpan Min(TimeSpan a, TimeSpan b) => a < b ? a : b;
}
