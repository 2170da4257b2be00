using System.Buffers;

namespace Mosaik.Streams;

/// <summary>
/// What a publish asks for once the lock is left: writers to wake, subscriptions to drop, misses to count. Waking costs
/// no allocation: what does not fit inside waits in a pooled array. Filled once, run once, never copied.
/// </summary>
internal struct PublishEffects
{
    private const int FirstOverflow = 16;

    private IBacklogOwner? _wake;
    private IBacklogOwner[]? _wakeMore;
    private int _wakeMoreCount;
    private List<IBacklogOwner>? _drop;

    /// <summary>How many subscriptions miss the datum for lag and stay.</summary>
    public int Skipped { get; set; }

    /// <summary>Whether nobody was meant to get the datum.</summary>
    public bool IsUndelivered { get; set; }

    /// <summary>Notes a writer to wake.</summary>
    public void Wake(IBacklogOwner owner)
    {
        if (_wake is null)
        {
            _wake = owner;
            return;
        }

        _wakeMore ??= ArrayPool<IBacklogOwner>.Shared.Rent(FirstOverflow);
        if (_wakeMoreCount == _wakeMore.Length)
        {
            var larger = ArrayPool<IBacklogOwner>.Shared.Rent(_wakeMoreCount * 2);
            _wakeMore.AsSpan().CopyTo(larger);
            ArrayPool<IBacklogOwner>.Shared.Return(_wakeMore, clearArray: true);
            _wakeMore = larger;
        }

        _wakeMore[_wakeMoreCount++] = owner;
    }

    /// <summary>Notes a subscription to drop.</summary>
    public void Drop(IBacklogOwner owner) => (_drop ??= []).Add(owner);

    /// <summary>Does it. Call outside the lock.</summary>
    /// <param name="inPerson">Whether the caller may write in the place of one of the writers.</param>
    public void Run(bool inPerson)
    {
        // The others first: they can work while the caller does.
        if (_wakeMore is { } more)
        {
            foreach (var owner in more.AsSpan(0, _wakeMoreCount))
                owner.Wake();
            ArrayPool<IBacklogOwner>.Shared.Return(more, clearArray: true);
            _wakeMore = null;
        }

        if (inPerson)
            _wake?.WriteOrWake();
        else
            _wake?.Wake();
        if (_drop is null)
            return;
        foreach (var owner in _drop)
            owner.DropLagging();
    }
}
