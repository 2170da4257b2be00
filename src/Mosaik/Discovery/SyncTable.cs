using Mosaik.Primitives;
using Mosaik.Quic;

namespace Mosaik.Discovery;

/// <summary>
/// When to sync with whom: the state machine per peer, the queue of background syncs, and the joining of explicit ones
/// (spec/discovery.md §11).
/// </summary>
/// <remarks>
/// <para>Unknown → (observe) Queued → (slot free) Syncing → Synced, or Failed → (retry due) Queued. Departure and purge
/// lead
/// back to Unknown, which is the absence of a state.</para>
/// <para>At most 8 background syncs run at once, one per peer. Peers named by somebody start first; peers learnt
/// second-hand are
/// paced by a bucket of 16 that refills at 2 per second, in random order, so that nodes that start together do not all
/// exchange full snapshots in a burst.</para>
/// <para>While the own entry is announced, syncs with peers learnt second-hand only repair what announcing has missed, and
/// must not cost a square: one takes as many tokens as the catalog has portions of 32 entries, few run at once, of
/// the newcomers about 32 are drawn by lot, and after three that brought nobody new the others are passed over until
/// somebody is heard of again. So their traffic per node does not grow with the network.</para>
/// <para>At most two outbound syncs per peer run at once, background ones included. A caller joins a running one only
/// if it has
/// not sent its snapshot: what is sent later contains everything the caller knows now.</para>
/// <para>A configured peer is synced with anew when a connection with it was lost: started anew with the same key it knows
/// nobody, may have nobody to dial, and everybody else takes its last run for alive until its entry expires. At most once
/// in 5 s and with the backoff of a failed peer, so that one whose connections are lost again and again costs little.
/// One that a sync has reached and the catalog does not hold is synced with every 30 s: it may have been refused for its
/// clock, and then left, which nobody could be told.</para>
/// <para>While the own entry is not announced in any other way, every peer is synced with again before it would consider
/// us stale (§8.6): at most once per refresh interval, in whichever direction, and at most 4 at a time.</para>
/// <para>Pure: it decides, its owner runs the syncs and reports <see cref="OnSnapshotSent"/> and
/// <see cref="OnFinished"/>.</para>
/// </remarks>
internal sealed class SyncTable(RandomSource random, TimeSpan? refreshAfter)
{
    public const int MaxBackground = 8;
    public const int MaxPerPeer = 2;
    public const int MaxRefreshing = 4;
    public const int MaxLearning = 2;
    public const int FruitlessUntilSettled = 3;
    public const int EntriesPerToken = 32;
    private const int PacingBurst = 16;
    private const double PacingPerSecond = 2;

    private static readonly TimeSpan OneTick = TimeSpan.FromTicks(1);
    private static readonly TimeSpan ObserveRetryAge = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LossInterval = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(30);

    private readonly Dictionary<PeerId, PeerState> _peers = [];
    private readonly Dictionary<PeerId, List<Outbound>> _outbound = [];
    private readonly Dictionary<long, Outbound> _byId = [];
    private readonly Queue<PeerId> _named = new();
    private readonly HashSet<PeerId> _inNamed = [];
    private readonly Queue<PeerId> _stale = new();
    private readonly List<PeerId> _learnt = [];
    private readonly HashSet<PeerId> _inLearnt = [];
    private readonly PriorityQueue<(PeerId Id, int Generation), TimeSpan> _retries = new();
    private double _tokens = PacingBurst;
    private TimeSpan _tokensAt;
    private long _lastId;
    private TimeSpan? _refreshAfter = refreshAfter;
    private int _runningBackground;
    private int _runningRefreshes;
    private int _runningLearning;
    private int _fruitless;

    private enum Phase
    {
        Queued,
        Syncing,
        Synced,
        Failed,
    }

    /// <summary>What a sync is for, as far as the number of those that run at once depends on it.</summary>
    private enum SyncKind
    {
        /// <summary>With a peer that somebody has named, or on request.</summary>
        Named,

        /// <summary>Keeps the own entry fresh at a peer.</summary>
        Refresh,

        /// <summary>With a peer learnt second-hand.</summary>
        Learnt,
    }

    /// <summary>How many background syncs run.</summary>
    public int RunningBackground => _runningBackground;

