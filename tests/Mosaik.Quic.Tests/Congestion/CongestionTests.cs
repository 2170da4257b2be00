using Mosaik.Quic.Congestion;
using Mosaik.Quic.Recovery;

namespace Mosaik.Quic.Tests.Congestion;

/// <summary>RFC 9002 §7 for both controllers.</summary>
public sealed class CongestionTests
{
    private static readonly TimeSpan T0 = TimeSpan.FromSeconds(100);

    internal static CongestionController Create(bool cubic, int size = 1200) => cubic ? new Cubic(size) : new NewReno(size);

    internal static RttEstimator Rtt(double ms)
    {
        var rtt = new RttEstimator();
        rtt.Update(TimeSpan.FromMilliseconds(ms), TimeSpan.Zero);
        return rtt;
    }

    /// <summary>Fills the window, then has all of it acknowledged one round trip later, in one ACK frame per two packets.</summary>
    internal static TimeSpan Round(CongestionController c, TimeSpan now, RttEstimator rtt)
    {
        int packets = (int)(c.Available / c.MaxDatagramSize);
        for (int i = 0; i < packets; i++)
            c.OnPacketSent(now, c.MaxDatagramSize);
        TimeSpan later = now + rtt.Smoothed;
        for (int i = 0; i < packets; i += 2)
        {
            int n = Math.Min(2, packets - i);
            for (int k = 0; k < n; k++)
                c.OnPacketRemoved(c.MaxDatagramSize);
            if (c.MayGrow(now))
                c.OnAcknowledged(later, now, (long)n * c.MaxDatagramSize, rtt.Smoothed);
        }
        return later;
    }

    [Theory]
    [InlineData(1200, 12_000)]
    [InlineData(1452, 14_520)]
    [InlineData(1500, 14_720)]
    [InlineData(9000, 18_000)]
    public void The_initial_window_is_ten_datagrams_within_bounds(int size, long window)
    {
        foreach (bool cubic in new[] { true, false })
        {
            CongestionController c = Create(cubic, size);
            Assert.Equal(window, c.Window);
            Assert.Equal(2 * size, c.MinimumWindow);
            Assert.True(c.IsSlowStart);
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Slow_start_doubles_per_round_trip(bool cubic)
    {
        CongestionController c = Create(cubic);
        RttEstimator rtt = Rtt(100);
        TimeSpan now = T0;
        for (int i = 1; i <= 5; i++)
        {
            now = Round(c, now, rtt);
            Assert.Equal(12_000L << i, c.Window);
        }
    }

    [Theory]
    [InlineData(true, 8_400)]
    [InlineData(false, 6_000)]
    public void A_loss_reduces_once_per_round_trip(bool cubic, long expected)
    {
        CongestionController c = Create(cubic);
        c.OnPacketSent(T0, 1200);
        TimeSpan lossAt = T0 + TimeSpan.FromMilliseconds(100);
        Assert.True(c.OnLost(lossAt, T0, 1200));
        Assert.Equal(expected, c.Window);
        Assert.Equal(expected, c.SlowStartThreshold);
        Assert.False(c.IsSlowStart);
        Assert.False(c.OnLost(lossAt + TimeSpan.FromMilliseconds(10), lossAt, 1200));
        Assert.Equal(expected, c.Window);
        Assert.False(c.MayGrow(lossAt));
        Assert.True(c.MayGrow(lossAt + TimeSpan.FromTicks(1)));
        Assert.True(c.OnLost(lossAt + TimeSpan.FromMilliseconds(200), lossAt + TimeSpan.FromMilliseconds(100), 1200));
        Assert.Equal(2ul, c.CongestionEvents);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void The_window_never_falls_below_two_datagrams(bool cubic)
    {
        CongestionController c = Create(cubic);
        for (int i = 1; i < 20; i++)
            Assert.True(c.OnLost(T0 + TimeSpan.FromSeconds(i), T0 + TimeSpan.FromSeconds(i - 0.5), 1200));
        Assert.Equal(2400, c.Window);
        Assert.Equal(2400, c.SlowStartThreshold);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Persistent_congestion_starts_again_from_the_minimum(bool cubic)
    {
        CongestionController c = Create(cubic);
        c.OnLost(T0, T0, 1200);
        long threshold = c.SlowStartThreshold;
        c.OnPersistentCongestion();
        Assert.Equal(2400, c.Window);
        Assert.True(c.IsSlowStart);
        Assert.True(c.MayGrow(T0));                     // recovery is over
        TimeSpan now = Round(c, T0 + TimeSpan.FromSeconds(1), Rtt(100));
        Assert.Equal(4800, c.Window);
        Round(c, now, Rtt(100));
        Assert.InRange(c.Window, threshold, threshold + 2400);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void An_unused_window_does_not_grow(bool cubic)
    {
        CongestionController c = Create(cubic);
        RttEstimator rtt = Rtt(100);
        TimeSpan now = T0;
        for (int i = 0; i < 100; i++)
        {
            c.OnPacketSent(now, 1200);
            now += rtt.Smoothed;
            c.OnPacketRemoved(1200);
            c.OnAcknowledged(now, now - rtt.Smoothed, 1200, rtt.Smoothed);
        }
        Assert.Equal(12_000, c.Window);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Many_acks_before_the_next_packet_do_not_look_idle(bool cubic)
    {
        // A receive drain delivers the ACKs of a whole window at once; the last ones see almost nothing in flight.
        CongestionController c = Create(cubic);
        Round(c, T0, Rtt(100));
        Assert.Equal(24_000, c.Window);
    }

    [Fact]
    public void Removing_more_than_was_sent_is_a_bug_that_shows()
    {
        var c = new NewReno();
        c.OnPacketSent(T0, 100);
        Assert.Throws<InvalidOperationException>(() => c.OnPacketRemoved(101));
    }

    [Fact]
    public void Reno_adds_one_datagram_per_window()
    {
        var c = new NewReno();
        RttEstimator rtt = Rtt(100);
        TimeSpan now = Round(c, T0, rtt);               // 24,000
        c.OnLost(now, now, 1200);                       // 12,000
        now += TimeSpan.FromMilliseconds(1);
        for (int i = 1; i <= 8; i++)
        {
            now = Round(c, now, rtt);
            Assert.Equal(12_000 + i * 1200, c.Window);
        }
    }

    [Fact]
    public void Slow_start_stops_at_the_threshold()
    {
        var c = new NewReno();
        c.OnLost(T0, T0, 1200);                         // threshold 6000
        c.OnPersistentCongestion();                     // window 2400
        c.OnPacketSent(T0, 2400);
        c.OnPacketRemoved(2400);
        c.OnAcknowledged(T0, T0, 20_000, Rtt(10).Smoothed);      // 3600 of slow start, 16,400 of avoidance
        Assert.False(c.IsSlowStart);
        Assert.Equal(6000 + 1200 * 2, c.Window);        // 6000 + 7200 < 16,400 < 6000 + 7200 + 8400
    }
}
