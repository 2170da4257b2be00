using Mosaik.Primitives;
using Mosaik.Quic;

namespace Mosaik.Discovery;

/// <summary>
/// Discovery as a pure state machine: inputs and both clocks go in, <see cref="Effects"/> come out.
/// </summary>
/// <remarks>
/// <para>Parts: the catalog (<see cref="CatalogStore"/>), when to sync with whom (<see cref="SyncTable"/>), when to
/// refresh the own entry (<see cref="AnnounceClock"/>), when to broadcast it and whom to join
/// (<see cref="AnnounceCore"/>), whom to look for (<see cref="MissingPeers"/>), whom to ping (<see cref="RttProber"/>),
/// and what to do about entries with our own id (<see cref="IdentityGuard"/>). They do not know each other; the core
/// carries the facts between them: a new or updated peer is observed (unless it was fed in), a removed one forgotten or
/// looked for.</para>
/// <para>Use: any input, <see cref="GoOnline"/> among them once; after each input the owner executes the effects,
/// clears them, and calls <see cref="HandleTimeout"/> no later than <see cref="NextTimeout"/>.</para>
/// <para>It verifies nothing, signs nothing and sends nothing: entries come in verified, syncs and pings are run by the
/// owner, which reports how they ended. The own entry lives in <see cref="LocalEntry"/>.</para>
/// </remarks>
internal sealed partial class DiscoveryCore
{
    private readonly DiscoveryOptions _options;
    private readonly CatalogStore _catalog;
    private readonly SyncTable _syncs;
    private readonly AnnounceClock _clock;
    private readonly AnnounceCore? _announce;
    private readonly RttProber _prober;
    private readonly IdentityGuard _identity;
    private readonly WallClockWatch _wallClock;
    private bool _online;
    private bool _left;
    private long _departuresSeen;

    /// <summary>Makes the core of one node.</summary>
    /// <param name="network">Its network.</param>
    /// <param name="self">Its id.</param>
    /// <param name="options">Its settings.</param>
    /// <param name="random">Its randomness.</param>
    /// <param name="announces">
    /// Whether the node has gossip. Without, its entry is kept alive by syncs alone.
    /// </param>
    public DiscoveryCore(NetworkId network, PeerId self, DiscoveryOptions options, RandomSource random, bool announces = false)
    {
        _options = options;
        _catalog = new CatalogStore(network, self, options);
        _syncs = new SyncTable(random, announces ? null : RefreshInterval);
        _clock = new AnnounceClock(options, random);
        _announce = announces ? new AnnounceCore(options, random) : null;
        _prober = new RttProber(options, random);
        _identity = new IdentityGuard(options);
        _wallClock = new WallClockWatch(TimeSpan.FromMilliseconds(options.MaxTimeDriftMs));
    }

    /// <summary>How often the entry of a node that is not announced reaches each peer (spec/discovery.md §8.6).</summary>
    private TimeSpan RefreshInterval => _options.PurgeAfter / 3;

    /// <summary>What the owner has to do now.</summary>
    public DiscoveryEffects Effects { get; } = new();

    /// <summary>The catalog as published last.</summary>
    public CatalogState State => _catalog.State;

    /// <summary>The own entry is about to be made with this time; later jumps of the wall clock are noticed.</summary>
    public void WatchClock(DiscoveryTime now) => _wallClock.IsPutForward(now);

    /// <summary>The node is online: the first refresh is due, and the bootstrap peers are observed.</summary>
    public void GoOnline(DiscoveryTime now)
    {
        if (_online)
            return;
        _online = true;
        _clock.Start(now.Monotonic);
        _prober.Start(now.Monotonic);
        foreach (EndpointAddress peer in _options.BootstrapPeers)
            Observe(peer.Id, SyncReason.Bootstrap, now);
        Finish(now);
    }

