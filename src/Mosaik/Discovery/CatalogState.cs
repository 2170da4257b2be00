using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Mosaik.Primitives;

namespace Mosaik.Discovery;

/// <summary>
/// Everything known about peers at one moment: immutable, published by the loop with one volatile write, read by
/// anybody
/// without a lock. The local entry is not in here; it has an owner of its own (<see cref="LocalEntry"/>).
/// </summary>
/// <remarks>
/// A peer is in at most one of the two maps. An entry is fresh while now ≤ its expiry, and only fresh ones count.
/// </remarks>
internal sealed record CatalogState
{
    public required NetworkId Network { get; init; }

    public required PeerId Self { get; init; }

    public required DiscoveryOptions Options { get; init; }

    public ImmutableSortedDictionary<PeerId, SignedPeerEntry> Signed { get; init; } =
        ImmutableSortedDictionary<PeerId, SignedPeerEntry>.Empty;

    public ImmutableSortedDictionary<PeerId, UnsignedPeer> Unsigned { get; init; } =
        ImmutableSortedDictionary<PeerId, UnsignedPeer>.Empty;

    public ImmutableSortedDictionary<PeerId, Tombstone> Tombstones { get; init; } =
        ImmutableSortedDictionary<PeerId, Tombstone>.Empty;

    public ImmutableSortedDictionary<PeerId, RttEstimate> Rtts { get; init; } =
        ImmutableSortedDictionary<PeerId, RttEstimate>.Empty;

    /// <summary>Peers by what they produce.</summary>
    public ImmutableSortedDictionary<StreamId, ImmutableSortedSet<PeerId>> ByStream { get; init; } =
        ImmutableSortedDictionary<StreamId, ImmutableSortedSet<PeerId>>.Empty;

    /// <summary>Peers by what they are members of.</summary>
    public ImmutableSortedDictionary<GroupId, ImmutableSortedSet<PeerId>> ByGroup { get; init; } =
        ImmutableSortedDictionary<GroupId, ImmutableSortedSet<PeerId>>.Empty;

    /// <summary>How many known peers are above <see cref="DiscoveryOptions.MaxRtt"/>.</summary>
    public int HiddenCount { get; init; }

    /// <summary>No entry expires before this; a lower bound.</summary>
    public long EarliestExpiryMs { get; init; } = long.MaxValue;

    public CatalogTimes TimesAt(long nowMs) => new(nowMs, Options.PurgeAfterMs, Options.MaxTimeDriftMs);

    public long ExpiryOf(SignedPeerEntry entry) => Saturating.Add(entry.Version.Update, Options.PurgeAfterMs);

    public long ExpiryOf(UnsignedPeer peer) => Saturating.Add(peer.InsertedMs, Options.PurgeAfterMs);

    public bool IsFresh(SignedPeerEntry entry, long nowMs) => nowMs <= ExpiryOf(entry);

    public bool IsFresh(UnsignedPeer peer, long nowMs) => nowMs <= ExpiryOf(peer);

    public SignedPeerEntry? GetSigned(PeerId id, long nowMs) =>
        Signed.TryGetValue(id, out SignedPeerEntry? entry) && IsFresh(entry, nowMs) ? entry : null;

    public PeerEntry? GetUnsigned(PeerId id, long nowMs) =>
        Unsigned.TryGetValue(id, out UnsignedPeer? peer) && IsFresh(peer, nowMs) ? peer.Entry : null;

    /// <summary>The fresh entry of a peer, signed or not.</summary>
    public PeerEntry? GetKnown(PeerId id, long nowMs) => GetSigned(id, nowMs)?.Entry ?? GetUnsigned(id, nowMs);

    public TimeSpan? RttOf(PeerId id) => Rtts.TryGetValue(id, out RttEstimate estimate) ? estimate.Smoothed : null;

    /// <summary>Whether the peer's round-trip time is unknown or within the limit.</summary>
    public bool PassesMaxRtt(PeerId id) => Options.MaxRtt is not { } max || RttOf(id) is not { } rtt || rtt <= max;

    /// <summary>
    /// The number of fresh peers that pass the limit; constant time unless something is about to be purged.
    /// </summary>
    public int PeersCountAt(long nowMs)
    {
        if (nowMs <= EarliestExpiryMs)
            return Signed.Count + Unsigned.Count - HiddenCount;
        return Signed.Count(p => IsFresh(p.Value, nowMs) && PassesMaxRtt(p.Key))
            + Unsigned.Count(p => IsFresh(p.Value, nowMs) && PassesMaxRtt(p.Key));
    }

    /// <summary>Steps 1–6 of the upsert rules against this state.</summary>
    public UpsertResult? Precheck(PeerId id, NetworkId network, PeerVersion offered, long nowMs) => UpsertRules.Precheck(
        network == Network,
        id == Self,
        offered,
        Signed.TryGetValue(id, out SignedPeerEntry? known) ? known.Version : null,
        Tombstones.TryGetValue(id, out Tombstone tombstone) && tombstone.IsAlive(nowMs) ? tombstone.Start : null,
        TimesAt(nowMs));
}

/// <summary>An entry nobody signed, put in by the local user.</summary>
/// <param name="Entry">The entry.</param>
/// <param name="InsertedMs">When; it is fresh for as long as a signed one updated then.</param>
internal sealed record UnsignedPeer(PeerEntry Entry, long InsertedMs);

/// <summary>The memory of a departure.</summary>
/// <param name="Start">Runs that started then or earlier are gone.</param>
/// <param name="ExpiryMs">When it is forgotten.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct Tombstone(long Start, long ExpiryMs)
{
    public bool IsAlive(long nowMs) => nowMs <= ExpiryMs;
}
