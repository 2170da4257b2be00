using Mosaik.Primitives;

namespace Mosaik.Discovery;

/// <summary>
/// Peers that were heard of all the time and no longer are: a connection with them ended without a word, their keep-alives
/// fail to come, or their entry has gone stale. They did not say goodbye, so they may be back, started anew or behind a cut
/// that has healed, and nobody else may know where they are.
/// </summary>
/// <remarks>
/// Pure. It remembers where they were, for longer than the catalog does. At most 64 peers, the first to be missed go first;
/// each for an hour, or while the node has no neighbour, for then they are all it has.
/// </remarks>
internal sealed class MissingPeers
{
    /// <summary>Most peers that are missed at once.</summary>
    public const int MaxPeers = 64;

    /// <summary>How long a peer is looked for.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromHours(1);

    /// <summary>How often the catalog is searched for peers whose keep-alives fail to come.</summary>
    public static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(5);

    // What a peer announced before it was missed may be under way for so long.
    private static readonly TimeSpan Echo = TimeSpan.FromSeconds(5);

    private readonly SortedDictionary<PeerId, Missing> _peers = [];

    /// <summary>Who is missed, ascending.</summary>
    public IReadOnlyCollection<PeerId> Ids => _peers.Keys;

    /// <summary>Whether a peer is missed.</summary>
    public bool Contains(PeerId id) => _peers.ContainsKey(id);

    /// <summary>Where a peer was; null if it is not missed.</summary>
    public EndpointAddress? AddressOf(PeerId id) => _peers.GetValueOrDefault(id)?.Address;

    /// <summary>A peer is missed from now on; false if it was already.</summary>
    /// <param name="entry">Its last entry.</param>
    /// <param name="now">Monotonic time.</param>
    /// <param name="evicted">Who is no longer looked for, for lack of room.</param>
    public bool TryAdd(PeerEntry entry, TimeSpan now, out PeerId? evicted)
    {
        evicted = null;
        if (_peers.ContainsKey(entry.Id))
            return false;
        if (_peers.Count >= MaxPeers)
        {
            evicted = _peers.MinBy(static peer => peer.Value.Since).Key;
            _peers.Remove(evicted.Value);
        }
        _peers.Add(entry.Id, new Missing(entry.Version, entry.Address, now));
        return true;
    }

    /// <summary>The catalog holds an entry of a peer: true if it was missed and this shows that it is back.</summary>
    /// <param name="id">The peer.</param>
    /// <param name="version">The version of the entry.</param>
    /// <param name="isFirstHand">Whether it came from the peer itself.</param>
    /// <param name="now">Monotonic time.</param>
    public bool TryFind(PeerId id, PeerVersion version, bool isFirstHand, TimeSpan now) =>
        _peers.TryGetValue(id, out Missing? missing)
        && version.IsNewerThan(missing.Version)
        && (isFirstHand || now - missing.Since >= Echo)
        && _peers.Remove(id);

    /// <summary>A peer is no longer missed: it has left.</summary>
    public void Remove(PeerId id) => _peers.Remove(id);

    /// <summary>Forgets those that have been missed for too long, and returns them.</summary>
    public List<PeerId> TakeExpired(TimeSpan now)
    {
        List<PeerId> expired = [.. _peers.Where(peer => now - peer.Value.Since >= Lifetime).Select(static peer => peer.Key)];
        foreach (PeerId id in expired)
            _peers.Remove(id);
        return expired;
    }

    private sealed record Missing(PeerVersion Version, EndpointAddress Address, TimeSpan Since);
}
