using System.Collections.Immutable;
using Mosaik.Primitives;

namespace Mosaik.Discovery;

/// <summary>
/// The catalog as its owner works on it: upserts, unsigned entries, departures and purging (spec/discovery.md §6, §12).
/// </summary>
/// <remarks>
/// <para>Pure: time comes in with every call, nothing waits. Every operation appends to <see cref="Changes"/>;
/// <see cref="Publish"/> turns the working maps into an immutable state in constant time.</para>
/// <para>An entry that has expired but was not purged yet is purged before anything else is done with its peer, so that
/// changes
/// of one peer always alternate properly: added, updated …, removed.</para>
/// <para>It does not verify: it is only given entries that cannot exist unverified.</para>
/// </remarks>
internal sealed class CatalogStore
{
    /// <summary>Most signed, and most unsigned, entries (spec/reliability.md §12.1).</summary>
    public const int MaxEntries = 10_000;

    /// <summary>Most remembered departures (spec/discovery.md §12.2).</summary>
    public const int MaxTombstones = 10_000;

    /// <summary>An entry received within this time is not evicted in favour of a stranger.</summary>
    private const long EvictionAgeMs = 60_000;

    private readonly DiscoveryOptions _options;
    private readonly ImmutableSortedDictionary<PeerId, SignedPeerEntry>.Builder _signed;
    private readonly ImmutableSortedDictionary<PeerId, UnsignedPeer>.Builder _unsigned;
    private readonly ImmutableSortedDictionary<PeerId, Tombstone>.Builder _tombstones;
    private readonly ImmutableSortedDictionary<PeerId, RttEstimate>.Builder _rtts;
    private readonly CatalogIndex<StreamId> _streams = new();
    private readonly CatalogIndex<GroupId> _groups = new();
    private readonly ExpiryHeap _expiries = new();
    private readonly PriorityQueue<PeerId, long> _tombstoneExpiries = new();
    private readonly ReceiptOrder _signedReceipts = new();
    private readonly ReceiptOrder _unsignedReceipts = new();
    private readonly Dictionary<PeerId, CatalogPlace> _places = []; // of all in the two maps, and of those still watched
    private readonly Dictionary<PeerId, int> _held = [];
    private readonly HashSet<PeerId> _hidden = [];
    private readonly int _maxEntries;
    private bool _dirty;

    public CatalogStore(NetworkId network, PeerId self, DiscoveryOptions options, int maxEntries = MaxEntries)
    {
        _options = options;
        _maxEntries = maxEntries;
        State = new CatalogState { Network = network, Self = self, Options = options };
        _signed = State.Signed.ToBuilder();
        _unsigned = State.Unsigned.ToBuilder();
        _tombstones = State.Tombstones.ToBuilder();
        _rtts = State.Rtts.ToBuilder();
    }

    /// <summary>The state published last.</summary>
    public CatalogState State { get; private set; }

    /// <summary>What happened since the owner cleared it.</summary>
    public List<PeerChange> Changes { get; } = [];

    /// <summary>No entry expires before this; a lower bound, <see cref="long.MaxValue"/> for none.</summary>
    public long EarliestExpiryMs => _expiries.EarliestMs;

    /// <summary>Signed entries removed by departure, purge or eviction since the start.</summary>
    public long SignedDepartures { get; private set; }

    /// <summary>How many signed entries there are.</summary>
    public int Count => _signed.Count;

    public bool Contains(PeerId id) => Find(id) is not null;

    /// <summary>The signed entry of a peer, fresh or not; null if there is none.</summary>
    public SignedPeerEntry? GetSigned(PeerId id) => Find(id)?.Signed;

    /// <summary>Peers whose signed entries were refreshed last after a time and not after another one.</summary>
    public IEnumerable<PeerId> RefreshedBetween(long afterMs, long untilMs) => _signedReceipts.Between(afterMs, untilMs);

    public bool IsFreshSigned(PeerId id, long nowMs) => Find(id) is { Signed: { } entry } && State.IsFresh(entry, nowMs);

    public bool IsFresh(PeerId id, long nowMs) => Find(id) is { } place && nowMs <= ExpiryOf(place);

    /// <summary>Steps 1–6 against the working maps: what a verified entry is checked with again.</summary>
    public UpsertResult? Precheck(PeerId id, NetworkId network, PeerVersion offered, long nowMs) =>
        Precheck(Find(id), id, network, offered, nowMs);

