using Mosaik.Testing;
using Mosaik.Waiting;

namespace Mosaik.Tests.Testing;

/// <summary>One thread and virtual time (spec/reliability.md §3.2, §6).</summary>
public sealed class SimulationSchedulerTests
{
    private readonly SimulationScheduler _world = new();

    [Fact]
    public void Time_passes_only_when_nothing_is_left_to_do()
    {
        var start = _world.TimeProvider.GetUtcNow();
        _world.Run(
            async () =>
            {
                await Task.Delay(TimeSpan.FromHours(5), _world.TimeProvider);
                await new Signal(_world, _world.TimeProvider).WaitAsync(TimeSpan.FromTicks(1));
            },
            TimeSpan.FromHours(6));
        Assert.Equal(TimeSpan.FromHours(5) + TimeSpan.FromTicks(1), _world.Now);
        Assert.Equal(_world.Now, _world.TimeProvider.GetUtcNow() - start);
    }

    [Fact]
    public void Tasks_and_the_continuations_of_waits_run_in_the_order_of_their_arrival()
    {
        var order = new List<string>();
        _world.Run(
            async () =>
            {
                var signals = Enumerable.Range(0, 3).Select(_ => new Signal(_world)).ToArray();
                var waits = signals.Select((signal, i) => _world.Start(async () =>
                {
                    await signal.WaitAsync().ConfigureAwait(false);
                    Assert.Same(TaskScheduler.Default, TaskScheduler.Current);
                    order.Add($"wait {i}");
                })).ToArray();
                var begun = new Completion(_world);
                var others = new List<Task> { _world.Start(() => Begin(begun)) };
                await begun.WaitAsync().ConfigureAwait(false);
                for (var i = 0; i < signals.Length; i++)
                {
                    signals[i].Set();
                    var number = i;
                    others.Add(_world.Start(() => Note($"task {number}")));
                }

                await Task.WhenAll([.. waits, .. others]).ConfigureAwait(false);
            },
            TimeSpan.Zero);
        Assert.Equal(["wait 0", "task 0", "wait 1", "task 1", "wait 2", "task 2"], order);

        static Task Begin(Completion begun)
        {
            begun.TrySetResult();
            return Task.CompletedTask;
        }

        Task Note(string what)
        {
            order.Add(what);
            return Task.CompletedTask;
        }
    }

    [Fact]
    public void Timers_of_one_instant_fire_in_the_order_in_which_they_were_set()
    {
        var fired = new List<int>();
        for (var i = 0; i < 10; i++)
        {
            var n = i;
            _world.TimeProvider.CreateTimer(_ => fired.Add(n), null, TimeSpan.FromSeconds(1), Timeout.InfiniteTimeSpan);
        }

        _world.RunFor(TimeSpan.FromSeconds(1));
        Assert.Equal(Enumerable.Range(0, 10), fired);
        Assert.Equal(0, _world.PendingTimers);
    }

    [Fact]
    public void Timers_repeat_change_and_stop()
    {
        var fired = new List<double>();
        var timer = _world.TimeProvider.CreateTimer(
            _ => fired.Add(_world.Now.TotalSeconds), null, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(2));
        _world.RunFor(TimeSpan.FromSeconds(6));
        Assert.Equal([1, 3, 5], fired);
        Assert.True(timer.Change(TimeSpan.FromSeconds(10), Timeout.InfiniteTimeSpan));
        _world.RunFor(TimeSpan.FromSeconds(20));
        Assert.Equal([1, 3, 5, 16], fired);
        timer.Dispose();
        Assert.False(timer.Change(TimeSpan.Zero, TimeSpan.Zero));
        _world.RunFor(TimeSpan.FromSeconds(20));
        Assert.Equal(4, fired.Count);
    }

    [Fact]
    public void A_timer_that_is_set_a_million_times_takes_no_memory()
    {
        var fired = 0;
        var timer = _world.TimeProvider.CreateTimer(_ => fired++, null, TimeSpan.FromSeconds(1), Timeout.InfiniteTimeSpan);
        timer.Change(TimeSpan.FromDays(1), Timeout.InfiniteTimeSpan);
        for (var i = 0; i < 1_000_000; i++)
            timer.Change(TimeSpan.FromDays(1), Timeout.InfiniteTimeSpan);
        Assert.InRange(_world.QueuedTimers, 1, 2_000);
        Assert.Equal(1, _world.PendingTimers);
    }

    [Fact]
    public void A_missed_deadline_says_what_was_awaited_and_how_things_stand()
    {
        _world.Describe = () => "node 1: asleep";
        var timer = _world.TimeProvider.CreateTimer(_ => { }, null, TimeSpan.FromHours(1), Timeout.InfiniteTimeSpan);
        var error = Assert.Throws<SimulationException>(() =>
            _world.RunUntil(() => false, TimeSpan.FromSeconds(3), "a pig that flies"));
        Assert.Equal("a pig that flies", error.Awaited);
        Assert.Equal(TimeSpan.FromSeconds(3), error.At);
        Assert.Contains("not reached within 3 s", error.Message, StringComparison.Ordinal);
        Assert.Contains("node 1: asleep", error.Message, StringComparison.Ordinal);
        Assert.Contains("t=3600 s", error.Message, StringComparison.Ordinal);
        timer.Dispose();
    }

