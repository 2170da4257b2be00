namespace Mosaik.Waiting;

/// <summary>
/// An auto-reset event that is awaited: "something changed, look again". Sets that nobody has taken yet coalesce
/// into one; at most one wait may be pending.
/// </summary>
/// <remarks>
/// A set is never lost: it either ends the pending wait or makes the next one return at once. Continuations are posted
/// to the scheduler given at construction, also on cancellation and deadline. A wait does not allocate in steady state:
/// the deadline uses one timer for the life of the signal, which is stopped whenever no wait is pending.
/// </remarks>
public sealed class Signal
{
    // Timers of the BCL count whole milliseconds, up to about 49 days; OnTimer starts over for what is left.
    private static readonly TimeSpan ShortestSystemTimer = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan LongestTimer = TimeSpan.FromDays(40);

    private readonly Lock _lock = new();
    private readonly TimeProvider _timeProvider;
    private readonly Waiter _waiter;
    private ITimer? _timer;
    private bool _set;
    private bool _waiting;
    private bool _busy;
    private bool _hasDeadline;
    private long _startedAt;
    private TimeSpan _timeout;

    /// <summary>Makes a signal that is not set.</summary>
    /// <param name="scheduler">Where continuations run; <see cref="TaskScheduler.Default"/> if null.</param>
    /// <param name="timeProvider">The clock of deadlines; <see cref="TimeProvider.System"/> if null.</param>
    public Signal(TaskScheduler? scheduler = null, TimeProvider? timeProvider = null)
    {
        _timeProvider = timeProvider ?? TimeProvider.System;
        _waiter = new Waiter(this, scheduler ?? TaskScheduler.Default);
    }

    /// <summary>Ends the pending wait, or lets the next one return at once.</summary>
    public void Set()
    {
        lock (_lock)
        {
            if (!_waiting)
            {
                _set = true;
                return;
            }

            _waiting = false;
        }

        _waiter.Succeed(true);
    }

    /// <summary>Waits for a set.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Always true.</returns>
    /// <exception cref="InvalidOperationException">Another wait is pending.</exception>
    public ValueTask<bool> WaitAsync(CancellationToken cancellationToken = default) =>
        WaitAsync(Timeout.InfiniteTimeSpan, cancellationToken);

    /// <summary>Waits for a set or a deadline.</summary>
    /// <param name="timeout">
    /// How long to wait; zero or less takes a set that is there and does not wait;
    /// <see cref="Timeout.InfiniteTimeSpan"/> waits without deadline.
    /// </param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>True if the signal was set, false if the deadline came first.</returns>
    /// <exception cref="InvalidOperationException">Another wait is pending.</exception>
    public ValueTask<bool> WaitAsync(TimeSpan timeout, CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested)
            return ValueTask.FromCanceled<bool>(cancellationToken);
        var infinite = timeout == Timeout.InfiniteTimeSpan;
        lock (_lock)
        {
            if (_busy)
                throw new InvalidOperationException("A signal has a single waiter, and it is waiting already.");
            if (_set)
            {
                _set = false;
                return new ValueTask<bool>(true);
            }

            if (!infinite && timeout <= TimeSpan.Zero)
                return new ValueTask<bool>(false);
            _waiting = _busy = true;
            _waiter.Token = cancellationToken;
            _hasDeadline = !infinite;
            if (_hasDeadline)
            {
                _timeout = timeout;
                _startedAt = _timeProvider.GetTimestamp();
            }
        }

        if (!infinite)
            StartTimer(timeout);
        _waiter.WatchToken();
        return _waiter.Task;
    }

    private void StartTimer(TimeSpan due)
    {
        if (due < ShortestSystemTimer && ReferenceEquals(_timeProvider, TimeProvider.System))
            due = ShortestSystemTimer;
        else if (due > LongestTimer)
            due = LongestTimer;
        if (_timer is null)
            _timer = _timeProvider.CreateTimer(
                static self => ((Signal)self!).OnTimer(), this, due, Timeout.InfiniteTimeSpan);
        else
            _timer.Change(due, Timeout.InfiniteTimeSpan);
    }

    private void OnTimer()
    {
        TimeSpan left;
        lock (_lock)
        {
            // A late callback of an earlier wait finds a younger deadline that is not reached yet.
            if (!_waiting || !_hasDeadline)
                return;
            left = _timeout - _timeProvider.GetElapsedTime(_startedAt);
            if (left <= TimeSpan.Zero)
                _waiting = false;
        }

        if (left <= TimeSpan.Zero)
            _waiter.Succeed(false);
        else
            StartTimer(left);
    }

    /// <summary>The one wait.</summary>
    private sealed class Waiter(Signal owner, TaskScheduler scheduler) : WaitSource<bool>(scheduler)
    {
        protected override void TryCancel(CancellationToken token)
        {
            lock (owner._lock)
            {
                if (!owner._waiting || token != Token)
                    return;
                owner._waiting = false;
            }

            Fail(new OperationCanceledException(token));
        }

        protected override void OnReleased()
        {
            if (owner._hasDeadline)
                owner._timer?.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            lock (owner._lock)
                owner._busy = false;
        }
    }
}
