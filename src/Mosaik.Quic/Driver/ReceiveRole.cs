using Mosaik.Waiting;

namespace Mosaik.Quic.Driver;

/// <summary>
/// Says which thread receives from a socket, and lets that thread run the continuation that a datagram of its own has made
/// ready: waking another thread for it takes longer than most continuations run.
/// </summary>
/// <remarks>
/// <para>
/// A continuation is user code, which may take its time, wait for the network or close the endpoint. So the thread keeps its
/// role only as long as it comes back soon: a watch, which sleeps while there is nothing to watch, gives the role to a new
/// thread when one run outlasts a whole <see cref="WatchInterval"/>. The old one ends when its continuation returns. There
/// is at most one such thread, as nothing is run here while it is missing. And who was slow is not asked again before
/// <see cref="RestFactor"/> times as long, so that little of the time is ever spent waiting for slow consumers.
/// </para>
/// <para>
/// One number holds it all: the thread's term, times two, plus one while it runs a continuation. Whoever changes it by
/// compare-and-swap has decided: the thread that comes back, the watch that replaces it, or the one who closes.
/// </para>
/// </remarks>
internal sealed class ReceiveRole : IDisposable
{
    /// <summary>A run that begins before one visit of the watch and is there at the next one loses the role.</summary>
    private static readonly TimeSpan WatchInterval = TimeSpan.FromMilliseconds(5);

    /// <summary>A run that takes longer is followed by a rest.</summary>
    private static readonly TimeSpan Quick = TimeSpan.FromMicroseconds(100);

    /// <summary>The length of that rest, in lengths of the run.</summary>
    private const int RestFactor = 20;

    /// <summary>After so many visits without anything to see the watch goes to sleep.</summary>
    private const int IdleVisits = 20;

    private readonly object _lock = new();
    private readonly Func<long, Thread> _startThread;
    private readonly string _name;
    private Thread? _holder;
    private Thread? _watch;
    private bool _isClosed;
    private bool _isWatching;
    private long _state;
    private long _runs;
    private long _restsUntil;
    private volatile bool _isMissing;

    /// <summary>Makes the role; nobody has it yet.</summary>
    /// <param name="startThread">Makes and starts a thread that receives as long as it has the role of the given term.</param>
    /// <param name="name">The name of the watching thread.</param>
    public ReceiveRole(Func<long, Thread> startThread, string name)
    {
        _startThread = startThread;
        _name = name;
        _restsUntil = Clock.GetTimestamp();
    }

    /// <summary>Whether the thread that has the role may run a continuation now.</summary>
    public bool MayRun => !_isMissing && Clock.GetTimestamp() - Volatile.Read(ref _restsUntil) >= 0;

    private static TimeProvider Clock => TimeProvider.System;

    /// <summary>Starts the first thread.</summary>
    public void Start()
    {
        lock (_lock)
            _holder = _startThread(0);
    }

    /// <summary>Runs a continuation on the calling thread, or posts it if the socket is being closed.</summary>
    /// <param name="term">The caller's term.</param>
    /// <param name="work">The continuation.</param>
    /// <returns>False if the caller has lost the role: it must not touch the socket again.</returns>
    public bool Run(long term, IPoolWork work)
    {
        var (idle, running) = (term * 2, (term * 2) + 1);
        Volatile.Write(ref _runs, _runs + 1);
        Interlocked.Exchange(ref _state, running);
        // Behind that fence: either Dispose sees that a continuation may run, and does not wait, or it is seen here.
        if (Volatile.Read(ref _isClosed))
        {
            ThreadPool.UnsafeQueueUserWorkItem(work, preferLocal: false);
            return TryReturn(running, idle);
        }

        // The same with the watch: either it sees this run, or it is seen to sleep.
        if (!Volatile.Read(ref _isWatching))
            WakeWatch();
        var start = Clock.GetTimestamp();
        PoolTurn.Run(work);
        Rest(Clock.GetElapsedTime(start));
        return TryReturn(running, idle);
    }

    /// <summary>
    /// Waits until no thread receives any more. The socket is closed already, which wakes the one that has the role, unless
    /// it is the caller or runs a continuation, which may be waiting for the caller.
    /// </summary>
    public void Dispose()
    {
        Thread? holder;
        lock (_lock)
        {
            Volatile.Write(ref _isClosed, true);
            Monitor.Pulse(_lock);
            Interlocked.MemoryBarrier();
            var state = Volatile.Read(ref _state);
            if (IsRunning(state) && Interlocked.CompareExchange(ref _state, state + 1, state) == state)
                return;
            holder = _holder;
        }

        if (holder != Thread.CurrentThread)
            holder?.Join();
    }

    private static bool IsRunning(long state) => (state & 1) != 0;

    private void Rest(TimeSpan run)
    {
        if (run <= Quick)
            return;
        // What came after the loss of the role has held up nobody.
        var held = run < WatchInterval * 2 ? run : WatchInterval * 2;
        var rest = (long)(held.TotalSeconds * RestFactor * Clock.TimestampFrequency);
        Volatile.Write(ref _restsUntil, Clock.GetTimestamp() + rest);
    }

    private bool TryReturn(long running, long idle)
    {
        if (Interlocked.CompareExchange(ref _state, idle, running) == running)
            return true;
        _isMissing = false;
        return false;
    }

    private void WakeWatch()
    {
        lock (_lock)
        {
            if (_watch is null && !_isClosed)
            {
                _watch = new Thread(Watch) { IsBackground = true, Name = _name };
                _watch.Start();
            }

            Monitor.Pulse(_lock);
        }
    }

    private void Watch()
    {
        var seen = 0L;
        var idleVisits = 0;
        lock (_lock)
        {
            while (!_isClosed)
            {
                if (idleVisits < IdleVisits)
                {
                    Volatile.Write(ref _isWatching, true);
                    Monitor.Wait(_lock, WatchInterval);
                }
                else
                {
                    Volatile.Write(ref _isWatching, false);
                    Interlocked.MemoryBarrier();
                    if (Volatile.Read(ref _runs) == seen)
                        Monitor.Wait(_lock);
                    idleVisits = 0;
                    continue;
                }

                var runs = Volatile.Read(ref _runs);
                idleVisits = runs == seen ? idleVisits + 1 : 0;
                var state = Volatile.Read(ref _state);
                // The same run as at the visit before, and still that one now.
                if (runs == seen && IsRunning(state) && Volatile.Read(ref _runs) == runs)
                    Replace(state);
                seen = runs;
            }
        }
    }

    private void Replace(long state)
    {
        if (_isClosed)
            return;
        _isMissing = true;
        if (Interlocked.CompareExchange(ref _state, state + 1, state) == state)
            _holder = _startThread((state + 1) / 2);
        else
            _isMissing = false;
    }
}
