using Mosaik.Primitives;
using Mosaik.Quic;

namespace Mosaik.Discovery;

/// <summary>
/// When to sync with whom: the state machine per peer, the queue of background syncs, and the joining of explicit ones
/// (spec/discovery.md §11).
/// </summary>
/// <remarks>
/// <para>Unknown → (observe) Queued → (slot free) Syncing → Synced, or Failed → (retry due) Queued. Departure and purge
/// lead back to Unknown, which is the absence of a state.</para>
/// <para>At most 8 background syncs run at once, one per peer. Peers named by somebody start first; those learnt
/// second-hand are paced (<see cref="LearntPeers"/>), so that nodes that start together do not all exchange full
/// snapshots in a burst. While the own entry is announced, only two of the latter run at once, and when the line is
/// dissolved those in it are passed over until they are heard of again: so their traffic per node does not grow with
/// the network.</para>
/// <para>A new neighbour announces its entry to us, so a sync with it waits that long: what gossip brings needs no
/// snapshot in either direction.</para>
/// <para>At most two outbound syncs per peer run at once, background ones included. A caller joins a running one only
/// if it has not sent its snapshot: what is sent later contains everything the caller knows now.</para>
/// <para>A configured peer is synced with anew when a connection with it was lost: started anew with the same key it
/// knows nobody, may have nobody to dial, and everybody else takes its last run for alive until its entry expires. At
/// most once in 5 s and with the backoff of a failed peer, so that one whose connections are lost again and again costs
/// little. One that a sync has reached and the catalog does not hold is synced with every 30 s: it may have been
/// refused for its clock, and then left, which nobody could be told.</para>
/// <para>A peer that is missed (<see cref="MissingPeers"/>) is looked for with the backoff of a configured one, at most 4 such
/// peers at a time; if a sync reaches it and it is missed all the same, because its clock is wrong, again every 30 s.</para>
/// <para>While the own entry is not announced in any other way, every peer is synced with again before it would
/// consider us stale (§8.6): at most once per refresh interval, in whichever direction, and at most 4 at a time.</para>
/// <para>Pure: it decides, its owner runs the syncs and reports <see cref="OnSnapshotSent"/> and
/// <see cref="OnFinished"/>.</para>
/// </remarks>
internal sealed partial class SyncTable(RandomSource random, TimeSpan? refreshAfter)
{
    public const int MaxBackground = 8;
    public const int MaxPerPeer = 2;
    public const int MaxRefreshing = 4;
    public const int MaxLearning = 2;
    public const int MaxSeeking = 4;

    private static readonly TimeSpan ObserveRetryAge = TimeSpan.FromSeconds(1);

    private readonly Dictionary<PeerId, SyncPeer> _peers = [];
    private readonly RunningSyncs _running = new();
    private readonly PeerLine _named = new();
    private readonly PeerLine _stale = new();
    private readonly PeerLine _sought = new();
    private readonly LearntPeers _learnt = new(random);
    private TimeSpan? _refreshAfter = refreshAfter;

    /// <summary>How many background syncs run.</summary>
    public int RunningBackground => _running.Background;

    /// <summary>How many entries a snapshot has about now.</summary>
    public int CatalogSize
    {
        get => _learnt.CatalogSize;
        set => _learnt.CatalogSize = value;
    }

    /// <summary>Announcing keeps the own entry alive: a sync is only needed for what it has missed.</summary>
    private bool IsAnnounced => _refreshAfter is null;

    private bool MayLearn => !IsAnnounced || _running.Learning < MaxLearning;

    /// <summary>A peer was heard of.</summary>
    public void Observe(PeerId id, SyncReason reason, TimeSpan now, TimeSpan persistFor)
    {
        if (!_peers.TryGetValue(id, out SyncPeer? peer))
        {
            _peers[id] = peer = new SyncPeer();
            if (reason == SyncReason.Neighbour && IsAnnounced)
                Expect(id, peer, now);
            else
                Begin(id, peer, reason, now, persistFor);
            return;
        }
        if (peer.Phase == SyncPhase.Expected)
        {
            if (reason != SyncReason.Neighbour)
                Begin(id, peer, reason, now, persistFor);
            return;
        }
        bool wasNamed = peer.IsNamed;
        peer.Remember(reason, now, persistFor);
        if (peer.Phase == SyncPhase.Failed && now - peer.LastAttempt >= ObserveRetryAge)
            Enqueue(id, peer);
        else if (peer.Phase == SyncPhase.Queued && peer.IsNamed && !wasNamed)
            _named.Add(id); // moves forward; its place in the other line is passed over
    }

