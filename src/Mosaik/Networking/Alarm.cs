namespace Mosaik.Networking;

/// <summary>Wakes a loop no later than something is due.</summary>
/// <remarks>
/// One that is set for an earlier time stays as it is: looking once in vain costs less than setting a timer anew at
/// every turn. <see cref="Set"/> belongs to the loop.
/// </remarks>
internal sealed class Alarm : IAsyncDisposable
{
    private readonly Action _ring;
    private readonly ITimer _timer;
    private TimeSpan _at = TimeSpan.MaxValue;
    private int _rang;

    /// <summary>Makes an alarm that is not set.</summary>
    /// <param name="timeProvider">The clock.</param>
    /// <param name="ring">Wakes the loop, from any thread.</param>
    public Alarm(TimeProvider timeProvider, Action ring)
    {
        _ring = ring;
        _timer = timeProvider.CreateTimer(
            static self => ((Alarm)self!).OnTimer(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Makes sure that it rings at this time, or earlier.</summary>
    public void Set(TimeSpan at, TimeSpan now)
    {
        if (Interlocked.Exchange(ref _rang, 0) != 0)
            _at = TimeSpan.MaxValue;
        if (at >= _at)
            return;
        _at = at;
        // Timers count whole milliseconds and round down; a loop that wakes too early would spin.
        _timer.Change(
            at <= now ? TimeSpan.Zero : TimeSpan.FromMilliseconds(Math.Ceiling((at - now).TotalMilliseconds)),
            Timeout.InfiniteTimeSpan);
    }

    public ValueTask DisposeAsync() => _timer.DisposeAsync();

    private void OnTimer()
    {
        Volatile.Write(ref _rang, 1);
        _ring();
    }
}