    /// <summary>Offers verified entries; the result has one item for each of them.</summary>
    /// <param name="entries">The entries.</param>
    /// <param name="highWater">The greatest version of our own.</param>
    /// <param name="source">Where they come from.</param>
    /// <param name="now">Both clocks.</param>
    public UpsertResult[] Offer(
        IReadOnlyList<SignedPeerEntry> entries, PeerVersion highWater, EntrySource source, DiscoveryTime now)
    {
        var results = new UpsertResult[entries.Count];
        int before = _catalog.Count;
        for (int i = 0; i < entries.Count; i++)
        {
            SignedPeerEntry entry = entries[i];
            results[i] = _catalog.Upsert(entry, now.WallMs);
            Effects.Results.Add((entry.Id, results[i]));
            if (results[i] == UpsertResult.Self)
                OnOwnEntry(entry.Version, highWater, now);
        }
        // Only now is it known how many there are, which tells how many of them are worth a sync.
        _syncs.CatalogSize = _catalog.Count;
        for (int i = 0; i < entries.Count; i++)
        {
            if (results[i] is not (UpsertResult.New or UpsertResult.Updated))
                continue;
            if (source.Learns)
                OnLearnt(entries[i].Id, now);
            if (source is { SyncId: null, SyncingPeer: null })
                OnHeard(entries[i].Id, isFirstHand: false, now);
        }
        if (_catalog.Count > before && (source.SyncId is not null || source.SyncingPeer is not null))
            _syncs.OnNews(source.SyncId);
        if (source.SyncingPeer is { } peer && _catalog.Contains(peer))
            _syncs.OnInbound(peer, now.Monotonic);
        Finish(now);
        return results;
    }

    /// <summary>Puts in an unsigned entry; false when it is refused.</summary>
    public bool Insert(PeerEntry entry, DiscoveryTime now)
    {
        bool inserted = _catalog.Insert(entry, now.WallMs);
        Finish(now);
        return inserted;
    }

    /// <summary>Removes an unsigned entry; false when there is none.</summary>
    public bool RemoveUnsigned(PeerId id, DiscoveryTime now)
    {
        bool removed = _catalog.RemoveUnsigned(id);
        Finish(now);
        return removed;
    }

    /// <summary>Removes all unsigned entries; false when there are none.</summary>
    public bool ClearUnsigned(DiscoveryTime now)
    {
        bool removed = _catalog.ClearUnsigned();
        Finish(now);
        return removed;
    }

    /// <summary>Applies a departure whose signature is valid.</summary>
    public DepartureDecision Depart(Departure departure, DiscoveryTime now)
    {
        DepartureDecision decision = _catalog.Depart(departure.PeerId, departure.LastVersion, departure.TimestampMs, now.WallMs);
        if (decision is DepartureDecision.Removed or DepartureDecision.TombstoneOnly)
            Forget(departure.PeerId);
        Finish(now);
        return decision;
    }

    /// <summary>Takes in a measured round-trip time.</summary>
    public void SampleRtt(PeerId id, TimeSpan rtt, DiscoveryTime now)
    {
        if (_catalog.SampleRtt(id, rtt))
            Effects.Rtts.Add(id);
        if (_catalog.Contains(id))
            _prober.OnSample(id, now.Monotonic);
        Finish(now);
    }

    /// <summary>Somebody needs (or no longer needs) the round-trip time of a peer.</summary>
    public void SetRttInterest(PeerId id, bool interested, DiscoveryTime now)
    {
        if (interested)
            _prober.AddInterest(id);
        else
            _prober.RemoveInterest(id);
        Finish(now);
    }

    /// <summary>Somebody is (or no longer is) connected to a peer, which protects its entry from eviction.</summary>
    public void SetHeld(PeerId id, bool held)
    {
        if (held)
            _catalog.Hold(id);
        else
            _catalog.Release(id);
    }

    /// <summary>The topic is subscribed: announcing and joining begin, or begin anew.</summary>
    public void OnSubscribed(DiscoveryTime now)
    {
        _announce?.OnSubscribed(now);
        _announce?.HandleTimeout(now, () => JoinablePeers(now));
        Finish(now);
    }

    /// <summary>Gossip has a new direct neighbour.</summary>
    public void OnNeighbourUp(PeerId id, DiscoveryTime now)
    {
        _announce?.OnNeighbourUp(id, _catalog.IsFreshSigned(id, now.WallMs), now);
        Finish(now);
    }

    /// <summary>Gossip has lost a direct neighbour.</summary>
    public void OnNeighbourDown(PeerId id, DiscoveryTime now)
    {
        _announce?.OnNeighbourDown(id, now);
        _announce?.HandleTimeout(now, () => JoinablePeers(now));
        Finish(now);
    }

