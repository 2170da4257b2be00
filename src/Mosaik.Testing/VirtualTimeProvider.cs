namespace Mosaik.Testing;

/// <summary>The clock of a simulation. Only its scheduler moves it.</summary>
internal sealed class VirtualTimeProvider(DateTimeOffset start) : TimeProvider
{
    // Time stamps do not begin at zero, so that code that takes 0 for "never" meets what it meets in production.
    private const long FirstTimestamp = TimeSpan.TicksPerSecond;

    private readonly Lock _lock = new();
    private PriorityQueue<Arming, (long Due, long Sequence)> _queue = new();
    private long _now;
    private long _sequence;
    private int _stepsAtThisInstant;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;

    public TimeSpan Now => TimeSpan.FromTicks(Volatile.Read(ref _now));

    public int Pending { get; private set; }

    public int Queued
    {
        get
        {
            lock (_lock)
                return _queue.Count;
        }
    }

    public TimeSpan? NextDue
    {
        get
        {
            lock (_lock)
                return TryPeek(out var due) ? TimeSpan.FromTicks(due) : null;
        }
    }

    public override DateTimeOffset GetUtcNow() => start + Now;

    public override long GetTimestamp() => FirstTimestamp + Volatile.Read(ref _now);

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        ArgumentNullException.ThrowIfNull(callback);
        var timer = new VirtualTimer(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    /// <summary>Moves the clock to the next timer that is due by then, and fires it.</summary>
    public bool TryFireNext(TimeSpan end)
    {
        VirtualTimer timer;
        lock (_lock)
        {
            if (!TryPeek(out var due) || due > end.Ticks)
                return false;
            timer = _queue.Dequeue().Timer;
            MoveTo(due);
            timer.Sequence = 0;
            Pending--;
            if (timer.Period > TimeSpan.Zero)
                Arm(timer, timer.Period);
        }

        timer.Fire();
        return true;
    }

    public void AdvanceTo(TimeSpan time)
    {
        lock (_lock)
            MoveTo(Math.Max(_now, time.Ticks));
    }

    public int CountStep() => ++_stepsAtThisInstant;

    private void MoveTo(long ticks)
    {
        if (ticks == _now)
            return;
        Volatile.Write(ref _now, ticks);
        _stepsAtThisInstant = 0;
    }

    private bool TryPeek(out long due)
    {
        while (_queue.TryPeek(out var arming, out var key))
        {
            due = key.Due;
            if (arming.Sequence == arming.Timer.Sequence)
                return true;
            _queue.Dequeue(); // set anew or stopped since
        }

        due = 0;
        return false;
    }

    private void Arm(VirtualTimer timer, TimeSpan due)
    {
        timer.Sequence = ++_sequence;
        Pending++;
        _queue.Enqueue(new Arming(timer, _sequence), (_now + Math.Max(0, due.Ticks), _sequence));
        if (_queue.Count > 1024 && _queue.Count > 4 * Pending)
            Sweep();
    }

    private void Disarm(VirtualTimer timer)
    {
        if (timer.Sequence == 0)
            return;
        timer.Sequence = 0;
        Pending--;
    }

    private void Sweep()
    {
        var live = new PriorityQueue<Arming, (long, long)>();
        foreach (var (arming, key) in _queue.UnorderedItems)
        {
            if (arming.Sequence == arming.Timer.Sequence)
                live.Enqueue(arming, key);
        }

        _queue = live;
    }

    private readonly record struct Arming(VirtualTimer Timer, long Sequence);

    private sealed class VirtualTimer(VirtualTimeProvider owner, TimerCallback callback, object? state) : ITimer
    {
        private bool _disposed;

        /// <summary>The arming that counts; 0 = stopped.</summary>
        public long Sequence { get; set; }

        public TimeSpan Period { get; private set; }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (owner._lock)
            {
                if (_disposed)
                    return false;
                owner.Disarm(this);
                Period = period;
                if (dueTime != Timeout.InfiniteTimeSpan)
                    owner.Arm(this, dueTime);
                return true;
            }
        }

        public void Fire() => callback(state);

        public void Dispose()
        {
            lock (owner._lock)
            {
                _disposed = true;
                owner.Disarm(this);
            }
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