    /// <summary>How many entries a snapshot has about now.</summary>
    public int CatalogSize { get; set; }

    /// <summary>Announcing keeps the own entry alive: a sync is only needed for what it has missed.</summary>
    private bool IsAnnounced => _refreshAfter is null;

    /// <summary>A peer was heard of.</summary>
    public void Observe(PeerId id, SyncReason reason, TimeSpan now, TimeSpan persistFor)
    {
        if (!_peers.TryGetValue(id, out PeerState? peer))
        {
            peer = new PeerState();
            _peers[id] = peer;
            Remember(peer, reason, now, persistFor);
            if (reason == SyncReason.Learnt && IsAnnounced && !IsDrawn())
                PassOver(peer);
            else
                Enqueue(id, peer);
            return;
        }
        bool wasNamed = peer.IsNamed;
        Remember(peer, reason, now, persistFor);
        if (peer.Phase == Phase.Failed && now - peer.LastAttempt >= ObserveRetryAge)
            Enqueue(id, peer);
        else if (peer.Phase == Phase.Queued && peer.IsNamed && !wasNamed)
            EnqueueNamed(id); // moves forward; its place in the other line is passed over
    }

    /// <summary>
    /// A sync with the peer is due although there was one: not paced. If one is running, another one follows, because
    /// its snapshot may be on its way already.
    /// </summary>
    public void Refresh(PeerId id, TimeSpan now)
    {
        if (!_peers.TryGetValue(id, out PeerState? peer))
            _peers[id] = peer = new PeerState();
        else if (peer.Phase == Phase.Failed && now - peer.LastAttempt < ObserveRetryAge)
            return; // its retry is on the way
        if (peer.Phase == Phase.Syncing)
        {
            peer.Again = true;
            return;
        }
        peer.Phase = Phase.Queued;
        peer.Generation++;
        EnqueueNamed(id);
    }

    /// <summary>
    /// From now on peers are synced with again after an interval, or (null) no longer. Those whose last sync is longer
    /// ago are due at once.
    /// </summary>
    public void SetRefreshInterval(TimeSpan? interval, TimeSpan now)
    {
        if (interval == _refreshAfter)
            return;
        _refreshAfter = interval;
        if (interval is null)
            return; // what is planned finds nothing to do
        foreach ((PeerId id, PeerState peer) in _peers.OrderBy(static p => p.Key))
        {
            if (peer.Phase != Phase.Synced)
                continue;
            peer.Generation++;
            PlanRefresh(id, peer, Max(peer.SyncedAt + interval.Value, now));
        }
    }

    /// <summary>The peer has left or was purged: what was known of it no longer counts.</summary>
    public void Forget(PeerId id)
    {
        if (_peers.TryGetValue(id, out PeerState? peer) && !peer.IsBootstrap)
            Remove(id, peer);
        else if (peer is { Phase: Phase.Synced })
            Enqueue(id, peer); // a configured peer is looked for again
    }

    /// <summary>A connection with the peer has ended without a word from either end.</summary>
    public void OnConnectionLost(PeerId id, TimeSpan now)
    {
        if (!_peers.TryGetValue(id, out PeerState? peer) || !IsPersistent(peer, now))
            return;
        if (peer.Phase == Phase.Failed && now - peer.LastAttempt >= ObserveRetryAge)
            Enqueue(id, peer);
        if (peer.Phase != Phase.Synced || peer.IsLost)
            return; // a sync is under way or planned
        peer.IsLost = true;
        _retries.Enqueue((id, peer.Generation), Max(peer.SyncedAt + LossInterval, now));
    }

    /// <summary>A sync, ours or a peer's, has brought somebody new: there may be more.</summary>
    /// <param name="syncId">The own sync; null for one that the peer has opened.</param>
    public void OnNews(long? syncId)
    {
        _fruitless = 0;
        if (syncId is { } own && _byId.TryGetValue(own, out Outbound? outbound))
            outbound.BroughtNews = true;
    }

    /// <summary>The peer syncs with us: both catalogs will be merged, so it leaves the queue.</summary>
    public void OnInbound(PeerId id, TimeSpan now) => SetSynced(id, now);

    /// <summary>It did not take our snapshot after all.</summary>
    public void OnInboundFailed(PeerId id)
    {
        if (_peers.TryGetValue(id, out PeerState? peer) && peer.Phase == Phase.Synced)
            Enqueue(id, peer);
    }

