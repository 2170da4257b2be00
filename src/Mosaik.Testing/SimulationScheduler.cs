using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using Mosaik.Waiting;

namespace Mosaik.Testing;

/// <summary>
/// One thread and virtual time for whole nodes: a task scheduler that runs everything on the thread that calls it, in
/// order of arrival, and moves its clock to the next timer when nothing is left to do (spec/reliability.md §2, §3.2, §6).
/// </summary>
/// <remarks>
/// <para>Give <see cref="TimeProvider"/> and the scheduler itself to every node, then drive the world with
/// <see cref="Run(Func{Task}, TimeSpan, string)"/>, <see cref="RunUntil"/> and <see cref="RunFor"/>. Between two calls
/// nothing happens. Timers that are due at the same instant fire in the order in which they were set.</para>
/// <para>Tasks are started hidden (<see cref="TaskSchedulerExtensions"/>): inside, <c>TaskScheduler.Current</c> is the
/// default one. So code in a simulation must not use <c>Task.Run</c>, <c>Task.Yield</c>, timers of the real clock, or a
/// <c>Task.Delay</c> that its token may end: they continue on the thread pool. Wait on a <see cref="Signal"/> instead.
/// A task that arrives from another thread while the world runs is reported as a failure: the run would not repeat.</para>
/// <para>It is not for use from several threads, and it does not know nodes, faults or networks.</para>
/// </remarks>
public sealed class SimulationScheduler : TaskScheduler, IContinuationScheduler
{
    /// <summary>So many steps without virtual time advancing are a livelock.</summary>
    public const int LivelockSteps = 1_000_000;

    private readonly Lock _lock = new();
    private readonly Queue<object> _ready = new(); // tasks and continuations
    private readonly VirtualTimeProvider _time;
    private int _runningThread;
    private int _escaped;
    private SynchronizationContext? _previousContext;

    /// <summary>A world at its beginning.</summary>
    /// <param name="start">The wall-clock time of the beginning; 2025-01-01 UTC if not given.</param>
    public SimulationScheduler(DateTimeOffset? start = null) =>
        _time = new VirtualTimeProvider(start ?? new DateTimeOffset(2025, 1, 1, 0, 0, 0, TimeSpan.Zero));

    /// <summary>The virtual clock and its timers.</summary>
    public TimeProvider TimeProvider => _time;

    /// <summary>Virtual time since the beginning.</summary>
    public TimeSpan Now => _time.Now;

    /// <summary>Tasks and timers that have run so far: equal in two runs of one seed.</summary>
    public long Steps { get; private set; }

    /// <summary>Timers that will fire: 0 after everything was disposed.</summary>
    public int PendingTimers => _time.Pending;

    /// <summary>Entries of the timer queue, those that no longer count included: bounded by a multiple of the timers.</summary>
    internal int QueuedTimers => _time.Queued;

    /// <summary>Added to the message of a failure: the state of those involved.</summary>
    public Func<string>? Describe { get; set; }

    /// <inheritdoc/>
    public override int MaximumConcurrencyLevel => 1;

    /// <summary>A clock of its own for one node: another rate, another wall time.</summary>
    /// <param name="rate">Its seconds per second of the world; 1 ± 0.05 is what real clocks do.</param>
    /// <param name="wallOffset">How far its wall clock is ahead at the beginning.</param>
    /// <returns>The clock.</returns>
    public SimulationClock CreateClock(double rate = 1, TimeSpan wallOffset = default) => new(_time, rate, wallOffset);

    /// <summary>Runs an async method, and the world with it, until it completes.</summary>
    /// <param name="body">The method.</param>
    /// <param name="limit">The virtual time it may take.</param>
    /// <param name="what">What is awaited, for the message.</param>
    /// <exception cref="SimulationException">The limit was reached, or nothing is left that could complete it.</exception>
    public void Run(Func<Task> body, TimeSpan limit, [CallerArgumentExpression(nameof(body))] string what = "")
    {
        var task = this.Start(body);
        RunLoop(() => task.IsCompleted, limit, what);
        Rethrow(task);
    }

    /// <summary>Runs an async method, and the world with it, until it has a result.</summary>
    /// <typeparam name="T">The type of the result.</typeparam>
    /// <param name="body">The method.</param>
    /// <param name="limit">The virtual time it may take.</param>
    /// <param name="what">What is awaited, for the message.</param>
    /// <returns>The result.</returns>
    /// <exception cref="SimulationException">The limit was reached, or nothing is left that could complete it.</exception>
    public T Run<T>(Func<Task<T>> body, TimeSpan limit, [CallerArgumentExpression(nameof(body))] string what = "")
    {
        T result = default!; // set when the method completes, without which Run throws
        Run(async () => { result = await body().ConfigureAwait(false); }, limit, what);
        return result;
    }

