namespace Mosaik.Waiting;

/// <summary>How loops are started so that they stay on their scheduler.</summary>
public static class TaskSchedulerExtensions
{
    /// <summary>
    /// Hidden, because the BCL does not resume an awaiter with <c>ConfigureAwait(false)</c> in place while
    /// <see cref="TaskScheduler.Current"/> is not the default: it sends it to the thread pool. Hidden from its own
    /// tasks, a one-thread scheduler keeps every await of every async method, with or without captured context.
    /// </summary>
    internal const TaskCreationOptions Options =
        TaskCreationOptions.DenyChildAttach | TaskCreationOptions.HideScheduler;

    /// <summary>
    /// Starts an async method on a scheduler. All of it stays there as long as it awaits only
    /// <see cref="Mailbox{T}"/>, <see cref="Signal"/>, <see cref="Completion{T}"/>, timers of its time provider, and
    /// async methods that do the same. <see cref="TaskScheduler.Current"/> is the default one inside: what is started
    /// there names its scheduler.
    /// </summary>
    /// <param name="scheduler">Where it runs.</param>
    /// <param name="body">The method.</param>
    /// <returns>A task that ends like the method's. The caller owns and awaits it.</returns>
    public static Task Start(this TaskScheduler scheduler, Func<Task> body)
    {
        ArgumentNullException.ThrowIfNull(scheduler);
        return Task.Factory.StartNew(body, CancellationToken.None, Options, scheduler).Unwrap();
    }

    /// <summary>The same for a method with a result.</summary>
    /// <typeparam name="T">The type of the result.</typeparam>
    /// <param name="scheduler">Where it runs.</param>
    /// <param name="body">The method.</param>
    /// <returns>A task that ends like the method's. The caller owns and awaits it.</returns>
    public static Task<T> Start<T>(this TaskScheduler scheduler, Func<Task<T>> body)
    {
        ArgumentNullException.ThrowIfNull(scheduler);
        return Task.Factory.StartNew(body, CancellationToken.None, Options, scheduler).Unwrap();
    }
}
