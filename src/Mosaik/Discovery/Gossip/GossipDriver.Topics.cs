using Mosaik.Discovery.Gossip.Protocol;
using Mosaik.Networking;
using Mosaik.Primitives;
using Mosaik.Waiting;
using Lane = Mosaik.Discovery.Gossip.GossipInbox.Lane;

namespace Mosaik.Discovery.Gossip;

// Topics, their handles and their subscribers.
internal sealed partial class GossipDriver
{
    private readonly Dictionary<TopicId, TopicState> _topics = [];

    /// <summary>The state of a topic, to be looked at between turns of the loop; null if there is none.</summary>
    internal TopicCore? Find(TopicId topic) => _core.Find(topic);

    /// <inheritdoc/>
    public async ValueTask<IGossipTopic> SubscribeAsync(
        TopicId topic, IReadOnlyCollection<PeerId> bootstrap, CancellationToken cancellationToken = default)
    {
        PeerId[] peers = [.. bootstrap];
        var events = new GossipEvents(_context.Options.SubscriberQueueCapacity, _context.Scheduler, OnHandleDisposed);
        var handle = new GossipTopic(this, topic, events);
        var subscribed = new Completion(_context.Scheduler);
        try
        {
            bool posted = await _inbox
                .PostAsync(Lane.Commands, () => Subscribe(handle, peers, subscribed), cancellationToken).ConfigureAwait(false);
            if (!posted)
                throw new NetworkClosedException();
            await subscribed.WaitAsync(cancellationToken).ConfigureAwait(false);
            return handle;
        }
        catch
        {
            handle.Dispose();
            events.Dispose();
            throw;
        }
    }

    /// <summary>Queues a broadcast whose size was checked.</summary>
    public ValueTask BroadcastAsync(TopicId topic, byte[] content, GossipScope scope, CancellationToken cancellationToken) =>
        CommandAsync(() => Run((core, now) => core.Broadcast(topic, content, scope, now)), cancellationToken);

    /// <summary>Queues a request to join, which does not bring a topic back that was left.</summary>
    public ValueTask JoinAsync(TopicId topic, PeerId[] peers, CancellationToken cancellationToken) => CommandAsync(
        () =>
        {
            if (_topics.ContainsKey(topic))
                Run((core, _) => core.Join(topic, peers));
        },
        cancellationToken);

    private async ValueTask CommandAsync(Action command, CancellationToken cancellationToken)
    {
        if (!await _inbox.PostAsync(Lane.Commands, command, cancellationToken).ConfigureAwait(false))
            throw new NetworkClosedException();
    }

    private void Subscribe(GossipTopic handle, PeerId[] peers, Completion subscribed)
    {
        if (_leaving)
        {
            subscribed.TrySetException(new NetworkClosedException());
            return;
        }

        if (!_topics.TryGetValue(handle.Id, out TopicState? topic))
            _topics[handle.Id] = topic = new TopicState(handle.Id);
        handle.State = topic;
        topic.Handles.Add(handle);
        topic.Readers.Add(handle.Reader);
        foreach (PeerId neighbour in topic.Neighbours)
            handle.Reader.Post(new GossipEvent.NeighborUp(neighbour));
        Run((core, _) => core.Join(handle.Id, peers));
        subscribed.TrySetResult();
    }

    private void EndUnusedTopics()
    {
        foreach (TopicState topic in _topics.Values.ToArray())
        {
            topic.Handles.RemoveAll(static h => h.IsDisposed);
            topic.Readers.RemoveAll(static r => r.IsDisposed);
            if (topic.Handles.Count == 0 && topic.Readers.Count == 0)
                EndTopic(topic);
        }
    }

    private void EndTopic(TopicState topic)
    {
        Run((core, _) => core.Quit(topic.Id));
        _topics.Remove(topic.Id);
        topic.End();
        CountNeighbours();
    }

    private void Emit(TopicId id, GossipEvent item)
    {
        if (!_topics.TryGetValue(id, out TopicState? topic))
            return;
        switch (item)
        {
            case GossipEvent.NeighborUp { Peer: var peer }:
                GossipLog.NeighbourUp(_context.Logger, peer, id);
                if (_peers.TryGetValue(peer, out GossipPeer? entry))
                    Revive(entry); // the connection of a neighbour does not linger
                break;
            case GossipEvent.NeighborDown { Peer: var peer }:
                GossipLog.NeighbourDown(_context.Logger, peer, id);
                break;
        }

        if (item is GossipEvent.NeighborUp or GossipEvent.NeighborDown)
        {
            topic.Publish(_core.NeighboursOf(id)); // before anybody can read the event
            CountNeighbours();
        }

        topic.Post(item);
    }

    private void CountNeighbours() => _context.Metrics.SetNeighbours(_topics.Values.Sum(static t => t.Neighbours.Count));
}
