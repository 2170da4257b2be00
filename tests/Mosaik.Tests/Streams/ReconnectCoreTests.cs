using Mosaik.Networking;
using Mosaik.Primitives;
using Mosaik.Quic;
using Mosaik.Streams;

namespace Mosaik.Tests.Streams;

/// <summary>The reaction table of spec/streams.md §9.3 and the schedules of §9.4, at the middle of their spread.</summary>
public sealed class ReconnectCoreTests
{
    private readonly TestBackoff _backoff = new();
    private readonly ReconnectCore _core;
    private TimeSpan _now;

    public ReconnectCoreTests() => _core = new ReconnectCore(_backoff, new HalfRandom());

    [Fact]
    public void A_lost_connection_uses_the_normal_backoff()
    {
        Assert.Equal(new NextAttempt(TimeSpan.FromSeconds(1), false, false), End(AttemptEnd.Lost));
        Assert.Equal(new NextAttempt(TimeSpan.FromSeconds(2), false, false), End(AttemptEnd.Lost));
    }

    [Fact]
    public void A_healthy_connection_starts_the_backoff_over()
    {
        End(AttemptEnd.Lost);
        End(AttemptEnd.Lost);
        Assert.Equal(TimeSpan.FromSeconds(1), End(AttemptEnd.Lost, healthy: true).Delay);
    }

    [Fact]
    public void An_unknown_peer_syncs_and_tries_once_without_delay()
    {
        Assert.Equal(new NextAttempt(TimeSpan.Zero, false, true), Closed(CloseCode.UnknownPeer));
        Assert.Equal(new NextAttempt(TimeSpan.FromSeconds(1), false, false), Closed(CloseCode.UnknownPeer));
        End(AttemptEnd.Lost);
        Assert.True(Closed(CloseCode.UnknownPeer).SyncFirst);
    }

    [Fact]
    public void Terminal_causes_use_the_slow_schedule_without_end()
    {
        CloseCode[] terminal =
            [CloseCode.NotAllowed, CloseCode.StreamNotFound, CloseCode.DifferentNetwork, CloseCode.GracefulShutdown];
        double[] seconds = [5, 10, 20, 40, 60, 60];
        for (var i = 0; i < seconds.Length; i++)
            Assert.Equal(
                new NextAttempt(TimeSpan.FromSeconds(seconds[i]), true, false), Closed(terminal[i % terminal.Length]));
    }

    [Fact]
    public void What_we_refuse_ourselves_is_terminal_too() => Assert.True(End(AttemptEnd.Refused).Terminated);

    [Fact]
    public void An_exhausted_backoff_is_terminal()
    {
        _backoff.Exhausted = true;
        Assert.True(End(AttemptEnd.Lost).Terminated);
    }

    [Theory]
    [InlineData(10413), InlineData(102), InlineData(103), InlineData(400), InlineData(0), InlineData(777)]
    public void Other_codes_use_the_normal_backoff(ulong code) =>
        Assert.Equal(new NextAttempt(TimeSpan.FromSeconds(1), false, false), Closed(new CloseCode(code)));

    [Fact]
    public void A_full_producer_is_asked_often_and_less_often_after_a_minute()
    {
        double[] milliseconds = [500, 750, 1125, 1500, 1500];
        foreach (var expected in milliseconds)
            Assert.Equal(expected, Closed(CloseCode.NoCapacity).Delay.TotalMilliseconds, 3);
        _now += TimeSpan.FromSeconds(61);
        Assert.Equal(1500, Closed(CloseCode.NoCapacity).Delay.TotalMilliseconds, 3);
        Assert.Equal(2250, Closed(CloseCode.NoCapacity).Delay.TotalMilliseconds, 3);
        for (var i = 0; i < 10; i++)
            Closed(CloseCode.NoCapacity);
        Assert.Equal(10_000, Closed(CloseCode.NoCapacity).Delay.TotalMilliseconds, 3);
    }

    [Fact]
    public void A_trigger_makes_a_slow_attempt_due_soon_and_starts_the_schedule_over()
    {
        Closed(CloseCode.NotAllowed);
        Closed(CloseCode.NotAllowed);
        Assert.InRange(_core.OnTriggered(), TimeSpan.Zero, TimeSpan.FromMilliseconds(250));
        Assert.Equal(5, Closed(CloseCode.NotAllowed).Delay.TotalSeconds, 3);
    }

    private NextAttempt End(AttemptEnd end, bool healthy = false) => _core.OnEnded(_now, end, null, healthy);

    private NextAttempt Closed(CloseCode code) => _core.OnEnded(_now, AttemptEnd.ClosedByPeer, code, healthy: false);

    private sealed class TestBackoff : IBackoff
    {
        private int _next = 1;

        public bool Exhausted { get; set; }

        public TimeSpan? NextDelay(TimeSpan now, RandomSource random) => Exhausted ? null : TimeSpan.FromSeconds(_next++);

        public void Reset() => _next = 1;
    }

    /// <summary>Always the middle of every range.</summary>
    private sealed class HalfRandom : RandomSource
    {
        public override void Fill(Span<byte> destination)
        {
            destination.Clear();
            if (destination.Length > 0)
                destination[^1] = 0x80;
        }
    }
}