    /// <summary>The syncs to start now, after time has passed or something has changed.</summary>
    /// <param name="now">Monotonic time.</param>
    /// <param name="isFresh">Whether the catalog holds a fresh entry of a peer.</param>
    /// <param name="starts">Receives the syncs.</param>
    public void TakeDue(TimeSpan now, Predicate<PeerId> isFresh, List<SyncStart> starts)
    {
        while (_retries.TryPeek(out (PeerId Id, int Generation) retry, out TimeSpan at) && at <= now)
        {
            _retries.Dequeue();
            if (_peers.TryGetValue(retry.Id, out PeerState? peer) && peer.Generation == retry.Generation)
                Retry(retry.Id, peer, now, isFresh);
        }
        Refill(now);
        while (_runningBackground < MaxBackground && TryTakeQueued(out SyncKind kind) is { } next)
        {
            if (TryStartBackground(next, kind) is { } start)
                starts.Add(start);
        }
    }

    /// <summary>When <see cref="TakeDue"/> has something to do next; null for never by itself.</summary>
    public TimeSpan? NextDue(TimeSpan now)
    {
        TimeSpan? due = _retries.TryPeek(out _, out TimeSpan retry) ? retry : null;
        if (_runningBackground < MaxBackground && _learnt.Count > 0 && MayLearn)
        {
            Refill(now);
            // Never too early, for that would be again and again: what is missing may be less than a tick of the clock.
            TimeSpan token = _tokens >= 1 ? now : now + TimeSpan.FromSeconds((1 - _tokens) / PacingPerSecond) + OneTick;
            due = due < token ? due : token;
        }
        return due;
    }

    /// <summary>
    /// Somebody wants a sync now: joins one that has not sent its snapshot, starts one, or waits (null) for a slot.
    /// </summary>
    public SyncStart? Request(PeerId id)
    {
        List<Outbound> running = RunningOf(id);
        if (running.FindLast(static o => !o.Sent) is { } join)
            return new SyncStart(join.Id, id, IsNew: false);
        return running.Count < MaxPerPeer ? Start(id, isBackground: false) : null;
    }

    /// <summary>A sync is about to send its snapshot: nobody joins it any more.</summary>
    public void OnSnapshotSent(long syncId)
    {
        if (_byId.TryGetValue(syncId, out Outbound? outbound))
            outbound.Sent = true;
    }

    /// <summary>A sync has ended.</summary>
    public void OnFinished(long syncId, SyncOutcome outcome, TimeSpan now)
    {
        if (!_byId.Remove(syncId, out Outbound? outbound))
            return;
        List<Outbound> running = RunningOf(outbound.Peer);
        running.Remove(outbound);
        if (running.Count == 0)
            _outbound.Remove(outbound.Peer);
        if (outbound.IsBackground)
            _runningBackground--;
        if (outbound.Kind == SyncKind.Refresh)
            _runningRefreshes--;
        else if (outbound.Kind == SyncKind.Learnt)
            _runningLearning--;
        if (outcome == SyncOutcome.Succeeded)
            SetSynced(outbound.Peer, now);
        else if (outbound.IsBackground && _peers.TryGetValue(outbound.Peer, out PeerState? peer) && peer.Phase == Phase.Syncing)
            Fail(outbound.Peer, peer, outcome, now);
        if (outcome == SyncOutcome.Succeeded && outbound is { Kind: SyncKind.Learnt, BroughtNews: false })
            OnFruitless();
        if (!outbound.IsBackground || !_peers.TryGetValue(outbound.Peer, out PeerState? known) || !known.Again)
            return;
        known.Again = false;
        if (outcome == SyncOutcome.Succeeded)
            Refresh(outbound.Peer, now);
    }

    private static void Remember(PeerState peer, SyncReason reason, TimeSpan now, TimeSpan persistFor)
    {
        peer.IsNamed |= reason != SyncReason.Learnt;
        peer.IsBootstrap |= reason == SyncReason.Bootstrap;
        if (reason == SyncReason.Dialled)
            peer.PersistUntil = now + persistFor;
    }