    /// <summary>
    /// A sync with the peer is due although there was one: not paced. If one is running, another one follows, because
    /// its snapshot may be on its way already.
    /// </summary>
    public void Refresh(PeerId id, TimeSpan now)
    {
        if (!_peers.TryGetValue(id, out SyncPeer? peer))
            _peers[id] = peer = new SyncPeer();
        else if (peer.Phase == SyncPhase.Failed && now - peer.LastAttempt < ObserveRetryAge)
            return; // its retry is on the way
        if (peer.Phase == SyncPhase.Syncing)
        {
            peer.Again = true;
            return;
        }
        peer.Enter(SyncPhase.Queued);
        _named.Add(id);
    }

    /// <summary>
    /// Whether this node is among those that look for a peer they all miss: about 32 of all are, however many there are.
    /// </summary>
    public bool IsDrawn() => _learnt.IsDrawn();

    /// <summary>Whether the peer was ever observed. Entries that somebody fed in were not.</summary>
    public bool Knows(PeerId id) => _peers.ContainsKey(id);

    /// <summary>A known peer is missed: it is looked for until it is found or given up.</summary>
    public void LookFor(PeerId id, TimeSpan now)
    {
        _peers[id].IsMissing = true;
        OnConnectionLost(id, now);
    }

    /// <summary>The peer is no longer looked for.</summary>
    public void EndLookingFor(PeerId id)
    {
        if (!_peers.TryGetValue(id, out SyncPeer? peer) || !peer.IsMissing)
            return;
        peer.IsMissing = false;
        if (peer is { Phase: SyncPhase.Queued, IsBootstrap: false })
            PassOver(peer);
    }

    /// <summary>The peer has left or was purged: what was known of it no longer counts.</summary>
    public void Forget(PeerId id)
    {
        if (_peers.TryGetValue(id, out SyncPeer? peer) && !peer.IsBootstrap)
            Remove(id, peer);
        else if (peer is not null)
        {
            peer.IsMissing = false;
            if (peer.Phase == SyncPhase.Synced)
                Enqueue(id, peer); // a configured peer is looked for again
        }
    }

    /// <summary>A sync, ours or a peer's, has brought somebody new: there may be more.</summary>
    /// <param name="syncId">The own sync; null for one that the peer has opened.</param>
    public void OnNews(long? syncId)
    {
        _learnt.OnNews();
        if (syncId is { } own && _running.Find(own) is { } sync)
            sync.BroughtNews = true;
    }

    /// <summary>The peer syncs with us: both catalogs will be merged, so it leaves the queue.</summary>
    public void OnInbound(PeerId id, TimeSpan now) => SetSynced(id, now);

    /// <summary>It did not take our snapshot after all.</summary>
    public void OnInboundFailed(PeerId id)
    {
        if (_peers.TryGetValue(id, out SyncPeer? peer) && peer.Phase == SyncPhase.Synced)
            Enqueue(id, peer);
    }

    /// <summary>The syncs to start now, after time has passed or something has changed.</summary>
    /// <param name="now">Monotonic time.</param>
    /// <param name="isFresh">Whether the catalog holds a fresh entry of a peer.</param>
    /// <param name="starts">Receives the syncs.</param>
    public void TakeDue(TimeSpan now, Predicate<PeerId> isFresh, List<SyncStart> starts)
    {
        CarryOutPlans(now, isFresh);
        _learnt.Refill(now);
        while (_running.Background < MaxBackground && TryTakeQueued(out SyncKind kind) is { } next)
        {
            if (TryStartBackground(next, kind) is { } start)
                starts.Add(start);
        }
    }

    /// <summary>When <see cref="TakeDue"/> has something to do next; null for never by itself.</summary>
    public TimeSpan? NextDue(TimeSpan now)
    {
        TimeSpan? due = NextPlan;
        if (_running.Background >= MaxBackground || _learnt.IsEmpty || !MayLearn)
            return due;
        TimeSpan token = _learnt.NextToken(now, IsAnnounced);
        return due < token ? due : token;
    }

