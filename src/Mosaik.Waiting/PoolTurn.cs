namespace Mosaik.Waiting;

/// <summary>
/// What a thread does in one go: the continuation it was woken for, and then the one that this has made ready and asked
/// to have run behind it.
/// </summary>
/// <remarks>
/// Handing something to the pool wakes another thread, which takes longer than most continuations run. Whoever is about
/// to return anyway spares that. One place per thread: a second continuation is posted, and so is everything that is
/// made ready by the last one, which may be user code of any length. A thread that is not of the pool takes part by
/// collecting: it takes the first continuation that its own work makes ready, and runs it when it has nothing else to
/// do.
/// </remarks>
internal static class PoolTurn
{
    [ThreadStatic]
    private static bool IsOpen;

    [ThreadStatic]
    private static bool IsCollecting;

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

    /// <summary>
    /// From now on the first continuation that is made ready for the thread that collects is kept for it.
    /// </summary>
    public static void BeginCollecting() => IsCollecting = true;

    /// <summary>Leaves it to this thread, if that collects. False if it has to be posted.</summary>
    public static bool TryCollect(IPoolWork work)
    {
        if (!IsCollecting || Next is not null)
            return false;
        Next = work;
        return true;
    }

    /// <summary>
    /// Ends what <see cref="BeginCollecting"/> has begun; the caller runs or posts the result, if there is one.
    /// </summary>
    public static IPoolWork? EndCollecting()
    {
        IsCollecting = false;
        var work = Next;
        Next = null;
        return work;
    }
}