    private void Enqueue(PeerId id, PeerState peer)
    {
        peer.Phase = Phase.Queued;
        peer.Generation++;
        if (peer.IsNamed)
            EnqueueNamed(id);
        else if (_inLearnt.Add(id)) // an old place in the line serves as well
            _learnt.Add(id);
    }

    private void EnqueueNamed(PeerId id)
    {
        if (_inNamed.Add(id))
            _named.Enqueue(id);
    }

    private void EnqueueRefresh(PeerId id, PeerState peer)
    {
        peer.Phase = Phase.Queued;
        peer.Generation++;
        _stale.Enqueue(id);
    }

    private void Remove(PeerId id, PeerState peer)
    {
        peer.Generation++;
        _peers.Remove(id);
    }

    private bool MayLearn => !IsAnnounced || _runningLearning < MaxLearning;

    /// <summary>Whether a peer learnt second-hand is worth a sync: about 32 of all are.</summary>
    private bool IsDrawn() => CatalogSize <= EntriesPerToken || random.NextBelow(CatalogSize) < EntriesPerToken;

    /// <summary>As if there had been a sync, but so long ago that it is due when the entry is no longer announced.</summary>
    private static void PassOver(PeerState peer)
    {
        peer.Phase = Phase.Synced;
        peer.Generation++;
    }

    /// <summary>Several in a row that brought nobody: what is left in the queue would not either.</summary>
    private void OnFruitless()
    {
        if (!IsAnnounced || ++_fruitless < FruitlessUntilSettled)
            return;
        foreach (PeerId id in _learnt)
        {
            if (_peers.TryGetValue(id, out PeerState? peer) && peer is { Phase: Phase.Queued, IsNamed: false })
                PassOver(peer);
        }
        _learnt.Clear();
        _inLearnt.Clear();
    }

    private PeerId? TryTakeQueued(out SyncKind kind)
    {
        kind = SyncKind.Named;
        while (_named.TryDequeue(out PeerId named))
        {
            _inNamed.Remove(named);
            if (_peers.TryGetValue(named, out PeerState? peer) && peer.Phase == Phase.Queued)
                return named;
        }
        while (_runningRefreshes < MaxRefreshing && _stale.TryDequeue(out PeerId stale))
        {
            kind = SyncKind.Refresh;
            if (_peers.TryGetValue(stale, out PeerState? peer) && peer.Phase == Phase.Queued)
                return stale;
        }
        kind = SyncKind.Learnt;
        while (_learnt.Count > 0 && _tokens >= 1 && MayLearn)
        {
            int at = random.NextBelow(_learnt.Count);
            PeerId learnt = _learnt[at];
            _learnt[at] = _learnt[^1];
            _learnt.RemoveAt(_learnt.Count - 1);
            _inLearnt.Remove(learnt);
            if (!_peers.TryGetValue(learnt, out PeerState? peer) || peer.Phase != Phase.Queued)
                continue;
            // May end in debt: the next one waits until it is paid.
            _tokens -= IsAnnounced ? Math.Max(1, (double)CatalogSize / EntriesPerToken) : 1;
            return learnt;
        }
        return null;
    }

    private SyncStart? TryStartBackground(PeerId id, SyncKind kind)
    {
        PeerState peer = _peers[id];
        peer.Phase = Phase.Syncing;
        List<Outbound> running = RunningOf(id);
        // An explicit sync with that peer is under way; its success sets Synced, its failure is not ours to retry.
        if (running.Count > 0)
        {
            if (!running[^1].IsBackground)
                _runningBackground++;
            running[^1].IsBackground = true;
            return null;
        }
        return Start(id, isBackground: true, kind);
    }

    private SyncStart Start(PeerId id, bool isBackground, SyncKind kind = SyncKind.Named)
    {
        var outbound = new Outbound(++_lastId, id) { IsBackground = isBackground, Kind = kind };
        if (kind == SyncKind.Refresh)
            _runningRefreshes++;
        else if (kind == SyncKind.Learnt)
            _runningLearning++;
        if (!_outbound.TryGetValue(id, out List<Outbound>? running))
            _outbound[id] = running = [];
        running.Add(outbound);
        _byId[outbound.Id] = outbound;
        if (isBackground)
            _runningBackground++;
        return new SyncStart(outbound.Id, id, IsNew: true);
    }

