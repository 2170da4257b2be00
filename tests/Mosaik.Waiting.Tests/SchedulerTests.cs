using Microsoft.Extensions.Time.Testing;

namespace Mosaik.Waiting.Tests;

/// <summary>No continuation leaves the given scheduler, whatever the flags of the await and the end of the wait.</summary>
public sealed class SchedulerTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Every_continuation_runs_on_the_scheduler(bool capture)
    {
        var scheduler = new OneThreadScheduler();
        var time = new FakeTimeProvider();
        var steps = 0;
        var mailbox = new Mailbox<int>(1, scheduler);
        var signal = new Signal(scheduler, time);
        var completion = new Completion<int>(scheduler);
        var faulted = new Completion(scheduler);
        using var cancel = new CancellationTokenSource();

        async Task Step(ValueTask wait)
        {
            Assert.False(wait.IsCompleted);
            try
            {
                await wait.ConfigureAwait(capture);
            }
            catch (Exception e) when (e is OperationCanceledException or MailboxCompletedException or IOException)
            {
            }

            scheduler.AssertHere();
            steps++;
        }

        static async ValueTask Untyped<T>(ValueTask<T> wait, OneThreadScheduler scheduler, bool capture)
        {
            try
            {
                await wait.ConfigureAwait(capture);
            }
            finally
            {
                scheduler.AssertHere();
            }
        }

        async Task Reader()
        {
            await Step(Untyped(mailbox.WaitToReadAsync(), scheduler, capture));
            Assert.True(mailbox.TryRead(out _));
            await Step(Untyped(mailbox.ReadAsync(), scheduler, capture));
            await Step(Untyped(mailbox.ReadAsync(cancel.Token), scheduler, capture));
        }

        async Task Waiter()
        {
            await Step(Untyped(signal.WaitAsync(), scheduler, capture));
            await Step(Untyped(signal.WaitAsync(TimeSpan.FromSeconds(5)), scheduler, capture));
            await Step(Untyped(signal.WaitAsync(TimeSpan.FromSeconds(50), cancel.Token), scheduler, capture));
        }

        var all = new[]
        {
            scheduler.Start(Reader),
            scheduler.Start(Waiter),
            scheduler.Start(() => Step(Untyped(completion.WaitAsync(), scheduler, capture))),
            scheduler.Start(() => Step(Untyped(completion.WaitAsync(cancel.Token), scheduler, capture))),
            scheduler.Start(() => Step(faulted.WaitAsync())),
        };
        scheduler.RunAll();

        // The ends come from other threads, so that staying put is not luck.
        void FromAnotherThread(Action action)
        {
            var thread = new Thread(() => action());
            thread.Start();
            thread.Join();
            scheduler.RunAll();
        }

        FromAnotherThread(() => mailbox.TryPost(1));
        FromAnotherThread(() => mailbox.TryPost(2));
        FromAnotherThread(signal.Set);
        FromAnotherThread(() => time.Advance(TimeSpan.FromSeconds(5)));
        FromAnotherThread(cancel.Cancel);
        FromAnotherThread(() => completion.TrySetResult(1));
        FromAnotherThread(() => faulted.TrySetException(new IOException("x")));
        Assert.All(all, task => Assert.True(task.IsCompletedSuccessfully, task.Exception?.ToString()));
        Assert.Equal(9, steps);
    }

    [Fact]
    public void A_writer_in_line_continues_on_the_scheduler()
    {
        var scheduler = new OneThreadScheduler();
        var mailbox = new Mailbox<int>(1, scheduler);
        Assert.True(mailbox.TryPost(0));
        var done = new List<int>();
        var tasks = Enumerable.Range(1, 3).Select(i => scheduler.Start(async () =>
        {
            Assert.True(await mailbox.PostAsync(i).ConfigureAwait(false));
            scheduler.AssertHere();
            done.Add(i);
        })).ToArray();
        scheduler.RunAll();
        for (var i = 0; i < 4; i++)
        {
            Assert.True(mailbox.TryRead(out var item));
            Assert.Equal(i, item);
            scheduler.RunAll();
        }

        Assert.All(tasks, task => Assert.True(task.IsCompletedSuccessfully));
        Assert.Equal([1, 2, 3], done);
    }

    [Fact]
    public void Nothing_runs_inside_the_call_that_ends_a_wait()
    {
        var scheduler = new OneThreadScheduler();
        var signal = new Signal(scheduler);
        var ran = false;
        _ = scheduler.Start(async () =>
        {
            await signal.WaitAsync().ConfigureAwait(false);
            ran = true;
        });
        scheduler.RunAll();
        signal.Set();
        Assert.False(ran);
        scheduler.RunAll();
        Assert.True(ran);
    }

    [Fact]
    public void The_default_scheduler_is_the_thread_pool()
    {
        var signal = new Signal();
        using var done = new ManualResetEventSlim();
        var onPool = false;
        var awaiter = signal.WaitAsync().GetAwaiter();
        awaiter.OnCompleted(() =>
        {
            onPool = Thread.CurrentThread.IsThreadPoolThread;
            done.Set();
        });
        signal.Set();
        done.Wait(TestContext.Current.CancellationToken);
        Assert.True(onPool);
    }

    [Fact]
    public void The_execution_context_flows_when_asked_for()
    {
        var local = new AsyncLocal<int> { Value = 7 };
        var signal = new Signal();
        using var done = new ManualResetEventSlim();
        var seen = 0;
        signal.WaitAsync().GetAwaiter().OnCompleted(() =>
        {
            seen = local.Value;
            done.Set();
        });
        using (ExecutionContext.SuppressFlow())
        {
            var other = new Thread(signal.Set);
            other.Start();
            other.Join();
        }

        done.Wait(TestContext.Current.CancellationToken);
        Assert.Equal(7, seen);
    }
}
