using Mosaik.Discovery;
using Mosaik.Discovery.Gossip;
using Mosaik.Primitives;
using Mosaik.Testing;

namespace Mosaik.Tests.Discovery;

/// <summary>Whole nodes on the in-memory transport under virtual time, in one thread: a world of one seed.</summary>
internal sealed class DiscoveryWorld : IDisposable
{
    public static readonly DateTimeOffset Epoch = new(2025, 10, 9, 8, 53, 20, TimeSpan.Zero);

    private readonly SimulationRandom _random;
    private readonly InMemoryTransportNetwork _transports;
    private readonly List<Network> _nodes = [];
    private int _started;

    public DiscoveryWorld(ulong seed = 1)
    {
        _random = new SimulationRandom(seed);
        Scheduler = new SimulationScheduler(Epoch);
        _transports = new InMemoryTransportNetwork(Scheduler.TimeProvider, _random.Stream("net"));
        Id = UniqueId.Random(_random.Stream("network")).ToString();
    }

    public NetworkId Id { get; }

    public SimulationScheduler Scheduler { get; }

    public InMemoryTransportNetwork Transports => _transports;

    /// <summary>Connections that are open; the transport counts their ends.</summary>
    public int OpenConnections => (_transports.OpenConnections + 1) / 2;

    public long NowMs => Scheduler.TimeProvider.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>Runs a scenario; it must end within an hour of virtual time.</summary>
    public void Run(Func<Task> scenario) => Scheduler.Run(scenario, TimeSpan.FromHours(1));

    public async Task<Network> StartAsync(
        DiscoveryOptions? discovery = null, NetworkId? network = null, SecretKey? key = null, TimeProvider? clock = null,
        Func<NetworkOptions, NetworkOptions>? configure = null, Func<Network, IGossip?>? gossip = null)
    {
        int n = ++_started; // not their number: several may be starting
        var options = new NetworkOptions
        {
            SecretKey = key ?? SecretKey.Random(_random.Stream($"keys/{n}")),
            Discovery = discovery ?? Quiet,
            TimeProvider = clock ?? Scheduler.TimeProvider,
            Scheduler = Scheduler,
            Random = _random.Stream($"node/{n}"),
            TransportFactory = _transports.CreateTransport,
        };
        options = configure?.Invoke(options) ?? options;
        Network node = gossip is null
            ? await Network.StartAsync(network ?? Id, options)
            : await Network.StartAsync(network ?? Id, options, n => Network.Compose(n, gossip), default);
        _nodes.Add(node);
        return node;
    }

    /// <summary>Options under which no keep-alive falls into a short scenario.</summary>
    public static DiscoveryOptions Quiet { get; } = new()
    {
        AnnounceInterval = TimeSpan.FromSeconds(120),
        AnnounceJitter = 0,
        RttProbe = RttProbe.Never,
    };

    /// <summary>For every ordered pair a sync, all at once, each within 5 s; an error of the sync itself does not matter.</summary>
    public async Task DiscoverAllAsync(params Network[] nodes)
    {
        Task[] syncs =
        [
            .. from a in nodes
               from b in nodes
               where a != b
               select TrySyncAsync(a, b),
        ];
        await Task.WhenAll(syncs);
    }

    /// <summary>Waits for some time of the world.</summary>
    public async Task DelayAsync(TimeSpan duration) => await Task.Delay(duration, Scheduler.TimeProvider);

    /// <summary>Waits until a condition holds, looking every 10 ms of virtual time.</summary>
    public async Task UntilAsync(Func<bool> condition, TimeSpan limit, string what)
    {
        TimeSpan end = Scheduler.Now + limit;
        while (!condition())
        {
            Assert.True(Scheduler.Now < end, $"not within {limit}: {what}");
            await DelayAsync(TimeSpan.FromMilliseconds(10));
        }
    }

    public void Dispose()
    {
        Run(async () =>
        {
            foreach (Network node in _nodes)
                await node.DisposeAsync();
        });
        _transports.Dispose();
    }

    private async Task TrySyncAsync(Network a, Network b)
    {
        try
        {
            await a.SyncWithAsync(b.Local.Address).AsTask().WaitAsync(TimeSpan.FromSeconds(5), Scheduler.TimeProvider);
        }
        catch (DiscoveryException)
        {
            // Nodes of different networks refuse each other.
        }
    }
}

/// <summary>Reads events one by one, each with a limit.</summary>
internal sealed class EventReader(DiscoveryWorld world, Network node, DiscoveryEventOptions? options = null)
{
    private readonly IAsyncEnumerator<DiscoveryEvent> _events =
        node.Discovery.EventsAsync(options).GetAsyncEnumerator(TestContext.Current.CancellationToken);

    private Task<bool>? _next;

    public async Task<DiscoveryEvent> NextAsync(TimeSpan limit)
    {
        _next ??= _events.MoveNextAsync().AsTask();
        Assert.True(await _next.WaitAsync(limit, world.Scheduler.TimeProvider), "the events have ended");
        _next = null;
        return _events.Current;
    }

    public async Task<T> NextAsync<T>(TimeSpan limit)
        where T : DiscoveryEvent => Assert.IsType<T>(await NextAsync(limit));

    /// <summary>Whether nothing comes for a while.</summary>
    public async Task<bool> IsQuietAsync(TimeSpan duration)
    {
        _next ??= _events.MoveNextAsync().AsTask();
        await world.DelayAsync(duration);
        return !_next.IsCompleted;
    }
}
