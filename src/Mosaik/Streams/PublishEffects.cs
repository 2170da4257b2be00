namespace Mosaik.Streams;

/// <summary>
/// What a publish asks for once the lock is left: writers to wake, subscriptions to drop. One writer, the usual
/// case, costs no allocation.
/// </summary>
internal struct PublishEffects
{
    private IBacklogOwner? _wake;
    private List<IBacklogOwner>? _wakeMore;
    private List<IBacklogOwner>? _drop;

    /// <summary>Notes a writer to wake.</summary>
    public void Wake(IBacklogOwner owner)
    {
        if (_wake is null)
            _wake = owner;
        else
            (_wakeMore ??= []).Add(owner);
    }

    /// <summary>Notes a subscription to drop.</summary>
    public void Drop(IBacklogOwner owner) => (_drop ??= []).Add(owner);

    /// <summary>Does it. Call outside the lock.</summary>
    public readonly void Run()
    {
        _wake?.Wake();
        foreach (var owner in _wakeMore ?? [])
            owner.Wake();
        foreach (var owner in _drop ?? [])
            owner.DropLagging();
    }
}
