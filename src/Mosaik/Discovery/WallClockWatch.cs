namespace Mosaik.Discovery;

/// <summary>
/// Notices that the wall clock was put forward: by more than the tolerated drift against monotonic time since the last look.
/// A clock that only runs a little fast never does that between two looks.
/// </summary>
internal sealed class WallClockWatch(TimeSpan tolerance)
{
    private TimeSpan? _lead;

    /// <summary>Looks at both clocks; true if the wall clock was put forward since the last look.</summary>
    public bool IsPutForward(DiscoveryTime now)
    {
        TimeSpan lead = TimeSpan.FromMilliseconds(now.WallMs) - now.Monotonic;
        bool isPutForward = _lead is { } before && lead - before > tolerance;
        _lead = lead;
        return isPutForward;
    }
}