    /// <summary>Offers a verified entry.</summary>
    public UpsertResult Upsert(SignedPeerEntry entry, long nowMs)
    {
        PeerId id = entry.Id;
        CatalogPlace? place = Find(id);
        if (Precheck(place, id, entry.NetworkId, entry.Version, nowMs) is { } refused)
            return refused;
        if (place is not null && PurgeIfExpired(place, nowMs))
            place = null;
        if (place is { Signed: { } known })
        {
            _signed[id] = place.Signed = entry;
            Reindex(known.Entry, entry.Entry);
            Changes.Add(PeerChange.Updated(known.Entry, entry.Entry, entry));
            OnStored(place, _signedReceipts, nowMs);
            return UpsertResult.Updated;
        }
        if (_signed.Count >= _maxEntries && !TryEvict(_signedReceipts, nowMs))
            return UpsertResult.Full;
        if (place is { Unsigned: { } unsigned })
        {
            _unsigned.Remove(id);
            _unsignedReceipts.Remove(place);
            place.Unsigned = null;
            Reindex(unsigned.Entry, entry.Entry);
            Changes.Add(PeerChange.Updated(unsigned.Entry, entry.Entry, entry));
        }
        else
        {
            Reindex(null, entry.Entry);
            Changes.Add(PeerChange.Added(entry.Entry, entry));
        }
        place ??= PlaceOf(id);
        _signed[id] = place.Signed = entry;
        _tombstones.Remove(id); // of an older run, if there is one
        OnStored(place, _signedReceipts, nowMs);
        return UpsertResult.New;
    }

    /// <summary>Puts in an unsigned entry; false when it is refused (spec/discovery.md §6.4).</summary>
    public bool Insert(PeerEntry entry, long nowMs)
    {
        PeerId id = entry.Id;
        if (id == State.Self || entry.NetworkId != State.Network)
            return false;
        CatalogPlace? place = Find(id);
        if (place is not null && PurgeIfExpired(place, nowMs))
            place = null;
        if (place is { Signed: not null })
            return false;
        PeerEntry? old = place?.Unsigned?.Entry;
        if (place is null && _unsigned.Count >= _maxEntries && !TryEvict(_unsignedReceipts, nowMs))
            return false;
        place ??= PlaceOf(id);
        _unsigned[id] = place.Unsigned = new UnsignedPeer(entry, nowMs);
        Reindex(old, entry);
        if (old is null)
            Changes.Add(PeerChange.Added(entry, null));
        else if (!old.Equals(entry))
            Changes.Add(PeerChange.Updated(old, entry, null));
        OnStored(place, _unsignedReceipts, nowMs);
        return true;
    }

    /// <summary>Removes an unsigned entry; false when there is none.</summary>
    public bool RemoveUnsigned(PeerId id)
    {
        if (Find(id) is not { Unsigned: not null } place)
            return false;
        Drop(place);
        return true;
    }

    /// <summary>Removes all unsigned entries; false when there are none.</summary>
    public bool ClearUnsigned()
    {
        PeerId[] ids = [.. _unsigned.Keys];
        foreach (PeerId id in ids)
            RemoveUnsigned(id);
        return ids.Length > 0;
    }

    /// <summary>Applies a departure whose signature is valid.</summary>
    public DepartureDecision Depart(PeerId id, PeerVersion last, long timestampMs, long nowMs)
    {
        if (id == State.Self)
            return DepartureDecision.Dropped;
        CatalogPlace? place = Find(id);
        SignedPeerEntry? known = place?.Signed;
        DepartureDecision decision = UpsertRules.Depart(last, timestampMs, known?.Version, State.TimesAt(nowMs));
        if (decision is DepartureDecision.Dropped or DepartureDecision.Ignored)
            return decision;
        Bury(id, last.Start, nowMs);
        if (_rtts.Remove(id))
            UpdateHidden(id);
        if (known is not null)
            Drop(place!); // its entry is known
        return decision;
    }

    /// <summary>Removes everything that is no longer fresh.</summary>
    public void Purge(long nowMs)
    {
        while (_expiries.TryTakeExpired(nowMs, out CatalogPlace? place))
        {
            if (place.Entry is null)
                _places.Remove(place.Id);
            else if (!PurgeIfExpired(place, nowMs))
                _expiries.Watch(place, ExpiryOf(place));
        }
        while (_tombstoneExpiries.TryPeek(out PeerId buried, out long expiry) && expiry < nowMs)
        {
            _tombstoneExpiries.Dequeue();
            if (_tombstones.TryGetValue(buried, out Tombstone tombstone) && !tombstone.IsAlive(nowMs))
                _dirty |= _tombstones.Remove(buried);
        }
    }

    /// <summary>Takes in a round-trip time; strangers have none. True if the smoothed time is another one now.</summary>
    public bool SampleRtt(PeerId id, TimeSpan rtt)
    {
        if (rtt <= TimeSpan.Zero || !Contains(id))
            return false;
        long sample = rtt.Ticks * TimeSpan.NanosecondsPerTick;
        bool known = _rtts.TryGetValue(id, out RttEstimate before);
        RttEstimate after = known ? before.Next(sample) : RttEstimate.First(sample);
        _rtts[id] = after;
        UpdateHidden(id);
        _dirty = true;
        return !known || after.Smoothed != before.Smoothed;
    }

    /// <summary>Protects a peer from eviction while somebody is connected to it; counted.</summary>
    public void Hold(PeerId id) => _held[id] = _held.GetValueOrDefault(id) + 1;

    /// <summary>Ends one <see cref="Hold"/>.</summary>
    public void Release(PeerId id)
    {
        if (!_held.TryGetValue(id, out int count))
            return;
        if (count > 1)
            _held[id] = count - 1;
        else
            _held.Remove(id);
    }

