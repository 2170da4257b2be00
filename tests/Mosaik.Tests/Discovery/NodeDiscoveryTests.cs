using System.Diagnostics.Metrics;
using System.Net;
using Mosaik.Discovery;
using Mosaik.Networking;
using Mosaik.Primitives;

namespace Mosaik.Tests.Discovery;

/// <summary>Whole nodes: purging, ping, own entry, restarts, round-trip times (spec/discovery.md §6–§14, §19).</summary>
public sealed class NodeDiscoveryTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    private static TimeSpan Milliseconds(double value) => TimeSpan.FromMilliseconds(value);

    [Fact]
    public void Stale_peers_are_purged()
    {
        using var world = new DiscoveryWorld();
        world.Run(async () =>
        {
            var (quick, slow, events) = await Scenarios.PurgeSlowAsync(world, new DiscoveryOptions());

            // Refreshed by its own keep-alive, it is found again by the next exchange.
            await world.DelayAsync(6 * Second);
            await quick.SyncWithAsync(slow.Local.Address);
            await Scenarios.AssertFoundAsync(quick, slow, events, 3 * Second);
        });
    }

    [Fact]
    public void Purging_happens_within_100_ms_of_the_horizon()
    {
        using var world = new DiscoveryWorld();
        world.Run(async () =>
        {
            Network node = await world.StartAsync();
            var events = new EventReader(world, node);
            long update = world.NowMs - 250_000;
            Assert.True(await node.Discovery.FeedAsync(TestEntries.Make(1, update, update, world.Id)));
            await events.NextAsync<DiscoveryEvent.PeerDiscovered>(Second);
            await events.NextAsync<DiscoveryEvent.PeerDeparted>(51 * Second);
            Assert.InRange(world.NowMs - update, 300_001, 300_100);
        });
    }

    [Fact]
    public void A_node_that_is_not_online_yet_purges_as_well()
    {
        using var world = new DiscoveryWorld();
        world.Run(async () =>
        {
            Network node = await world.StartAsync();
            var events = new EventReader(world, node);
            await node.Discovery.InsertAsync(TestEntries.MakeUnsigned(1, 1, 1, world.Id));
            await events.NextAsync<DiscoveryEvent.PeerDiscovered>(Second);
            await events.NextAsync<DiscoveryEvent.PeerDeparted>(301 * Second);
            Assert.Equal(1, node.Discovery.Catalog.Count);
        });
    }

    [Fact]
    public void Nodes_that_once_met_keep_each_other_alive()
    {
        using var world = new DiscoveryWorld();
        world.Run(async () =>
        {
            Network a = await world.StartAsync(new DiscoveryOptions()), b = await world.StartAsync(new DiscoveryOptions());
            var events = new EventReader(world, a, new DiscoveryEventOptions { IncludeKeepAlives = false });
            await a.SyncWithAsync(b.Local.Address);
            await events.NextAsync<DiscoveryEvent.PeerDiscovered>(Second);
            Assert.True(await events.IsQuietAsync(1800 * Second));
            Assert.Equal(1, a.Discovery.Catalog.PeersCount);
            Assert.Equal(1, b.Discovery.Catalog.PeersCount);
            await b.DisposeAsync();
            await events.NextAsync<DiscoveryEvent.PeerDeparted>(301 * Second);
        });
    }

    [Fact]
    public void Feeding_starts_no_sync()
    {
        using var world = new DiscoveryWorld();
        world.Run(async () =>
        {
            Network a = await world.StartAsync(gossip: _ => null), b = await world.StartAsync(gossip: _ => null);
            Assert.True(await a.Discovery.FeedAsync(b.Discovery.Me));
            await world.DelayAsync(5 * Second);
            Assert.Equal(1, a.Discovery.Catalog.PeersCount);
            Assert.Equal(0, b.Discovery.Catalog.PeersCount);
        });
    }

    [Fact]
    public void Ping_answers_with_a_fresh_entry_that_is_not_stored()
    {
        using var world = new DiscoveryWorld();
        world.Run(async () =>
        {
            Network a = await world.StartAsync(), b = await world.StartAsync();
            await world.DelayAsync(Milliseconds(10)); // the refresh at the start
            SignedPeerEntry stored = b.Discovery.Me;
            PingResult first = await a.Discovery.PingAsync(b.Local.Address);
            Assert.Equal(b.Local.Id, first.Entry.Id);
            Assert.True(first.Entry.Version.IsNewerThan(stored.Version));
            Assert.InRange(first.Rtt!.Value.TotalMilliseconds, 1, 20);
            Assert.Equal(stored, b.Discovery.Me);
            Assert.Equal(1, a.Discovery.Catalog.Count); // feeds nothing
            await world.DelayAsync(Milliseconds(60));
            PingResult second = await a.Discovery.PingAsync(b.Local.Address);
            Assert.True(second.Entry.Version.IsNewerThan(first.Entry.Version));
            b.Discovery.AddTags("x");
            PingResult third = await a.Discovery.PingAsync(b.Local.Address);
            Assert.True(third.Entry.Version.IsNewerThan(b.Discovery.Me.Version) || third.Entry.Version.IsNewerThan(second.Entry.Version));
            Assert.Single(third.Entry.Entry.Tags);
            Assert.True(await a.Discovery.FeedAsync(third.Entry));
        });
    }

    [Fact]
    public void Pings_within_50_ms_share_an_answer_unless_something_was_published()
    {
        using var world = new DiscoveryWorld();
        world.Run(async () =>
        {
            Network a = await world.StartAsync(), b = await world.StartAsync(), c = await world.StartAsync();
            PingResult[] both = await Task.WhenAll(
                a.Discovery.PingAsync(b.Local.Address).AsTask(), c.Discovery.PingAsync(b.Local.Address).AsTask());
            Assert.Equal(both[0].Entry, both[1].Entry);
            b.Discovery.AddTags("x");
            SignedPeerEntry published = b.Discovery.Me;
            Assert.True(published.Version.IsNewerThan(both[0].Entry.Version));
            PingResult after = await a.Discovery.PingAsync(b.Local.Address);
            Assert.True(after.Entry.Version.IsNewerThan(published.Version));
        });
    }

    [Fact]
    public void Ping_checks_id_signature_and_network_of_the_answer()
    {
        using var world = new DiscoveryWorld();
        world.Run(async () =>
        {
            Network node = await world.StartAsync();
            SecretKey key = SecretKey.FromText("stranger");
            SignedPeerEntry Entry(SecretKey k, NetworkId network) =>
                PeerEntry.Create(network, k.PeerId, PeerVersion.First(world.NowMs)).Sign(k);
            async Task<DiscoveryException> PingAsync(byte[] answer)
            {
                var peer = new RawPeer(world, key);
                Task serving = peer.AnswerAsync(WireProtocol.Ping.Alpn, answer);
                DiscoveryException e = await Assert.ThrowsAsync<DiscoveryException>(
                    async () => await node.Discovery.PingAsync(peer.Address));
                await serving;
                await peer.Transport.DisposeAsync();
                return e;
            }

            Assert.Equal(DiscoveryError.DifferentNetwork, (await PingAsync(Entry(key, "other").Bytes.ToArray())).Error);
            DiscoveryException other = await PingAsync(Entry(TestEntries.Key(1), world.Id).Bytes.ToArray());
            Assert.Equal(DiscoveryError.Link, other.Error);
            Assert.Equal(TestEntries.Key(1).PeerId, other.ActualPeer);
            byte[] flipped = Entry(key, world.Id).Bytes.ToArray();
            flipped[^1] ^= 1;
            Assert.Equal(DiscoveryError.InvalidSignature, (await PingAsync(flipped)).Error);

            var garbage = new RawPeer(world, key);
            Task<Mosaik.Networking.Transport.TransportCloseInfo> closed = garbage.AnswerAsync(WireProtocol.Ping.Alpn, [1, 2, 3]);
            LinkException e = await Assert.ThrowsAsync<LinkException>(async () => await node.Discovery.PingAsync(garbage.Address));
            Assert.Equal(LinkErrorKind.Decode, e.Kind);
            Assert.Equal(CloseCode.ProtocolViolation, (await closed).Code);
        });
    }

    [Fact]
    public void The_deadline_of_a_ping_covers_all_of_it()
    {
        using var world = new DiscoveryWorld();
        world.Run(async () =>
        {
            Network node = await world.StartAsync();
            using var silent = new SilentPeer(world);
            TimeSpan start = world.Scheduler.Now;
            await Assert.ThrowsAsync<MosaikTimeoutException>(async () => await node.Discovery.PingAsync(silent.Address));
            Assert.InRange((world.Scheduler.Now - start).TotalSeconds, 5, 5.1);
        });
    }

    [Fact]
    public void Local_changes_within_5_ms_become_one_version()
    {
        using var world = new DiscoveryWorld();
        world.Run(async () =>
        {
            Network node = await world.StartAsync();
            await world.DelayAsync(Second);
            LocalEntry local = node.Discovery.Driver.Local;
            SignedPeerEntry before = local.LastSigned;
            for (int i = 0; i < 10; i++)
                Assert.True(node.Discovery.AddStreams($"stream {i}"));
            Assert.Same(before, local.LastSigned); // not signed yet
            await world.DelayAsync(Milliseconds(10));
            Assert.Equal(10, local.LastSigned.Entry.Streams.Count);
            Assert.Equal(1, local.LastSigned.Version.Update - Math.Max(before.Version.Update, local.LastSigned.Version.Update - 1));
            SignedPeerEntry signed = local.LastSigned;
            Assert.False(node.Discovery.AddStreams("stream 1"));
            Assert.False(node.Discovery.RemoveStreams("another"));
            await world.DelayAsync(Milliseconds(10));
            Assert.Same(signed, local.LastSigned);
        });
    }

    [Fact]
    public void Reading_needs_no_window()
    {
        using var world = new DiscoveryWorld();
        world.Run(async () =>
        {
            Network node = await world.StartAsync();
            node.Discovery.AddTags("a");
            SignedPeerEntry me = node.Discovery.Me;
            Assert.Single(me.Entry.Tags);
            Assert.Same(me, node.Discovery.Catalog.Local);
            Assert.True(node.Discovery.AddTicket(new Ticket("c", "x"u8)));
            Assert.True(node.Discovery.ReplaceTicket(new Ticket("c", "y"u8)));
            Assert.Single(node.Discovery.Catalog.Local.Entry.Tickets);
            Assert.True(node.Discovery.RemoveTicketsOf("c"));
            Assert.Same(node.Discovery.Catalog.Local, node.Discovery.Catalog.GetSigned(node.Local.Id));
        });
    }

    [Fact]
    public void The_own_entry_is_refreshed_at_the_start_and_every_interval()
    {
        using var world = new DiscoveryWorld();
        world.Run(async () =>
        {
            Network node = await world.StartAsync(new DiscoveryOptions());
            var updates = new List<TimeSpan>();
            PeerVersion last = node.Discovery.Me.Version;
            while (world.Scheduler.Now < 120 * Second)
            {
                await world.DelayAsync(Milliseconds(50));
                if (node.Discovery.Me.Version == last)
                    continue;
                last = node.Discovery.Me.Version;
                updates.Add(world.Scheduler.Now);
            }
            Assert.InRange(updates[0].TotalSeconds, 0, 23);
            Assert.All(updates.Zip(updates.Skip(1)), p => Assert.InRange((p.Second - p.First).TotalSeconds, 7.4, 22.6));
        });
    }

    [Fact]
    public void Fix_19_a_restart_with_the_clock_set_back_is_accepted_after_overtaking_itself()
    {
        using var world = new DiscoveryWorld();
        world.Run(async () =>
        {
            SecretKey key = SecretKey.FromText("restarting");
            Network witness = await world.StartAsync();
            Network first = await world.StartAsync(key: key);
            first.Discovery.AddTags("old");
            await first.SyncWithAsync(witness.Local.Address);
            PeerVersion old = witness.Discovery.Catalog.GetSigned(key.PeerId)!.Version;
            first.Abort();
            await first.Completion;

            Network second = await world.StartAsync(key: key, clock: world.Scheduler.CreateClock(1, -5 * Second));
            second.Discovery.AddTags("new");
            Assert.True(old.IsNewerThan(second.Discovery.Me.Version));
            await second.SyncWithAsync(witness.Local.Address); // learns of its former self
            await world.UntilAsync(() => second.Discovery.Me.Version.IsNewerThan(old), Second, "overtaking");
            await second.SyncWithAsync(witness.Local.Address);
            Assert.Equal([(Tag)"new"], witness.Discovery.Catalog.Get(key.PeerId)!.Tags);
        });
    }

    [Fact]
    public void Two_processes_with_one_key_do_not_drive_each_other_up()
    {
        using var world = new DiscoveryWorld();
        world.Run(async () =>
        {
            SecretKey key = SecretKey.FromText("shared");
            var options = new DiscoveryOptions { RttProbe = RttProbe.Never };
            Network witness = await world.StartAsync();
            Network[] twins = [await world.StartAsync(options, key: key), await world.StartAsync(options, key: key)];
            for (int i = 0; i < 60; i++)
            {
                foreach (Network twin in twins)
                    await twin.SyncWithAsync(witness.Local.Address);
                await world.DelayAsync(5 * Second);
            }
            // 300 s: at most three starts were moved by each, whatever they saw of each other.
            Assert.All(twins, t => Assert.InRange(t.Discovery.Me.Version.Start, world.NowMs - 400_000, world.NowMs));
            Assert.Equal(1, witness.Discovery.Catalog.PeersCount);
        });
    }

    [Fact]
    public void Dialling_completes_when_queued_and_leads_to_a_sync()
    {
        using var world = new DiscoveryWorld();
        world.Run(async () =>
        {
            Network a = await world.StartAsync(), b = await world.StartAsync(), c = await world.StartAsync();
            await a.Discovery.DialAsync([b.Local.Address, c.Local.Address, a.Local.Address]);
            await world.UntilAsync(() => a.Discovery.Catalog.SignedPeersCount == 2, Second, "both peers");
            Assert.NotNull(b.Discovery.Catalog.Get(a.Local.Id));
        });
    }

    [Fact]
    public void A_departure_is_applied_and_remembered()
    {
        using var world = new DiscoveryWorld();
        world.Run(async () =>
        {
            Network a = await world.StartAsync(), b = await world.StartAsync(), c = await world.StartAsync();
            await world.DiscoverAllAsync(a, b, c);
            var events = new EventReader(world, a);
            Departure departure = b.Discovery.Driver.Local.SignDeparture(world.Scheduler.TimeProvider.GetUtcNow());
            Assert.Equal(DepartureDecision.Removed, await a.Discovery.Driver.DepartAsync(departure));
            Assert.Equal(b.Local.Id, (await events.NextAsync<DiscoveryEvent.PeerDeparted>(Second)).PeerId);
            // C missed it and still has the entry: it does not come back through C.
            await a.SyncWithAsync(c.Local.Address);
            Assert.Null(a.Discovery.Catalog.Get(b.Local.Id));
            Assert.NotNull(c.Discovery.Catalog.Get(b.Local.Id));
            Assert.True(await events.IsQuietAsync(Second));
        });
    }

    [Fact]
    public void Round_trip_times_come_from_syncs_and_probes_and_hide_slow_peers()
    {
        using var world = new DiscoveryWorld();
        world.Run(async () =>
        {
            Network a = await world.StartAsync(DiscoveryWorld.Quiet with
            {
                RttProbe = RttProbe.WhenNeeded,
                RttProbeInterval = 10 * Second,
                MaxRtt = Milliseconds(50),
            });
            Network b = await world.StartAsync();
            await a.SyncWithAsync(b.Local.Address);
            await world.UntilAsync(() => a.Discovery.Catalog.Get(b.Local.Id)?.Rtt is not null, Second, "the sample of the sync");
            Assert.InRange(a.Discovery.Catalog.Get(b.Local.Id)!.Rtt!.Value.TotalMilliseconds, 1, 10);
            world.Transports.Links.Default = new Mosaik.Testing.LinkConditions { MinLatency = Milliseconds(80), MaxLatency = Milliseconds(80) };
            await world.UntilAsync(() => a.Discovery.Catalog.PeersCount == 0, 200 * Second, "probes that find the peer slow");
            Assert.Null(a.Discovery.Catalog.Get(b.Local.Id));
            Assert.NotNull(a.Discovery.Catalog.GetKnown(b.Local.Id));
            Assert.Equal(1, a.Discovery.Catalog.SignedPeersCount);
        });
    }

    [Fact]
    public void The_address_book_follows_the_catalog()
    {
        using var world = new DiscoveryWorld();
        world.Run(async () =>
        {
            Network node = await world.StartAsync();
            var address = new EndpointAddress(TestEntries.Key(1).PeerId, TransportAddress.Parse("9.9.9.9:9"));
            await node.Discovery.InsertAsync(PeerEntry.Create(world.Id, address, PeerVersion.First(1)));
            Assert.Equal(address.Addresses, node.Local.ResolveKnown(address.Id));
            var moved = new EndpointAddress(address.Id, TransportAddress.Parse("8.8.8.8:8"));
            await node.Discovery.FeedAsync(
                PeerEntry.Create(world.Id, moved, PeerVersion.First(world.NowMs)).Sign(TestEntries.Key(1)));
            Assert.Contains(moved.Addresses[0], node.Local.ResolveKnown(address.Id));
            await world.DelayAsync(301 * Second);
            Assert.NotEmpty(node.Local.ResolveKnown(address.Id)); // grace after the purge
            await world.DelayAsync(301 * Second);
            Assert.Empty(node.Local.ResolveKnown(address.Id));
        });
    }

    [Fact]
    public void Metrics_tell_what_happened()
    {
        using var world = new DiscoveryWorld(seed: 77);
        string label = world.Id.ToString("S");
        var seen = new Dictionary<string, long>(StringComparer.Ordinal);
        using var listener = new MeterListener
        {
            InstrumentPublished = static (instrument, l) =>
            {
                if (instrument.Name.StartsWith("mosaik.discovery.", StringComparison.Ordinal))
                    l.EnableMeasurementEvents(instrument);
            },
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) =>
        {
            string? network = null, reason = null;
            foreach (KeyValuePair<string, object?> tag in tags)
            {
                network = tag.Key == "network" ? tag.Value as string : network;
                reason = tag.Key == "reason" ? tag.Value as string : reason;
            }
            if (network != label)
                return;
            string name = instrument.Name["mosaik.discovery.".Length..] + (reason is null ? "" : $"/{reason}");
            lock (seen)
                seen[name] = instrument is Gauge<long> ? value : seen.GetValueOrDefault(name) + value;
        });
        listener.Start();
        world.Run(async () =>
        {
            Network a = await world.StartAsync(gossip: _ => null), b = await world.StartAsync(gossip: _ => null);
            long now = world.NowMs;
            await a.SyncWithAsync(b.Local.Address); // both discover one
            await a.Discovery.FeedAsync(TestEntries.Make(1, now, now, world.Id));
            await a.Discovery.FeedAsync(TestEntries.Make(1, now, now + 1, world.Id));
            await a.Discovery.FeedAsync(TestEntries.Make(2, now, now, "other"));
            await a.Discovery.FeedAsync(TestEntries.Make(2, now, now + 20_000, world.Id));
            await a.Discovery.FeedAsync(TestEntries.Make(2, 1, 1, world.Id));
            await Assert.ThrowsAsync<DiscoveryException>(
                async () => await a.SyncWithAsync(SecretKey.FromText("nobody").PeerId));
            await world.DelayAsync(310 * Second);
        });
        Assert.Equal(4, seen["peers.discovered"]); // each other, the fed one, and that one once more at the other side
        Assert.InRange(seen["peers.updated"], 1, 100);
        Assert.Equal(2, seen["peers.departed"]);
        Assert.InRange(seen["catalog.syncs.failed"], 1, 20); // the unknown peer, and the fed one, which has no address
        Assert.InRange(seen["catalog.syncs"], 1, 10);
        Assert.Equal(1, seen["entries.rejected/network"]);
        Assert.Equal(1, seen["entries.rejected/future"]);
        Assert.Equal(1, seen["entries.rejected/outdated"]);
        Assert.InRange(seen["catalog.size"], 0, 2);
    }

    [Fact]
    public async Task Nodes_sync_and_ping_over_udp()
    {
        var options = new NetworkOptions { BindAddresses = [new IPEndPoint(IPAddress.Loopback, 0)] };
        await using Network a = await Network.StartAsync("udp", options), b = await Network.StartAsync("udp", options);
        a.Discovery.AddTags("left");
        await b.SyncWithAsync(a.Local.Address);
        Assert.Equal([(Tag)"left"], b.Discovery.Catalog.Get(a.Local.Id)!.Tags);
        Assert.Equal(b.Local.Id, Assert.Single(a.Discovery.Catalog.SignedPeers).Id);
        Assert.NotNull((await a.Discovery.PingAsync(b.Local.Id)).Rtt);
    }
}