    private List<Outbound> RunningOf(PeerId id) => _outbound.GetValueOrDefault(id) ?? [];

    private void SetSynced(PeerId id, TimeSpan now)
    {
        if (!_peers.TryGetValue(id, out PeerState? peer))
            _peers[id] = peer = new PeerState();
        peer.Phase = Phase.Synced;
        peer.SyncedAt = now;
        peer.IsLost = false;
        peer.Failures = 0;
        peer.Generation++;
        if (_refreshAfter is { } interval)
            PlanRefresh(id, peer, now + interval);
        else if (peer.IsBootstrap)
            PlanLook(id, peer, now);
    }

    /// <summary>Looks whether the catalog still holds a configured peer.</summary>
    private void PlanLook(PeerId id, PeerState peer, TimeSpan now) => _retries.Enqueue((id, peer.Generation), now + LookInterval);

    /// <summary>A little later than due, so that the two ends of a pair seldom begin at once.</summary>
    private void PlanRefresh(PeerId id, PeerState peer, TimeSpan at) =>
        _retries.Enqueue((id, peer.Generation), at + (_refreshAfter.GetValueOrDefault() * (0.2 * random.NextDouble())));

    private void Fail(PeerId id, PeerState peer, SyncOutcome outcome, TimeSpan now)
    {
        peer.Phase = Phase.Failed;
        peer.LastAttempt = now;
        peer.Generation++;
        if (outcome == SyncOutcome.DifferentNetwork)
            return; // remembered as failed, and not retried by itself
        // Peers named by somebody are the way into the network: they have the backoff of §8.5, the others that of §11.2.
        double first = IsPersistent(peer, now) ? 2 : 1;
        double mean = Math.Min(60, first * Math.Pow(2, Math.Min(peer.Failures, 6)));
        peer.Failures++;
        _retries.Enqueue((id, peer.Generation), now + TimeSpan.FromSeconds(mean * (0.8 + (0.4 * random.NextDouble()))));
    }

    private void Retry(PeerId id, PeerState peer, TimeSpan now, Predicate<PeerId> isFresh)
    {
        if (peer is { Phase: Phase.Synced, IsLost: true })
        {
            peer.IsLost = false;
            Enqueue(id, peer);
            return;
        }
        if (peer.Phase == Phase.Synced && _refreshAfter is null)
        {
            if (!peer.IsBootstrap)
                return;
            if (isFresh(id))
                PlanLook(id, peer, now);
            else
                Enqueue(id, peer);
            return;
        }
        if (peer.Phase == Phase.Synced && isFresh(id))
            EnqueueRefresh(id, peer);
        else if (isFresh(id) || IsPersistent(peer, now))
            Enqueue(id, peer);
        else if (!peer.IsBootstrap)
            Remove(id, peer);
    }

    private static TimeSpan Max(TimeSpan x, TimeSpan y) => x > y ? x : y;

    private static bool IsPersistent(PeerState peer, TimeSpan now) => peer.IsBootstrap || now < peer.PersistUntil;

    private void Refill(TimeSpan now)
    {
        if (now <= _tokensAt)
            return;
        _tokens = Math.Min(PacingBurst, _tokens + ((now - _tokensAt).TotalSeconds * PacingPerSecond));
        _tokensAt = now;
    }

    private sealed class PeerState
    {
        public Phase Phase { get; set; }

        public int Failures { get; set; }

        public TimeSpan LastAttempt { get; set; }

        public TimeSpan SyncedAt { get; set; }

        /// <summary>A connection was lost since the last sync, and another sync is planned.</summary>
        public bool IsLost { get; set; }

        /// <summary>Another sync is to follow the running one.</summary>
        public bool Again { get; set; }

        public TimeSpan PersistUntil { get; set; }

        public bool IsNamed { get; set; }

        public bool IsBootstrap { get; set; }

        /// <summary>Grows with every change, so that a retry planned for an earlier phase is recognised.</summary>
        public int Generation { get; set; }
    }

    private sealed class Outbound(long id, PeerId peer)
    {
        public long Id { get; } = id;

        public PeerId Peer { get; } = peer;

        public bool IsBackground { get; set; }

        public SyncKind Kind { get; init; }

        public bool BroughtNews { get; set; }

        public bool Sent { get; set; }
    }
}
