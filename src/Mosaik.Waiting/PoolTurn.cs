namespace Mosaik.Waiting;

/// <summary>
/// What a thread of the pool does in one go: the continuation it was woken for, and then the one that this has made ready
/// and asked to have run behind it.
/// </summary>
/// <remarks>
/// Handing something to the pool wakes another thread, which takes longer than most continuations run. Whoever is about
/// to return anyway spares that. One place per thread: a second continuation is posted, and so is everything that is made
/// ready by the last one, which may be user code of any length.
/// </remarks>
internal static class PoolTurn
{
    [ThreadStatic]
    private static bool IsOpen;

    [ThreadStatic]
    private static IPoolWork? Next;

    /// <summary>Runs a continuation, and what it leaves behind.</summary>
    public static void Run(IPoolWork work)
    {
        IsOpen = true;
        try
        {
            work.Run();
        }
        finally
        {
            IsOpen = false;
        }

        if (Next is not { } next)
            return;
        Next = null;
        next.Run();
    }

    /// <summary>Has it run by this thread, behind what runs now. False if it has to be posted.</summary>
    public static bool TryRunNext(IPoolWork work)
    {
        if (!IsOpen || Next is not null)
            return false;
        Next = work;
        return true;
    }
}
