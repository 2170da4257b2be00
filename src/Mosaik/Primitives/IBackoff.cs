using Mosaik.Quic;

namespace Mosaik.Primitives;

/// <summary>
/// Decides how long to wait before the next attempt. One instance per thing that is retried; not thread-safe.
/// </summary>
/// <remarks>Has no clock and no randomness of its own, so that it also serves the pure cores.</remarks>
public interface IBackoff
{
    /// <summary>The delay before the next attempt.</summary>
    /// <param name="now">Monotonic time.</param>
    /// <param name="random">The source of the jitter.</param>
    /// <returns>The delay, or null when it is time to give up.</returns>
    TimeSpan? NextDelay(TimeSpan now, RandomSource random);

    /// <summary>Starts over: the last attempt led to a healthy period.</summary>
    void Reset();
}
