namespace Mosaik.Groups;

/// <summary>The token of this node's present leadership.</summary>
internal sealed class LeadershipSource
{
    private static readonly CancellationToken Cancelled = new(canceled: true);

    private CancellationTokenSource? _current;

    /// <summary>Not cancelled while this node leads.</summary>
    public CancellationToken Token => Volatile.Read(ref _current)?.Token ?? Cancelled;

    /// <summary>A leadership begins.</summary>
    public void Begin() => Volatile.Write(ref _current, new CancellationTokenSource());

    /// <summary>It ends: its source, to be cancelled; null if there was none. It has no timer, so it needs no disposal.</summary>
    public CancellationTokenSource? Take() => Interlocked.Exchange(ref _current, null);
}
