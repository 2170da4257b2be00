using Mosaik.Quic;

namespace Mosaik.Discovery;

/// <summary>
/// When the own entry is refreshed: at once, then after intervals drawn anew each time (spec/discovery.md §5, §8.2).
/// </summary>
internal sealed class AnnounceClock(DiscoveryOptions options, RandomSource random)
{
    /// <summary>The next tick.</summary>
    public TimeSpan Next { get; private set; }

    /// <summary>Starts with a tick now.</summary>
    public void Start(TimeSpan now) => Next = now;

    /// <summary>Whether a tick is due; if so the next one is drawn.</summary>
    public bool TryTick(TimeSpan now)
    {
        if (now < Next)
            return false;
        Next = now + Delay(options.AnnounceInterval, options.AnnounceJitter, random.NextDouble());
        return true;
    }

    /// <summary>Uniform in [interval·(1−j), interval·(1+j)], not below zero.</summary>
    public static TimeSpan Delay(TimeSpan interval, double jitter, double uniform01)
    {
        TimeSpan delay = interval * (1 - jitter + (2 * jitter * uniform01));
        return delay > TimeSpan.Zero ? delay : TimeSpan.Zero;
    }
}
