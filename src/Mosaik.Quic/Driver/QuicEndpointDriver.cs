using System.Net;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Mosaik.Quic.Crypto;
using Mosaik.Quic.Endpoint;

namespace Mosaik.Quic.Driver;

/// <summary>
/// Owns the endpoint core, its connections, its sockets and its one timer, and lets one thread at a time work on them.
/// </summary>
/// <remarks>
/// <para>
/// There is no loop and no thread of its own. Whoever has something for the endpoint tries to enter (<see cref="TurnGate"/>):
/// a receive thread with a batch of datagrams, a thread of the application with an operation on a stream, the timer. Inside,
/// it does its work directly on the core. If somebody else is inside, the work is left in a queue, and that somebody does
/// it. So a received packet is opened, its data copied into the waiting reader's memory, and answered on the thread that
/// received it, and nobody ever waits for a lock.
/// </para>
/// <para>
/// A full turn is: posted work, due timers, events to the operations that wait for them, transmission, and again until
/// nothing is left or <see cref="TurnTime"/> is over; then the timer is armed. Receive threads run one at the end of each
/// drain, behind the reader that they may have continued (<see cref="ReceiveRole"/>). A small write that comes after a lull runs one, too, so that its packet leaves without the way over another
/// thread. Other operations of an application do not transmit: they ask for a turn on the scheduler, so that several small
/// writes share one packet, and large ones are sealed while the next is being prepared.
/// </para>
/// <para>The clock is read once per round of a turn. Inside a turn no user code runs; continuations are posted.</para>
/// </remarks>
internal sealed partial class QuicEndpointDriver : IThreadPoolWorkItem
{
    /// <summary>After this long a turn is handed on to a fresh one, so that a receive thread gets back to its socket.</summary>
    private static readonly TimeSpan TurnTime = TimeSpan.FromMicroseconds(500);

    /// <summary>A write of at most so many bytes may be sent by the thread that writes.</summary>
    private const int PromptBytes = 4 * 1024;

    /// <summary>
    /// Writes that follow each other more closely share packets: sealing and sending one takes about as long.
    /// </summary>
    private static readonly TimeSpan Lull = TimeSpan.FromMicroseconds(5);

    private readonly QuicOptions _options;
    private readonly ILogger _logger;
    private readonly TimeProvider _clock;
    private readonly long _epoch;
    private readonly TurnGate _gate;
    private readonly Ed25519SigningKey _identity;
    private readonly KeyLogFile? _keyLogFile;

    // Secrets are logged to read captures: a segmented send is one giant packet there, which no tool can open, and two
    // connections between the same two addresses are taken for one another.
    private readonly bool _isWatched;
    private readonly QuicEndpointCore _core;
    private readonly SocketEntry[] _sockets;
    private readonly ITimer _timer;
    private readonly bool _roundTimers;
    private TimeSpan? _armedFor;
    private bool _timerFired;
    private int _turnScheduled;
    private TimeSpan _lastWrite = -Lull;

