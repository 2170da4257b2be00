using Mosaik.Discovery;
using Mosaik.Networking;
using Mosaik.Primitives;

namespace Mosaik.Tests.Discovery;

/// <summary>Events, watching the catalog, following streams (spec/discovery.md §13).</summary>
public sealed class DiscoveryEventTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    private static TimeSpan Milliseconds(double value) => TimeSpan.FromMilliseconds(value);

    [Fact]
    public void Events_count_from_the_call_and_not_from_the_enumeration()
    {
        using var world = new DiscoveryWorld();
        world.Run(async () =>
        {
            Network node = await world.StartAsync();
            await node.Discovery.FeedAsync(TestEntries.Make(1, world.NowMs, world.NowMs, world.Id));
            IAsyncEnumerable<DiscoveryEvent> events = node.Discovery.EventsAsync();
            await node.Discovery.FeedAsync(TestEntries.Make(2, world.NowMs, world.NowMs, world.Id));
            await using IAsyncEnumerator<DiscoveryEvent> reader = events.GetAsyncEnumerator();
            Assert.True(await reader.MoveNextAsync());
            Assert.Equal(TestEntries.Key(2).PeerId, Assert.IsType<DiscoveryEvent.PeerDiscovered>(reader.Current).Entry.Id);
        });
    }

    [Fact]
    public void A_slow_subscriber_is_told_how_much_it_missed()
    {
        using var world = new DiscoveryWorld();
        world.Run(async () =>
        {
            Network node = await world.StartAsync(DiscoveryWorld.Quiet with { EventsBacklog = 3 });
            var reader = new EventReader(world, node);
            for (int i = 1; i <= 8; i++)
                await node.Discovery.FeedAsync(TestEntries.Make(i, world.NowMs, world.NowMs, world.Id));
            Assert.Equal(5, (await reader.NextAsync<DiscoveryEvent.Lagged>(Second)).Missed);
            for (int i = 6; i <= 8; i++)
                Assert.Equal(TestEntries.Key(i).PeerId, (await reader.NextAsync<DiscoveryEvent.PeerDiscovered>(Second)).Entry.Id);
            Assert.True(await reader.IsQuietAsync(Second));
        });
    }

    [Fact]
    public void Fix_23_keep_alives_can_be_left_out_and_then_do_not_count()
    {
        using var world = new DiscoveryWorld();
        world.Run(async () =>
        {
            Network node = await world.StartAsync(DiscoveryWorld.Quiet with { EventsBacklog = 2 });
            var all = new EventReader(world, node);
            var content = new EventReader(world, node, new DiscoveryEventOptions { IncludeKeepAlives = false });
            long now = world.NowMs;
            await node.Discovery.FeedAsync(TestEntries.Make(1, now, now, world.Id));
            for (int i = 1; i <= 5; i++)
                Assert.True(await node.Discovery.FeedAsync(TestEntries.Make(1, now, now + i, world.Id)));
            Assert.False(await node.Discovery.FeedAsync(TestEntries.Make(1, now, now + 5, world.Id))); // an equal version
            await node.Discovery.FeedAsync(TestEntries.Make(1, now, now + 6, world.Id, tags: ["x"]));
            await content.NextAsync<DiscoveryEvent.PeerDiscovered>(Second);
            Assert.True((await content.NextAsync<DiscoveryEvent.PeerUpdated>(Second)).ContentChanged);
            Assert.Equal(5, (await all.NextAsync<DiscoveryEvent.Lagged>(Second)).Missed);
            Assert.False((await all.NextAsync<DiscoveryEvent.PeerUpdated>(Second)).ContentChanged);
        });
    }

    [Fact]
    public void Unsigned_entries_have_events_and_become_signed_by_an_update()
    {
        using var world = new DiscoveryWorld();
        world.Run(async () =>
        {
            Network node = await world.StartAsync();
            var events = new EventReader(world, node);
            PeerEntry entry = TestEntries.MakeUnsigned(1, 1, 1, world.Id);
            Assert.True(await node.Discovery.InsertAsync(entry));
            Assert.Null((await events.NextAsync<DiscoveryEvent.PeerDiscovered>(Second)).Signed);
            Assert.True(await node.Discovery.InsertAsync(entry)); // a refresh says nothing
            Assert.True(await node.Discovery.FeedAsync(TestEntries.Make(1, world.NowMs, world.NowMs, world.Id)));
            var updated = await events.NextAsync<DiscoveryEvent.PeerUpdated>(Second);
            Assert.NotNull(updated.Signed);
            Assert.False(updated.ContentChanged);
            await node.Discovery.InsertAsync(TestEntries.MakeUnsigned(2, 1, 1, world.Id));
            await events.NextAsync<DiscoveryEvent.PeerDiscovered>(Second);
            Assert.True(await node.Discovery.ClearUnsignedAsync());
            Assert.Equal(TestEntries.Key(2).PeerId, (await events.NextAsync<DiscoveryEvent.PeerDeparted>(Second)).PeerId);
            Assert.False(await node.Discovery.RemoveAsync(TestEntries.Key(1).PeerId)); // signed ones are not touched
        });
    }

    [Fact]
    public void The_catalog_contains_the_change_when_its_event_is_handled()
    {
        using var world = new DiscoveryWorld();
        world.Run(async () =>
        {
            Network node = await world.StartAsync();
            var events = new EventReader(world, node);
            for (int i = 1; i <= 20; i++)
            {
                ValueTask<bool> feed = node.Discovery.FeedAsync(TestEntries.Make(i, world.NowMs, world.NowMs, world.Id));
                var discovered = await events.NextAsync<DiscoveryEvent.PeerDiscovered>(Second);
                Assert.NotNull(node.Discovery.Catalog.GetSigned(discovered.Entry.Id));
                await feed;
            }
        });
    }

    [Fact]
    public void Watching_yields_the_state_and_then_differences()
    {
        using var world = new DiscoveryWorld();
        world.Run(async () =>
        {
            Network node = await world.StartAsync();
            PeerId Id(int peer) => TestEntries.Key(peer).PeerId;
            async Task Feed(int peer, long plus = 0) =>
                await node.Discovery.FeedAsync(TestEntries.Make(peer, world.NowMs, world.NowMs + plus, world.Id));

            await Feed(1);
            await using IAsyncEnumerator<CatalogUpdate> watch = node.Discovery.WatchCatalogAsync().GetAsyncEnumerator();
            Assert.True(await watch.MoveNextAsync());
            Assert.Equal([Id(1)], watch.Current.Added);
            await Feed(2);
            await Feed(1, 5);
            await node.Discovery.InsertAsync(TestEntries.MakeUnsigned(3, 1, 1, world.Id));
            await node.Discovery.RemoveAsync(Id(3)); // was never seen
            Assert.True(await watch.MoveNextAsync());
            Assert.Equal([Id(2)], watch.Current.Added);
            Assert.Equal([Id(1)], watch.Current.Updated);
            Assert.Empty(watch.Current.Removed);
            Assert.Equal(2, watch.Current.Catalog.PeersCount);

            Task<bool> next = watch.MoveNextAsync().AsTask();
            node.Discovery.AddTags("new");
            Assert.True(await next.WaitAsync(Second, world.Scheduler.TimeProvider));
            Assert.Empty(watch.Current.Updated);
            Assert.Single(watch.Current.Catalog.Local.Entry.Tags);

            next = watch.MoveNextAsync().AsTask();
            await world.DelayAsync(301 * Second);
            var removed = new HashSet<PeerId>();
            while (removed.Count < 2)
            {
                Assert.True(await next.WaitAsync(Second, world.Scheduler.TimeProvider));
                removed.UnionWith(watch.Current.Removed);
                next = watch.MoveNextAsync().AsTask();
            }
            await node.DisposeAsync();
            while (await next)
                next = watch.MoveNextAsync().AsTask();
        });
    }

    [Fact]
    public void Events_end_with_the_network()
    {
        using var world = new DiscoveryWorld();
        world.Run(async () =>
        {
            Network node = await world.StartAsync();
            IAsyncEnumerable<DiscoveryEvent> events = node.Discovery.EventsAsync();
            await node.Discovery.FeedAsync(TestEntries.Make(1, world.NowMs, world.NowMs, world.Id));
            await node.DisposeAsync();
            int count = 0;
            await foreach (DiscoveryEvent _ in events)
                count++;
            Assert.Equal(1, count);
            await foreach (DiscoveryEvent item in node.Discovery.EventsAsync())
                Assert.Fail($"{item} after the end");
            await Assert.ThrowsAsync<NetworkClosedException>(
                async () => await node.Discovery.FeedAsync(TestEntries.Make(2, world.NowMs, world.NowMs, world.Id)));
        });
    }

    [Fact]
    public void Consumers_follow_the_producers_of_their_stream_only()
    {
        using var world = new DiscoveryWorld();
        world.Run(async () =>
        {
            Network node = await world.StartAsync();
            long now = world.NowMs;
            Task<bool> Feed(int peer, long plus, params StreamId[] streams) =>
                node.Discovery.FeedAsync(TestEntries.Make(peer, now, now + plus, world.Id, streams: streams)).AsTask();
            StreamPeerDelta Take(StreamPeers peers)
            {
                Assert.True(peers.TryTake(out StreamPeerDelta? delta));
                return delta!;
            }

            await Feed(1, 0, "a", "b");
            using StreamPeers a = node.Discovery.FollowStream("a");
            using StreamPeers c = node.Discovery.FollowStream("c");
            Assert.True(await a.WaitAsync());
            Assert.Equal(TestEntries.Key(1).PeerId, Take(a).PeerId);
            Assert.False(c.TryTake(out _));

            await Feed(1, 1, "a", "b"); // a keep-alive
            StreamPeerDelta delta = Take(a);
            Assert.Equal((StreamPeerDeltaKind.Current, false, false), (delta.Kind, delta.ContentChanged, delta.Restarted));
            await Feed(1, 2, "b");
            Assert.Equal(StreamPeerDeltaKind.Removed, Take(a).Kind);
            await Feed(2, 0, "c");
            await Feed(2, 1, "c", "a");
            Assert.True(Take(a).ContentChanged);
            delta = Take(c);
            Assert.Equal(now + 1, delta.Entry!.Version.Update); // merged
            Assert.False(c.TryTake(out _));
            await node.Discovery.FeedAsync(TestEntries.Make(2, now + 50, now + 50, world.Id, streams: ["c"]));
            Assert.True(Take(c).Restarted);
            Assert.Equal(StreamPeerDeltaKind.Removed, Take(a).Kind);

            node.Discovery.AddTags("own");
            await world.DelayAsync(Milliseconds(20));
            Assert.Equal(StreamPeerDeltaKind.OwnEntryChanged, Take(a).Kind);
            Assert.Equal(StreamPeerDeltaKind.OwnEntryChanged, Take(c).Kind);
            await node.DisposeAsync();
            Assert.False(await a.WaitAsync());
        });
    }
}
