namespace Mosaik.Discovery;

/// <summary>
/// The decisions about offered entries and departures as pure functions (spec/discovery.md §6.3, §8.4, §12.1).
/// </summary>
internal static class UpsertRules
{
    /// <summary>
    /// Steps 1–6 of §6.3: everything that can be said without the signature. Null when the entry would be stored if it
    /// verifies.
    /// </summary>
    public static UpsertResult? Precheck(
        bool sameNetwork, bool isSelf, PeerVersion offered, PeerVersion? known, long? tombstoneStart, in CatalogTimes times)
    {
        if (!sameNetwork)
            return UpsertResult.DifferentNetwork;
        if (isSelf)
            return UpsertResult.Self;
        if (offered.IsFromFuture(times.NowMs, times.MaxTimeDriftMs))
            return UpsertResult.FromFuture;
        if (offered.IsStale(times.NowMs, times.PurgeAfterMs))
            return UpsertResult.Outdated;
        if (offered.Start <= tombstoneStart)
            return UpsertResult.Departed;
        if (known is { } stored && !offered.IsNewerThan(stored))
            return UpsertResult.Rejected;
        return null;
    }

    /// <summary>Whether a time in a gossip message is close enough to ours.</summary>
    public static bool IsWithinDrift(long timeMs, in CatalogTimes times) =>
        Saturating.IsWithin(timeMs, times.NowMs, times.MaxTimeDriftMs);

    /// <summary>Steps 1–4 of §12.1 for a departure whose signature is valid and that is not our own.</summary>
    public static DepartureDecision Depart(PeerVersion last, long timestampMs, PeerVersion? known, in CatalogTimes times)
    {
        if (!IsWithinDrift(timestampMs, times))
            return DepartureDecision.Dropped;
        if (known is not { } k)
            return DepartureDecision.TombstoneOnly;
        if (last.Start < k.Start)
            return DepartureDecision.Ignored;
        // A version handed out in a ping answer may be above the announced one; a departure that is older than the entry
        // by more than the clocks may differ is a replay from before a rejoin.
        if (last.Start == k.Start && last.Update < k.Update
            && timestampMs < Saturating.Subtract(k.Update, times.MaxTimeDriftMs))
        {
            return DepartureDecision.Ignored;
        }
        return DepartureDecision.Removed;
    }
}
