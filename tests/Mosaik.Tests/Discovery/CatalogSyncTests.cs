using Microsoft.Extensions.Logging;
using Mosaik.Discovery;
using Mosaik.Networking;
using Mosaik.Primitives;
using Mosaik.Waiting;

namespace Mosaik.Tests.Discovery;

/// <summary>Catalog sync between whole nodes (spec/discovery.md §9, §11, §19.1).</summary>
public sealed class CatalogSyncTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    [Fact]
    public void Manual_sync_trigger()
    {
        using var world = new DiscoveryWorld();
        world.Run(async () =>
        {
            await Scenarios.SyncByHandAsync(await world.StartAsync(), await world.StartAsync());
        });
    }

    [Fact]
    public void Different_networks_are_isolated()
    {
        using var world = new DiscoveryWorld();
        world.Run(async () =>
        {
            Network[] a = [await world.StartAsync(network: "a"), await world.StartAsync(network: "a")];
            Network[] b =
                [await world.StartAsync(network: "b"), await world.StartAsync(network: "b"), await world.StartAsync(network: "b")];
            await world.DiscoverAllAsync([.. a, .. b]);
            Scenarios.AssertIsolated(a);
            Scenarios.AssertIsolated(b);
        });
    }

    [Fact]
    public void Fix_22_a_sync_with_another_network_tells_both_sides_nothing()
    {
        using var world = new DiscoveryWorld();
        world.Run(async () =>
        {
            Network a = await world.StartAsync(network: "a"), b = await world.StartAsync(network: "b");
            DiscoveryException e =
                await Assert.ThrowsAsync<DiscoveryException>(async () => await a.SyncWithAsync(b.Local.Address));
            Assert.Equal(DiscoveryError.DifferentNetwork, e.Error);
            Assert.Equal((NetworkId)"a", e.LocalNetwork);
            Assert.Equal(default(NetworkId), e.RemoteNetwork); // closed with 101 before it said its network
            Assert.False(e.IsTransient);
            Assert.Equal(0, a.Discovery.Catalog.Count - 1);
            Assert.Equal(0, b.Discovery.Catalog.Count - 1);
        });
    }

    [Fact]
    public void Both_sides_know_each_other_when_the_call_completes()
    {
        using var world = new DiscoveryWorld();
        world.Run(async () =>
        {
            Network a = await world.StartAsync(), b = await world.StartAsync(), c = await world.StartAsync();
            await a.SyncWithAsync(b.Local.Address);
            await c.SyncWithAsync(b.Local.Address);
            Assert.Equal(2, c.Discovery.Catalog.SignedPeersCount);
            Assert.Equal(2, b.Discovery.Catalog.SignedPeersCount);
            Assert.NotNull(c.Discovery.Catalog.Get(a.Local.Id)?.Address);
            // C observed A through B: a background sync lets A know C.
            await world.UntilAsync(() => a.Discovery.Catalog.SignedPeersCount == 2, Second, "the background sync");
        });
    }

    [Fact]
    public void Converge_with_bootstrap()
    {
        using var world = new DiscoveryWorld();
        world.Run(async () =>
        {
            Network n0 = await world.StartAsync();
            DiscoveryOptions options = DiscoveryWorld.Quiet with { BootstrapPeers = [n0.Local.Address] };
            var nodes = new List<Network>();
            // Without announcements a node learns of those that came before it, and they learn of it by its syncs with them.
            for (int i = 1; i <= 10; i++)
            {
                Network node = await world.StartAsync(options);
                nodes.Add(node);
                await world.UntilAsync(() => node.Discovery.Catalog.PeersCount == i, Second, $"{i} peers on node {i}");
            }
            await world.UntilAsync(
                () => nodes.TrueForAll(n => n.Discovery.Catalog.PeersCount == 10), 10 * Second, "10 peers on each of 10 nodes");
        });
    }

    [Fact]
    public void Fix_10_an_unreachable_bootstrap_peer_is_tried_until_it_is_there()
    {
        using var world = new DiscoveryWorld();
        world.Run(async () =>
        {
            SecretKey key = SecretKey.FromText("late");
            // The second transport of the world is bound to 10.1.0.2:10002.
            var address = new EndpointAddress(key.PeerId, TransportAddress.Parse("10.1.0.2:10002"));
            Network early = await world.StartAsync(DiscoveryWorld.Quiet with { BootstrapPeers = [address] });
            await world.DelayAsync(20 * Second);
            Network late = await world.StartAsync(key: key);
            Assert.Equal(address.Addresses, late.Local.Address.Addresses);
            await world.UntilAsync(() => early.Discovery.Catalog.PeersCount == 1, 75 * Second, "the retry");
            Assert.Equal(1, late.Discovery.Catalog.PeersCount);
        });
    }

    [Fact]
    public void Repeated_sync_verifies_nothing()
    {
        using var world = new DiscoveryWorld();
        world.Run(async () =>
        {
            Network a = await world.StartAsync(), b = await world.StartAsync();
            for (int i = 0; i < 200; i++)
                await a.Discovery.FeedAsync(TestEntries.Make(i, world.NowMs, world.NowMs, world.Id));
            await a.SyncWithAsync(b.Local.Address);
            Assert.Equal(201, b.Discovery.Catalog.SignedPeersCount);
            long verified = b.Discovery.Driver.Verification.Verifier.Requested;
            Assert.Equal(201, verified);
            long verifiedByA = a.Discovery.Driver.Verification.Verifier.Requested;
            await a.SyncWithAsync(b.Local.Address);
            await b.SyncWithAsync(a.Local.Address);
            Assert.Equal(verified, b.Discovery.Driver.Verification.Verifier.Requested);
            Assert.Equal(verifiedByA, a.Discovery.Driver.Verification.Verifier.Requested);
        });
    }

    [Fact]
    public void A_caller_that_gives_up_at_the_end_of_its_sync_harms_nobody()
    {
        using var world = new DiscoveryWorld();
        using var patience = new CancellationTokenSource();
        world.Run(async () =>
        {
            // The snapshots are merged, and the sync ends before the loop hears that nobody waits for it.
            var hook = new SyncedHook(() => world.Scheduler.Start(() =>
            {
                patience.Cancel();
                return Task.CompletedTask;
            }));
            Network a = await world.StartAsync(configure: options => options with { LoggerFactory = hook });
            Network b = await world.StartAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(
                async () => await a.SyncWithAsync(b.Local.Address, patience.Token));
            await world.DelayAsync(Second);
            await a.SyncWithAsync(b.Local.Address);
            Assert.False(a.Completion.IsCompleted);
        });
    }

    [Fact]
    public void Fix_11_ten_concurrent_calls_use_at_most_two_connections()
    {
        using var world = new DiscoveryWorld();
        world.Run(async () =>
        {
            Network a = await world.StartAsync(), b = await world.StartAsync();
            Task[] syncs = [.. Enumerable.Range(0, 10).Select(_ => a.SyncWithAsync(b.Local.Address).AsTask())];
            int most = 0;
            while (!Task.WhenAll(syncs).IsCompleted)
            {
                most = Math.Max(most, world.OpenConnections);
                await world.DelayAsync(TimeSpan.FromMilliseconds(1));
            }
            await Task.WhenAll(syncs);
            Assert.InRange(most, 1, 2);
            Assert.Equal(1, b.Discovery.Catalog.PeersCount);
        });
    }

    [Fact]
    public void An_explicit_sync_is_not_followed_by_another_one_in_either_direction()
    {
        using var world = new DiscoveryWorld();
        world.Run(async () =>
        {
            Network a = await world.StartAsync(gossip: _ => null), b = await world.StartAsync(gossip: _ => null);
            Task sync = a.SyncWithAsync(b.Local.Address).AsTask();
            var open = new List<int>();
            for (int i = 0; i < 3000; i++)
            {
                await world.DelayAsync(TimeSpan.FromMilliseconds(1));
                open.Add(world.OpenConnections);
            }
            await sync;
            Assert.Equal(1, open.Max());
            Assert.Equal(1, open.Prepend(0).Zip(open).Count(p => p is (0, 1))); // connected once
            Assert.Equal(1, b.Discovery.Catalog.PeersCount);
        });
    }

    [Fact]
    public void A_peer_that_broke_off_its_sync_is_synced_with()
    {
        using var world = new DiscoveryWorld();
        world.Run(async () =>
        {
            Network node = await world.StartAsync();
            var peer = new RawPeer(world, SecretKey.FromText("stranger"));
            SignedPeerEntry entry =
                PeerEntry.Create(world.Id, peer.Address, PeerVersion.First(world.NowMs)).Sign(peer.Key);
            peer.Transport.SetAcceptedAlpn([WireProtocol.Sync.Alpn]);
            var connection = await peer.ConnectAsync(node, WireProtocol.Sync.Alpn);
            var stream = await connection.OpenStreamAsync(Mosaik.Networking.Transport.TransportStreamDirection.Bidirectional);
            await stream.WriteAsync(RawPeer.Frame([1, .. entry.Bytes.Span]));
            await world.UntilAsync(() => node.Discovery.Catalog.PeersCount == 1, Second, "the merge");
            connection.Abort(CloseCode.Cancelled, "");
            var inbound = await peer.Transport.AcceptAsync();
            Assert.Equal(node.Local.Id, inbound.RemoteId);
            inbound.Abort(CloseCode.Cancelled, "");
        });
    }

    [Fact]
    public void A_sync_with_oneself_is_an_error_of_the_caller()
    {
        using var world = new DiscoveryWorld();
        world.Run(async () =>
        {
            Network a = await world.StartAsync();
            await Assert.ThrowsAsync<ArgumentException>(async () => await a.SyncWithAsync(a.Local.Address));
        });
    }

    [Fact]
    public void A_peer_that_is_not_there_makes_the_sync_fail()
    {
        using var world = new DiscoveryWorld();
        world.Run(async () =>
        {
            Network a = await world.StartAsync();
            PeerId nobody = SecretKey.FromText("nobody").PeerId;
            DiscoveryException e = await Assert.ThrowsAsync<DiscoveryException>(async () => await a.SyncWithAsync(nobody));
            Assert.Equal(DiscoveryError.Link, e.Error);
            Assert.IsType<LinkException>(e.InnerException);
        });
    }

    [Fact]
    public void A_cancelled_caller_ends_a_sync_that_nobody_else_wants()
    {
        using var world = new DiscoveryWorld();
        world.Run(async () =>
        {
            Network a = await world.StartAsync();
            using var silent = new SilentPeer(world);
            using var cancellation = new CancellationTokenSource();
            Task cancelled = a.SyncWithAsync(silent.Address, cancellation.Token).AsTask();
            await world.UntilAsync(() => silent.Accepted == 1, Second, "the connection");
            cancellation.Cancel();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled);
            await world.UntilAsync(() => world.OpenConnections == 0, Second, "the end of the connection");
        });
    }

    [Fact]
    public void Disposal_ends_those_who_wait_for_a_sync()
    {
        using var world = new DiscoveryWorld();
        world.Run(async () =>
        {
            Network a = await world.StartAsync();
            using var silent = new SilentPeer(world);
            Task[] syncs = [.. Enumerable.Range(0, 5).Select(_ => a.SyncWithAsync(silent.Address).AsTask())];
            await world.UntilAsync(() => silent.Accepted == 1, Second, "the connection");
            await a.DisposeAsync();
            foreach (Task sync in syncs)
                await Assert.ThrowsAsync<NetworkClosedException>(() => sync);
            await Assert.ThrowsAsync<NetworkClosedException>(async () => await a.SyncWithAsync(silent.Address));
        });
    }

    [Fact]
    public void A_silent_responder_is_given_up_after_ten_seconds()
    {
        using var world = new DiscoveryWorld();
        world.Run(async () =>
        {
            Network a = await world.StartAsync();
            using var silent = new SilentPeer(world);
            TimeSpan start = world.Scheduler.Now;
            await Assert.ThrowsAsync<MosaikTimeoutException>(async () => await a.SyncWithAsync(silent.Address));
            Assert.InRange((world.Scheduler.Now - start).TotalSeconds, 10, 10.2);
        });
    }

    /// <summary>Says when snapshots were merged for the first time.</summary>
    private sealed class SyncedHook(Action synced) : ILoggerFactory, ILogger
    {
        private Action? _synced = synced;

        public void AddProvider(ILoggerProvider provider)
        {
        }

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (eventId.Name == nameof(DiscoveryLog.Synced))
                Interlocked.Exchange(ref _synced, null)?.Invoke();
        }

        public void Dispose()
        {
        }
    }
}
