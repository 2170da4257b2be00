using System.Buffers;
using Mosaik.Discovery;
using Mosaik.Networking;
using Mosaik.Networking.Transport;
using Mosaik.Postcard;
using Mosaik.Primitives;

namespace Mosaik.Tests.Discovery;

/// <summary>What strangers may send (spec/discovery.md §9, §15, §17; spec/reliability.md §13).</summary>
public sealed class HostilePeerTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    private static readonly string SyncAlpn = WireProtocol.Sync.Alpn;

    private static SecretKey StrangerKey => SecretKey.FromText("stranger");

    /// <summary>An entry of a made-up peer that is fresh in the world.</summary>
    private static SignedPeerEntry Fresh(DiscoveryWorld world, SecretKey key, NetworkId? network = null) =>
        PeerEntry.Create(network ?? world.Id, key.PeerId, PeerVersion.First(world.NowMs)).Sign(key);

    private static byte[] Snapshot(params byte[][] entries)
    {
        var writer = new PostcardWriter(new byte[16]);
        writer.WriteCount(entries.Length);
        return [.. writer.Written, .. entries.SelectMany(e => e)];
    }

    private static SignedPeerEntry[] Decode(byte[] snapshot)
    {
        var reader = new PostcardReader(snapshot);
        Assert.True(reader.TryReadCount(1, out int count));
        var entries = new List<SignedPeerEntry>();
        int at = reader.Position;
        for (int i = 0; i < count; i++)
        {
            Assert.True(SignedPeerEntry.TryDecode(snapshot.AsSpan(at), out SignedPeerEntry? entry));
            at += entry.Bytes.Length;
            entries.Add(entry);
        }
        return [.. entries];
    }

    [Fact]
    public void Fix_9_A9_one_bad_entry_does_not_void_a_snapshot()
    {
        using var world = new DiscoveryWorld();
        world.Run(async () =>
        {
            Network node = await world.StartAsync();
            var peer = new RawPeer(world, StrangerKey);
            byte[] bad = Fresh(world, TestEntries.Key(2)).Bytes.ToArray();
            bad[^1] ^= 1;
            byte[] future = TestEntries.Make(3, world.NowMs, world.NowMs + 60_000, world.Id).Bytes.ToArray();
            byte[] stale = TestEntries.Make(4, 5, 5, world.Id).Bytes.ToArray();
            byte[] foreign = Fresh(world, TestEntries.Key(5), "other").Bytes.ToArray();
            byte[] answer = await peer.ExchangeAsync(node, SyncAlpn, Snapshot(
                Fresh(world, StrangerKey).Bytes.ToArray(), bad, future, stale, foreign,
                Fresh(world, TestEntries.Key(1)).Bytes.ToArray()));
            Assert.Equal(
                [.. new[] { StrangerKey.PeerId, TestEntries.Key(1).PeerId }.Order()],
                node.Discovery.Catalog.SignedPeers.Select(e => e.Id));
            // Taken before merging: only the responder itself.
            Assert.Equal(node.Local.Id, Assert.Single(Decode(answer)).Id);
        });
    }

    [Fact]
    public void Non_canonical_entries_are_dropped_although_their_signature_is_valid()
    {
        using var world = new DiscoveryWorld();
        world.Run(async () =>
        {
            Network node = await world.StartAsync();
            var peer = new RawPeer(world, StrangerKey);
            SecretKey key = TestEntries.Key(1);
            byte[] canonical = Fresh(world, key).Entry.Bytes.ToArray();
            // The last four bytes are the counts of tags, streams, groups and tickets; the last one is written too long.
            byte[] overlong = [.. canonical.AsSpan(..^1), 0x80, 0x00];
            byte[] signed = [.. overlong, .. key.Sign(UniqueId.Hash(overlong).AsSpan()).ToByteArray()];
            Assert.Equal(EntryFault.NotCanonical, SignedPeerEntry.TryDecode(signed, SignatureVerifier.Shared, out _));
            await peer.ExchangeAsync(node, SyncAlpn, Snapshot(Fresh(world, StrangerKey).Bytes.ToArray(), signed));
            Assert.Equal(StrangerKey.PeerId, Assert.Single(node.Discovery.Catalog.SignedPeers).Id);
        });
    }

    [Fact]
    public void A10_an_initiator_without_own_entry_gets_only_ours()
    {
        using var world = new DiscoveryWorld();
        world.Run(async () =>
        {
            Network node = await world.StartAsync();
            await node.Discovery.FeedAsync(Fresh(world, TestEntries.Key(1)));
            var peer = new RawPeer(world, StrangerKey);
            byte[] answer = await peer.ExchangeAsync(
                node, SyncAlpn, Snapshot(Fresh(world, TestEntries.Key(2)).Bytes.ToArray()));
            Assert.Equal(node.Local.Id, Assert.Single(Decode(answer)).Id);
            Assert.Equal(2, node.Discovery.Catalog.SignedPeersCount); // merged as usual
            answer = await peer.ExchangeAsync(node, SyncAlpn, Snapshot(Fresh(world, StrangerKey).Bytes.ToArray()));
            Assert.Equal(3, Decode(answer).Length);
        });
    }

    [Fact]
    public void A_sync_is_accepted_under_the_name_of_the_book()
    {
        using var world = new DiscoveryWorld();
        world.Run(async () =>
        {
            Network node = await world.StartAsync();
            var peer = new RawPeer(world, StrangerKey);
            Assert.Single(Decode(await peer.ExchangeAsync(node, "/mosaik/catalog-sync", Snapshot())));
        });
    }

    [Fact]
    public void Another_network_is_closed_with_101_and_nothing_is_merged()
    {
        using var world = new DiscoveryWorld();
        world.Run(async () =>
        {
            Network node = await world.StartAsync();
            var peer = new RawPeer(world, StrangerKey);
            byte[] frame = RawPeer.Frame(Snapshot(
                Fresh(world, TestEntries.Key(1)).Bytes.ToArray(), Fresh(world, StrangerKey, "other").Bytes.ToArray()));
            TransportCloseInfo close = await peer.SendAsync(node, SyncAlpn, frame);
            Assert.Equal(CloseCode.DifferentNetwork, close.Code);
            Assert.Equal(1, node.Discovery.Catalog.Count);
        });
    }

    [Fact]
    public void A_responder_of_another_network_is_told_to_the_caller()
    {
        using var world = new DiscoveryWorld();
        world.Run(async () =>
        {
            Network node = await world.StartAsync();
            var peer = new RawPeer(world, StrangerKey);
            Task<TransportCloseInfo> serving = peer.AnswerAsync(SyncAlpn, Snapshot(
                Fresh(world, StrangerKey, "other").Bytes.ToArray(), Fresh(world, TestEntries.Key(1)).Bytes.ToArray()));
            DiscoveryException e =
                await Assert.ThrowsAsync<DiscoveryException>(async () => await node.SyncWithAsync(peer.Address));
            Assert.Equal(DiscoveryError.DifferentNetwork, e.Error);
            Assert.Equal((NetworkId)"other", e.RemoteNetwork);
            Assert.Equal(CloseCode.Success, (await serving).Code);
            Assert.Equal(1, node.Discovery.Catalog.Count);
        });
    }

    [Theory]
    [InlineData("ff")] // cut off inside the count
    [InlineData("05")] // five entries claimed, none there
    [InlineData("ffffffff0f")] // four billion entries
    [InlineData("010505")] // an entry cut off
    public void A_list_that_cannot_be_walked_closes_with_400(string payload)
    {
        using var world = new DiscoveryWorld();
        world.Run(async () =>
        {
            Network node = await world.StartAsync();
            var peer = new RawPeer(world, StrangerKey);
            byte[] bytes = Convert.FromHexString(payload);
            Assert.Equal(CloseCode.ProtocolViolation, (await peer.SendAsync(node, SyncAlpn, RawPeer.Frame(bytes))).Code);
            // And in the other direction.
            Task<TransportCloseInfo> serving = peer.AnswerAsync(SyncAlpn, bytes);
            DiscoveryException e =
                await Assert.ThrowsAsync<DiscoveryException>(async () => await node.SyncWithAsync(peer.Address));
            Assert.Equal(LinkErrorKind.Decode, Assert.IsType<LinkException>(e.InnerException).Kind);
            Assert.Equal(CloseCode.ProtocolViolation, (await serving).Code);
        });
    }

    [Fact]
    public void Fix_17_a_claim_of_64_MiB_with_ten_bytes_takes_no_memory_and_ends_after_ten_seconds()
    {
        using var world = new DiscoveryWorld();
        world.Run(async () =>
        {
            Network node = await world.StartAsync();
            var peer = new RawPeer(world, StrangerKey);
            TimeSpan start = world.Scheduler.Now;
            long before = GC.GetAllocatedBytesForCurrentThread();
            TransportCloseInfo close =
                await peer.SendAsync(node, SyncAlpn, [0x04, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4 << 20);
            Assert.Equal(CloseCode.Cancelled, close.Code);
            Assert.InRange((world.Scheduler.Now - start).TotalSeconds, 10, 10.1);
            Assert.Equal(CloseCode.ProtocolViolation, (await peer.SendAsync(node, SyncAlpn, [0x04, 0, 0, 1, 0])).Code);
        });
    }

    [Fact]
    public void Fix_4_A17_a_hundred_silent_peers_do_not_slow_discovery_down()
    {
        using var world = new DiscoveryWorld();
        world.Run(async () =>
        {
            Network a = await world.StartAsync(), b = await world.StartAsync();
            for (int i = 0; i < 100; i++)
            {
                var silent = new RawPeer(world, SecretKey.FromText($"silent {i}"));
                ITransportConnection connection = await silent.ConnectAsync(a, WireProtocol.Ping.Alpn);
                ITransportStream stream = await connection.OpenStreamAsync(TransportStreamDirection.Bidirectional);
                await stream.WriteAsync(new byte[] { 0 }); // the beginning of a frame
            }
            TimeSpan start = world.Scheduler.Now;
            await b.SyncWithAsync(a.Local.Address);
            Assert.True(await a.Discovery.InsertAsync(TestEntries.MakeUnsigned(1, 1, 1, world.Id)));
            Assert.InRange((world.Scheduler.Now - start).TotalMilliseconds, 0, 100);
            // 64 pings are served at once: ours waits until the deadline of the silent ones has passed.
            await world.DelayAsync(6 * Second);
            Assert.NotNull((await b.Discovery.PingAsync(a.Local.Address)).Entry);
        });
    }

    [Fact]
    public void Silent_peers_of_sync_leave_after_their_deadline_and_no_slot_is_lost()
    {
        using var world = new DiscoveryWorld();
        world.Run(async () =>
        {
            Network a = await world.StartAsync(gossip: _ => null), b = await world.StartAsync(gossip: _ => null);
            for (int i = 0; i < 40; i++)
            {
                var silent = new RawPeer(world, SecretKey.FromText($"silent {i}"));
                await silent.ConnectAsync(a, SyncAlpn);
            }
            await world.DelayAsync(15 * Second);
            TimeSpan start = world.Scheduler.Now;
            await b.SyncWithAsync(a.Local.Address);
            Assert.InRange((world.Scheduler.Now - start).TotalMilliseconds, 0, 100);
            await world.UntilAsync(() => world.OpenConnections == 0, 60 * Second, "the end of all connections");
        });
    }

    [Fact]
    public void A_snapshot_above_the_limit_is_cut_to_a_random_subset_with_the_own_entry()
    {
        SignedPeerEntry[] entries = [.. Enumerable.Range(1, 50).Select(i => TestEntries.Make(i, 5, 5)).OrderBy(e => e.Id)];
        SignedPeerEntry own = entries[17];
        int size = entries[0].Bytes.Length;
        SignedPeerEntry[] Cut(ulong seed)
        {
            var buffer = new ArrayBufferWriter<byte>();
            CatalogSnapshot.Codec.Instance.Encode(
                CatalogSnapshot.Fitting(entries, own, (size * 20) + 15, new SeededRandom(seed)), buffer);
            Assert.InRange(buffer.WrittenCount, size * 20, (size * 20) + 15);
            return Decode(buffer.WrittenSpan.ToArray());
        }
        SignedPeerEntry[] first = Cut(1);
        Assert.Equal(20, first.Length);
        Assert.Contains(own, first);
        Assert.Equal(first.OrderBy(e => e.Id), first);
        Assert.NotEqual(first, Cut(2));
        Assert.Equal(50, CatalogSnapshot.Fitting(entries, own, 1 << 20, new SeededRandom(1)).Count);
    }

    [Fact]
    public void At_most_ten_thousand_entries_of_a_snapshot_are_looked_at()
    {
        byte[] one = TestEntries.Make(1, 5, 5).Bytes.ToArray();
        byte[] snapshot = Snapshot([.. Enumerable.Repeat(one, SnapshotScan.MaxEntries + 5)]);
        var state = new CatalogState
        {
            Network = TestEntries.Network,
            Self = TestEntries.Key(0).PeerId,
            Options = new DiscoveryOptions(),
        };
        Assert.True(SnapshotScan.TryScan(snapshot, state, default, StrangerKey.PeerId, 5, out SnapshotScan scan, out _));
        Assert.Equal(SnapshotScan.MaxEntries, scan.Candidates.Count + scan.Refused.Count);
    }

    [Fact]
    public void An_entry_above_256_KiB_is_dropped_alone()
    {
        PeerEntry large = TestEntries.MakeUnsigned(1, 5, 5)
            .AddTicket(default, new Ticket("c", new byte[ParsedPeerEntry.MaxLength]));
        byte[] snapshot = Snapshot(large.Sign(TestEntries.Key(1)).Bytes.ToArray(), TestEntries.Make(2, 5, 5).Bytes.ToArray());
        var state = new CatalogState
        {
            Network = TestEntries.Network,
            Self = TestEntries.Key(0).PeerId,
            Options = new DiscoveryOptions(),
        };
        Assert.True(SnapshotScan.TryScan(snapshot, state, default, StrangerKey.PeerId, 5, out SnapshotScan scan, out _));
        Assert.Equal(TestEntries.Key(2).PeerId, Assert.Single(scan.Candidates).Id);
        Assert.Equal([(TestEntries.Key(1).PeerId, UpsertResult.Invalid)], scan.Refused);
    }

    [Fact]
    public void Mutated_snapshots_never_throw()
    {
        byte[] snapshot = Snapshot(
            TestEntries.SignedOfVector("EB").Bytes.ToArray(), TestEntries.SignedOfVector("E1").Bytes.ToArray());
        CatalogStore store = new(TestEntries.Network, TestEntries.Key(0).PeerId, new DiscoveryOptions());
        store.Upsert(TestEntries.SignedOfVector("EB"), 1_760_000_001_000);
        store.Publish();
        int walked = 0, known = 0;
        foreach (byte[] mutated in Mutator.Mutate(snapshot, 120_000, seed: 21))
        {
            if (!SnapshotScan.TryScan(
                mutated, store.State, default, StrangerKey.PeerId, 1_760_000_001_000, out SnapshotScan scan, out DecodeError error))
            {
                Assert.NotNull(error.Reason);
                Assert.InRange(error.Offset, 0, mutated.Length);
                continue;
            }
            walked++;
            known += scan.Known;
            Assert.All(scan.Candidates, c => Assert.True(c.Layout.Length + Signature.Length == c.Bytes.Length));
        }
        Assert.InRange(walked, 5000, 119_999);
        Assert.InRange(known, 5000, 120_000);
    }
}
