namespace Mosaik.Discovery;

/// <summary>
/// How many verifications a node may spend: 2,000 per second with a burst of 20,000 (spec/reliability.md §12.1).
/// Strangers can
/// make identities faster than they can be checked; syncs wait for their share.
/// </summary>
/// <remarks>
/// A bucket that may be overdrawn: a reservation is granted at once and says how long to wait. Thread-safe.
/// </remarks>
internal sealed class SignatureBudget
{
    public const int PerSecond = 2_000;
    public const int Burst = 20_000;

    private readonly Lock _lock = new();
    private double _available = Burst;
    private TimeSpan _updated;

    /// <summary>
    /// Takes a number of verifications; the caller waits as long as the result says before it computes them.
    /// </summary>
    public TimeSpan Reserve(int count, TimeSpan now)
    {
        lock (_lock)
        {
            if (now > _updated)
            {
                _available = Math.Min(Burst, _available + ((now - _updated).TotalSeconds * PerSecond));
                _updated = now;
            }
            _available -= count;
            return _available >= 0 ? TimeSpan.Zero : TimeSpan.FromSeconds(-_available / PerSecond);
        }
    }
}
