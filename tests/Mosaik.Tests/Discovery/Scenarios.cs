using Mosaik.Discovery;
using Mosaik.Primitives;

namespace Mosaik.Tests.Discovery;

/// <summary>Cases of spec/discovery.md §19.1 that are played with several kinds of nodes.</summary>
internal static class Scenarios
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    /// <summary>Two nodes that do not know each other: one is told of the other, and syncs.</summary>
    public static async Task SyncByHandAsync(Network n0, Network n1)
    {
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
        Assert.Equal(n0.Discovery.Me, Assert.Single(n1.Discovery.Catalog.SignedPeers));
        Assert.Equal([.. new Tag[] { "tag1", "tag2", "tag3" }.Order()], n1.Discovery.Catalog.Get(n0.Local.Id)!.Tags);
        Assert.Equal(n0.Local.Id, Assert.Single(n1.Discovery.Catalog.PeersOf(StreamId.Of<string>())).Id);
    }

    /// <summary>The nodes of a network know each other and nobody else.</summary>
    public static void AssertIsolated(Network[] network)
    {
        foreach (Network node in network)
        {
            Assert.Equal(network.Length - 1, node.Discovery.Catalog.PeersCount);
            Assert.Equal(
                network.Where(n => n != node).Select(n => n.Local.Id).Order(),
                node.Discovery.Catalog.Peers.Select(p => p.Id));
        }
    }

    /// <summary>
    /// Two nodes get to know each other; the quick one purges the slow one, whose keep-alives come seldom, and is left with
    /// nobody. Six seconds later the next keep-alive is due.
    /// </summary>
    public static async Task<(Network Quick, Network Slow, EventReader Events)> PurgeSlowAsync(
        DiscoveryWorld world, DiscoveryOptions options)
    {
        Network quick = await world.StartAsync(
            options with { PurgeAfter = 4 * Second, AnnounceInterval = 2 * Second, AnnounceJitter = 0 });
        Network slow = await world.StartAsync(
            options with { PurgeAfter = 180 * Second, AnnounceInterval = 10 * Second, AnnounceJitter = 0 });
        var events = new EventReader(world, quick);
        await world.DiscoverAllAsync(quick, slow);
        await AssertFoundAsync(quick, slow, events, Second);

        await world.DelayAsync(4 * Second);
        Assert.Equal(0, quick.Discovery.Catalog.PeersCount);
        Assert.Equal(1, slow.Discovery.Catalog.PeersCount);
        // The next one: no update in between for a version that did not change, and no refresh of a young entry.
        Assert.Equal(slow.Local.Id, (await events.NextAsync<DiscoveryEvent.PeerDeparted>(Second)).PeerId);
        return (quick, slow, events);
    }

    /// <summary>The quick one discovers the slow one.</summary>
    public static async Task AssertFoundAsync(Network quick, Network slow, EventReader events, TimeSpan limit)
    {
        var discovered = await events.NextAsync<DiscoveryEvent.PeerDiscovered>(limit);
        Assert.Equal(slow.Discovery.Me, discovered.Signed);
        Assert.Equal(1, quick.Discovery.Catalog.PeersCount);
        Assert.Equal(1, slow.Discovery.Catalog.PeersCount);
    }
}
