using Mosaik.Quic.Driver;
using Mosaik.Waiting;

namespace Mosaik.Quic.Tests.Driver;

/// <summary>Which thread receives, while continuations of any length run on the one that does.</summary>
public sealed class ReceiveRoleTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task A_thread_whose_continuation_returns_keeps_the_role()
    {
        using var receivers = new Receivers();
        var ran = new TaskCompletionSource<Thread>(TaskCreationOptions.RunContinuationsAsynchronously);
        var again = new TaskCompletionSource<Thread>(TaskCreationOptions.RunContinuationsAsynchronously);
        receivers.Deliver(() => ran.SetResult(Thread.CurrentThread));
        var thread = await ran.Task.WaitAsync(Patience);
        receivers.Deliver(() => again.SetResult(Thread.CurrentThread));
        Assert.Same(thread, await again.Task.WaitAsync(Patience));
        Assert.Same(thread, receivers.Threads.Single());
    }

    [Fact]
    public async Task A_continuation_that_blocks_does_not_stop_the_receiving()
    {
        using var receivers = new Receivers();
        using var release = new ManualResetEventSlim();
        var blocked = await receivers.BlockAsync(release);
        var second = new TaskCompletionSource<Thread>(TaskCreationOptions.RunContinuationsAsynchronously);
        receivers.Deliver(() => second.SetResult(Thread.CurrentThread));
        var next = await second.Task.WaitAsync(Patience);
        Assert.NotSame(blocked, next);
        release.Set();
        Assert.True(blocked.Join(Patience)); // it finds that it has lost the role
        Assert.False(next.Join(TimeSpan.Zero));
    }

    [Fact]
    public async Task While_a_thread_is_missing_and_for_a_while_after_a_slow_one_nothing_is_run()
    {
        using var receivers = new Receivers();
        using var release = new ManualResetEventSlim();
        var blocked = await receivers.BlockAsync(release);
        var next = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        receivers.Deliver(() => next.SetResult(receivers.Role.MayRun)); // on the next thread, run in spite of the advice
        Assert.False(await next.Task.WaitAsync(Patience));
        release.Set();
        Assert.True(blocked.Join(Patience));
        Assert.True(SpinWait.SpinUntil(() => receivers.Role.MayRun, Patience));
    }

    [Fact]
    public async Task A_continuation_may_close_the_socket_and_wait_for_that()
    {
        using var receivers = new Receivers();
        var closed = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        receivers.Deliver(() =>
        {
            using var done = new ManualResetEventSlim();
            ThreadPool.QueueUserWorkItem(_ =>
            {
                receivers.Close();
                done.Set();
            });
            closed.SetResult(done.Wait(Patience));
        });
        Assert.True(await closed.Task.WaitAsync(Patience));
        Assert.All(receivers.Threads, static thread => Assert.True(thread.Join(Patience)));
    }

    [Fact]
    public async Task A_continuation_that_comes_with_the_end_is_posted()
    {
        using var receivers = new Receivers();
        using var closing = new ManualResetEventSlim();
        var ran = new TaskCompletionSource<Thread>(TaskCreationOptions.RunContinuationsAsynchronously);
        // Delivered while the role is closed already, as by a thread whose last datagram came just before.
        var delivered = receivers.DeliverAfter(closing, () => ran.SetResult(Thread.CurrentThread));
        var close = Task.Run(receivers.Close);
        Assert.True(SpinWait.SpinUntil(() => receivers.IsClosing, Patience));
        closing.Set();
        await close.WaitAsync(Patience);
        Assert.NotSame(delivered, await ran.Task.WaitAsync(Patience));
    }

    /// <summary>Threads that receive continuations from a queue, as those of a socket do from the network.</summary>
    private sealed class Receivers : IDisposable
    {
        private readonly object _lock = new();
        private readonly Queue<Work> _queue = new();
        private readonly List<Thread> _threads = [];
        private bool _isClosing;

        public Receivers()
        {
            Role = new ReceiveRole(Start, "watch");
            Role.Start();
        }

        public ReceiveRole Role { get; }

        public IReadOnlyList<Thread> Threads
        {
            get
            {
                lock (_lock)
                    return [.. _threads];
            }
        }

        public bool IsClosing
        {
            get
            {
                lock (_lock)
                    return _isClosing;
            }
        }

        public void Deliver(Action action) => Deliver(new Work(action, null));

        /// <summary>Delivers what runs until it is released. Returns the thread on which it does.</summary>
        public Task<Thread> BlockAsync(ManualResetEventSlim release)
        {
            var started = new TaskCompletionSource<Thread>(TaskCreationOptions.RunContinuationsAsynchronously);
            Deliver(() =>
            {
                started.SetResult(Thread.CurrentThread);
                Assert.True(release.Wait(Patience));
            });
            return started.Task.WaitAsync(Patience);
        }

        /// <summary>The thread takes it at once, and runs it when it may. Returns that thread.</summary>
        public Thread DeliverAfter(ManualResetEventSlim gate, Action action)
        {
            Deliver(new Work(action, gate));
            return Threads[^1];
        }

        public void Close()
        {
            lock (_lock)
            {
                _isClosing = true;
                Monitor.PulseAll(_lock);
            }

            Role.Dispose();
        }

        public void Dispose() => Close();

        private void Deliver(Work work)
        {
            lock (_lock)
            {
                _queue.Enqueue(work);
                Monitor.PulseAll(_lock);
            }
        }

        private Thread Start(long term)
        {
            var thread = new Thread(() => Receive(term)) { IsBackground = true };
            lock (_lock)
                _threads.Add(thread);
            thread.Start();
            return thread;
        }

        private void Receive(long term)
        {
            while (true)
            {
                Work? work;
                lock (_lock)
                {
                    while (!_queue.TryDequeue(out work))
                    {
                        if (_isClosing)
                            return;
                        Monitor.Wait(_lock);
                    }
                }

                work.Gate?.Wait(Patience);
                if (!Role.Run(term, work))
                    return;
            }
        }
    }

    private sealed class Work(Action action, ManualResetEventSlim? gate) : IPoolWork
    {
        public ManualResetEventSlim? Gate => gate;

        public void Run() => action();

        public void Execute() => action();
    }
}
