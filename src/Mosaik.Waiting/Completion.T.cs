namespace Mosaik.Waiting;

/// <summary>A value that arrives once. Any number of waits, before and after.</summary>
/// <remarks>
/// Continuations are posted to the scheduler given at construction, in the order in which the waits began. An
/// exception nobody waits for is not reported anywhere: the owner logs what deserves it.
/// </remarks>
/// <typeparam name="T">The type of the value.</typeparam>
public sealed class Completion<T>
{
    private readonly Lock _lock = new();
    private readonly TaskScheduler _scheduler;
    private WaitQueue<Waiter, T> _waiters;
    private T? _result;
    private Exception? _error;
    private volatile bool _completed;

    /// <summary>Makes a completion without a value.</summary>
    /// <param name="scheduler">Where continuations run; <see cref="TaskScheduler.Default"/> if null.</param>
    public Completion(TaskScheduler? scheduler = null) => _scheduler = scheduler ?? TaskScheduler.Default;

    /// <summary>True once it has a value, an exception or was cancelled.</summary>
    public bool IsCompleted => _completed;

    /// <summary>True once it has a value.</summary>
    public bool IsCompletedSuccessfully => _completed && _error is null;

    /// <summary>
    /// The exception it ended with, if any; for a cancellation an <see cref="OperationCanceledException"/>.
    /// </summary>
    public Exception? Error => _completed ? _error : null;

    /// <summary>Sets the value.</summary>
    /// <param name="result">The value.</param>
    /// <returns>False if it had ended before.</returns>
    public bool TrySetResult(T result) => TryEnd(result, null);

    /// <summary>Ends it with an exception.</summary>
    /// <param name="error">What every wait throws.</param>
    /// <returns>False if it had ended before.</returns>
    public bool TrySetException(Exception error)
    {
        ArgumentNullException.ThrowIfNull(error);
        return TryEnd(default, error);
    }

    /// <summary>Ends it as cancelled.</summary>
    /// <param name="cancellationToken">The token that the exception names.</param>
    /// <returns>False if it had ended before.</returns>
    public bool TrySetCanceled(CancellationToken cancellationToken = default) =>
        TryEnd(default, new OperationCanceledException(cancellationToken));

    /// <summary>The value, if it is there.</summary>
    /// <param name="result">The value.</param>
    /// <returns>False while there is no value, also after an exception.</returns>
    public bool TryGetResult(out T? result)
    {
        var there = IsCompletedSuccessfully;
        result = there ? _result : default;
        return there;
    }

    /// <summary>Waits for the value.</summary>
    /// <param name="cancellationToken">Ends this wait only.</param>
    /// <returns>The value.</returns>
    public ValueTask<T> WaitAsync(CancellationToken cancellationToken = default)
    {
        if (!_completed && cancellationToken.IsCancellationRequested)
            return ValueTask.FromCanceled<T>(cancellationToken);
        var waiter = Enlist(cancellationToken);
        if (waiter is not null)
            return waiter.Task;
        return _error switch
        {
            null => new ValueTask<T>(_result!), // set, because there is no error
            var error => ValueTask.FromException<T>(error),
        };
    }

    /// <summary>The same without the value.</summary>
    internal ValueTask WaitUntypedAsync(CancellationToken cancellationToken)
    {
        if (!_completed && cancellationToken.IsCancellationRequested)
            return ValueTask.FromCanceled(cancellationToken);
        var waiter = Enlist(cancellationToken);
        if (waiter is not null)
            return waiter.UntypedTask;
        return _error is null ? ValueTask.CompletedTask : ValueTask.FromException(_error);
    }

    private Waiter? Enlist(CancellationToken cancellationToken)
    {
        if (_completed)
            return null;
        Waiter waiter;
        lock (_lock)
        {
            if (_completed)
                return null;
            waiter = new Waiter(this, _scheduler) { Token = cancellationToken };
            _waiters.Add(waiter);
        }

        waiter.WatchToken();
        return waiter;
    }

    private bool TryEnd(T? result, Exception? error)
    {
        Waiter? waiter;
        lock (_lock)
        {
            if (_completed)
                return false;
            _result = result;
            _error = error;
            _completed = true;
            waiter = _waiters.TakeAll();
        }

        while (waiter is not null)
        {
            var next = waiter.Next;
            if (error is null)
                waiter.Succeed(result!); // the value that was set
            else
                waiter.Fail(error);
            waiter = next;
        }

        return true;
    }

    /// <summary>One wait.</summary>
    private sealed class Waiter(Completion<T> owner, TaskScheduler scheduler) : QueuedWait<Waiter, T>(scheduler)
    {
        protected override void TryCancel(CancellationToken token)
        {
            lock (owner._lock)
            {
                if (!Queued)
                    return;
                owner._waiters.Remove(this);
            }

            Fail(new OperationCanceledException(token));
        }

        protected override void OnReleased()
        {
        }
    }
}
