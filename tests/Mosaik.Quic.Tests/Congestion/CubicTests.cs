using Mosaik.Quic.Congestion;
using Mosaik.Quic.Recovery;

namespace Mosaik.Quic.Tests.Congestion;

/// <summary>The figures of RFC 9438.</summary>
public sealed class CubicTests
{
    private const int Mss = 1200;
    private static readonly TimeSpan T0 = TimeSpan.FromSeconds(100);

    /// <summary>Slow start to 12,000 · 2^doublings bytes.</summary>
    private static (Cubic Cubic, TimeSpan Now) Grown(int doublings, RttEstimator rtt)
    {
        var c = new Cubic();
        TimeSpan now = T0;
        for (int i = 0; i < doublings; i++)
            now = CongestionTests.Round(c, now, rtt);
        return (c, now);
    }

    [Fact]
    public void K_is_the_time_back_to_the_old_maximum()
    {
        RttEstimator rtt = CongestionTests.Rtt(100);
        (Cubic c, TimeSpan now) = Grown(5, rtt);        // 320 datagrams
        Assert.Equal(320 * Mss, c.Window);
        Assert.True(c.OnLost(now, now, Mss));
        Assert.Equal(224 * Mss, c.Window);              // β = 0.7
        Assert.Equal(320 * Mss, c.MaxWindow);
        now += TimeSpan.FromMilliseconds(1);
        CongestionTests.Round(c, now, rtt);
        Assert.Equal(Math.Cbrt(96 / 0.4), c.OriginSeconds, 6);      // 6.2145 s
    }

    [Fact]
    public void The_window_follows_the_cubic_curve()
    {
        RttEstimator rtt = CongestionTests.Rtt(100);
        (Cubic c, TimeSpan now) = Grown(5, rtt);
        c.OnLost(now, now, Mss);
        now += TimeSpan.FromMilliseconds(1);
        TimeSpan epoch = now + rtt.Smoothed;            // the first acknowledgement
        double k = Math.Cbrt(96 / 0.4);
        long last = 0;
        bool convex = false;
        for (int round = 0; round < 100; round++)
        {
            now = CongestionTests.Round(c, now, rtt);
            double t = (now - epoch).TotalSeconds;
            double expected = 0.4 * Math.Pow(t + 0.1 - k, 3) + 320;
            // Per round trip the window makes up 1 − 1/e of its distance to the target; the first one belongs to Reno, since
            // W(0) is the window itself (§4.3).
            double lag = t < 2 ? 8 : 4;
            Assert.InRange(c.Window / (double)Mss, Math.Max(224, expected - lag), expected + 0.5);
            Assert.True(c.Window >= last);
            last = c.Window;
            convex |= t > k;
        }
        Assert.True(convex);
        Assert.True(c.Window > 330 * Mss);
    }

    [Fact]
    public void Near_the_old_maximum_the_curve_is_flat()
    {
        RttEstimator rtt = CongestionTests.Rtt(100);
        (Cubic c, TimeSpan now) = Grown(5, rtt);
        c.OnLost(now, now, Mss);
        now += TimeSpan.FromMilliseconds(1);
        for (int round = 0; round < 55; round++)
            now = CongestionTests.Round(c, now, rtt);   // t ≈ 5.5 s, K = 6.2 s
        long before = c.Window;
        for (int round = 0; round < 14; round++)
            now = CongestionTests.Round(c, now, rtt);
        Assert.InRange(before, 317 * Mss, 321 * Mss);
        Assert.InRange(c.Window - before, 0, 3 * Mss);
    }

    [Fact]
    public void Fast_convergence_lowers_the_maximum_when_the_window_did_not_come_back()
    {
        RttEstimator rtt = CongestionTests.Rtt(100);
        (Cubic c, TimeSpan now) = Grown(5, rtt);
        c.OnLost(now, now, Mss);                        // 320 → 224
        now += TimeSpan.FromSeconds(1);
        Assert.True(c.OnLost(now, now, Mss));           // 224 < 320
        Assert.Equal((long)(224 * Mss * 1.7 / 2), c.MaxWindow);
        Assert.Equal((long)(224 * Mss * 0.7), c.Window);
    }

