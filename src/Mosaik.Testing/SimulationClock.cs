namespace Mosaik.Testing;

/// <summary>
/// The clock of one node in a simulation: monotonic at its own rate, with a wall time that may be wrong and jump
/// (spec/reliability.md §3.2, §4.2).
/// </summary>
public sealed class SimulationClock : TimeProvider
{
    private readonly TimeProvider _world;
    private readonly DateTimeOffset _wallStart;
    private readonly long _start;

    internal SimulationClock(TimeProvider world, double rate, TimeSpan wallOffset)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(rate);
        _world = world;
        _wallStart = world.GetUtcNow();
        _start = world.GetTimestamp();
        Rate = rate;
        WallOffset = wallOffset;
    }

    /// <summary>Its seconds per second of the world.</summary>
    public double Rate { get; }

    /// <summary>How far the wall clock is ahead; may be set at any time, backwards as well.</summary>
    public TimeSpan WallOffset { get; set; }

    /// <inheritdoc/>
    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    /// <inheritdoc/>
    public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;

    /// <inheritdoc/>
    public override DateTimeOffset GetUtcNow() => _wallStart + Elapsed() + WallOffset;

    /// <inheritdoc/>
    public override long GetTimestamp() => _start + Elapsed().Ticks;

    /// <inheritdoc/>
    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        new ScaledTimer(_world.CreateTimer(callback, state, InWorld(dueTime), InWorld(period)), this);

    private TimeSpan Elapsed() => _world.GetElapsedTime(_start) * Rate;

    /// <summary>Rounded up, so that a timer never fires before its time on this clock.</summary>
    private TimeSpan InWorld(TimeSpan time) => time == Timeout.InfiniteTimeSpan || time <= TimeSpan.Zero
        ? time
        : TimeSpan.FromTicks((long)Math.Ceiling(time.Ticks / Rate));

    private sealed class ScaledTimer(ITimer inner, SimulationClock clock) : ITimer
    {
        public bool Change(TimeSpan dueTime, TimeSpan period) =>
            inner.Change(clock.InWorld(dueTime), clock.InWorld(period));

        public void Dispose() => inner.Dispose();

        public ValueTask DisposeAsync() => inner.DisposeAsync();
    }
}