    [Fact]
    public void A_wait_that_nothing_can_end_is_found_at_once()
    {
        var never = new Completion(_world);
        var error = Assert.Throws<SimulationException>(() =>
            _world.Run(() => never.WaitAsync().AsTask(), TimeSpan.FromHours(1)));
        Assert.Contains("nothing is left to do", error.Message, StringComparison.Ordinal);
        Assert.Contains("never.WaitAsync", error.Awaited, StringComparison.Ordinal);
    }

    [Fact]
    public void A_livelock_is_found()
    {
        var signal = new Signal(_world);
        var error = Assert.Throws<SimulationException>(() => _world.Run(
            async () =>
            {
                while (true)
                {
                    _ = _world.Start(() =>
                    {
                        signal.Set();
                        return Task.CompletedTask;
                    });
                    await signal.WaitAsync();
                }
            },
            TimeSpan.FromSeconds(1)));
        Assert.Contains("livelock", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_continuation_from_another_thread_is_a_failure()
    {
        var signal = new Signal(_world);
        var error = Assert.Throws<SimulationException>(() => _world.Run(
            async () =>
            {
                _ = _world.Start(() =>
                {
                    var thread = new Thread(signal.Set);
                    thread.Start();
                    thread.Join();
                    return Task.CompletedTask;
                });
                await signal.WaitAsync();
            },
            TimeSpan.FromSeconds(1)));
        Assert.Contains("another thread", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Chains_of_async_methods_stay_on_the_thread(bool capture)
    {
        var thread = Environment.CurrentManagedThreadId;
        var signal = new Signal(_world, _world.TimeProvider);
        async Task<int> Deep(int depth)
        {
            if (depth == 0)
                await signal.WaitAsync(TimeSpan.FromSeconds(1)).ConfigureAwait(capture);
            else
                await Deep(depth - 1).ConfigureAwait(capture);
            Assert.Equal(thread, Environment.CurrentManagedThreadId);
            return depth;
        }

        Assert.Equal(20, _world.Run(() => Deep(20), TimeSpan.FromSeconds(2)));
        _world.Run(
            async () =>
            {
                await Task.Delay(TimeSpan.FromSeconds(1), _world.TimeProvider).ConfigureAwait(capture);
                Assert.Equal(thread, Environment.CurrentManagedThreadId);
                await Task.WhenAll(Deep(3), Deep2()).ConfigureAwait(capture);
                Assert.Equal(thread, Environment.CurrentManagedThreadId);
            },
            TimeSpan.FromSeconds(9));
        async Task Deep2() =>
            await Task.Delay(TimeSpan.FromSeconds(2), _world.TimeProvider).ConfigureAwait(capture);
    }

    [Fact]
    public void Exceptions_come_out_as_they_are()
    {
        Assert.Throws<IOException>(() => _world.Run(
            async () =>
            {
                await Task.Delay(TimeSpan.FromSeconds(1), _world.TimeProvider);
                throw new IOException("x");
            },
            TimeSpan.FromSeconds(2)));
        Assert.ThrowsAny<OperationCanceledException>(() =>
            _world.Run(() => Task.FromCanceled(new CancellationToken(true)), TimeSpan.FromSeconds(2)));
    }

    [Fact]
    public void A_nodes_clock_has_its_own_rate_and_wall_time()
    {
        var fast = _world.CreateClock(1.05, TimeSpan.FromHours(1));
        var slow = _world.CreateClock(0.95);
        var start = slow.GetUtcNow();
        Assert.Equal(TimeSpan.FromHours(1), fast.GetUtcNow() - start);
        var (f, s) = (fast.GetTimestamp(), slow.GetTimestamp());
        double firedAt = 0;
        fast.CreateTimer(_ => firedAt = _world.Now.TotalSeconds, null, TimeSpan.FromSeconds(105), Timeout.InfiniteTimeSpan);
        _world.RunFor(TimeSpan.FromSeconds(100));
        Assert.Equal(105, fast.GetElapsedTime(f).TotalSeconds, 0.001);
        Assert.Equal(95, slow.GetElapsedTime(s).TotalSeconds, 0.001);
        Assert.Equal(100, firedAt, 0.001);
        fast.WallOffset = -TimeSpan.FromMinutes(5); // set back; the monotonic clock does not notice
        Assert.True(fast.GetUtcNow() < start);
        Assert.Equal(105, fast.GetElapsedTime(f).TotalSeconds, 0.001);
    }
}
