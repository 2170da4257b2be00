namespace Mosaik.Testing;

/// <summary>
/// Actions that happen later, in order of time and, at one instant, of arrival; one timer for all of them. They run on
/// the clock's callback: under a simulation that is the world's thread.
/// </summary>
internal sealed class DelayedActions : IDisposable
{
    private readonly Lock _lock = new();
    private readonly TimeProvider _timeProvider;
    private readonly long _start;
    private readonly PriorityQueue<DelayedAction, (long Due, long Sequence)> _queue = new();
    private readonly ITimer _timer;
    private long _sequence;
    private long _armedFor = long.MaxValue;
    private bool _running;

    public DelayedActions(TimeProvider timeProvider)
    {
        _timeProvider = timeProvider;
        _start = timeProvider.GetTimestamp();
        _timer = timeProvider.CreateTimer(
            static self => ((DelayedActions)self!).Run(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Time since the beginning.</summary>
    public TimeSpan Now => _timeProvider.GetElapsedTime(_start);

    /// <summary>Does something at a time; at once if that has passed, but never inside this call.</summary>
    public void At(TimeSpan time, Action action) => At(time, new Call(action));

    /// <inheritdoc cref="At(TimeSpan, Action)"/>
    public void At(TimeSpan time, DelayedAction action)
    {
        lock (_lock)
        {
            _queue.Enqueue(action, (time.Ticks, ++_sequence));
            if (!_running)
                Arm();
        }
    }

    /// <summary>Does something after a delay.</summary>
    public void After(TimeSpan delay, Action action) => At(Now + delay, action);

    public void Dispose()
    {
        lock (_lock)
        {
            _queue.Clear();
            _timer.Dispose();
        }
    }

    private void Run()
    {
        lock (_lock)
        {
            if (_running)
                return; // a timer of a real clock may fire while its predecessor still works
            _running = true;
        }

        while (true)
        {
            DelayedAction action;
            lock (_lock)
            {
                if (!_queue.TryPeek(out action!, out var key) || key.Due > Now.Ticks) // set when there is one
                {
                    _running = false;
                    _armedFor = long.MaxValue;
                    Arm();
                    return;
                }

                _queue.Dequeue();
            }

            action.Run();
        }
    }

    private void Arm()
    {
        if (!_queue.TryPeek(out _, out var key) || key.Due >= _armedFor)
            return;
        _armedFor = key.Due;
        var wait = TimeSpan.FromTicks(Math.Max(0, key.Due - Now.Ticks));

        // Real timers count whole milliseconds and would otherwise fire a little early, again and again.
        if (ReferenceEquals(_timeProvider, TimeProvider.System))
            wait = TimeSpan.FromMilliseconds(Math.Ceiling(wait.TotalMilliseconds));
        _timer.Change(wait, Timeout.InfiniteTimeSpan);
    }

    private sealed class Call(Action action) : DelayedAction
    {
        public override void Run() => action();
    }
}