    /// <summary>Gossip was read too slowly; these are the neighbours.</summary>
    public void OnLagged(IReadOnlyCollection<PeerId> neighbours, DiscoveryTime now)
    {
        _announce?.OnLagged(neighbours, id => _catalog.IsFreshSigned(id, now.WallMs), now);
        _announce?.HandleTimeout(now, () => JoinablePeers(now));
        Finish(now);
    }

    /// <summary>The own entry was published in a new version.</summary>
    public void OnOwnPublished(PeerVersion version, bool isOversized, DiscoveryTime now)
    {
        if (_announce is null)
            return;
        _announce.OnPublished(version, isOversized, now);
        _syncs.SetRefreshInterval(_announce.IsOversized ? RefreshInterval : null, now.Monotonic);
        Finish(now);
    }

    /// <summary>The own address has changed.</summary>
    public void OnAddressChanged(DiscoveryTime now)
    {
        _announce?.OnCircumstancesChanged(now);
        _announce?.HandleTimeout(now, () => JoinablePeers(now));
        Finish(now);
    }

    /// <summary>The node leaves: nothing more is announced. Returns how many neighbours would hear a farewell.</summary>
    public int Leave()
    {
        _left = true;
        _announce?.Leave();
        return _announce?.NeighbourCount ?? 0;
    }

    /// <summary>The user names peers: they are synced with and joined.</summary>
    public void Dial(IEnumerable<PeerId> peers, DiscoveryTime now)
    {
        PeerId[] others = [.. peers.Where(id => id != _catalog.State.Self)];
        foreach (PeerId id in others)
            _syncs.Observe(id, SyncReason.Dialled, now.Monotonic, _options.PurgeAfter);
        _announce?.OnDialled(others);
        Finish(now);
    }

    /// <summary>A peer was heard of.</summary>
    public void Observe(PeerId id, SyncReason reason, DiscoveryTime now)
    {
        if (id == _catalog.State.Self)
            return;
        _syncs.Observe(id, reason, now.Monotonic, _options.PurgeAfter);
        Finish(now);
    }

    /// <summary>
    /// A connection with the peer has ended without a word from either end: it may have been started anew, and know nobody.
    /// </summary>
    public void OnConnectionLost(PeerId id, DiscoveryTime now)
    {
        _syncs.OnConnectionLost(id, now.Monotonic);
        if (_catalog.GetSigned(id) is { } entry)
            Miss(entry.Entry, now);
        Finish(now);
    }

    /// <summary>A peer has synced with us, or began to and did not end it properly.</summary>
    public void OnInboundSync(PeerId id, bool completed, DiscoveryTime now)
    {
        if (completed && _catalog.Contains(id))
        {
            _syncs.OnInbound(id, now.Monotonic);
            _announce?.OnObserved(id, now);
            OnHeard(id, isFirstHand: true, now);
        }
        else if (!completed)
            _syncs.OnInboundFailed(id);
        Finish(now);
    }

    /// <summary>A sync on request: joined, started, or null when it has to wait for a slot.</summary>
    public SyncStart? RequestSync(PeerId id) => _syncs.Request(id);

    /// <summary>A sync is about to send its snapshot.</summary>
    public void OnSnapshotSent(long syncId) => _syncs.OnSnapshotSent(syncId);

    /// <summary>A sync has ended.</summary>
    public void OnSyncFinished(SyncStart sync, SyncOutcome outcome, DiscoveryTime now)
    {
        _syncs.OnFinished(sync.SyncId, outcome, now.Monotonic);
        if (outcome == SyncOutcome.Succeeded)
        {
            _announce?.OnReached(sync.Peer, now);
            OnHeard(sync.Peer, isFirstHand: true, now);
        }
        else
        {
            _announce?.OnMissed(sync.Peer);
        }
        Finish(now);
    }

    /// <summary>A ping on behalf of <see cref="DiscoveryEffects.Probes"/> has ended.</summary>
    public void OnProbeFinished(PeerId id, DiscoveryTime now)
    {
        _prober.OnProbeFinished(id);
        Finish(now);
    }

