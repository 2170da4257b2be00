using Mosaik.Primitives;
using Mosaik.Waiting;

namespace Mosaik.Discovery;

/// <summary>
/// Who wants to hear of changes: event subscriptions, catalog watchers, consumers of streams. Posting never waits for
/// any of
/// them (spec/discovery.md §13).
/// </summary>
/// <remarks>
/// The loop posts while it holds the lock, and a subscription begins under it, so that a subscriber sees every change
/// after its
/// beginning and none before. Event subscriptions that nobody enumerates any more are dropped when they are found.
/// </remarks>
internal sealed class DiscoveryHub(TaskScheduler scheduler, int eventsBacklog)
{
    private readonly Lock _lock = new();
    private readonly List<WeakReference<EventSubscription>> _events = [];
    private readonly List<CatalogWatch> _watches = [];
    private readonly Dictionary<StreamId, List<StreamPeers>> _streams = [];
    private readonly Dictionary<PeerId, List<PeerFollower>> _peers = [];
    private bool _ended;

    /// <summary>Makes a state visible and tells of the changes it contains.</summary>
    public void Post(IReadOnlyList<PeerChange> changes, CatalogState state, Action<CatalogState> publish)
    {
        lock (_lock)
        {
            publish(state);
            foreach (PeerChange change in changes)
            {
                if (_events.Count > 0)
                    PostEvent(ToEvent(change));
                PostToStreams(change);
                if (change.New is not null)
                    PostToFollowers(new PeerNews(change.Id, change.New, RttChanged: false));
            }
            foreach (CatalogWatch watch in _watches)
                watch.Post(changes, state);
        }
    }

    /// <summary>The smoothed round-trip times of these peers have changed; the published state has them.</summary>
    public void PostRtts(IReadOnlyList<PeerId> peers)
    {
        lock (_lock)
        {
            if (_peers.Count == 0)
                return;
            foreach (PeerId peer in peers)
                PostToFollowers(new PeerNews(peer, null, RttChanged: true));
        }
    }

    /// <summary>The own entry was published in a new version.</summary>
    public void PostLocal(bool contentChanged)
    {
        lock (_lock)
        {
            foreach (CatalogWatch watch in _watches)
                watch.PostLocal();
            if (!contentChanged)
                return;
            foreach (StreamPeers peers in _streams.Values.SelectMany(static p => p))
                peers.PostOwnEntryChanged();
        }
    }

    /// <summary>Begins an event subscription.</summary>
    public EventSubscription Subscribe(DiscoveryEventOptions options)
    {
        var subscription = new EventSubscription(options, eventsBacklog, scheduler);
        lock (_lock)
        {
            if (_ended)
                subscription.End();
            else
                _events.Add(new WeakReference<EventSubscription>(subscription));
        }
        return subscription;
    }

    /// <summary>Begins to watch the catalog.</summary>
    public CatalogWatch Watch(Func<CatalogState> current)
    {
        lock (_lock)
        {
            var watch = new CatalogWatch(current(), scheduler);
            if (_ended)
                watch.End();
            else
                _watches.Add(watch);
            return watch;
        }
    }

    public void Unwatch(CatalogWatch watch)
    {
        lock (_lock)
            _watches.Remove(watch);
    }

    /// <summary>Begins to follow the producers of a stream; those there now come first.</summary>
    public StreamPeers Follow(StreamId stream, PeerId self, Func<IEnumerable<PeerEntry>> current, Signal? signal = null)
    {
        var peers = new StreamPeers(stream, self, signal ?? new Signal(scheduler), Unfollow);
        lock (_lock)
        {
            foreach (PeerEntry entry in current())
                peers.PostInitial(entry);
            if (_ended)
                peers.End();
            else if (_streams.TryGetValue(stream, out List<StreamPeers>? followers))
                followers.Add(peers);
            else
                _streams[stream] = [peers];
        }
        return peers;
    }

    /// <summary>Begins to tell a follower of a peer.</summary>
    public void FollowPeer(PeerId peer, PeerFollower follower)
    {
        lock (_lock)
        {
            if (!_peers.TryGetValue(peer, out List<PeerFollower>? followers))
                _peers[peer] = followers = [];
            if (!followers.Contains(follower))
                followers.Add(follower);
        }
    }

    /// <summary>Ends <see cref="FollowPeer"/>.</summary>
    public void UnfollowPeer(PeerId peer, PeerFollower follower)
    {
        lock (_lock)
        {
            if (_peers.TryGetValue(peer, out List<PeerFollower>? followers) && followers.Remove(follower) && followers.Count == 0)
                _peers.Remove(peer);
        }
    }

    /// <summary>Ends everything a follower began.</summary>
    public void UnfollowAll(PeerFollower follower)
    {
        lock (_lock)
        {
            foreach (PeerId peer in _peers.Keys.ToArray())
            {
                if (_peers[peer].Remove(follower) && _peers[peer].Count == 0)
                    _peers.Remove(peer);
            }
        }
    }

    /// <summary>Nothing more will come.</summary>
    public void End()
    {
        lock (_lock)
        {
            _ended = true;
            foreach (WeakReference<EventSubscription> reference in _events)
            {
                if (reference.TryGetTarget(out EventSubscription? subscription))
                    subscription.End();
            }
            foreach (CatalogWatch watch in _watches)
                watch.End();
            foreach (StreamPeers peers in _streams.Values.SelectMany(static p => p))
                peers.End();
            _events.Clear();
            _watches.Clear();
            _streams.Clear();
            _peers.Clear();
        }
    }

    private static DiscoveryEvent ToEvent(PeerChange change) => change.Kind switch
    {
        PeerChangeKind.Added => new DiscoveryEvent.PeerDiscovered(change.New!, change.Signed), // added ones have an entry
        PeerChangeKind.Updated => new DiscoveryEvent.PeerUpdated(change.New!, change.Signed, change.ContentChanged), // so have these
        _ => new DiscoveryEvent.PeerDeparted(change.Id),
    };

    private void PostEvent(DiscoveryEvent item)
    {
        for (int i = _events.Count - 1; i >= 0; i--)
        {
            if (_events[i].TryGetTarget(out EventSubscription? subscription) && !subscription.IsAbandoned)
                subscription.Post(item);
            else
                _events.RemoveAt(i);
        }
    }

    private void PostToStreams(PeerChange change)
    {
        if (_streams.Count == 0)
            return;
        // Only the followers of streams that the peer lists or listed: a keep-alive costs nothing to the others.
        IEnumerable<StreamId> concerned = change.Old?.Streams ?? [];
        if (change.ContentChanged && change.New is not null)
            concerned = concerned.Union(change.New.Streams);
        foreach (StreamId stream in concerned)
        {
            if (!_streams.TryGetValue(stream, out List<StreamPeers>? followers))
                continue;
            foreach (StreamPeers peers in followers)
                peers.Post(change);
        }
    }

    private void PostToFollowers(in PeerNews news)
    {
        if (!_peers.TryGetValue(news.PeerId, out List<PeerFollower>? followers))
            return;
        foreach (PeerFollower follower in followers)
            follower.Post(news);
    }

    private void Unfollow(StreamPeers peers)
    {
        lock (_lock)
        {
            if (!_streams.TryGetValue(peers.Stream, out List<StreamPeers>? followers))
                return;
            followers.Remove(peers);
            if (followers.Count == 0)
                _streams.Remove(peers.Stream);
        }
    }
}
