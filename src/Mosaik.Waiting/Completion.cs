namespace Mosaik.Waiting;

/// <summary>Something that happens once, without a value. Any number of waits.</summary>
/// <remarks>See <see cref="Completion{T}"/>.</remarks>
public sealed class Completion
{
    private readonly Completion<bool> _inner;

    /// <summary>Makes a completion that has not happened.</summary>
    /// <param name="scheduler">Where continuations run; <see cref="TaskScheduler.Default"/> if null.</param>
    public Completion(TaskScheduler? scheduler = null) => _inner = new Completion<bool>(scheduler);

    /// <summary>True once it has a result, an exception or was cancelled.</summary>
    public bool IsCompleted => _inner.IsCompleted;

    /// <summary>True once it has happened without exception.</summary>
    public bool IsCompletedSuccessfully => _inner.IsCompletedSuccessfully;

    /// <summary>
    /// The exception it ended with, if any; for a cancellation an <see cref="OperationCanceledException"/>.
    /// </summary>
    public Exception? Error => _inner.Error;

    /// <summary>Lets it happen.</summary>
    /// <returns>False if it had ended before.</returns>
    public bool TrySetResult() => _inner.TrySetResult(true);

    /// <summary>Ends it with an exception.</summary>
    /// <param name="error">What every wait throws.</param>
    /// <returns>False if it had ended before.</returns>
    public bool TrySetException(Exception error) => _inner.TrySetException(error);

    /// <summary>Ends it as cancelled.</summary>
    /// <param name="cancellationToken">The token that the exception names.</param>
    /// <returns>False if it had ended before.</returns>
    public bool TrySetCanceled(CancellationToken cancellationToken = default) =>
        _inner.TrySetCanceled(cancellationToken);

    /// <summary>Waits until it has ended.</summary>
    /// <param name="cancellationToken">Ends this wait only.</param>
    /// <returns>A task that ends like the completion.</returns>
    public ValueTask WaitAsync(CancellationToken cancellationToken = default) =>
        _inner.WaitUntypedAsync(cancellationToken);
}
