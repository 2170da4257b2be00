using Microsoft.Extensions.Time.Testing;

namespace Mosaik.Waiting.Tests;

public sealed class SignalTests
{
    [Fact]
    public async Task A_set_before_the_wait_is_not_lost_and_sets_coalesce()
    {
        var signal = new Signal();
        signal.Set();
        signal.Set();
        Assert.True(await signal.WaitAsync());
        Assert.False(await signal.WaitAsync(TimeSpan.Zero));
    }

    [Fact]
    public async Task A_set_ends_a_pending_wait_once()
    {
        var signal = new Signal();
        var wait = signal.WaitAsync();
        Assert.False(wait.IsCompleted);
        signal.Set();
        Assert.True(await wait);
        var again = signal.WaitAsync();
        Assert.False(again.IsCompleted);
        signal.Set();
        Assert.True(await again);
    }

    [Fact]
    public async Task A_deadline_ends_a_wait_with_false()
    {
        var time = new FakeTimeProvider();
        var signal = new Signal(null, time);
        var wait = signal.WaitAsync(TimeSpan.FromSeconds(2));
        time.Advance(TimeSpan.FromSeconds(1.999));
        Assert.False(wait.IsCompleted);
        time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.False(await wait);
    }

    [Fact]
    public async Task An_earlier_deadline_does_not_end_a_later_wait()
    {
        var time = new FakeTimeProvider();
        var signal = new Signal(null, time);
        var first = signal.WaitAsync(TimeSpan.FromSeconds(1));
        signal.Set();
        Assert.True(await first);
        var second = signal.WaitAsync(TimeSpan.FromSeconds(3));
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.False(second.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(2));
        Assert.False(await second);
        var third = signal.WaitAsync();
        time.Advance(TimeSpan.FromDays(1));
        Assert.False(third.IsCompleted);
        signal.Set();
        Assert.True(await third);
    }

    [Fact]
    public async Task A_deadline_beyond_the_longest_timer_is_kept()
    {
        var time = new FakeTimeProvider();
        var signal = new Signal(null, time);
        var wait = signal.WaitAsync(TimeSpan.FromDays(100));
        time.Advance(TimeSpan.FromDays(99));
        Assert.False(wait.IsCompleted);
        time.Advance(TimeSpan.FromDays(1));
        Assert.False(await wait);
    }

    [Fact]
    public async Task Cancelling_ends_a_wait_and_leaves_the_signal_usable()
    {
        var signal = new Signal();
        using var cancel = new CancellationTokenSource();
        var wait = signal.WaitAsync(cancel.Token);
        cancel.Cancel();
        await Assert.ThrowsAsync<OperationCanceledException>(async () => await wait);
        signal.Set();
        Assert.True(await signal.WaitAsync());
    }

    [Fact]
    public async Task Cancelling_a_wait_that_has_ended_does_not_touch_the_next()
    {
        var signal = new Signal();
        using var cancel = new CancellationTokenSource();
        var wait = signal.WaitAsync(cancel.Token);
        signal.Set();
        Assert.True(await wait);
        var next = signal.WaitAsync();
        cancel.Cancel();
        Assert.False(next.IsCompleted);
        signal.Set();
        Assert.True(await next);
    }

    [Fact]
    public async Task Has_a_single_waiter()
    {
        var signal = new Signal();
        var wait = signal.WaitAsync();
        Assert.Throws<InvalidOperationException>(() => { _ = signal.WaitAsync(); });
        signal.Set();
        Assert.True(await wait);
    }

    [Fact]
    public async Task Waits_with_deadlines_share_one_timer()
    {
        var time = new CountingTimeProvider();
        var signal = new Signal(null, time);
        for (var i = 0; i < 100; i++)
        {
            var wait = signal.WaitAsync(TimeSpan.FromSeconds(1));
            signal.Set();
            Assert.True(await wait);
        }

        Assert.Equal(1, time.Timers);
    }

    private sealed class CountingTimeProvider : FakeTimeProvider
    {
        public int Timers { get; private set; }

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            Timers++;
            return base.CreateTimer(callback, state, dueTime, period);
        }
    }
}
