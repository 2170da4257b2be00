using System.Collections.Immutable;
using Mosaik.Discovery;
using Mosaik.Networking;
using Mosaik.Primitives;
using Mosaik.Tests.Networking;

namespace Mosaik.Tests.Discovery;

/// <summary>One node in a topic that the test plays (spec/discovery.md §8, §12; spec/gossip.md §13, §16.6).</summary>
public sealed class AnnouncerTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    private static readonly PeerId Hop = TestEntries.Key(99).PeerId;

    /// <summary>A node whose topic is subscribed and whose first refresh is published.</summary>
    private static async Task<(Network Node, FakeGossip Gossip)> StartAsync(
        DiscoveryWorld world, DiscoveryOptions? options = null, SecretKey? key = null)
    {
        var gossip = new FakeGossip(world);
        Network node = await world.StartAsync(options, key: key, gossip: _ => gossip);
        await world.UntilAsync(() => gossip.Subscriptions == 1, Second, "the subscription");
        await world.DelayAsync(TimeSpan.FromMilliseconds(20));
        return (node, gossip);
    }

    private static byte[] Announce(SignedPeerEntry entry) => Announcement.Encode(entry);

    private static byte[] MeOf(Network node) => Announce(node.Discovery.Me);

    [Fact]
    public void The_first_neighbour_gets_exactly_one_entry_the_latest_in_its_stored_bytes() => Run(async world =>
    {
        (Network node, FakeGossip gossip) = await StartAsync(world);
        for (int i = 0; i < 20; i++)
        {
            node.Discovery.AddTags($"tag {i}");
            await world.DelayAsync(TimeSpan.FromMilliseconds(50));
        }
        Assert.Empty(gossip.Broadcasts);
        gossip.Up(Hop);
        await world.DelayAsync(Second);
        Assert.Equal(MeOf(node), Assert.Single(gossip.Broadcasts));
        Assert.Equal(20, node.Discovery.Me.Entry.Tags.Count);
    });

    [Fact]
    public void Fix_7_a_young_entry_is_sent_again_as_it_is_and_an_old_one_refreshed() => Run(async world =>
    {
        (Network node, FakeGossip gossip) = await StartAsync(world);
        PeerVersion first = node.Discovery.Me.Version;
        gossip.Up(Hop);
        await world.DelayAsync(3 * Second);
        gossip.Up(TestEntries.Key(1).PeerId);
        await world.DelayAsync(3 * Second);
        Assert.Equal(first, node.Discovery.Me.Version);
        Assert.Equal([MeOf(node), MeOf(node)], gossip.Broadcasts);
        gossip.Up(TestEntries.Key(2).PeerId); // 6 s old by now
        await world.DelayAsync(Second);
        Assert.True(node.Discovery.Me.Version.IsNewerThan(first));
        Assert.Equal(MeOf(node), gossip.Broadcasts[2]);
        Assert.Equal(3, gossip.Broadcasts.Count);
    });

    [Fact]
    public void Changes_are_announced_within_milliseconds_and_what_changes_nothing_is_not() => Run(async world =>
    {
        (Network node, FakeGossip gossip) = await StartAsync(world);
        gossip.Up(Hop);
        await world.DelayAsync(Second);
        gossip.Broadcasts.Clear();
        for (int i = 0; i < 10; i++)
            node.Discovery.AddStreams($"stream {i}");
        await world.DelayAsync(TimeSpan.FromMilliseconds(10));
        Assert.Equal(MeOf(node), Assert.Single(gossip.Broadcasts)); // ten streams, one announcement
        Assert.False(node.Discovery.AddTags());
        Assert.False(node.Discovery.RemoveTags("nobody has it"));
        Assert.False(node.Discovery.AddStreams("stream 1"));
        await world.DelayAsync(Second);
        Assert.Single(gossip.Broadcasts);
    });

    [Fact]
    public void Groups_and_tickets_are_announced_like_streams() => Run(async world =>
    {
        (Network node, FakeGossip gossip) = await StartAsync(world);
        gossip.Up(Hop);
        await world.DelayAsync(Second);
        gossip.Broadcasts.Clear();
        Assert.True(node.Discovery.AddGroups((GroupId)"g"));
        await world.DelayAsync(Second);
        Assert.True(node.Discovery.AddTicket(new Ticket("class", "data"u8)));
        await world.DelayAsync(Second);
        Assert.True(node.Discovery.RemoveGroups((GroupId)"g"));
        await world.DelayAsync(Second);
        Assert.Equal(3, gossip.Broadcasts.Count);
        Assert.Equal(MeOf(node), gossip.Broadcasts[2]);
        Assert.Empty(node.Discovery.Me.Entry.Groups);
    });

    [Fact]
    public void Keep_alives_are_announced_with_jitter() => Run(async world =>
    {
        (_, FakeGossip gossip) = await StartAsync(world, new DiscoveryOptions { RttProbe = RttProbe.Never });
        gossip.Up(Hop);
        await world.DelayAsync(200 * Second);
        TimeSpan[] gaps = [.. gossip.BroadcastAt.Zip(gossip.BroadcastAt.Skip(1), (x, y) => y - x).Skip(1)];
        Assert.InRange(gaps.Length, 8, 27);
        Assert.All(gaps, g => Assert.InRange(g.TotalSeconds, 7.4, 22.6));
        Assert.True(gaps.Distinct().Count() > 5, "drawn anew each time");
    });

    [Theory]
    [InlineData(-10_000, true)]
    [InlineData(-10_001, false)]
    [InlineData(10_000, true)]
    [InlineData(10_001, false)]
    public void A_drift_of_ten_seconds_is_accepted_and_no_more(long drift, bool accepted) => Run(async world =>
    {
        (Network node, FakeGossip gossip) = await StartAsync(world);
        gossip.Receive(Announce(TestEntries.Make(1, world.NowMs - 20_000, world.NowMs + drift, world.Id)), Hop);
        await world.DelayAsync(TimeSpan.FromMilliseconds(1));
        Assert.Equal(accepted ? 1 : 0, node.Discovery.Catalog.SignedPeersCount);
    });

    [Fact]
    public void Announcements_lead_to_events_and_keep_alives_are_told_apart() => Run(async world =>
    {
        (Network node, FakeGossip gossip) = await StartAsync(world);
        var events = new EventReader(world, node);
        long start = world.NowMs;
        gossip.Receive(Announce(TestEntries.Make(1, start, start, world.Id)), Hop);
        await events.NextAsync<DiscoveryEvent.PeerDiscovered>(Second);
        gossip.Receive(Announce(TestEntries.Make(1, start, start + 1, world.Id)), Hop);
        Assert.False((await events.NextAsync<DiscoveryEvent.PeerUpdated>(Second)).ContentChanged);
        gossip.Receive(Announce(TestEntries.Make(1, start, start + 2, world.Id, tags: ["x"])), Hop);
        Assert.True((await events.NextAsync<DiscoveryEvent.PeerUpdated>(Second)).ContentChanged);
        // The same version, an older one, another network: nothing.
        gossip.Receive(Announce(TestEntries.Make(1, start, start + 2, world.Id, tags: ["y"])), Hop);
        gossip.Receive(Announce(TestEntries.Make(1, start, start, world.Id)), Hop);
        gossip.Receive(Announce(TestEntries.Make(2, start, start, "other")), Hop);
        Assert.True(await events.IsQuietAsync(Second));
        Assert.Equal(1, node.Discovery.Catalog.PeersCount);
    });

    [Fact]
    public void Stored_entries_and_refused_ones_are_not_verified_and_of_a_burst_only_the_newest_is() => Run(async world =>
    {
        (Network node, FakeGossip gossip) = await StartAsync(world);
        SignatureVerifier verifier = node.Discovery.Driver.Verification.Verifier;
        long start = world.NowMs, before = verifier.Requested;
        for (int i = 0; i < 100; i++)
            gossip.Receive(Announce(TestEntries.Make(1, start, start + i, world.Id)), Hop);
        await world.DelayAsync(TimeSpan.FromMilliseconds(1));
        Assert.Equal(start + 99, node.Discovery.Catalog.GetSigned(TestEntries.Key(1).PeerId)!.Version.Update);
        Assert.InRange(verifier.Requested - before, 1, 3);
        before = verifier.Requested;
        for (int i = 0; i < 100; i++)
        {
            gossip.Receive(Announce(TestEntries.Make(1, start, start + i, world.Id)), Hop);
            gossip.Receive(Announce(TestEntries.Make(2, start, start + 20_000, world.Id)), Hop);
        }
        await world.DelayAsync(TimeSpan.FromMilliseconds(1));
        Assert.Equal(before, verifier.Requested);
    });

    [Fact]
    public void Malformed_and_wrongly_signed_messages_are_dropped_with_a_line_per_hop() => Run(async world =>
    {
        var log = new ListLogger();
        var gossip = new FakeGossip(world);
        Network node = await world.StartAsync(gossip: _ => gossip, configure: o => o with { LoggerFactory = log });
        await world.UntilAsync(() => gossip.Subscriptions == 1, Second, "the subscription");
        SignedPeerEntry entry = TestEntries.Make(1, world.NowMs, world.NowMs, world.Id);
        byte[] flipped = Announce(entry);
        flipped[^1] ^= 1;
        Departure departure = Departure.Sign(TestEntries.Key(1), entry.Version, world.Scheduler.TimeProvider.GetUtcNow());
        byte[] forged = Announcement.Encode(departure with { LastVersion = new PeerVersion(world.NowMs, world.NowMs + 1) });
        for (int i = 0; i < 50; i++)
        {
            gossip.Receive([], Hop);
            gossip.Receive([2, 1, 2, 3], Hop);
            gossip.Receive([0, 255, 255], Hop);
            gossip.Receive([1], Hop);
            gossip.Receive(flipped, Hop);
            gossip.Receive(forged, Hop);
        }
        gossip.Receive([7], TestEntries.Key(98).PeerId);
        await world.DelayAsync(TimeSpan.FromMilliseconds(1));
        Assert.Equal(0, node.Discovery.Catalog.PeersCount);
        Assert.Equal(2, log.Lines.Count(l => l.Text.StartsWith("Dropped an announcement", StringComparison.Ordinal)));
        gossip.Receive(Announce(entry), Hop);
        await world.DelayAsync(TimeSpan.FromMilliseconds(1));
        Assert.Equal(1, node.Discovery.Catalog.PeersCount);
    });

    [Fact]
    public void A_flood_of_identities_is_cut_and_the_other_neighbours_are_still_heard() => Run(async world =>
    {
        (Network node, FakeGossip gossip) = await StartAsync(world);
        SignatureVerifier verifier = node.Discovery.Driver.Verification.Verifier;
        long now = world.NowMs, before = verifier.Requested;
        byte[] content = Announce(TestEntries.Make(1, now, now, world.Id));
        // Wrong signatures of made-up peers: cheap to make, dear to check.
        for (int i = 0; i < 25_000; i++)
        {
            byte[] made = [.. content];
            System.Buffers.Binary.BinaryPrimitives.WriteInt32BigEndian(made.AsSpan(^4), i);
            gossip.Receive(made, Hop);
            if (i % 5_000 == 0)
                await world.DelayAsync(TimeSpan.FromMilliseconds(1));
        }
        gossip.Receive(Announce(TestEntries.Make(2, now, now, world.Id)), TestEntries.Key(98).PeerId);
        await world.DelayAsync(TimeSpan.FromMilliseconds(10));
        Assert.InRange(verifier.Requested - before, 1, 15_000);
        Assert.Equal(1, node.Discovery.Catalog.PeersCount);
    });

    [Fact]
    public void A_departure_removes_the_peer_and_entries_of_that_run_stay_out() => Run(async world =>
    {
        (Network node, FakeGossip gossip) = await StartAsync(world);
        var events = new EventReader(world, node);
        long start = world.NowMs;
        gossip.Receive(Announce(TestEntries.Make(1, start, start, world.Id)), Hop);
        await events.NextAsync<DiscoveryEvent.PeerDiscovered>(Second);
        DateTimeOffset now = world.Scheduler.TimeProvider.GetUtcNow();
        // In one burst: the entry before the departure must not come after it.
        gossip.Receive(Announce(TestEntries.Make(1, start, start + 1, world.Id)), Hop);
        gossip.Receive(Announcement.Encode(Departure.Sign(TestEntries.Key(1), new PeerVersion(start, start + 2), now)), Hop);
        gossip.Receive(Announce(TestEntries.Make(1, start, start + 3, world.Id)), Hop);
        await events.NextAsync<DiscoveryEvent.PeerUpdated>(Second);
        await events.NextAsync<DiscoveryEvent.PeerDeparted>(Second);
        Assert.True(await events.IsQuietAsync(Second));
        Assert.Equal(0, node.Discovery.Catalog.PeersCount);
        // A new run is welcome.
        gossip.Receive(Announce(TestEntries.Make(1, start + 1, start + 1, world.Id)), Hop);
        await events.NextAsync<DiscoveryEvent.PeerDiscovered>(Second);
        // A departure of the old run does not touch it, nor does one with a wrong time, nor one of ourselves.
        gossip.Receive(Announcement.Encode(Departure.Sign(TestEntries.Key(1), new PeerVersion(start, start + 9), now)), Hop);
        gossip.Receive(
            Announcement.Encode(Departure.Sign(TestEntries.Key(1), new PeerVersion(start + 1, start + 2), now.AddSeconds(-12))), Hop);
        gossip.Receive(Announcement.Encode(node.Discovery.Driver.Local.SignDeparture(now)), Hop);
        Assert.True(await events.IsQuietAsync(Second));
    });

    [Fact]
    public void Leaving_is_announced_as_the_last_thing_with_a_version_above_all_others() => Run(async world =>
    {
        (Network node, FakeGossip gossip) = await StartAsync(world);
        Network other = await world.StartAsync();
        gossip.Up(Hop);
        await world.DelayAsync(Second);
        PeerVersion answered = (await other.Discovery.PingAsync(node.Local.Address)).Entry.Version; // fix 6
        gossip.Broadcasts.Clear();
        TimeSpan start = world.Scheduler.Now;
        Task leaving = node.DisposeAsync().AsTask();
        await world.DelayAsync(TimeSpan.FromMilliseconds(100));
        node.Discovery.AddTags("too late");
        gossip.Up(TestEntries.Key(1).PeerId);
        await leaving;
        Assert.InRange((world.Scheduler.Now - start).TotalMilliseconds, 500, 600);
        Assert.True(Announcement.TryRead(Assert.Single(gossip.Broadcasts), out _, out Departure? departure));
        Assert.True(departure!.Verify(SignatureVerifier.Shared));
        Assert.Equal(node.Local.Id, departure.PeerId);
        Assert.True(departure.LastVersion.IsNewerThan(answered));
        Assert.True(gossip.HasLeft && gossip.IsDisposed);
    });

    [Fact]
    public void Without_neighbours_leaving_does_not_wait() => Run(async world =>
    {
        (Network node, FakeGossip gossip) = await StartAsync(world);
        TimeSpan start = world.Scheduler.Now;
        await node.DisposeAsync();
        Assert.Equal(start, world.Scheduler.Now);
        Assert.Empty(gossip.Broadcasts);
        Assert.True(gossip.HasLeft);
    });

    [Fact]
    public void An_abort_says_nothing() => Run(async world =>
    {
        (Network node, FakeGossip gossip) = await StartAsync(world);
        gossip.Up(Hop);
        await world.DelayAsync(Second);
        gossip.Broadcasts.Clear();
        node.Abort();
        await node.Completion;
        Assert.Empty(gossip.Broadcasts);
        Assert.True(gossip.IsDisposed && !gossip.HasLeft);
    });

    [Fact]
    public void The_window_of_departure_is_an_option_and_bounded_by_the_shutdown() => Run(async world =>
    {
        var gossip = new FakeGossip(world);
        Network node = await world.StartAsync(
            DiscoveryWorld.Quiet with { GracefulDepartureWindow = 30 * Second },
            gossip: _ => gossip,
            configure: o => o with { ShutdownTimeout = 2 * Second });
        await world.UntilAsync(() => gossip.Subscriptions == 1, Second, "the subscription");
        gossip.Up(Hop);
        await world.DelayAsync(Second);
        TimeSpan start = world.Scheduler.Now;
        await node.DisposeAsync();
        Assert.InRange((world.Scheduler.Now - start).TotalSeconds, 2, 2.1);
    });

    [Fact]
    public void Bootstrap_peers_are_joined_at_once_and_again_and_dialled_ones_whatever_there_is() => Run(async world =>
    {
        PeerId first = TestEntries.Key(1).PeerId, second = TestEntries.Key(2).PeerId;
        (Network node, FakeGossip gossip) = await StartAsync(
            world, DiscoveryWorld.Quiet with { BootstrapPeers = [new EndpointAddress(first)] });
        Assert.Equal([first], gossip.Joins[0].Peers);
        await world.DelayAsync(20 * Second);
        Assert.InRange(gossip.Joins.Count, 4, 5); // 0, 2, 6, 14 s
        gossip.Up(Hop);
        await world.DelayAsync(100 * Second);
        int count = gossip.Joins.Count;
        Assert.InRange(count, 4, 5);
        await node.Discovery.DialAsync([second, node.Local.Id]);
        await world.DelayAsync(Second);
        Assert.Equal([second], gossip.Joins[count].Peers);
    });

    [Fact]
    public void A_lone_node_joins_whom_it_synced_with() => Run(async world =>
    {
        (Network node, FakeGossip gossip) = await StartAsync(world);
        Network other = await world.StartAsync(gossip: _ => null), third = await world.StartAsync(gossip: _ => null);
        gossip.Joins.Clear();
        await node.SyncWithAsync(other.Local.Address);
        await world.DelayAsync(TimeSpan.FromMilliseconds(10));
        Assert.Equal([other.Local.Id], Assert.Single(gossip.Joins).Peers);
        gossip.Joins.Clear();
        await third.SyncWithAsync(node.Local.Address); // inbound
        await world.DelayAsync(TimeSpan.FromMilliseconds(10));
        Assert.Equal([third.Local.Id], Assert.Single(gossip.Joins).Peers);
    });

    [Fact]
    public void A_neighbour_without_entry_is_synced_with_and_a_known_one_is_not() => Run(async world =>
    {
        (Network node, FakeGossip gossip) = await StartAsync(world);
        Network other = await world.StartAsync(gossip: _ => null);
        node.Local.UpdateAddresses((book, now) => book.Add(other.Local.Id, AddressSource.Gossip, other.Local.Address.Addresses, now));
        gossip.Up(other.Local.Id);
        await world.UntilAsync(() => node.Discovery.Catalog.SignedPeersCount == 1, Second, "the sync");
        Assert.Equal(1, other.Discovery.Catalog.SignedPeersCount);
        gossip.Down(other.Local.Id);
        await world.DelayAsync(Second);
        other.Discovery.AddTags("not asked for");
        gossip.Up(other.Local.Id);
        await world.DelayAsync(Second);
        Assert.Empty(node.Discovery.Catalog.Get(other.Local.Id)!.Tags);
    });

    [Fact]
    public void A_lag_costs_one_sync_with_a_neighbour() => Run(async world =>
    {
        (Network node, FakeGossip gossip) = await StartAsync(world);
        Network other = await world.StartAsync(gossip: _ => null);
        await node.SyncWithAsync(other.Local.Address);
        gossip.Up(other.Local.Id);
        await world.DelayAsync(Second);
        other.Discovery.AddTags("missed");
        await world.DelayAsync(Second);
        gossip.Lag(other.Local.Id);
        await world.UntilAsync(
            () => node.Discovery.Catalog.Get(other.Local.Id)!.Tags.Contains((Tag)"missed"), Second, "the forced sync");
    });

    [Fact]
    public void A_topic_that_ends_is_subscribed_again() => Run(async world =>
    {
        (Network node, FakeGossip gossip) = await StartAsync(world);
        for (int i = 1; i <= 5; i++)
        {
            gossip.Up(Hop);
            await world.DelayAsync(Second);
            gossip.EndTopic();
            await world.UntilAsync(() => gossip.Subscriptions == 1 + i, Second, "the next subscription");
        }
        gossip.Broadcasts.Clear();
        gossip.Up(Hop);
        await world.DelayAsync(Second);
        Assert.Equal(MeOf(node), Assert.Single(gossip.Broadcasts));
    });

    [Fact]
    public void Three_subscriptions_that_fail_in_a_row_stop_the_node() => Run(async world =>
    {
        (Network node, FakeGossip gossip) = await StartAsync(world);
        gossip.Up(Hop);
        await world.DelayAsync(Second);
        gossip.Refuses = true;
        gossip.EndTopic();
        await Assert.ThrowsAsync<AnnouncingFailedException>(() => node.Completion.WaitAsync(Second, world.Scheduler.TimeProvider));
        Assert.Equal(4, gossip.Subscriptions);
    });

    [Fact]
    public void Fix_5_an_oversized_entry_never_reaches_gossip_and_neighbours_are_synced_with() => Run(async world =>
    {
        ImmutableArray<Tag> tags = [.. Enumerable.Range(0, 130).Select(i => (Tag)$"tag {i}")];
        (Network node, FakeGossip gossip) = await StartAsync(world);
        Network other = await world.StartAsync(gossip: _ => null);
        await node.SyncWithAsync(other.Local.Address);
        gossip.Up(other.Local.Id);
        await world.DelayAsync(Second);
        gossip.Broadcasts.Clear();
        node.Discovery.AddTags(tags.AsSpan());
        await world.UntilAsync(() => other.Discovery.Catalog.Get(node.Local.Id)!.Tags.Count == 130, Second, "the sync");
        Assert.Empty(gossip.Broadcasts);
        node.Discovery.RemoveTags([.. tags.Skip(100)]);
        await world.DelayAsync(Second);
        Assert.Equal(MeOf(node), Assert.Single(gossip.Broadcasts));
    });

    [Fact]
    public void Fix_19_an_announcement_of_ourselves_that_is_newer_is_overtaken() => Run(async world =>
    {
        SecretKey key = TestEntries.Key(7);
        (Network node, FakeGossip gossip) = await StartAsync(world, key: key);
        gossip.Up(Hop);
        await world.DelayAsync(Second);
        SignedPeerEntry former = TestEntries.Make(7, world.NowMs + 5_000, world.NowMs + 5_000, world.Id);
        gossip.Receive(Announce(former), Hop);
        await world.DelayAsync(Second);
        Assert.True(node.Discovery.Me.Version.IsNewerThan(former.Version));
        Assert.Equal(MeOf(node), gossip.Broadcasts[^1]);
        Assert.Equal(1, node.Discovery.Catalog.Count);
    });

    [Fact]
    public void A_changed_address_is_announced_and_told_to_gossip() => Run(async world =>
    {
        (Network node, FakeGossip gossip) = await StartAsync(world);
        gossip.Up(Hop);
        await world.DelayAsync(Second);
        gossip.Broadcasts.Clear();
        var moved = new EndpointAddress(node.Local.Id, TransportAddress.Parse("9.9.9.9:9"));
        node.Local.AddressChanged!(moved);
        await world.DelayAsync(Second);
        Assert.Equal(moved, gossip.Address);
        Assert.Equal(moved, node.Discovery.Me.Entry.Address);
        Assert.Equal(MeOf(node), Assert.Single(gossip.Broadcasts));
    });

    private static void Run(Func<DiscoveryWorld, Task> scenario)
    {
        using var world = new DiscoveryWorld();
        world.Run(() => scenario(world));
    }
}
