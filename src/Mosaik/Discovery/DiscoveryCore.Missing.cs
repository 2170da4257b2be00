using Mosaik.Primitives;

namespace Mosaik.Discovery;

// Looking for peers that went without a word: beyond spec/discovery.md §11.2, which forgets a peer with its entry.
internal sealed partial class DiscoveryCore
{
    private readonly MissingPeers _missing = new();
    private TimeSpan _lookAt;
    private long _lookedUntilMs = long.MinValue;

    /// <summary>Whom to join: those who are there, and those who were.</summary>
    private List<PeerId> JoinablePeers(DiscoveryTime now) =>
    [
        .. _catalog.State.Signed.Keys.Concat(_catalog.State.Unsigned.Keys).Where(id => _catalog.IsFresh(id, now.WallMs)),
        .. _missing.Ids.Where(id => !_catalog.IsFresh(id, now.WallMs)),
    ];

    /// <summary>A peer is about to be dialled; nobody else may know where it was if it is missed.</summary>
    private void Recall(PeerId id)
    {
        if (_missing.AddressOf(id) is { } address)
            Effects.Recalled.Add(address);
    }

    /// <summary>Without announcements no keep-alive can fail to come.</summary>
    private bool IsLooking => _announce is not null && _online && !_left;

    /// <summary>Searches the catalog for peers that have missed two keep-alives, or are about to be purged.</summary>
    private void Look(DiscoveryTime now)
    {
        if (!IsLooking || now.Monotonic < _lookAt)
            return;
        _lookAt = now.Monotonic + MissingPeers.LookInterval;
        double longest = _options.AnnounceInterval.TotalMilliseconds * (1 + _options.AnnounceJitter);
        double overdue = Math.Max(1.1 * longest, Math.Min(2 * longest, 0.75 * _options.PurgeAfterMs));
        long until = Saturating.Subtract(now.WallMs, (long)overdue);
        foreach (PeerId id in _catalog.RefreshedBetween(_lookedUntilMs, until).ToArray())
            Miss(_catalog.GetSigned(id)!.Entry, now); // it was refreshed, so it is there
        _lookedUntilMs = until;
        if (_announce is { IsAlone: true })
            return; // nobody else is left
        foreach (PeerId id in _missing.TakeExpired(now.Monotonic))
            _syncs.EndLookingFor(id);
    }

    /// <summary>A peer that did not say goodbye is not heard any more. Who was only fed in never was.</summary>
    private void Miss(PeerEntry entry, DiscoveryTime now)
    {
        if (_left || _missing.Contains(entry.Id) || !_syncs.Knows(entry.Id) || !_syncs.IsDrawn())
            return;
        _missing.TryAdd(entry, now.Monotonic, out PeerId? evicted);
        if (evicted is { } other)
            _syncs.EndLookingFor(other);
        _syncs.LookFor(entry.Id, now.Monotonic);
    }

    private void OnHeard(PeerId id, bool isFirstHand, DiscoveryTime now)
    {
        if (_catalog.GetSigned(id) is not { } entry || !_missing.TryFind(id, entry.Version, isFirstHand, now.Monotonic))
            return;
        _syncs.EndLookingFor(id);
        if (isFirstHand)
            _announce?.OnFound(id);
    }
}