    [Fact]
    public void On_short_paths_the_window_is_that_of_reno()
    {
        // RTT 5 ms and 20 datagrams: the curve is far slower than Reno.
        RttEstimator rtt = CongestionTests.Rtt(5);
        (Cubic c, TimeSpan now) = Grown(1, rtt);        // 20 datagrams
        c.OnLost(now, now, Mss);                        // 14
        now += TimeSpan.FromMilliseconds(1);
        const double alpha = 3 * 0.3 / 1.7;             // 0.529 datagrams per round trip
        for (int round = 1; round <= 10; round++)
        {
            now = CongestionTests.Round(c, now, rtt);
            Assert.InRange(c.Window / (double)Mss, 14 + round * alpha * 0.9, 14 + round * alpha + 0.01);
        }
        // Once back at the old window, Reno's own step: one datagram per round trip.
        while (c.Window < 21 * Mss)
            now = CongestionTests.Round(c, now, rtt);
        long before = c.Window;
        for (int round = 0; round < 10; round++)
            now = CongestionTests.Round(c, now, rtt);
        Assert.InRange(c.Window - before, 9 * Mss, 10 * Mss + 10);
    }

    [Fact]
    public void Idle_time_does_not_move_the_curve()
    {
        RttEstimator rtt = CongestionTests.Rtt(100);
        (Cubic idle, TimeSpan now1) = Grown(5, rtt);
        (Cubic busy, TimeSpan now2) = Grown(5, rtt);
        idle.OnLost(now1, now1, Mss);
        busy.OnLost(now2, now2, Mss);
        now1 += TimeSpan.FromMilliseconds(1);
        now2 += TimeSpan.FromMilliseconds(1);
        for (int i = 0; i < 10; i++)
        {
            now1 = CongestionTests.Round(idle, now1, rtt);
            now2 = CongestionTests.Round(busy, now2, rtt);
        }
        // A keep-alive every five seconds for a minute.
        for (int i = 0; i < 12; i++)
        {
            now1 += TimeSpan.FromSeconds(5);
            idle.OnPacketSent(now1, 50);
            idle.OnPacketRemoved(50);
            idle.OnAcknowledged(now1 + rtt.Smoothed, now1, 50, rtt.Smoothed);
        }
        Assert.Equal(busy.Window, idle.Window);
        now1 += rtt.Smoothed;
        for (int i = 0; i < 5; i++)
        {
            now1 = CongestionTests.Round(idle, now1, rtt);
            now2 = CongestionTests.Round(busy, now2, rtt);
        }
        Assert.InRange(idle.Window, busy.Window - 2 * Mss, busy.Window + 2 * Mss);
        Assert.True(busy.Window < 320 * Mss);          // a minute more would have taken it far beyond the plateau

        // Silence without any packet does not count either.
        now1 += TimeSpan.FromMinutes(1);
        for (int i = 0; i < 5; i++)
        {
            now1 = CongestionTests.Round(idle, now1, rtt);
            now2 = CongestionTests.Round(busy, now2, rtt);
        }
        Assert.InRange(idle.Window, busy.Window - 2 * Mss, busy.Window + 2 * Mss);
    }

    [Fact]
    public void After_persistent_congestion_the_curve_begins_on_its_plateau()
    {
        RttEstimator rtt = CongestionTests.Rtt(100);
        (Cubic c, TimeSpan now) = Grown(3, rtt);
        c.OnLost(now, now, Mss);
        c.OnPersistentCongestion();
        now += TimeSpan.FromMilliseconds(1);
        while (c.IsSlowStart)
            now = CongestionTests.Round(c, now, rtt);
        long entered = c.Window;
        now = CongestionTests.Round(c, now, rtt);
        Assert.Equal(0, c.OriginSeconds);
        Assert.InRange(c.MaxWindow, 56 * Mss, entered);
    }
}