    /// <summary>Publishes the working maps; false when nothing changed since the last time.</summary>
    public bool Publish()
    {
        if (!_dirty && Changes.Count == 0)
            return false;
        _dirty = false;
        State = State with
        {
            Signed = _signed.ToImmutable(),
            Unsigned = _unsigned.ToImmutable(),
            Tombstones = _tombstones.ToImmutable(),
            Rtts = _rtts.ToImmutable(),
            ByStream = _streams.ToImmutable(),
            ByGroup = _groups.ToImmutable(),
            HiddenCount = _hidden.Count,
            EarliestExpiryMs = _expiries.EarliestMs,
        };
        return true;
    }

    /// <summary>The place of a peer that has an entry.</summary>
    private CatalogPlace? Find(PeerId id) =>
        _places.TryGetValue(id, out CatalogPlace? place) && place.Entry is not null ? place : null;

    /// <summary>The place of a peer that is about to have an entry.</summary>
    private CatalogPlace PlaceOf(PeerId id)
    {
        if (!_places.TryGetValue(id, out CatalogPlace? place))
            _places[id] = place = new CatalogPlace(id);
        return place;
    }

    private UpsertResult? Precheck(CatalogPlace? place, PeerId id, NetworkId network, PeerVersion offered, long nowMs) =>
        UpsertRules.Precheck(
            network == State.Network,
            id == State.Self,
            offered,
            place?.Signed?.Version,
            _tombstones.TryGetValue(id, out Tombstone tombstone) && tombstone.IsAlive(nowMs) ? tombstone.Start : null,
            State.TimesAt(nowMs));

    private long ExpiryOf(CatalogPlace place) =>
        place.Signed is { } signed ? State.ExpiryOf(signed) : State.ExpiryOf(place.Unsigned!); // it has one of the two

    private bool PurgeIfExpired(CatalogPlace place, long nowMs)
    {
        if (nowMs <= ExpiryOf(place))
            return false;
        Drop(place, isPurge: place.Signed is not null);
        return true;
    }

    private void Drop(CatalogPlace place, bool isPurge = false)
    {
        PeerId id = place.Id;
        PeerEntry entry = place.Entry!; // dropped once
        if (_signed.Remove(id))
        {
            _signedReceipts.Remove(place);
            SignedDepartures++;
        }
        else
        {
            _unsigned.Remove(id);
            _unsignedReceipts.Remove(place);
        }
        (place.Signed, place.Unsigned) = (null, null);
        if (place.WatchedMs == long.MaxValue)
            _places.Remove(id);
        Reindex(entry, null);
        _rtts.Remove(id);
        UpdateHidden(id);
        Changes.Add(PeerChange.Removed(entry) with { IsPurge = isPurge });
    }

    private void OnStored(CatalogPlace place, ReceiptOrder receipts, long nowMs)
    {
        receipts.Touch(place, nowMs);
        _expiries.Watch(place, ExpiryOf(place));
        UpdateHidden(place.Id);
        _dirty = true;
    }

    /// <summary>
    /// Makes room by removing the entry received longest ago, if that is long enough ago and nobody is connected to the
    /// peer.
    /// By local receipt time, never by a version that the other side chose.
    /// </summary>
    private bool TryEvict(ReceiptOrder receipts, long nowMs)
    {
        if (receipts.Oldest(Saturating.Subtract(nowMs, EvictionAgeMs), place => !_held.ContainsKey(place.Id)) is not { } victim)
            return false;
        Drop(victim);
        return true;
    }

    private void Bury(PeerId id, long start, long nowMs)
    {
        if (_tombstones.TryGetValue(id, out Tombstone existing) && existing.IsAlive(nowMs) && existing.Start > start)
            return;
        if (!_tombstones.ContainsKey(id) && _tombstones.Count >= MaxTombstones)
            ForgetEarliestTombstone();
        long expiry = Saturating.Add(nowMs, _options.PurgeAfterMs);
        _tombstones[id] = new Tombstone(start, expiry);
        _tombstoneExpiries.Enqueue(id, expiry);
        _dirty = true;
    }

    private void ForgetEarliestTombstone()
    {
        // Entries of the queue whose tombstone was replaced or cleared are stale; skip them.
        while (_tombstoneExpiries.TryDequeue(out PeerId id, out long expiry))
        {
            if (_tombstones.TryGetValue(id, out Tombstone tombstone) && tombstone.ExpiryMs == expiry)
            {
                _tombstones.Remove(id);
                return;
            }
        }
    }

    private void UpdateHidden(PeerId id)
    {
        if (_options.MaxRtt is not { } max)
            return;
        bool hidden = Contains(id)
            && _rtts.TryGetValue(id, out RttEstimate estimate) && estimate.Smoothed > max;
        if (hidden)
            _hidden.Add(id);
        else
            _hidden.Remove(id);
    }

    private void Reindex(PeerEntry? old, PeerEntry? entry)
    {
        PeerId id = (entry ?? old)!.Id; // one of them is given
        _streams.Update(id, old, entry, static l => l.Streams, static raw => StreamId.FromRaw(raw));
        _groups.Update(id, old, entry, static l => l.Groups, static raw => GroupId.FromRaw(raw));
    }
}
