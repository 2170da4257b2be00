namespace Mosaik.Waiting;

/// <summary>A wait that can stand in a <see cref="WaitQueue{TWait, T}"/>.</summary>
internal abstract class QueuedWait<TWait, T>(TaskScheduler scheduler) : WaitSource<T>(scheduler)
    where TWait : QueuedWait<TWait, T>
{
    /// <summary>Whether it stands in the queue.</summary>
    internal bool Queued { get; set; }

    internal TWait? Next { get; set; }

    internal TWait? Previous { get; set; }
}
