using Mosaik.Quic.Congestion;

namespace Mosaik.Quic.Tests.Congestion;

public sealed class PacerTests
{
    private static readonly TimeSpan T0 = TimeSpan.FromSeconds(5);

    private static TimeSpan Ms(double ms) => TimeSpan.FromMilliseconds(ms);

    [Theory]
    [InlineData(12_000, 100, 10)]           // 0.3 kB in 2 ms: the minimum
    [InlineData(1_200_000, 100, 25)]        // 15 kB/ms · 2 ms = 30,000 B
    [InlineData(12_000_000, 100, 64)]       // the maximum
    public void A_full_bucket_holds_2_ms_worth_within_10_to_64_datagrams(long window, double rttMs, int datagrams)
    {
        var pacer = new Pacer();
        Assert.Equal(datagrams * 1200, pacer.Budget(T0, Ms(rttMs), window, 1200));
        Assert.Equal(datagrams * 1200, pacer.Capacity);
    }

    [Fact]
    public void Below_1_ms_nothing_is_paced()
    {
        var pacer = new Pacer();
        Assert.Equal(long.MaxValue, pacer.Budget(T0, Ms(0.999), 12_000, 1200));
        pacer.OnSent(10_000_000);
        Assert.Equal(long.MaxValue, pacer.Budget(T0, Ms(0.999), 12_000, 1200));
        Assert.Equal(30_000, pacer.Budget(T0, Ms(1), 12_000, 1200));   // 15 kB per ms
    }

    [Fact]
    public void An_empty_bucket_fills_at_five_quarters_of_window_per_round_trip()
    {
        var pacer = new Pacer();
        // 1.25 · 96,000 B / 100 ms = 1200 B per ms; a quantum is 2400 B
        Assert.Equal(12_000, pacer.Budget(T0, Ms(100), 96_000, 1200));
        pacer.OnSent(12_000);
        Assert.Equal(0, pacer.Budget(T0, Ms(100), 96_000, 1200));
        Assert.Equal(T0 + Ms(2), pacer.NextSendTime);
        Assert.Equal(0, pacer.Budget(T0 + Ms(1.9), Ms(100), 96_000, 1200));
        Assert.Equal(2400, pacer.Budget(T0 + Ms(2), Ms(100), 96_000, 1200));
        Assert.Equal(6000, pacer.Budget(T0 + Ms(5), Ms(100), 96_000, 1200));
        Assert.Equal(12_000, pacer.Budget(T0 + Ms(500), Ms(100), 96_000, 1200));
    }

    [Fact]
    public void Packets_beyond_the_budget_are_paid_later()
    {
        var pacer = new Pacer();
        pacer.Budget(T0, Ms(100), 96_000, 1200);
        pacer.OnSent(14_400);
        Assert.Equal(0, pacer.Budget(T0, Ms(100), 96_000, 1200));
        Assert.Equal(T0 + Ms(4), pacer.NextSendTime);
        Assert.Equal(2400, pacer.Budget(T0 + Ms(4), Ms(100), 96_000, 1200));
    }

    [Fact]
    public void A_slow_path_waits_for_one_datagram_only()
    {
        var pacer = new Pacer();
        // 1.25 · 2400 / 100 ms = 30 B per ms: one datagram in 40 ms
        pacer.Budget(T0, Ms(100), 2400, 1200);
        pacer.OnSent(12_000);
        Assert.Equal(0, pacer.Budget(T0 + Ms(39), Ms(100), 2400, 1200));
        Assert.Equal(T0 + Ms(40), pacer.NextSendTime);
        Assert.Equal(1200, pacer.Budget(T0 + Ms(40), Ms(100), 2400, 1200));
    }

    [Fact]
    public void Over_a_round_trip_no_more_than_five_quarters_of_the_window_leave()
    {
        var pacer = new Pacer();
        const long window = 240_000;
        TimeSpan now = T0;
        long sent = 0;
        int batches = 0;
        while (now < T0 + Ms(100))
        {
            long budget = pacer.Budget(now, Ms(100), window, 1200);
            if (budget == 0)
            {
                Assert.True(pacer.NextSendTime > now);
                now = pacer.NextSendTime;
                continue;
            }
            sent += budget;
            batches++;
            pacer.OnSent(budget);
        }
        Assert.InRange(sent, (long)(window * 1.25), (long)(window * 1.25) + pacer.Capacity);
        Assert.InRange(batches, 2, 60);
    }

    [Fact]
    public void A_clock_that_stands_still_gives_no_tokens()
    {
        var pacer = new Pacer();
        pacer.Budget(T0, Ms(10), 1_200_000, 1200);
        pacer.OnSent(64 * 1200);
        Assert.Equal(0, pacer.Budget(T0, Ms(10), 1_200_000, 1200));
        Assert.Equal(0, pacer.Budget(T0 - Ms(5), Ms(10), 1_200_000, 1200));
    }
}