    public QuicEndpointDriver(QuicOptions options)
    {
        _options = options;
        _logger = (ILogger?)options.LoggerFactory?.CreateLogger("Mosaik.Quic") ?? NullLogger.Instance;
        _clock = options.TimeProvider;
        _roundTimers = ReferenceEquals(_clock, TimeProvider.System);
        _epoch = _clock.GetTimestamp();
        _gate = new TurnGate(RunPosted);
        _identity = Ed25519SigningKey.FromSeed(options.IdentitySeed.Span);
        PublicKey = _identity.PublicKey.ToArray();
        var keyLog = KeyLogFile.SinkFor(options, _logger, out _keyLogFile);
        _isWatched = keyLog is not null;
        var settings = EndpointSettings.From(options, _identity, keyLog);
        if (options.AdjustConnections is { } adjust)
            settings = settings with { Connection = adjust(settings.Connection) };
        _core = new QuicEndpointCore(settings);
        _timer = _clock.CreateTimer(
            static driver => ((QuicEndpointDriver)driver!).OnTimer(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        try
        {
            _sockets = OpenSockets();
        }
        catch
        {
            _timer.Dispose();
            _identity.Dispose();
            _keyLogFile?.Dispose();
            throw;
        }
        LocalEndPoints = [.. _sockets.Select(static entry => entry.Socket.LocalEndPoint)];
        foreach (var entry in _sockets)
            entry.Socket.Start(entry);
        Log.Listening(_logger, string.Join(", ", LocalEndPoints), Convert.ToHexStringLower(PublicKey.Span));
    }

    public TaskScheduler Scheduler => _options.Scheduler;

    public ReadOnlyMemory<byte> PublicKey { get; }

    public IReadOnlyList<IPEndPoint> LocalEndPoints { get; }

    /// <summary>Inside a turn: its time, since an arbitrary epoch.</summary>
    public TimeSpan Now { get; private set; }

    /// <summary>What every operation throws once the endpoint is closed.</summary>
    public QuicException? ClosedError { get; private set; }

    /// <summary>Enters if nobody is inside, for an operation of an application thread.</summary>
    public bool TryEnter()
    {
        if (!_gate.TryEnter())
            return false;
        ReadClock();
        return true;
    }

    /// <summary>Enters for a write of so many bytes; for a small one another thread's short turn is waited for.</summary>
    public bool TryEnterToWrite(int length)
    {
        if (!(length <= PromptBytes ? _gate.TryEnterSoon() : _gate.TryEnter()))
            return false;
        ReadClock();
        return true;
    }

    /// <summary>Enters, spinning while another thread is inside.</summary>
    public void Enter()
    {
        _gate.Enter();
        ReadClock();
    }

    /// <summary>Leaves; what the operation produced is transmitted by a turn on the scheduler.</summary>
    public void Leave()
    {
        if (_core.HasWork)
            ScheduleTurn();
        _gate.Leave();
    }

    /// <summary>
    /// Inside, before anything is done: whether a turn is on its way already. Whoever made work for one has asked for it, or
    /// has just received and will when its reader has run.
    /// </summary>
    public bool IsTurnComing => _core.HasWork;

    /// <summary>Leaves after a read; credit for the peer can wait for the turn that was coming before.</summary>
    public void LeaveRead(bool wasTurnComing)
    {
        if (wasTurnComing)
            _gate.Leave();
        else
            Leave();
    }

    /// <summary>Leaves after a write of so many bytes: it is sent here and now if it is small and comes after a lull.</summary>
    public void LeaveWritten(int length)
    {
        var isPrompt = length <= PromptBytes && Now > _lastWrite + Lull;
        _lastWrite = Now;
        if (!_core.HasWork)
            _gate.Leave();
        else if (isPrompt)
            _gate.LeaveTurning();
        else
            Leave();
    }

    /// <summary>Runs an action of a handle, now or by whoever is inside.</summary>
    public void Run<TState>(Action<TState> action, TState state)
    {
        if (!TryEnter())
        {
            _gate.Post(new ActionWork<TState>(action, state));
            return;
        }

        try
        {
            action(state);
        }
        finally
        {
            Leave();
        }
    }

    /// <summary>Leaves work to whoever is inside, or does it.</summary>
    public void Post(IWork work) => _gate.Post(work);

    /// <summary>Starts an operation that may have to wait.</summary>
    public ValueTask<T> Start<T>(DriverOperation<T> operation, CancellationToken cancellationToken)
    {
        operation.Token = cancellationToken;
        _gate.Post(operation);
        var task = operation.Task;
        operation.WatchToken();
        return task;
    }

    /// <summary>The same without a result.</summary>
    public ValueTask StartUntyped<T>(DriverOperation<T> operation, CancellationToken cancellationToken)
    {
        operation.Token = cancellationToken;
        _gate.Post(operation);
        var task = operation.UntypedTask;
        operation.WatchToken();
        return task;
    }

    /// <summary>Asks for a full turn on the scheduler.</summary>
    public void ScheduleTurn()
    {
        if (Interlocked.Exchange(ref _turnScheduled, 1) != 0)
            return;
        if (ReferenceEquals(Scheduler, TaskScheduler.Default))
        {
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: true);
            return;
        }

        _ = Task.Factory.StartNew(
            static driver => ((QuicEndpointDriver)driver!).Execute(), this, CancellationToken.None,
            TaskCreationOptions.DenyChildAttach | TaskCreationOptions.HideScheduler, Scheduler);
    }

    /// <summary>The scheduled turn.</summary>
    public void Execute()
    {
        Volatile.Write(ref _turnScheduled, 0);
        _gate.RequestTurn();
    }

    private void OnTimer()
    {
        Volatile.Write(ref _timerFired, true);
        _gate.RequestTurn();
    }

    private void ReadClock() => Now = _clock.GetElapsedTime(_epoch);

    /// <summary>Inside: does what was posted and, if one was asked for, a full turn.</summary>
    private void RunPosted()
    {
        try
        {
            ReadClock();
            RunQueue();
            if (_gate.TakeRequest())
                RunTurn();
            else if (_core.HasWork)
                ScheduleTurn();
        }
        catch (Exception e)
        {
            FailTurn(e);
        }
    }

    /// <summary>
    /// Inside: tells who waits what was received, before anything is sent: a reader may continue on the thread that
    /// received.
    /// </summary>
    private void DispatchReceived()
    {
        try
        {
            DispatchEvents();
        }
        catch (Exception e)
        {
            FailTurn(e);
        }
    }

    /// <summary>A bug. The endpoint cannot be trusted any more, but its users must not wait for ever.</summary>
    private void FailTurn(Exception error)
    {
        Log.TurnFailed(_logger, error);
        Collapse(new QuicException(QuicErrorKind.EndpointClosed, "The endpoint failed.", error));
    }

    private void RunTurn()
    {
        var started = Now;
        while (!_isGone)
        {
            if (_core.NextTimeout <= Now)
                _core.HandleTimeouts(Now);
            DispatchEvents();
            var active = Transmit();
            // A batch that has left makes room for writers, a reader that took data gives credit: round again.
            active |= DispatchEvents();
            active |= RunQueue();
            if (!active)
                break;
            ReadClock();
            if (Now - started < TurnTime)
                continue;
            ScheduleTurn();
            break;
        }
        ArmTimer();
    }

    private bool RunQueue()
    {
        var work = _gate.TakePosted();
        if (work is null)
            return false;
        while (work is not null)
        {
            // Before it runs: running may put it into the queue again.
            var next = work.Next;
            work.Next = null;
            work.Run();
            work = next;
        }
        return true;
    }

    /// <summary>Arms the one timer when the earliest deadline is before what it is armed for; it may fire too early.</summary>
    private void ArmTimer()
    {
        if (_isGone)
            return;
        // It fires once, and may do so a little before its time.
        if (Volatile.Read(ref _timerFired))
        {
            Volatile.Write(ref _timerFired, false);
            _armedFor = null;
        }
        var next = _core.NextTimeout ?? TimeSpan.MaxValue;
        if (_isBlocked && _retryAt < next)
            next = _retryAt;
        if (next == TimeSpan.MaxValue)
            return;
        var due = next - Now;
        if (due < TimeSpan.Zero)
            due = TimeSpan.Zero;
        // The system's timers count whole milliseconds and cut: rounded up, they do not fire in vain.
        if (_roundTimers)
            due = TimeSpan.FromMilliseconds(Math.Ceiling(due.TotalMilliseconds));
        // Compared as rounded: a deadline that moves on with every packet would wake the system's timer thread each time.
        if (_armedFor is { } armed && armed <= Now + due)
            return;
        _armedFor = Now + due;
        _timer.Change(due, Timeout.InfiniteTimeSpan);
    }

    private sealed class ActionWork<TState>(Action<TState> action, TState state) : IWork
    {
        public IWork? Next { get; set; }

        public void Run() => action(state);
    }
}
