using Mosaik.Quic;

namespace Mosaik.Primitives;

/// <summary>
/// Delays that grow by a factor up to a cap, each with jitter, until too much time has passed (spec/streams.md §9.2).
/// </summary>
/// <remarks>
/// Elapsed time counts from the first <see cref="NextDelay"/> after construction or <see cref="Reset"/>. With the
/// defaults the
/// mean delays are 0.5, 0.75, 1.1, 1.7 … 60, 60 s, and attempts end after 300 s.
/// </remarks>
public sealed class ExponentialBackoff : IBackoff
{
    private TimeSpan? _start;
    private TimeSpan _current;

    /// <summary>The first delay before jitter; positive.</summary>
    public TimeSpan Initial
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(value, TimeSpan.Zero);
            field = value;
        }
    } = TimeSpan.FromMilliseconds(500);

    /// <summary>The factor from one delay to the next; at least 1.</summary>
    public double Multiplier
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 1);
            field = value;
        }
    } = 1.5;

    /// <summary>Each delay is uniform in [d·(1−j), d·(1+j)]; 0 … 1.</summary>
    public double Jitter
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(value, 1);
            field = value;
        }
    } = 0.5;

    /// <summary>The largest delay before jitter; positive.</summary>
    public TimeSpan Cap
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(value, TimeSpan.Zero);
            field = value;
        }
    } = TimeSpan.FromSeconds(60);

    /// <summary>When to give up; <see cref="Timeout.InfiniteTimeSpan"/> for never.</summary>
    public TimeSpan MaxElapsed { get; init; } = TimeSpan.FromSeconds(300);

    /// <inheritdoc/>
    public TimeSpan? NextDelay(TimeSpan now, RandomSource random)
    {
        ArgumentNullException.ThrowIfNull(random);
        if (_start is null)
        {
            _start = now;
            _current = Initial < Cap ? Initial : Cap;
        }
        TimeSpan delay = _current * (1 - Jitter + (2 * Jitter * random.NextDouble()));
        // Compared before multiplying, so that a large factor cannot overflow.
        _current = _current < Cap / Multiplier ? _current * Multiplier : Cap;
        TimeSpan elapsed = now - _start.Value;
        return MaxElapsed != Timeout.InfiniteTimeSpan && (elapsed > MaxElapsed || delay > MaxElapsed - elapsed) ? null : delay;
    }

    /// <inheritdoc/>
    public void Reset() => _start = null;
}
