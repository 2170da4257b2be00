using Mosaik.Primitives;

namespace Mosaik.Discovery;

// What is to happen with a peer later: retries of failed syncs, and further syncs with peers that were synced with.
internal sealed partial class SyncTable
{
    /// <summary>How long a new neighbour's announcement is waited for.</summary>
    internal static readonly TimeSpan AnnouncementTime = TimeSpan.FromMilliseconds(500);

    private static readonly TimeSpan LossInterval = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(30);

    private readonly PriorityQueue<(PeerId Id, int Generation), TimeSpan> _plans = new();

    private TimeSpan? NextPlan => _plans.TryPeek(out _, out TimeSpan at) ? at : null;

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
        foreach ((PeerId id, SyncPeer peer) in _peers.OrderBy(static p => p.Key))
        {
            if (peer.Phase != SyncPhase.Synced)
                continue;
            peer.Replan();
            PlanRefresh(id, peer, Max(peer.SyncedAt + interval.Value, now));
        }
    }

    /// <summary>A connection with the peer has ended without a word from either end.</summary>
    public void OnConnectionLost(PeerId id, TimeSpan now)
    {
        if (!_peers.TryGetValue(id, out SyncPeer? peer) || !peer.IsPersistent(now))
            return;
        if (peer.Phase == SyncPhase.Failed && now - peer.LastAttempt >= ObserveRetryAge)
            Enqueue(id, peer);
        if (peer.Phase != SyncPhase.Synced || peer.IsLost)
            return; // a sync is under way or planned
        peer.IsLost = true;
        Plan(id, peer, Max(peer.SyncedAt + LossInterval, now));
    }

    private static TimeSpan Max(TimeSpan x, TimeSpan y) => x > y ? x : y;

    private void SetSynced(PeerId id, TimeSpan now)
    {
        if (!_peers.TryGetValue(id, out SyncPeer? peer))
            _peers[id] = peer = new SyncPeer();
        peer.Enter(SyncPhase.Synced);
        peer.SyncedAt = now;
        peer.IsLost = false;
        peer.Failures = 0;
        if (_refreshAfter is { } interval)
            PlanRefresh(id, peer, now + interval);
        else if (peer.IsBootstrap || peer.IsMissing)
            PlanLook(id, peer, now);
    }

    private void Expect(PeerId id, SyncPeer peer, TimeSpan now)
    {
        peer.Enter(SyncPhase.Expected);
        Plan(id, peer, now + AnnouncementTime);
    }

    private void Fail(PeerId id, SyncPeer peer, SyncOutcome outcome, TimeSpan now)
    {
        peer.Enter(SyncPhase.Failed);
        peer.LastAttempt = now;
        if (outcome == SyncOutcome.DifferentNetwork)
            return; // remembered as failed, and not retried by itself
        // Peers named by somebody are the way into the network: they have the backoff of §8.5, others that of §11.2.
        double first = peer.IsPersistent(now) ? 2 : 1;
        double mean = Math.Min(60, first * Math.Pow(2, Math.Min(peer.Failures, 6)));
        peer.Failures++;
        Plan(id, peer, now + TimeSpan.FromSeconds(mean * (0.8 + (0.4 * random.NextDouble()))));
    }

    /// <summary>Looks whether the catalog still holds a configured peer, or a missed one is still missed.</summary>
    private void PlanLook(PeerId id, SyncPeer peer, TimeSpan now) => Plan(id, peer, now + LookInterval);

    /// <summary>A little later than due, so that the two ends of a pair seldom begin at once.</summary>
    private void PlanRefresh(PeerId id, SyncPeer peer, TimeSpan at) =>
        Plan(id, peer, at + (_refreshAfter.GetValueOrDefault() * (0.2 * random.NextDouble())));

    /// <summary>Looks at the peer at a time, unless it changes its phase before.</summary>
    private void Plan(PeerId id, SyncPeer peer, TimeSpan at) => _plans.Enqueue((id, peer.Generation), at);

    private void CarryOutPlans(TimeSpan now, Predicate<PeerId> isFresh)
    {
        while (_plans.TryPeek(out (PeerId Id, int Generation) plan, out TimeSpan at) && at <= now)
        {
            _plans.Dequeue();
            if (!_peers.TryGetValue(plan.Id, out SyncPeer? peer) || peer.Generation != plan.Generation)
                continue;
            if (peer.Phase == SyncPhase.Synced)
                LookAtSynced(plan.Id, peer, now, isFresh);
            else if (peer.Phase == SyncPhase.Expected)
                Begin(plan.Id, peer, SyncReason.Neighbour, now, TimeSpan.Zero); // its entry has not come, or is not one we can take
            else if (isFresh(plan.Id) || peer.IsPersistent(now))
                Enqueue(plan.Id, peer);
            else if (!peer.IsBootstrap)
                Remove(plan.Id, peer);
        }
    }

    private void LookAtSynced(PeerId id, SyncPeer peer, TimeSpan now, Predicate<PeerId> isFresh)
    {
        if (peer.IsLost)
        {
            peer.IsLost = false;
            Enqueue(id, peer);
        }
        else if (peer.IsMissing)
        {
            Enqueue(id, peer);
        }
        else if (_refreshAfter is not null)
        {
            RefreshSynced(id, peer, now, isFresh);
        }
        else if (peer.IsBootstrap && isFresh(id))
        {
            PlanLook(id, peer, now);
        }
        else if (peer.IsBootstrap)
        {
            Enqueue(id, peer);
        }
    }

    private void RefreshSynced(PeerId id, SyncPeer peer, TimeSpan now, Predicate<PeerId> isFresh)
    {
        if (isFresh(id))
        {
            peer.Enter(SyncPhase.Queued);
            _stale.Add(id);
        }
        else if (peer.IsPersistent(now))
        {
            Enqueue(id, peer);
        }
        else
        {
            Remove(id, peer);
        }
    }
}
