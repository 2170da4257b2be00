using Mosaik.Discovery.Gossip;
using Mosaik.Networking;
using Mosaik.Primitives;
using Mosaik.Waiting;

namespace Mosaik.Tests.Discovery;

/// <summary>Gossip without a network: the test says what happens in the topic, and sees what is sent to it.</summary>
internal sealed class FakeGossip(DiscoveryWorld world) : IGossip
{
    private readonly SortedSet<PeerId> _neighbours = [];
    private Topic? _topic;

    /// <summary>What was broadcast, oldest first.</summary>
    public List<byte[]> Broadcasts { get; } = [];

    /// <summary>When each of them was.</summary>
    public List<TimeSpan> BroadcastAt { get; } = [];

    public List<(TimeSpan At, PeerId[] Peers)> Joins { get; } = [];

    public int Subscriptions { get; private set; }

    public bool HasLeft { get; private set; }

    public bool IsDisposed { get; private set; }

    /// <summary>Whether a subscription fails.</summary>
    public bool Refuses { get; set; }

    private TimeSpan Now => world.Scheduler.Now;

    public EndpointAddress? Address { get; private set; }

    public void Start()
    {
    }

    public ValueTask<IGossipTopic> SubscribeAsync(
        TopicId topic, IReadOnlyCollection<PeerId> bootstrap, CancellationToken cancellationToken = default)
    {
        Subscriptions++;
        if (Refuses)
            throw new NetworkClosedException();
        _topic = new Topic(this, topic, world.Scheduler);
        return new ValueTask<IGossipTopic>(_topic);
    }

    public void OnAddressChanged(EndpointAddress address) => Address = address;

    public ValueTask LeaveAsync(CancellationToken cancellationToken)
    {
        HasLeft = true;
        return ValueTask.CompletedTask;
    }

    public ValueTask DisposeAsync()
    {
        IsDisposed = true;
        EndTopic();
        return ValueTask.CompletedTask;
    }

    public void Up(PeerId peer)
    {
        _neighbours.Add(peer);
        Post(new GossipEvent.NeighborUp(peer));
    }

    public void Down(PeerId peer)
    {
        _neighbours.Remove(peer);
        Post(new GossipEvent.NeighborDown(peer));
    }

    /// <summary>The neighbours change and nobody is told but that something was lost.</summary>
    public void Lag(params PeerId[] neighbours)
    {
        _neighbours.Clear();
        _neighbours.UnionWith(neighbours);
        Post(new GossipEvent.Lagged(3000));
    }

    public void Receive(byte[] content, PeerId hop) => Post(new GossipEvent.Received(content, GossipScope.SwarmAt(1), hop));

    public void EndTopic()
    {
        _neighbours.Clear();
        _topic?.Queue.Complete();
    }

    private void Post(GossipEvent item) => Assert.True(_topic!.Queue.TryPost(item)); // the test has waited for the subscription

    private sealed class Topic(FakeGossip owner, TopicId id, TaskScheduler scheduler) : IGossipTopic, IGossipEvents
    {
        public Mailbox<GossipEvent> Queue { get; } = new(65_536, scheduler);

        public TopicId Id => id;

        public IReadOnlyCollection<PeerId> Neighbours => [.. owner._neighbours];

        public int MaxContentBytes => 4057;

        public IGossipEvents Events => this;

        public ValueTask BroadcastAsync(ReadOnlyMemory<byte> content, GossipScope scope, CancellationToken cancellationToken = default)
        {
            Assert.True(scope.IsSwarm);
            Assert.InRange(content.Length, 1, MaxContentBytes);
            owner.Broadcasts.Add(content.ToArray());
            owner.BroadcastAt.Add(owner.Now);
            return ValueTask.CompletedTask;
        }

        public ValueTask JoinPeersAsync(IReadOnlyCollection<PeerId> peers, CancellationToken cancellationToken = default)
        {
            owner.Joins.Add((owner.Now, [.. peers]));
            return ValueTask.CompletedTask;
        }

        public bool TryRead([System.Diagnostics.CodeAnalysis.MaybeNullWhen(false)] out GossipEvent item) => Queue.TryRead(out item);

        public ValueTask<bool> WaitToReadAsync(CancellationToken cancellationToken = default) =>
            Queue.WaitToReadAsync(cancellationToken);

        public void Dispose() => Queue.Complete();
    }
}
