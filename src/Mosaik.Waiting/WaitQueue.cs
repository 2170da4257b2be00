using System.Runtime.InteropServices;

namespace Mosaik.Waiting;

/// <summary>
/// Waits in the order in which they began; each can leave from where it stands. Belongs to the owner's lock.
/// </summary>
[StructLayout(LayoutKind.Auto)]
internal struct WaitQueue<TWait, T>
    where TWait : QueuedWait<TWait, T>
{
    private TWait? _last;

    /// <summary>The one that began first; null for none.</summary>
    public TWait? First { get; private set; }

    public void Add(TWait wait)
    {
        wait.Queued = true;
        wait.Next = null;
        wait.Previous = _last;
        if (_last is null)
            First = wait;
        else
            _last.Next = wait;
        _last = wait;
    }

    public void Remove(TWait wait)
    {
        if (wait.Previous is null)
            First = wait.Next;
        else
            wait.Previous.Next = wait.Next;
        if (wait.Next is null)
            _last = wait.Previous;
        else
            wait.Next.Previous = wait.Previous;
        wait.Queued = false;
        wait.Next = wait.Previous = null;
    }

    /// <summary>
    /// Takes all out: the first one, from which <see cref="QueuedWait{TWait, T}.Next"/> leads to the others.
    /// </summary>
    public TWait? TakeAll()
    {
        var first = First;
        for (var wait = first; wait is not null; wait = wait.Next)
            wait.Queued = false;
        First = _last = null;
        return first;
    }
}
