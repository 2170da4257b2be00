namespace Mosaik.Quic.Driver;

/// <summary>
/// Work for the driver from any thread, first in first out, without allocation: items are their own links.
/// </summary>
/// <remarks>
/// Bounded by its sources: a stream has at most one read and one write under way, a socket has a fixed number of receive
/// buffers, and every other item is an operation its caller waits for.
/// </remarks>
internal sealed class WorkQueue
{
    // Newest first; the taker turns the list round.
    private IWork? _newest;

    /// <summary>True when there is nothing to take.</summary>
    public bool IsEmpty => Volatile.Read(ref _newest) is null;

    /// <summary>Adds an item that is in no queue.</summary>
    public void Add(IWork item)
    {
        IWork? newest;
        do
        {
            newest = Volatile.Read(ref _newest);
            item.Next = newest;
        }
        while (Interlocked.CompareExchange(ref _newest, item, newest) != newest);
    }

    /// <summary>Takes everything, oldest first, linked by <see cref="IWork.Next"/>.</summary>
    public IWork? TakeAll()
    {
        if (IsEmpty)
            return null;
        var item = Interlocked.Exchange(ref _newest, null);
        IWork? oldest = null;
        while (item is not null)
        {
            var next = item.Next;
            item.Next = oldest;
            oldest = item;
            item = next;
        }
        return oldest;
    }
}
