namespace Mosaik.Discovery;

/// <summary>What to do about a newer entry with our own id (spec/discovery.md §12.3).</summary>
internal enum IdentityVerdict
{
    /// <summary>Nothing.</summary>
    Ignore,

    /// <summary>Move past it: an earlier run had a faster clock.</summary>
    Overtake,

    /// <summary>Say that two processes use one key.</summary>
    ReportConflict,
}

/// <summary>
/// Judges entries about ourselves: overtaken at most once per announce interval and three times per run, after that
/// only
/// reported, at most once per minute. So two processes with one key do not drive each other up without end.
/// </summary>
internal sealed class IdentityGuard(DiscoveryOptions options)
{
    public const int MaxOvertakes = 3;

    private static readonly TimeSpan ReportInterval = TimeSpan.FromMinutes(1);

    private int _overtakes;
    private TimeSpan? _lastOvertake;
    private TimeSpan? _lastReport;

    /// <summary>Judges a verified entry of ours.</summary>
    public IdentityVerdict Judge(PeerVersion found, PeerVersion highWater, DiscoveryTime now)
    {
        if (!found.IsNewerThan(highWater))
            return IdentityVerdict.Ignore;
        bool isNear = found.Start <= Saturating.Add(now.WallMs, options.MaxTimeDriftMs);
        if (isNear && _overtakes < MaxOvertakes)
        {
            if (_lastOvertake is { } last && now.Monotonic - last < options.AnnounceInterval)
                return IdentityVerdict.Ignore; // once per interval; it will be seen again
            _overtakes++;
            _lastOvertake = now.Monotonic;
            return IdentityVerdict.Overtake;
        }
        if (_lastReport is { } reported && now.Monotonic - reported < ReportInterval)
            return IdentityVerdict.Ignore;
        _lastReport = now.Monotonic;
        return IdentityVerdict.ReportConflict;
    }
}