    /// <summary>When <see cref="HandleTimeout"/> is to be called, as a delay from now; null for never.</summary>
    public TimeSpan? NextTimeout(DiscoveryTime now)
    {
        TimeSpan? next = _online && !_left ? _clock.Next - now.Monotonic : null;
        if (IsLooking)
            next = Min(next, _lookAt - now.Monotonic);
        if (_announce?.NextDue is { } announce)
            next = Min(next, announce - now.Monotonic);
        if (_catalog.EarliestExpiryMs != long.MaxValue)
        {
            // Fresh up to and including the expiry, hence gone one millisecond later.
            long delayMs = Saturating.Add(Saturating.Subtract(_catalog.EarliestExpiryMs, now.WallMs), 1);
            next = Min(next, TimeSpan.FromMilliseconds(Math.Min(delayMs, (long)TimeSpan.FromDays(1).TotalMilliseconds)));
        }
        if (_online && _syncs.NextDue(now.Monotonic) is { } sync)
            next = Min(next, sync - now.Monotonic);
        if (_online && _prober.NextDue is { } probe)
            next = Min(next, probe - now.Monotonic);
        return next < TimeSpan.Zero ? TimeSpan.Zero : next;
    }

    /// <summary>Time has passed.</summary>
    public void HandleTimeout(DiscoveryTime now)
    {
        if (_wallClock.IsPutForward(now))
        {
            Effects.BeginRun |= !_left;
            _announce?.OnCircumstancesChanged(now);
        }
        Look(now);
        _catalog.Purge(now.WallMs);
        Effects.Restamp |= _online && !_left && _clock.TryTick(now.Monotonic);
        _announce?.HandleTimeout(now, () => JoinablePeers(now));
        Finish(now);
    }

    private void OnLearnt(PeerId id, DiscoveryTime now)
    {
        _syncs.Observe(id, SyncReason.Learnt, now.Monotonic, _options.PurgeAfter);
        _announce?.OnObserved(id, now);
    }

    private void OnOwnEntry(PeerVersion version, PeerVersion highWater, DiscoveryTime now)
    {
        switch (_identity.Judge(version, highWater, now))
        {
            case IdentityVerdict.Overtake:
                Effects.Overtake = version;
                break;
            case IdentityVerdict.ReportConflict:
                Effects.IdentityConflict = version;
                break;
        }
    }

    /// <summary>Carries what changed to the other parts, and publishes.</summary>
    private void Finish(DiscoveryTime now)
    {
        if (_announce is not null)
            TakeAnnounceEffects(_announce.Effects, now);
        foreach (PeerChange change in _catalog.Changes)
        {
            if (change.IsPurge && _catalog.GetSigned(change.Id) is null)
                Miss(change.Old!, now); // what was removed was there
            if (change.Kind == PeerChangeKind.Removed)
                OnRemoved(change.Id);
        }
        Effects.Published |= _catalog.Publish();
        Effects.Changes.AddRange(_catalog.Changes);
        _catalog.Changes.Clear();
        Effects.SignedDepartures += (int)(_catalog.SignedDepartures - _departuresSeen);
        _departuresSeen = _catalog.SignedDepartures;
        if (!_online)
            return;
        int started = Effects.Syncs.Count;
        _syncs.TakeDue(now.Monotonic, id => _catalog.IsFresh(id, now.WallMs), Effects.Syncs);
        for (int i = started; i < Effects.Syncs.Count; i++)
            Recall(Effects.Syncs[i].Peer);
        _prober.TakeDue(
            now.Monotonic, () => _catalog.State.Signed.Keys, id => _catalog.IsFreshSigned(id, now.WallMs), Effects.Probes);
    }

    private void TakeAnnounceEffects(AnnounceEffects effects, DiscoveryTime now)
    {
        Effects.Announce |= effects.Announce;
        Effects.Restamp |= effects.Restamp;
        Effects.Joins.AddRange(effects.Joins);
        foreach (PeerId id in effects.Joins)
            Recall(id);
        foreach (PeerId id in effects.Observed)
            _syncs.Observe(id, SyncReason.Neighbour, now.Monotonic, _options.PurgeAfter);
        foreach (PeerId id in effects.Refreshes)
            _syncs.Refresh(id, now.Monotonic);
        effects.Clear();
    }

    /// <summary>The peer has said goodbye.</summary>
    private void Forget(PeerId id)
    {
        _missing.Remove(id);
        OnRemoved(id);
    }

    private void OnRemoved(PeerId id)
    {
        if (!_missing.Contains(id))
            _syncs.Forget(id);
        _prober.Forget(id);
        _announce?.OnMissed(id);
    }

    private static TimeSpan Min(TimeSpan? x, TimeSpan y) => x < y ? x.Value : y;
}
