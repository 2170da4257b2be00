namespace Mosaik.Waiting;

/// <summary>
/// A <see cref="TaskScheduler"/> that takes the continuations of waits as they are, in line with its tasks, so that
/// none needs a task of its own.
/// </summary>
public interface IContinuationScheduler
{
    /// <summary>Has a continuation run where tasks run, after everything that was queued before.</summary>
    /// <param name="continuation">Runs once; does not throw.</param>
    void Post(IThreadPoolWorkItem continuation);
}
