using System.Runtime.ExceptionServices;
using System.Threading.Tasks.Sources;

namespace Mosaik.Waiting;

/// <summary>
/// One reusable wait. Unlike the BCL's <c>ManualResetValueTaskSourceCore</c> it ignores what the awaiter asks for and
/// always posts the continuation to the scheduler it was built with (spec/reliability.md §6.2).
/// </summary>
/// <remarks>
/// Life of a wait: the owner arms it under its own lock and hands out a <see cref="ValueTask{T}"/> with the current
/// version; exactly one of completion, cancellation or deadline ends it (the owner's lock decides which); the awaiter
/// calls GetResult once, which bumps the version and gives the source back to the owner.
/// A cancellation callback that comes late, when the source already serves another wait, is told apart by its token:
/// if the tokens are equal, the newer wait is cancelled as well; if not, the callback is ignored.
/// </remarks>
internal abstract class WaitSource<T> : IValueTaskSource<T>, IValueTaskSource, IPoolWork
{
    private static readonly Action<object?> Ended = static _ => throw new InvalidOperationException();
    private static readonly Action<object?> Resume = static self => ((WaitSource<T>)self!).Execute();
    private static readonly Action<object?, CancellationToken> OnCancelled =
        static (self, token) => ((WaitSource<T>)self!).TryCancel(token);
    private static readonly ContextCallback ResumeInContext = static self =>
    {
        var (continuation, state) = ((Action<object?>, object?))self!;
        continuation(state);
    };

    private readonly TaskScheduler _scheduler;
    private Action<object?>? _continuation;
    private object? _state;
    private ExecutionContext? _context;
    private CancellationTokenRegistration _registration;
    private Exception? _error;
    private T? _result;
    private short _version;
    private volatile bool _ended;

    protected WaitSource(TaskScheduler scheduler) => _scheduler = scheduler;

    /// <summary>The token of the wait under way. Written by the owner when it arms the wait.</summary>
    internal CancellationToken Token { get; set; }

    /// <summary>The awaitable of the wait that the owner has just armed.</summary>
    internal ValueTask<T> Task => new(this, _version);

    /// <summary>The same without a result.</summary>
    internal ValueTask UntypedTask => new(this, _version);

    private bool IsForPool => ReferenceEquals(_scheduler, TaskScheduler.Default);

    /// <summary>
    /// Watches the wait's token. Called without the owner's lock, before the awaitable is handed out.
    /// </summary>
    internal void WatchToken()
    {
        if (Token.CanBeCanceled)
            _registration = Token.UnsafeRegister(OnCancelled, this);
    }

    /// <summary>
    /// Ends the wait with a result. The owner calls this or <see cref="Fail"/> exactly once per wait.
    /// </summary>
    internal void Succeed(T result)
    {
        if (HasAwaiter(result))
            Post();
    }

    /// <summary>
    /// The same; the awaiter continues on this thread when the continuation that runs here now has returned, instead of
    /// being queued for another one. Where nothing of the kind runs it is posted as always.
    /// </summary>
    internal void SucceedNext(T result)
    {
        if (HasAwaiter(result) && !(IsForPool && PoolTurn.TryRunNext(this)))
            Post();
    }

    /// <summary>
    /// The same; the awaiter continues on this thread when that has nothing else to do, if it is one that collects
    /// continuations. Elsewhere it is posted as always.
    /// </summary>
    internal void SucceedCollected(T result)
    {
        if (HasAwaiter(result) && !(IsForPool && PoolTurn.TryCollect(this)))
            Post();
    }

    /// <summary>Ends the wait with an exception.</summary>
    internal void Fail(Exception error)
    {
        _error = error;
        if (End())
            Post();
    }

    /// <summary>The token was cancelled: the owner ends the wait if it is still the one under way.</summary>
    protected abstract void TryCancel(CancellationToken token);

    /// <summary>The result was fetched: the source is free for another wait.</summary>
    protected abstract void OnReleased();

    ValueTaskSourceStatus IValueTaskSource<T>.GetStatus(short token) => GetStatus(token);

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => GetStatus(token);

    T IValueTaskSource<T>.GetResult(short token) => GetResult(token);

    void IValueTaskSource.GetResult(short token) => GetResult(token);

    /// <inheritdoc/>
    public void OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags)
    {
        ArgumentNullException.ThrowIfNull(continuation);
        CheckVersion(token);
        const ValueTaskSourceOnCompletedFlags Flow = ValueTaskSourceOnCompletedFlags.FlowExecutionContext;
        if ((flags & Flow) == Flow)
            _context = ExecutionContext.Capture();
        _state = state;
        var previous = Interlocked.CompareExchange(ref _continuation, continuation, null);
        if (previous is null)
            return;
        if (!ReferenceEquals(previous, Ended))
            throw new InvalidOperationException("A wait can be awaited only once.");
        Volatile.Write(ref _continuation, continuation);
        Post();
    }

    void IThreadPoolWorkItem.Execute() => PoolTurn.Run(this);

    void IPoolWork.Run() => Execute();

    private bool HasAwaiter(T result)
    {
        _result = result;
        return End();
    }

    /// <summary>Ends the wait; true if somebody awaits it already, who has to be told.</summary>
    private bool End()
    {
        _ended = true;
        return Interlocked.CompareExchange(ref _continuation, Ended, null) is not null;
    }

    private void Post()
    {
        if (IsForPool)
        {
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: true);
            return;
        }

        if (_scheduler is IContinuationScheduler direct)
        {
            direct.Post(this);
            return;
        }

        _ = System.Threading.Tasks.Task.Factory.StartNew(
            Resume, this, CancellationToken.None, TaskSchedulerExtensions.Options, _scheduler);
    }

    private void Execute()
    {
        // Copied first: the continuation fetches the result, after which the source may serve the next wait.
        var continuation = _continuation!; // set before Post is called, by OnCompleted
        var state = _state;
        var context = _context;
        if (context is null)
            continuation(state);
        else
            ExecutionContext.Run(context, ResumeInContext, (continuation, state));
    }

    private ValueTaskSourceStatus GetStatus(short token)
    {
        CheckVersion(token);
        // Both: between the two writes of End the source must not be released, or its marker would hit the next wait.
        if (Volatile.Read(ref _continuation) is null || !_ended)
            return ValueTaskSourceStatus.Pending;
        return _error switch
        {
            null => ValueTaskSourceStatus.Succeeded,
            OperationCanceledException => ValueTaskSourceStatus.Canceled,
            _ => ValueTaskSourceStatus.Faulted,
        };
    }

    private T GetResult(short token)
    {
        CheckVersion(token);
        if (Volatile.Read(ref _continuation) is null || !_ended)
            throw new InvalidOperationException("The wait has not ended; await it instead of blocking on it.");
        var result = _result!; // set by Succeed, unused when _error is set
        var error = _error;
        // Never waits for a callback that is running: such a callback may be waiting for the owner's lock.
        _registration.Unregister();
        _registration = default;
        Token = default;
        _continuation = null;
        _state = null;
        _context = null;
        _error = null;
        _result = default;
        _ended = false;
        _version++;
        OnReleased();
        if (error is not null)
            ExceptionDispatchInfo.Throw(error);
        return result;
    }

    private void CheckVersion(short token)
    {
        if (token != _version)
            throw new InvalidOperationException("This wait was awaited before.");
    }
}
