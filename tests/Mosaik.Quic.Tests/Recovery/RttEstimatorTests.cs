using Mosaik.Quic.Recovery;

namespace Mosaik.Quic.Tests.Recovery;

public sealed class RttEstimatorTests
{
    private static TimeSpan Ms(double ms) => TimeSpan.FromMilliseconds(ms);

    [Fact]
    public void Begins_with_333_ms_and_a_probe_timeout_of_999_ms()
    {
        var rtt = new RttEstimator();
        Assert.Equal(Ms(333), rtt.Smoothed);
        Assert.Equal(Ms(166.5), rtt.Variation);
        Assert.Equal(Ms(999), rtt.ProbeTimeoutBase);
        Assert.False(rtt.HasSample);
    }

    [Fact]
    public void The_first_sample_ignores_the_delay_and_replaces_the_guess()
    {
        var rtt = new RttEstimator();
        rtt.Update(Ms(80), ackDelay: Ms(20));
        Assert.Equal(Ms(80), rtt.Smoothed);
        Assert.Equal(Ms(40), rtt.Variation);
        Assert.Equal(Ms(80), rtt.Min);
        Assert.Equal(Ms(240), rtt.ProbeTimeoutBase);
        Assert.Equal(Ms(90), rtt.LossDelay);
    }

    [Fact]
    public void Later_samples_are_weighted_by_one_eighth_and_one_quarter()
    {
        var rtt = new RttEstimator();
        rtt.Update(Ms(80), TimeSpan.Zero);
        rtt.Update(Ms(120), ackDelay: Ms(8));
        // adjusted 112: deviation |80 − 112| = 32 → 3/4·40 + 1/4·32 = 38; smoothed 7/8·80 + 1/8·112 = 84
        Assert.Equal(Ms(38), rtt.Variation);
        Assert.Equal(Ms(84), rtt.Smoothed);
        Assert.Equal(Ms(120), rtt.Latest);
        Assert.Equal(Ms(135), rtt.LossDelay);
    }

    [Fact]
    public void A_delay_that_would_go_below_the_minimum_is_ignored()
    {
        var rtt = new RttEstimator();
        rtt.Update(Ms(80), TimeSpan.Zero);
        rtt.Update(Ms(84), ackDelay: Ms(5));
        Assert.Equal(Ms(80.5), rtt.Smoothed);      // 84, not 79
        rtt.Update(Ms(40), ackDelay: Ms(25));
        Assert.Equal(Ms(40), rtt.Min);             // the minimum takes samples as they are
    }

    [Fact]
    public void A_clock_that_stands_still_gives_zero_and_the_granularity_holds()
    {
        var rtt = new RttEstimator();
        rtt.Update(Ms(-5), TimeSpan.Zero);
        Assert.Equal(TimeSpan.Zero, rtt.Smoothed);
        Assert.Equal(Ms(1), rtt.ProbeTimeoutBase);
        Assert.Equal(Ms(1), rtt.LossDelay);
    }

    [Fact]
    public void The_minimum_can_start_again()
    {
        var rtt = new RttEstimator();
        rtt.Update(Ms(10), TimeSpan.Zero);
        rtt.Update(Ms(200), TimeSpan.Zero);
        rtt.RestartMinimum();
        Assert.Equal(Ms(200), rtt.Min);
    }
}
