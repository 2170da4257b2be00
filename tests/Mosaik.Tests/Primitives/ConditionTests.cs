using Mosaik.Primitives;

namespace Mosaik.Tests.Primitives;

public sealed class ConditionTests
{
    [Fact]
    public async Task The_first_wait_completes_at_once_when_met()
    {
        var source = new ConditionSource(met: true);
        Condition condition = source.Condition;
        Assert.True(condition.IsMet);
        Assert.True(condition.WaitAsync().IsCompletedSuccessfully);
        Assert.False(condition.Not().IsMet);
        // While it stays met the next wait stays pending; a clone starts fresh.
        ValueTask second = condition.WaitAsync();
        Assert.False(second.IsCompleted);
        Assert.True(condition.Clone().WaitAsync().IsCompletedSuccessfully);
        source.Set(false);
        source.Set(true);
        await second;
    }

    [Fact]
    public async Task Transitions_are_counted_between_waits()
    {
        var source = new ConditionSource();
        Condition condition = source.Condition;
        ValueTask first = condition.WaitAsync();
        source.Set(true);
        await first;
        source.Set(false);
        source.Set(true);
        source.Set(false);
        source.Set(true);
        source.Set(false);
        // Two rises since then are consumed by one completion, although it has fallen again.
        Assert.True(condition.WaitAsync().IsCompletedSuccessfully);
        Assert.False(condition.WaitAsync().IsCompleted);
    }

    [Fact]
    public async Task A_change_before_the_first_wait_does_not_count_when_it_was_undone()
    {
        var source = new ConditionSource();
        Condition condition = source.Condition;
        source.Set(true);
        source.Set(false);
        ValueTask wait = condition.WaitAsync();
        Assert.False(wait.IsCompleted);
        source.Set(true);
        await wait;
    }

    [Fact]
    public async Task A_cancelled_wait_consumes_nothing()
    {
        var source = new ConditionSource();
        Condition condition = source.Condition;
        using var cancellation = new CancellationTokenSource();
        ValueTask cancelled = condition.WaitAsync(cancellation.Token);
        ValueTask other = condition.WaitAsync();
        cancellation.Cancel();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await cancelled);
        source.Set(true);
        await other;
        Assert.False(condition.WaitAsync().IsCompleted);
        Assert.True(condition.WaitAsync(cancellation.Token).IsCanceled);
    }

    [Fact]
    public async Task Concurrent_waits_complete_on_the_same_transition()
    {
        var source = new ConditionSource();
        Condition condition = source.Condition;
        ValueTask[] waits = [condition.WaitAsync(), condition.WaitAsync(), condition.WaitAsync()];
        source.Set(true);
        foreach (ValueTask wait in waits)
            await wait;
        Assert.False(condition.WaitAsync().IsCompleted);
    }

    [Fact]
    public async Task The_opposite_waits_for_falls()
    {
        var source = new ConditionSource(met: true);
        Condition gone = source.Condition.Not();
        ValueTask wait = gone.WaitAsync();
        Assert.False(wait.IsCompleted);
        source.Set(false);
        await wait;
        Assert.True(gone.IsMet);
        await gone.Not().Not();
    }

    [Fact]
    public async Task Waits_fail_when_the_thing_is_gone_but_deliver_what_is_left()
    {
        var source = new ConditionSource();
        Condition online = source.Condition;
        Condition offline = source.Condition.Not();
        ValueTask pending = online.WaitAsync();
        await offline;
        source.Set(true);
        source.Set(false);
        source.Fail(new InvalidOperationException("gone"));
        source.Set(true);
        await pending;
        await offline; // became met again before the end
        Assert.Equal("gone", (await Assert.ThrowsAsync<InvalidOperationException>(async () => await online)).Message);
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await offline);
        await source.Condition.Not(); // a fresh one is met at once
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await source.Condition);
    }

    [Fact]
    public async Task A_pending_wait_fails_when_the_thing_is_gone()
    {
        var source = new ConditionSource();
        ValueTask wait = source.Condition.WaitAsync();
        source.Fail(new InvalidOperationException("gone"));
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await wait);
    }

    [Fact]
    public async Task Transitions_are_enumerated_without_gaps()
    {
        var source = new ConditionSource();
        IAsyncEnumerable<bool> transitions = source.Condition.TransitionsAsync();
        source.Set(true);
        source.Set(false);
        source.Set(true);
        source.Fail(new InvalidOperationException("gone"));
        var seen = new List<bool>();
        await Assert.ThrowsAsync<InvalidOperationException>(async () =>
        {
            await foreach (bool met in transitions)
                seen.Add(met);
        });
        Assert.Equal([false, true, false, true], seen);
    }

    [Fact]
    public async Task Continuations_run_on_the_given_scheduler()
    {
        var scheduler = new MarkingScheduler();
        var source = new ConditionSource(scheduler: scheduler);
        bool stayed = false;
        async Task WaitAsync()
        {
            await source.Condition.WaitAsync().ConfigureAwait(false);
            stayed = MarkingScheduler.IsInside;
        }
        Task waiting = WaitAsync();
        source.Set(true);
        await waiting;
        Assert.True(stayed);
    }

    private sealed class MarkingScheduler : TaskScheduler
    {
        [ThreadStatic]
        private static bool Inside;

        public static bool IsInside => Inside;

        protected override void QueueTask(Task task) => ThreadPool.UnsafeQueueUserWorkItem(
            _ =>
            {
                Inside = true;
                TryExecuteTask(task);
                Inside = false;
            },
            null);

        protected override bool TryExecuteTaskInline(Task task, bool taskWasPreviouslyQueued) => false;

        protected override IEnumerable<Task> GetScheduledTasks() => [];
    }
}
