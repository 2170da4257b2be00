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

    public bool Contains(PeerId id) => _signed.ContainsKey(id) || _unsigned.ContainsKey(id);

    /// <summary>The signed entry of a peer, fresh or not; null if there is none.</summary>
    public SignedPeerEntry? GetSigned(PeerId id) => _signed.GetValueOrDefault(id);

    /// <summary>Peers whose signed entries were refreshed last after a time and not after another one.</summary>
    public IEnumerable<PeerId> RefreshedBetween(long afterMs, long untilMs) => _signedReceipts.Between(afterMs, untilMs);

    public bool IsFreshSigned(PeerId id, long nowMs) =>
        _signed.TryGetValue(id, out SignedPeerEntry? entry) && State.IsFresh(entry, nowMs);

    public bool IsFresh(PeerId id, long nowMs) =>
        IsFreshSigned(id, nowMs) || (_unsigned.TryGetValue(id, out UnsignedPeer? peer) && State.IsFresh(peer, nowMs));

    /// <summary>Steps 1–6 against the working maps: what a verified entry is checked with again.</summary>
    public UpsertResult? Precheck(PeerId id, NetworkId network, PeerVersion offered, long nowMs) => UpsertRules.Precheck(
        network == State.Network,
        id == State.Self,
        offered,
        _signed.TryGetValue(id, out SignedPeerEntry? known) ? known.Version : null,
        _tombstones.TryGetValue(id, out Tombstone tombstone) && tombstone.IsAlive(nowMs) ? tombstone.Start : null,
        State.TimesAt(nowMs));

    /// <summary>Offers a verified entry.</summary>
    public UpsertResult Upsert(SignedPeerEntry entry, long nowMs)
    {
        if (Precheck(entry.Id, entry.NetworkId, entry.Version, nowMs) is { } refused)
            return refused;
        PurgeIfExpired(entry.Id, nowMs);
        if (_signed.TryGetValue(entry.Id, out SignedPeerEntry? known))
        {
            _signed[entry.Id] = entry;
            Reindex(known.Entry, entry.Entry);
            Changes.Add(PeerChange.Updated(known.Entry, entry.Entry, entry));
            OnStored(entry.Id, State.ExpiryOf(entry), _signedReceipts, nowMs);
            return UpsertResult.Updated;
        }
        if (_signed.Count >= _maxEntries && !TryEvict(_signedReceipts, nowMs))
            return UpsertResult.Full;
        if (_unsigned.TryGetValue(entry.Id, out UnsignedPeer? unsigned))
        {
            _unsigned.Remove(entry.Id);
            _unsignedReceipts.Remove(entry.Id);
            Reindex(unsigned.Entry, entry.Entry);
            Changes.Add(PeerChange.Updated(unsigned.Entry, entry.Entry, entry));
        }
        else
        {
            Reindex(null, entry.Entry);
            Changes.Add(PeerChange.Added(entry.Entry, entry));
        }
        _signed[entry.Id] = entry;
        _tombstones.Remove(entry.Id); // of an older run, if there is one
        OnStored(entry.Id, State.ExpiryOf(entry), _signedReceipts, nowMs);
        return UpsertResult.New;
    }

    /// <summary>Puts in an unsigned entry; false when it is refused (spec/discovery.md §6.4).</summary>
    public bool Insert(PeerEntry entry, long nowMs)
    {
        if (entry.Id == State.Self || entry.NetworkId != State.Network)
            return false;
        PurgeIfExpired(entry.Id, nowMs);
        if (_signed.ContainsKey(entry.Id))
            return false;
        bool known = _unsigned.TryGetValue(entry.Id, out UnsignedPeer? old);
        if (!known && _unsigned.Count >= _maxEntries && !TryEvict(_unsignedReceipts, nowMs))
            return false;
        var peer = new UnsignedPeer(entry, nowMs);
        _unsigned[entry.Id] = peer;
        Reindex(old?.Entry, entry);
        if (old is null)
            Changes.Add(PeerChange.Added(entry, null));
        else if (!old.Entry.Equals(entry))
            Changes.Add(PeerChange.Updated(old.Entry, entry, null));
        OnStored(entry.Id, State.ExpiryOf(peer), _unsignedReceipts, nowMs);
        return true;
    }

    /// <summary>Removes an unsigned entry; false when there is none.</summary>
    public bool RemoveUnsigned(PeerId id)
    {
        if (!_unsigned.TryGetValue(id, out UnsignedPeer? peer))
            return false;
        Drop(peer.Entry);
        return true;
    }

    /// <summary>Removes all unsigned entries; false when there are none.</summary>
    public bool ClearUnsigned()
    {
        PeerEntry[] entries = [.. _unsigned.Values.Select(static p => p.Entry)];
        foreach (PeerEntry entry in entries)
            Drop(entry);
        return entries.Length > 0;
    }

    /// <summary>Applies a departure whose signature is valid.</summary>
    public DepartureDecision Depart(PeerId id, PeerVersion last, long timestampMs, long nowMs)
    {
        if (id == State.Self)
            return DepartureDecision.Dropped;
        SignedPeerEntry? known = _signed.GetValueOrDefault(id);
        DepartureDecision decision = UpsertRules.Depart(last, timestampMs, known?.Version, State.TimesAt(nowMs));
        if (decision is DepartureDecision.Dropped or DepartureDecision.Ignored)
            return decision;
        Bury(id, last.Start, nowMs);
        if (_rtts.Remove(id))
            UpdateHidden(id);
        if (known is not null)
            Drop(known.Entry);
        return decision;
    }

    /// <summary>Removes everything that is no longer fresh.</summary>
    public void Purge(long nowMs)
    {
        while (_expiries.TryTakeExpired(nowMs, out PeerId id))
        {
            if (!PurgeIfExpired(id, nowMs) && ExpiryOf(id) is { } later)
                _expiries.Watch(id, later);
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

    private long? ExpiryOf(PeerId id) =>
        _signed.TryGetValue(id, out SignedPeerEntry? entry) ? State.ExpiryOf(entry)
        : _unsigned.TryGetValue(id, out UnsignedPeer? peer) ? State.ExpiryOf(peer)
        : null;

    private bool PurgeIfExpired(PeerId id, long nowMs)
    {
        if (ExpiryOf(id) is not { } expiry || nowMs <= expiry)
            return false;
        if (_signed.TryGetValue(id, out SignedPeerEntry? entry))
            Drop(entry.Entry, isPurge: true);
        else
            Drop(_unsigned[id].Entry);
        return true;
    }

    private void Drop(PeerEntry entry, bool isPurge = false)
    {
        PeerId id = entry.Id;
        if (_signed.Remove(id))
        {
            _signedReceipts.Remove(id);
            SignedDepartures++;
        }
        else
        {
            _unsigned.Remove(id);
            _unsignedReceipts.Remove(id);
        }
        Reindex(entry, null);
        _rtts.Remove(id);
        UpdateHidden(id);
        Changes.Add(PeerChange.Removed(entry) with { IsPurge = isPurge });
    }

    private void OnStored(PeerId id, long expiryMs, ReceiptOrder receipts, long nowMs)
    {
        receipts.Touch(id, nowMs);
        _expiries.Watch(id, expiryMs);
        UpdateHidden(id);
        _dirty = true;
    }

    /// <summary>
    /// Makes room by removing the entry received longest ago, if that is long enough ago and nobody is connected to the
    /// peer.
    /// By local receipt time, never by a version that the other side chose.
    /// </summary>
    private bool TryEvict(ReceiptOrder receipts, long nowMs)
    {
        if (receipts.Oldest(Saturating.Subtract(nowMs, EvictionAgeMs), id => !_held.ContainsKey(id)) is not { } victim)
            return false;
        Drop(_signed.TryGetValue(victim, out SignedPeerEntry? entry) ? entry.Entry : _unsigned[victim].Entry);
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
        bool hidden = _options.MaxRtt is { } max && Contains(id)
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