    /// <summary>
    /// Somebody wants a sync now: joins one that has not sent its snapshot, starts one, or waits (null) for a slot.
    /// </summary>
    public SyncStart? Request(PeerId id)
    {
        if (_running.JoinableOf(id) is { } join)
            return new SyncStart(join.Id, id, IsNew: false);
        return _running.CountOf(id) < MaxPerPeer ? _running.Start(id, SyncKind.Named, isBackground: false) : null;
    }

    /// <summary>A sync is about to send its snapshot: nobody joins it any more.</summary>
    public void OnSnapshotSent(long syncId)
    {
        if (_running.Find(syncId) is { } sync)
            sync.IsSent = true;
    }

    /// <summary>A sync has ended.</summary>
    public void OnFinished(long syncId, SyncOutcome outcome, TimeSpan now)
    {
        if (_running.End(syncId) is not { } sync)
            return;
        if (outcome == SyncOutcome.Succeeded)
            SetSynced(sync.Peer, now);
        else if (sync.IsBackground && _peers.TryGetValue(sync.Peer, out SyncPeer? peer)
            && peer.Phase == SyncPhase.Syncing)
        {
            Fail(sync.Peer, peer, outcome, now);
        }
        if (outcome == SyncOutcome.Succeeded && sync is { Kind: SyncKind.Learnt, BroughtNews: false })
            OnFruitless();
        if (!sync.IsBackground || !_peers.TryGetValue(sync.Peer, out SyncPeer? known) || !known.Again)
            return;
        known.Again = false;
        if (outcome == SyncOutcome.Succeeded)
            Refresh(sync.Peer, now);
    }

    private void Begin(PeerId id, SyncPeer peer, SyncReason reason, TimeSpan now, TimeSpan persistFor)
    {
        peer.Remember(reason, now, persistFor);
        if (reason == SyncReason.Learnt && IsAnnounced && !_learnt.IsDrawn())
            PassOver(peer);
        else
            Enqueue(id, peer);
    }

    private void Enqueue(PeerId id, SyncPeer peer)
    {
        peer.Enter(SyncPhase.Queued);
        if (peer is { IsMissing: true, IsBootstrap: false })
            _sought.Add(id);
        else if (peer.IsNamed)
            _named.Add(id);
        else
            _learnt.Add(id);
    }

    private void Remove(PeerId id, SyncPeer peer)
    {
        peer.Replan();
        _peers.Remove(id);
    }

    /// <summary>
    /// As if there had been a sync, but so long ago that it is due when the entry is no longer announced.
    /// </summary>
    private static void PassOver(SyncPeer peer) => peer.Enter(SyncPhase.Synced);

    /// <summary>Several in a row that brought nobody: what is left in the line would not either.</summary>
    private void OnFruitless()
    {
        if (!IsAnnounced || !_learnt.OnFruitless())
            return;
        foreach (PeerId id in _learnt.Clear())
        {
            if (_peers.TryGetValue(id, out SyncPeer? peer) && peer is { Phase: SyncPhase.Queued, IsNamed: false })
                PassOver(peer);
        }
    }

    private bool IsQueued(PeerId id) => _peers.TryGetValue(id, out SyncPeer? peer) && peer.Phase == SyncPhase.Queued;

    private PeerId? TryTakeQueued(out SyncKind kind)
    {
        kind = SyncKind.Named;
        if (_named.TryTake(IsQueued, out PeerId next))
            return next;
        kind = SyncKind.Refresh;
        if (_running.Refreshing < MaxRefreshing && _stale.TryTake(IsQueued, out next))
            return next;
        kind = SyncKind.Sought;
        if (_running.Seeking < MaxSeeking && _sought.TryTake(IsQueued, out next))
            return next;
        kind = SyncKind.Learnt;
        return MayLearn && _learnt.TryTake(IsQueued, IsAnnounced, out next) ? next : null;
    }

    private SyncStart? TryStartBackground(PeerId id, SyncKind kind)
    {
        _peers[id].Begin();
        if (_running.LatestOf(id) is not { } running)
            return _running.Start(id, kind, isBackground: true);
        // An explicit sync with that peer is under way; its success sets Synced, its failure is tried again like ours.
        _running.MoveToBackground(running);
        return null;
    }
}
