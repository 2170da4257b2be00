namespace Mosaik.Quic.Driver;

/// <summary>
/// Lets one thread at a time into the driver's state, without ever making another one wait: who finds the gate closed
/// leaves its work in the queue, and whoever is inside does it.
/// </summary>
/// <remarks>
/// <para>
/// The protocol of an actor: <see cref="TryEnter"/>; if it succeeds, touch the state and <see cref="Leave"/>; if not,
/// <see cref="Post"/>. Whoever leaves looks back: what was posted between its last look into the queue and the opening of
/// the gate is never lost.
/// </para>
/// <para>No user code runs inside: continuations are posted to the scheduler.</para>
/// </remarks>
internal sealed class TurnGate(Action runPosted)
{
    // Some 37 ns times the length each, whatever the processor.
    private const int ShortSpins = 20;
    private const int SpinLength = 10;

    private readonly WorkQueue _queue = new();
    private int _entered;
    private int _requested;

    /// <summary>True while somebody is inside.</summary>
    public bool IsEntered => Volatile.Read(ref _entered) != 0;

    /// <summary>True when work or a request waits.</summary>
    public bool HasPosted => !_queue.IsEmpty || Volatile.Read(ref _requested) != 0;

    /// <summary>Enters if nobody is inside.</summary>
    public bool TryEnter() => Volatile.Read(ref _entered) == 0 && Interlocked.CompareExchange(ref _entered, 1, 0) == 0;

    /// <summary>
    /// Enters, spinning for some microseconds while another thread is inside: less than it takes to wake the caller again.
    /// </summary>
    public bool TryEnterSoon()
    {
        for (var i = 0; i < ShortSpins; i++)
        {
            if (TryEnter())
                return true;
            Thread.SpinWait(SpinLength);
        }

        return TryEnter();
    }

    /// <summary>Enters, spinning while another thread is inside. Only for calls that cannot wait asynchronously.</summary>
    public void Enter()
    {
        var spinner = default(SpinWait);
        while (!TryEnter())
            spinner.SpinOnce();
    }

    /// <summary>Leaves; runs what was posted meanwhile.</summary>
    public void Leave()
    {
        do
        {
            if (HasPosted)
                runPosted();
            Interlocked.Exchange(ref _entered, 0);
        }
        while (HasPosted && TryEnter());
    }

    /// <summary>Leaves after a full turn.</summary>
    public void LeaveTurning()
    {
        Interlocked.Exchange(ref _requested, 1);
        Leave();
    }

    /// <summary>Has the item run: here and now if nobody is inside, else by whoever is.</summary>
    public void Post(IWork item)
    {
        _queue.Add(item);
        if (TryEnter())
            Leave();
    }

    /// <summary>Asks for a full turn, which sends and arms timers: here and now, or by whoever is inside.</summary>
    public void RequestTurn()
    {
        // A full fence: the request must be seen by whoever leaves, or his leaving by us.
        Interlocked.Exchange(ref _requested, 1);
        if (TryEnter())
            Leave();
    }

    /// <summary>Inside: takes the request for a full turn.</summary>
    public bool TakeRequest() => Volatile.Read(ref _requested) != 0 && Interlocked.Exchange(ref _requested, 0) != 0;

    /// <summary>Inside: takes all posted work, oldest first.</summary>
    public IWork? TakePosted() => _queue.TakeAll();
}
