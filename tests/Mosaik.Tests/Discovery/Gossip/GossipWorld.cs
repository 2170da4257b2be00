using Mosaik.Discovery.Gossip;
using Mosaik.Networking.Transport;
using Mosaik.Primitives;
using Mosaik.Testing;

namespace Mosaik.Tests.Discovery.Gossip;

/// <summary>Gossiping nodes on the in-memory transport under virtual time, in one thread.</summary>
internal sealed class GossipWorld : IDisposable
{
    private readonly SimulationRandom _random;
    private readonly List<GossipNode> _nodes = [];
    private readonly List<RawGossipPeer> _raw = [];
    private readonly InMemoryDatagramNetwork? _datagrams;

    /// <param name="seed">Everything follows from it.</param>
    /// <param name="quic">Conditions for real QUIC on datagrams in memory; null for the transport in memory.</param>
    public GossipWorld(ulong seed = 1, LinkConditions? quic = null)
    {
        _random = new SimulationRandom(seed);
        Scheduler = new SimulationScheduler(DiscoveryWorld.Epoch);
        Transports = new InMemoryTransportNetwork(Scheduler.TimeProvider, _random.Stream("net"));
        Transports.Links.Default = new LinkConditions
        {
            MinLatency = TimeSpan.FromMilliseconds(5),
            MaxLatency = TimeSpan.FromMilliseconds(15),
        };
        if (quic is null)
            return;
        _datagrams = new InMemoryDatagramNetwork(Scheduler.TimeProvider, _random.Stream("datagrams"));
        _datagrams.Links.Default = quic;
    }

    public static NetworkId App { get; } = "my-app";

    public static TopicId Topic { get; } = TopicId.Of(App);

    public SimulationScheduler Scheduler { get; }

    public InMemoryTransportNetwork Transports { get; }

    /// <summary>Runs a scenario; it must end within an hour of virtual time.</summary>
    public static void Run(Func<GossipWorld, Task> scenario, ulong seed = 1, LinkConditions? quic = null)
    {
        using var world = new GossipWorld(seed, quic);
        world.Scheduler.Run(() => scenario(world), TimeSpan.FromHours(1));
    }

    public async Task<GossipNode> StartAsync(
        GossipOptions? options = null, SecretKey? key = null, Func<NetworkOptions, NetworkOptions>? configure = null)
    {
        int n = _nodes.Count + 1;
        var settings = new NetworkOptions
        {
            SecretKey = key ?? SecretKey.Random(_random.Stream($"keys/{n}")),
            TimeProvider = Scheduler.TimeProvider,
            Scheduler = Scheduler,
            Random = _random.Stream($"node/{n}"),
            TransportFactory = _datagrams is null ? Transports.CreateTransport : null,
            SocketFactory = _datagrams is null ? null : _datagrams.AddHost().OpenSocket,
        };
        settings = configure?.Invoke(settings) ?? settings;
        GossipNode? node = null;
        await Network.StartAsync(App, settings, network => [node = new GossipNode(network, options ?? new(), settings)], default);
        _nodes.Add(node!); // composed by the start
        return node!;
    }

    /// <summary>Nodes that know each other's addresses and have not met.</summary>
    public async Task<GossipNode[]> StartAsync(int count)
    {
        var nodes = new GossipNode[count];
        for (int i = 0; i < count; i++)
            nodes[i] = await StartAsync();
        foreach (GossipNode a in nodes)
        {
            foreach (GossipNode b in nodes.Where(b => b != a))
                a.Knows(b);
        }

        return nodes;
    }

    public RawGossipPeer Raw(string name)
    {
        var peer = new RawGossipPeer(this, SecretKey.FromText(name), Transports.CreateTransport(new TransportOptions
        {
            SecretKey = SecretKey.FromText(name),
            TimeProvider = Scheduler.TimeProvider,
            Scheduler = Scheduler,
            Random = _random.Stream(name),
        }));
        _raw.Add(peer);
        return peer;
    }

    /// <summary>Waits for some time of the world.</summary>
    public async Task DelayAsync(double seconds) => await Task.Delay(TimeSpan.FromSeconds(seconds), Scheduler.TimeProvider);

    /// <summary>Waits until a condition holds, looking every 5 ms of virtual time.</summary>
    public async Task UntilAsync(Func<bool> condition, string what, double seconds = 10)
    {
        TimeSpan end = Scheduler.Now + TimeSpan.FromSeconds(seconds);
        while (!condition())
        {
            Assert.True(Scheduler.Now < end, $"not within {seconds} s: {what}");
            await DelayAsync(0.005);
        }
    }

    public void Dispose()
    {
        Scheduler.Run(
            async () =>
            {
                foreach (GossipNode node in _nodes)
                    await node.Network.DisposeAsync();
                foreach (RawGossipPeer peer in _raw)
                    await peer.Transport.DisposeAsync();
            },
            TimeSpan.FromHours(1));
        Transports.Dispose();
        _datagrams?.Dispose();
    }
}

/// <summary>Reads the events of a topic, each with a limit.</summary>
internal sealed class TopicReader(GossipWorld world, IGossipTopic topic)
{
    public IGossipTopic Topic => topic;

    public async Task<GossipEvent> NextAsync(double seconds = 10)
    {
        if (!topic.Events.TryRead(out GossipEvent? item))
        {
            bool more = await topic.Events.WaitToReadAsync().AsTask()
                .WaitAsync(TimeSpan.FromSeconds(seconds), world.Scheduler.TimeProvider);
            Assert.True(more, "the events have ended");
            Assert.True(topic.Events.TryRead(out item));
        }

        return item;
    }

    /// <summary>The next event of a kind; others before it are dropped.</summary>
    public async Task<T> NextAsync<T>(double seconds = 10)
        where T : GossipEvent
    {
        while (true)
        {
            if (await NextAsync(seconds) is T found)
                return found;
        }
    }

    public async Task<string> NextTextAsync(double seconds = 10) =>
        System.Text.Encoding.UTF8.GetString((await NextAsync<GossipEvent.Received>(seconds)).Content.Span);

    /// <summary>What has come so far.</summary>
    public List<GossipEvent> Drain()
    {
        var events = new List<GossipEvent>();
        while (topic.Events.TryRead(out GossipEvent? item))
            events.Add(item);
        return events;
    }
}
