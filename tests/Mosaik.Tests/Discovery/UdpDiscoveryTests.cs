using System.Globalization;
using System.Net;
using Mosaik.Discovery;
using Mosaik.Primitives;

namespace Mosaik.Tests.Discovery;

/// <summary>
/// The integration cases of spec/discovery.md §19.1 over UDP on loopback: the counterparts of Rust's discovery tests. What
/// depends on exact times is asserted by <see cref="GossipDiscoveryTests"/>; here is what must come, in its order.
/// </summary>
public sealed class UdpDiscoveryTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1) * TimeFactor;

    private static double TimeFactor => double.TryParse(
        Environment.GetEnvironmentVariable("TIME_FACTOR"), CultureInfo.InvariantCulture, out double factor) ? factor : 1;

    /// <summary>How long anything may take on a busy machine.</summary>
    private static TimeSpan Deadline => 60 * Second;

    [Fact]
    public async Task Catalog_converge_with_bootstrap()
    {
        await using Nodes nodes = new();
        Network first = await nodes.StartAsync();
        var options = new DiscoveryOptions { BootstrapPeers = [first.Local.Address] };
        Network[] others = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => nodes.StartAsync(options)));
        foreach (Network node in others)
            await UntilAsync(node, c => c.PeersCount == 10, "ten peers");
    }

    [Fact]
    public async Task Catalog_manual_sync_trigger()
    {
        await using Nodes nodes = new();
        Network n0 = await nodes.StartAsync(), n1 = await nodes.StartAsync();
        n0.Discovery.AddTags("tag1");
        n0.Discovery.AddTags("tag2", "tag3");
        await using var producer = n0.Streams.Produce<string>();
        Assert.Equal(0, n0.Discovery.Catalog.PeersCount);
        Assert.Equal(0, n1.Discovery.Catalog.PeersCount);
        Assert.True(await n1.Discovery.InsertAsync(n0.Discovery.Me.Entry));
        Assert.Equal(1, n1.Discovery.Catalog.PeersCount);
        Assert.Equal(0, n1.Discovery.Catalog.SignedPeersCount);
        Assert.Equal(0, n0.Discovery.Catalog.PeersCount);
        await n1.SyncWithAsync(n0.Local.Id);
        Assert.Equal(1, n0.Discovery.Catalog.PeersCount);
        Assert.Equal(1, n1.Discovery.Catalog.PeersCount);
        Assert.Equal(1, n1.Discovery.Catalog.SignedPeersCount);
        Assert.Empty(n1.Discovery.Catalog.UnsignedPeers);
    }

    [Fact]
    public async Task Catalog_different_networks_are_isolated()
    {
        await using Nodes nodes = new();
        string a = nodes.Name + "/a", b = nodes.Name + "/b";
        Network[] inA = [await nodes.StartAsync(name: a), await nodes.StartAsync(name: a)];
        Network[] inB = [await nodes.StartAsync(name: b), await nodes.StartAsync(name: b), await nodes.StartAsync(name: b)];
        await DiscoverAllAsync([.. inA, .. inB]);
        foreach (Network[] side in new[] { inA, inB })
        {
            foreach (Network node in side)
            {
                Assert.Equal(
                    side.Where(n => n != node).Select(n => n.Local.Id).Order(),
                    node.Discovery.Catalog.Peers.Select(p => p.Id));
            }
        }
    }

    [Fact]
    public async Task Depart_stale_peers_are_purged()
    {
        await using Nodes nodes = new();
        Network quick = await nodes.StartAsync(
            new DiscoveryOptions { PurgeAfter = 4 * Second, AnnounceInterval = 2 * Second, AnnounceJitter = 0 });
        Network slow = await nodes.StartAsync(
            new DiscoveryOptions { PurgeAfter = 180 * Second, AnnounceInterval = 10 * Second, AnnounceJitter = 0 });
        await using Events events = new(quick);
        await DiscoverAllAsync(quick, slow);
        Assert.Equal(slow.Local.Id, (await events.NextAsync<DiscoveryEvent.PeerDiscovered>()).Entry.Id);
        Assert.Equal(slow.Local.Id, (await events.NextAsync<DiscoveryEvent.PeerDeparted>()).PeerId);
        Assert.Equal(1, slow.Discovery.Catalog.PeersCount);
        // Its next keep-alive brings it back, with nobody's help.
        Assert.Equal(slow.Local.Id, (await events.NextAsync<DiscoveryEvent.PeerDiscovered>()).Signed!.Id);
        Assert.Equal(1, slow.Discovery.Catalog.PeersCount);
    }

    [Fact]
    public async Task Depart_graceful_departure()
    {
        await using Nodes nodes = new();
        var options = new DiscoveryOptions { AnnounceInterval = 45 * Second };
        Network n0 = await nodes.StartAsync(options), n1 = await nodes.StartAsync(options), n2 = await nodes.StartAsync(options);
        await using Events at0 = new(n0), at2 = new(n2);
        await DiscoverAllAsync(n0, n1, n2);
        foreach ((Events events, PeerId[] expected) in
            new[] { (at0, new[] { n1.Local.Id, n2.Local.Id }), (at2, [n0.Local.Id, n1.Local.Id]) })
        {
            PeerId first = (await events.NextAsync<DiscoveryEvent.PeerDiscovered>()).Entry.Id;
            PeerId second = (await events.NextAsync<DiscoveryEvent.PeerDiscovered>()).Entry.Id;
            Assert.Equal(expected.Order(), new[] { first, second }.Order());
        }
        // A change that no sync carries: when it has arrived, the departure will as well.
        n1.Discovery.AddTags("joined");
        foreach (Network node in new[] { n0, n2 })
            await UntilAsync(node, c => c.Get(n1.Local.Id) is { Tags.Count: 1 }, "the change by gossip");
        await n1.DisposeAsync();
        Assert.Equal(n1.Local.Id, (await at0.NextAsync<DiscoveryEvent.PeerDeparted>()).PeerId);
        Assert.Equal(n1.Local.Id, (await at2.NextAsync<DiscoveryEvent.PeerDeparted>()).PeerId);
    }

    /// <summary>For every ordered pair a sync, all at once; an error of a sync itself does not matter.</summary>
    private static Task DiscoverAllAsync(params Network[] nodes) => Task.WhenAll(
        from a in nodes
        from b in nodes
        where a != b
        select TrySyncAsync(a, b));

    private static async Task TrySyncAsync(Network a, Network b)
    {
        try
        {
            await a.SyncWithAsync(b.Local.Address).AsTask().WaitAsync(Deadline);
        }
        catch (DiscoveryException)
        {
            // Nodes of different networks refuse each other.
        }
    }

    private static async Task UntilAsync(Network node, Predicate<Catalog> condition, string what)
    {
        using var deadline = new CancellationTokenSource(Deadline);
        try
        {
            await foreach (CatalogUpdate update in node.Discovery.WatchCatalogAsync(deadline.Token))
            {
                if (condition(update.Catalog))
                    return;
            }
        }
        catch (OperationCanceledException)
        {
            Assert.Fail($"not within {Deadline}: {what}; there are {node.Discovery.Catalog.PeersCount} peers");
        }
    }

    /// <summary>Nodes of one test, in a network of its own, all disposed at the end.</summary>
    private sealed class Nodes : IAsyncDisposable
    {
        private readonly List<Network> _nodes = [];

        public string Name { get; } = Guid.NewGuid().ToString();

        public async Task<Network> StartAsync(DiscoveryOptions? discovery = null, string? name = null)
        {
            Network node = await Network.StartAsync(name ?? Name, new NetworkOptions
            {
                BindAddresses = [new IPEndPoint(IPAddress.Loopback, 0)],
                Discovery = discovery ?? new DiscoveryOptions(),
            });
            lock (_nodes)
                _nodes.Add(node);
            return node;
        }

        public async ValueTask DisposeAsync() => await Task.WhenAll(_nodes.Select(n => n.DisposeAsync().AsTask()));
    }

    /// <summary>The events of a node but for updates, whose times are not those of a busy machine.</summary>
    private sealed class Events(Network node) : IAsyncDisposable
    {
        private readonly IAsyncEnumerator<DiscoveryEvent> _events = node.Discovery.EventsAsync().GetAsyncEnumerator();

        public async Task<T> NextAsync<T>()
            where T : DiscoveryEvent
        {
            while (true)
            {
                Task<bool> next = _events.MoveNextAsync().AsTask();
                await Task.WhenAny(next, Task.Delay(Deadline));
                Assert.True(next.IsCompletedSuccessfully && next.Result, $"no {typeof(T).Name} within {Deadline}");
                if (_events.Current is not DiscoveryEvent.PeerUpdated)
                    return Assert.IsType<T>(_events.Current);
            }
        }

        public ValueTask DisposeAsync() => _events.DisposeAsync();
    }
}