    /// <summary>Runs the world until a condition holds.</summary>
    /// <param name="condition">Asked after every step; cheap and without effect.</param>
    /// <param name="limit">The virtual time it may take.</param>
    /// <param name="what">What is awaited, for the message.</param>
    /// <exception cref="SimulationException">The limit was reached, or nothing is left that could change it.</exception>
    public void RunUntil(
        Func<bool> condition, TimeSpan limit, [CallerArgumentExpression(nameof(condition))] string what = "")
    {
        ArgumentNullException.ThrowIfNull(condition);
        RunLoop(condition, limit, what);
    }

    /// <summary>Runs the world for some time.</summary>
    /// <param name="duration">Virtual time.</param>
    public void RunFor(TimeSpan duration)
    {
        var end = _time.Now + duration;
        Enter();
        try
        {
            while (true)
            {
                if (Step())
                    continue;
                if (!_time.TryFireNext(end))
                    break;
                Count();
            }

            _time.AdvanceTo(end);
        }
        finally
        {
            Leave();
        }
    }

    /// <inheritdoc/>
    void IContinuationScheduler.Post(IThreadPoolWorkItem continuation) => Enqueue(continuation);

    /// <inheritdoc/>
    protected override void QueueTask(Task task) => Enqueue(task);

    /// <inheritdoc/>
    protected override bool TryExecuteTaskInline(Task task, bool taskWasPreviouslyQueued) => false;

    /// <inheritdoc/>
    protected override IEnumerable<Task> GetScheduledTasks()
    {
        lock (_lock)
            return _ready.OfType<Task>().ToArray();
    }

    private static void Rethrow(Task completed)
    {
        if (completed.IsCompletedSuccessfully)
            return;
        ExceptionDispatchInfo.Throw(completed.Exception?.InnerException ?? new OperationCanceledException("cancelled"));
    }

    private void RunLoop(Func<bool> done, TimeSpan limit, string what)
    {
        var end = _time.Now + limit;
        Enter();
        try
        {
            while (!done())
            {
                if (Step())
                    continue;
                if (_time.TryFireNext(end))
                    Count();
                else if (_time.Pending == 0)
                    throw Failure("nothing is left to do", what);
                else
                {
                    _time.AdvanceTo(end);
                    throw Failure(FormattableString.Invariant($"not reached within {limit.TotalSeconds:0.###} s"), what);
                }
            }
        }
        finally
        {
            Leave();
        }
    }

    private void Enqueue(object work)
    {
        lock (_lock)
        {
            if (_runningThread != 0 && _runningThread != Environment.CurrentManagedThreadId)
                _escaped++;
            _ready.Enqueue(work);
        }
    }

    private bool Step()
    {
        object? work;
        lock (_lock)
        {
            if (_escaped > 0)
                throw Failure("a continuation came from another thread", "one thread");
            if (!_ready.TryDequeue(out work))
                return false;
        }

        if (work is Task task)
            TryExecuteTask(task);
        else
            ((IThreadPoolWorkItem)work).Execute();
        Count();
        return true;
    }

    private void Count()
    {
        Steps++;
        if (_time.CountStep() > LivelockSteps)
            throw Failure("livelock: time does not advance", "an end of work at this instant");
    }

    private void Enter()
    {
        lock (_lock)
        {
            if (_runningThread != 0)
                throw new InvalidOperationException("The simulation is running already.");
            _runningThread = Environment.CurrentManagedThreadId;
        }

        _previousContext = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(null); // a test runner's context would catch continuations
    }

    private void Leave()
    {
        SynchronizationContext.SetSynchronizationContext(_previousContext);
        lock (_lock)
            _runningThread = 0;
    }

    private SimulationException Failure(string problem, string what)
    {
        var at = _time.Now;
        var message = FormattableString.Invariant(
            $"{problem} at t={at.TotalSeconds:0.######} s while waiting for: {what}\n  step {Steps}, {_time.Pending} timers");
        if (_time.NextDue is { } next)
            message += FormattableString.Invariant($", the next at t={next.TotalSeconds:0.######} s");
        if (Describe is { } describe)
            message += "\n" + describe();
        return new SimulationException(message, what, at);
    }
}
