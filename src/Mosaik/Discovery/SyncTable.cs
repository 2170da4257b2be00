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
/// <para>At most two outbound syncs per peer run at once, background ones included. A caller joins a running one only
/// if it has
/// not sent its snapshot: what is sent later contains everything the caller knows now.</para>
/// <para>While own entries are not announced in any other way, every peer is synced with again before it would consider
/// us stale
/// (§8.6): at most once per refresh interval, in whichever direction.</para>
/// <para>Pure: it decides, its owner runs the syncs and reports <see cref="OnSnapshotSent"/> and
/// <see cref="OnFinished"/>.</para>
/// </remarks>
internal sealed class SyncTable(RandomSource random, TimeSpan? refreshAfter)
{
    public const int MaxBackground = 8;
    public const int MaxPerPeer = 2;
    private const int PacingBurst = 16;
    private const double PacingPerSecond = 2;

    private static readonly TimeSpan ObserveRetryAge = TimeSpan.FromSeconds(1);

    private readonly Dictionary<PeerId, PeerState> _peers = [];
    private readonly Dictionary<PeerId, List<Outbound>> _outbound = [];
    private readonly Dictionary<long, Outbound> _byId = [];
    private readonly Queue<PeerId> _named = new();
    private readonly List<PeerId> _learnt = [];
    private readonly HashSet<PeerId> _inLearnt = [];
    private readonly PriorityQueue<(PeerId Id, int Generation), TimeSpan> _retries = new();
    private double _tokens = PacingBurst;
    private TimeSpan _tokensAt;
    private long _lastId;
    private int _runningBackground;

    private enum Phase
    {
        Queued,
        Syncing,
        Synced,
        Failed,
    }

    /// <summary>How many background syncs run.</summary>
    public int RunningBackground => _runningBackground;

    /// <summary>A peer was heard of.</summary>
    public void Observe(PeerId id, SyncReason reason, TimeSpan now, TimeSpan persistFor)
    {
        if (!_peers.TryGetValue(id, out PeerState? peer))
        {
            peer = new PeerState();
            _peers[id] = peer;
            Remember(peer, reason, now, persistFor);
            Enqueue(id, peer);
            return;
        }
        bool wasNamed = peer.IsNamed;
        Remember(peer, reason, now, persistFor);
        if (peer.Phase == Phase.Failed && now - peer.LastAttempt >= ObserveRetryAge)
            Enqueue(id, peer);
        else if (peer.Phase == Phase.Queued && peer.IsNamed && !wasNamed)
            _named.Enqueue(id); // moves forward; its place in the other line is passed over
    }

    /// <summary>The peer has left or was purged: what was known of it no longer counts.</summary>
    public void Forget(PeerId id)
    {
        if (_peers.TryGetValue(id, out PeerState? peer) && !peer.IsBootstrap)
            Remove(id, peer);
        else if (peer is { Phase: Phase.Synced })
            Enqueue(id, peer); // a configured peer is looked for again
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
        while (_runningBackground < MaxBackground && TryTakeQueued() is { } next)
        {
            if (TryStartBackground(next) is { } start)
                starts.Add(start);
        }
    }

    /// <summary>When <see cref="TakeDue"/> has something to do next; null for never by itself.</summary>
    public TimeSpan? NextDue(TimeSpan now)
    {
        TimeSpan? due = _retries.TryPeek(out _, out TimeSpan retry) ? retry : null;
        if (_runningBackground < MaxBackground && _learnt.Count > 0)
        {
            Refill(now);
            TimeSpan token = _tokens >= 1 ? now : now + TimeSpan.FromSeconds((1 - _tokens) / PacingPerSecond);
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
        if (outcome == SyncOutcome.Succeeded)
            SetSynced(outbound.Peer, now);
        else if (outbound.IsBackground && _peers.TryGetValue(outbound.Peer, out PeerState? peer) && peer.Phase == Phase.Syncing)
            Fail(outbound.Peer, peer, outcome, now);
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
            _named.Enqueue(id);
        else if (_inLearnt.Add(id)) // an old place in the line serves as well
            _learnt.Add(id);
    }

    private void Remove(PeerId id, PeerState peer)
    {
        peer.Generation++;
        _peers.Remove(id);
    }

    private PeerId? TryTakeQueued()
    {
        while (_named.TryDequeue(out PeerId named))
        {
            if (_peers.TryGetValue(named, out PeerState? peer) && peer.Phase == Phase.Queued)
                return named;
        }
        while (_learnt.Count > 0 && _tokens >= 1)
        {
            int at = random.NextBelow(_learnt.Count);
            PeerId learnt = _learnt[at];
            _learnt[at] = _learnt[^1];
            _learnt.RemoveAt(_learnt.Count - 1);
            _inLearnt.Remove(learnt);
            if (!_peers.TryGetValue(learnt, out PeerState? peer) || peer.Phase != Phase.Queued)
                continue;
            _tokens--;
            return learnt;
        }
        return null;
    }

    private SyncStart? TryStartBackground(PeerId id)
    {
        PeerState peer = _peers[id];
        peer.Phase = Phase.Syncing;
        List<Outbound> running = RunningOf(id);
        // An explicit sync with that peer is under way; its success sets Synced, its failure is not ours to retry.
        if (running.Count > 0)
        {
            running[^1].IsBackground = true;
            _runningBackground++;
            return null;
        }
        return Start(id, isBackground: true);
    }

    private SyncStart Start(PeerId id, bool isBackground)
    {
        var outbound = new Outbound(++_lastId, id) { IsBackground = isBackground };
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
        peer.Failures = 0;
        peer.Generation++;
        // A little later than due, so that the two ends of a pair seldom begin at once.
        if (refreshAfter is { } interval)
            _retries.Enqueue((id, peer.Generation), now + (interval * (1 + (0.2 * random.NextDouble()))));
    }

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
        if (isFresh(id) || IsPersistent(peer, now))
            Enqueue(id, peer);
        else if (!peer.IsBootstrap)
            Remove(id, peer);
    }

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

        public bool Sent { get; set; }
    }
}
