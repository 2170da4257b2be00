using System.Globalization;
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
        await using LoopbackNodes nodes = new();
        Network first = await nodes.StartAsync();
        var options = new DiscoveryOptions { BootstrapPeers = [first.Local.Address] };
        Network[] others = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => nodes.StartAsync(options)));
        foreach (Network node in others)
            await UntilAsync(node, c => c.PeersCount == 10, "ten peers");
    }

    [Fact]
    public async Task Catalog_manual_sync_trigger()
    {
        await using LoopbackNodes nodes = new();
        await Scenarios.SyncByHandAsync(await nodes.StartAsync(), await nodes.StartAsync());
    }

    [Fact]
    public async Task Catalog_different_networks_are_isolated()
    {
        await using LoopbackNodes nodes = new();
        var other = (NetworkId)nodes.Id.Derive("other");
        Network[] inA = [await nodes.StartAsync(), await nodes.StartAsync()];
        Network[] inB =
        [
            await nodes.StartAsync(network: other), await nodes.StartAsync(network: other), await nodes.StartAsync(network: other),
        ];
        await DiscoverAllAsync([.. inA, .. inB]);
        Scenarios.AssertIsolated(inA);
        Scenarios.AssertIsolated(inB);
    }

    [Fact]
    public async Task Depart_stale_peers_are_purged()
    {
        await using LoopbackNodes nodes = new();
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
        await using LoopbackNodes nodes = new();
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

    private static Task DiscoverAllAsync(params Network[] nodes) => LoopbackNodes.DiscoverAllAsync(nodes).WaitAsync(Deadline);

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
