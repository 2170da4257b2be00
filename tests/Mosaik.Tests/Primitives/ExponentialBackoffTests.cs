using Mosaik.Primitives;

namespace Mosaik.Tests.Primitives;

public sealed class ExponentialBackoffTests
{
    private static readonly double[] MeanSeconds =
        [0.5, 0.75, 1.125, 1.6875, 2.53125, 3.796875, 5.6953125, 8.54296875, 12.814453125, 19.2216796875, 28.83251953125, 43.248779296875, 60, 60];

    [Fact]
    public void Mean_delays_grow_to_the_cap()
    {
        var backoff = new ExponentialBackoff { Jitter = 0, MaxElapsed = Timeout.InfiniteTimeSpan };
        foreach (double mean in MeanSeconds)
            Assert.Equal(mean, backoff.NextDelay(TimeSpan.FromDays(400), new SeededRandom(0))!.Value.TotalSeconds, 5);
    }

    [Fact]
    public void Jitter_stays_within_half()
    {
        var random = new SeededRandom(5);
        (double min, double max) = (double.MaxValue, 0);
        for (int i = 0; i < 2000; i++)
        {
            double delay = new ExponentialBackoff().NextDelay(TimeSpan.Zero, random)!.Value.TotalSeconds;
            (min, max) = (Math.Min(min, delay), Math.Max(max, delay));
        }
        Assert.InRange(min, 0.25, 0.26);
        Assert.InRange(max, 0.74, 0.75);
    }

    [Fact]
    public void Gives_up_when_the_delay_would_pass_the_limit()
    {
        var backoff = new ExponentialBackoff { Jitter = 0 };
        TimeSpan start = TimeSpan.FromHours(3);
        Assert.NotNull(backoff.NextDelay(start, new SeededRandom(0)));
        Assert.NotNull(backoff.NextDelay(start + TimeSpan.FromSeconds(299.25), new SeededRandom(0)));
        Assert.Null(backoff.NextDelay(start + TimeSpan.FromSeconds(299), new SeededRandom(0)));
        Assert.Null(backoff.NextDelay(start + TimeSpan.FromSeconds(301), new SeededRandom(0)));
        backoff.Reset();
        Assert.Equal(TimeSpan.FromMilliseconds(500), backoff.NextDelay(start + TimeSpan.FromSeconds(301), new SeededRandom(0)));
    }

    [Fact]
    public void Nonsense_is_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new ExponentialBackoff { Initial = TimeSpan.Zero });
        Assert.Throws<ArgumentOutOfRangeException>(() => new ExponentialBackoff { Multiplier = 0.9 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new ExponentialBackoff { Jitter = 1.1 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new ExponentialBackoff { Cap = TimeSpan.FromSeconds(-1) });
    }
}
