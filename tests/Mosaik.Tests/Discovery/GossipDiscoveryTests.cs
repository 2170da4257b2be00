using Mosaik.Discovery;
using Mosaik.Primitives;

namespace Mosaik.Tests.Discovery;

/// <summary>
/// Whole nodes with real gossip under virtual time: the integration cases of spec/discovery.md §19.1 and the ones of
/// §19.4 that need a network.
/// </summary>
public sealed class GossipDiscoveryTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    private static DiscoveryOptions Defaults { get; } = new() { RttProbe = RttProbe.Never };

    private static DiscoveryOptions BootstrapTo(Network node, DiscoveryOptions? options = null) =>
        (options ?? Defaults) with { BootstrapPeers = [node.Local.Address] };

    /// <summary>A network of which each node but the first knows the first; complete when this returns.</summary>
    private static async Task<Network[]> StartNetworkAsync(DiscoveryWorld world, int count, DiscoveryOptions? options = null)
    {
        var nodes = new List<Network> { await world.StartAsync(options ?? Defaults) };
        while (nodes.Count < count)
            nodes.Add(await world.StartAsync(BootstrapTo(nodes[0], options)));
        await world.UntilAsync(
            () => nodes.TrueForAll(n => n.Discovery.Catalog.SignedPeersCount == count - 1), 10 * Second, "complete catalogs");
        return [.. nodes];
    }

    [Fact]
    public void Catalog_converge_with_bootstrap() => Run(async world =>
    {
        Network first = await world.StartAsync(Defaults);
        Network[] others = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => world.StartAsync(BootstrapTo(first))));
        await world.UntilAsync(
            () => others.All(n => n.Discovery.Catalog.PeersCount == 10), 10 * Second, "ten peers at each of the ten");
        Assert.Equal(10, first.Discovery.Catalog.PeersCount);
    });

    [Fact]
    public void Catalog_manual_sync_trigger() => Run(async world =>
    {
        await Scenarios.SyncByHandAsync(await world.StartAsync(Defaults), await world.StartAsync(Defaults));
    });

    [Fact]
    public void Catalog_different_networks_are_isolated() => Run(async world =>
    {
        Network[] a = [await world.StartAsync(Defaults, "a"), await world.StartAsync(Defaults, "a")];
        Network[] b = [await world.StartAsync(Defaults, "b"), await world.StartAsync(Defaults, "b"), await world.StartAsync(Defaults, "b")];
        await world.DiscoverAllAsync([.. a, .. b]);
        await world.DelayAsync(30 * Second); // also when gossip had its time
        Scenarios.AssertIsolated(a);
        Scenarios.AssertIsolated(b);
    });

    [Fact]
    public void Depart_stale_peers_are_purged() => Run(async world =>
    {
        var (quick, slow, events) = await Scenarios.PurgeSlowAsync(world, Defaults);
        await world.DelayAsync(6 * Second);
        await Scenarios.AssertFoundAsync(quick, slow, events, 3 * Second);
    });

    [Fact]
    public void Depart_graceful_departure() => Run(async world =>
    {
        DiscoveryOptions options = Defaults with { AnnounceInterval = 45 * Second };
        Network[] nodes = [await world.StartAsync(options), await world.StartAsync(options), await world.StartAsync(options)];
        EventReader[] events = [.. nodes.Select(n => new EventReader(world, n))];
        await world.DiscoverAllAsync(nodes);
        Assert.All(nodes, n => Assert.Equal(2, n.Discovery.Catalog.PeersCount));
        for (int i = 0; i < 3; i++)
        {
            PeerId[] found =
            [
                (await events[i].NextAsync<DiscoveryEvent.PeerDiscovered>(Second)).Entry.Id,
                (await events[i].NextAsync<DiscoveryEvent.PeerDiscovered>(Second)).Entry.Id,
            ];
            Assert.Equal(nodes.Where((_, n) => n != i).Select(n => n.Local.Id).Order(), found.Order());
        }
        PeerId gone = nodes[1].Local.Id;
        await world.DelayAsync(Second); // in virtual time gossip has had no moment to join yet
        await nodes[1].DisposeAsync();
        Assert.Equal(gone, (await events[0].NextAsync<DiscoveryEvent.PeerDeparted>(15 * Second)).PeerId);
        Assert.Equal(gone, (await events[2].NextAsync<DiscoveryEvent.PeerDeparted>(15 * Second)).PeerId);
    });

    [Fact]
    public void Changes_reach_everybody_within_a_second() => Run(async world =>
    {
        Network[] nodes = await StartNetworkAsync(world, 12);
        await world.DelayAsync(30 * Second);
        nodes[5].Discovery.AddTags("changed");
        await world.UntilAsync(
            () => nodes.Where((_, i) => i != 5).All(n => n.Discovery.Catalog.Get(nodes[5].Local.Id)!.Tags.Count == 1),
            Second,
            "the tag at all of them");
    });

    [Fact]
    public void Peers_stay_fresh_by_announcements_alone() => Run(async world =>
    {
        Network[] nodes = await StartNetworkAsync(world, 5);
        EventReader[] events = [.. nodes.Select(n => new EventReader(world, n, new DiscoveryEventOptions { IncludeKeepAlives = false }))];
        await world.DelayAsync(1200 * Second);
        Assert.All(nodes, n => Assert.Equal(4, n.Discovery.Catalog.SignedPeersCount));
        foreach (EventReader reader in events)
            Assert.True(await reader.IsQuietAsync(TimeSpan.FromMilliseconds(10)));
    });

    [Fact]
    public void A_crashed_node_is_purged_and_its_restart_is_a_new_run() => Run(async world =>
    {
        Network[] nodes = await StartNetworkAsync(world, 4);
        SecretKey key = nodes[2].Local.SecretKey;
        nodes[2].Abort();
        await nodes[2].Completion;
        Network[] left = [nodes[0], nodes[1], nodes[3]];
        await world.UntilAsync(() => left.All(n => n.Discovery.Catalog.PeersCount == 2), 301 * Second, "the purge");
        Network again = await world.StartAsync(BootstrapTo(nodes[0]), key: key);
        await world.UntilAsync(() => left.All(n => n.Discovery.Catalog.PeersCount == 3), 10 * Second, "the new run");
        Assert.Equal(3, again.Discovery.Catalog.PeersCount);
    });

    [Fact]
    public void A_node_that_left_and_returns_at_once_is_welcome() => Run(async world =>
    {
        Network[] nodes = await StartNetworkAsync(world, 4);
        SecretKey key = nodes[2].Local.SecretKey;
        Network[] left = [nodes[0], nodes[1], nodes[3]];
        await nodes[2].DisposeAsync();
        await world.UntilAsync(() => left.All(n => n.Discovery.Catalog.PeersCount == 2), Second, "the departure");
        await world.StartAsync(BootstrapTo(nodes[0]), key: key);
        await world.UntilAsync(() => left.All(n => n.Discovery.Catalog.PeersCount == 3), 10 * Second, "the new run");
    });

    [Fact]
    public void Fix_12_a_departure_missed_by_one_node_is_not_undone_by_it() => Run(async world =>
    {
        Network[] nodes = await StartNetworkAsync(world, 4);
        EventReader events = new(world, nodes[0], new DiscoveryEventOptions { IncludeKeepAlives = false });
        // The last one hears nothing while another one leaves.
        System.Net.IPAddress deaf = AddressOf(nodes[3]);
        world.Transports.Links.Partition([deaf], [.. nodes.Take(3).Select(AddressOf)]);
        PeerId gone = nodes[2].Local.Id;
        await nodes[2].DisposeAsync();
        Assert.Equal(gone, (await events.NextAsync<DiscoveryEvent.PeerDeparted>(Second)).PeerId);
        Assert.NotNull(nodes[3].Discovery.Catalog.Get(gone));
        world.Transports.Links.Heal();
        await nodes[3].SyncWithAsync(nodes[0].Local.Address);
        await nodes[1].SyncWithAsync(nodes[3].Local.Address);
        await world.DelayAsync(5 * Second);
        Assert.Null(nodes[0].Discovery.Catalog.Get(gone));
        Assert.Null(nodes[1].Discovery.Catalog.Get(gone));
        Assert.True(await events.IsQuietAsync(Second));
        await world.UntilAsync(() => nodes[3].Discovery.Catalog.Get(gone) is null, 301 * Second, "its purge");
    });

    [Theory]
    [InlineData(110, 0)]
    [InlineData(130, 1)]
    public void Fix_5_entries_below_and_above_the_limit_reach_everybody_and_stay_fresh(int tags, int oversized) => Run(async world =>
    {
        DiscoveryOptions options = Defaults with
        {
            PurgeAfter = 60 * Second,
            Tags = [.. Enumerable.Range(0, tags).Select(i => (Tag)$"tag {i}")],
        };
        Network first = await world.StartAsync(Defaults with { PurgeAfter = 60 * Second });
        Network large = await world.StartAsync(BootstrapTo(first, options));
        Network[] others = await Task.WhenAll(Enumerable.Range(0, 8)
            .Select(_ => world.StartAsync(BootstrapTo(first, Defaults with { PurgeAfter = 60 * Second }))));
        Assert.Equal(oversized == 1, Announcement.LengthOf(large.Discovery.Me) > Announcement.DefaultMaxLength);
        Network[] all = [first, .. others];
        await world.UntilAsync(
            () => all.All(n => n.Discovery.Catalog.Get(large.Local.Id)?.Tags.Count == tags), 15 * Second, "the entry at all of them");
        TimeSpan end = world.Scheduler.Now + (180 * Second);
        while (world.Scheduler.Now < end)
        {
            await world.DelayAsync(Second);
            Assert.All(all, n => Assert.NotNull(n.Discovery.Catalog.Get(large.Local.Id)));
        }
    });

    [Fact]
    public void Two_processes_with_one_key_do_not_flood() => Run(async world =>
    {
        SecretKey key = SecretKey.FromText("shared");
        Network[] nodes = await StartNetworkAsync(world, 4);
        await world.StartAsync(BootstrapTo(nodes[0]), key: key);
        await world.StartAsync(BootstrapTo(nodes[0]), key: key);
        int updates = 0;
        _ = CountAsync();
        await world.DelayAsync(600 * Second);
        // Two keep-alives per 15 s in ten minutes, and a handful for the overtaking.
        Assert.InRange(updates, 1, 130);

        async Task CountAsync()
        {
            await foreach (DiscoveryEvent e in nodes[1].Discovery.EventsAsync())
                updates += e is DiscoveryEvent.PeerUpdated { Entry.Id: var id } && id == key.PeerId ? 1 : 0;
        }
    });

    [Fact]
    public void A_network_that_was_split_mends_over_its_bootstrap_peer() => Run(async world =>
    {
        DiscoveryOptions options = Defaults with { PurgeAfter = 60 * Second };
        Network[] nodes = await StartNetworkAsync(world, 8, options);
        System.Net.IPAddress[] island = [.. nodes.Skip(4).Select(AddressOf)];
        world.Transports.Links.Partition(island, [.. nodes.Take(4).Select(AddressOf)]);
        await world.UntilAsync(
            () => Array.TrueForAll(nodes, n => n.Discovery.Catalog.PeersCount == 3), 120 * Second, "two networks of four");
        world.Transports.Links.Heal();
        await world.UntilAsync(
            () => Array.TrueForAll(nodes, n => n.Discovery.Catalog.PeersCount == 7), 120 * Second, "one network again");
        await world.DelayAsync(300 * Second);
        Assert.All(nodes, n => Assert.Equal(7, n.Discovery.Catalog.PeersCount));
    });

    [Fact]
    public void A_chain_of_dials_makes_one_network() => Run(async world =>
    {
        Network[] nodes = [.. await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => world.StartAsync(Defaults)))];
        for (int i = 1; i < nodes.Length; i++)
            await nodes[i].Discovery.DialAsync([nodes[i - 1].Local.Address]);
        await world.UntilAsync(
            () => nodes.All(n => n.Discovery.Catalog.PeersCount == 5), 15 * Second, "all know all");
    });

    [Fact]
    public void A_world_of_one_seed_replays()
    {
        string Trace()
        {
            var lines = new List<string>();
            Run(async world =>
            {
                Network[] nodes = await StartNetworkAsync(world, 6);
                await world.DelayAsync(60 * Second);
                lines.AddRange(nodes.Select(n => $"{n.Discovery.Me.Version} {string.Join(' ', n.Discovery.Catalog.SignedPeers)}"));
                lines.Add($"{world.Scheduler.Now} {world.OpenConnections}");
            });
            return string.Join('\n', lines);
        }
        Assert.Equal(Trace(), Trace());
    }

    private static System.Net.IPAddress AddressOf(Network node) =>
        ((TransportAddress.Ip)node.Local.Address.Addresses[0]).Address;

    private static void Run(Func<DiscoveryWorld, Task> scenario)
    {
        using var world = new DiscoveryWorld();
        world.Run(() => scenario(world));
    }
}
