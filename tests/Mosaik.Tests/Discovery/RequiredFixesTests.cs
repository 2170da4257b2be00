using System.Buffers.Binary;
using System.Diagnostics.Metrics;
using Mosaik.Discovery;
using Mosaik.Networking;
using Mosaik.Networking.Transport;
using Mosaik.Primitives;

namespace Mosaik.Tests.Discovery;

/// <summary>
/// The rows of spec/discovery.md §17 that have no better place; the others stand beside what they fix, under the same
/// kind of name.
/// </summary>
public sealed class RequiredFixesTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    [Fact]
    public void Fix_1_ids_of_integers_are_their_bytes_and_not_hashed()
    {
        byte[] expected = new byte[UniqueId.Length];
        BinaryPrimitives.WriteUInt64LittleEndian(expected.AsSpan(24), 42);
        Assert.Equal(expected, UniqueId.FromUInt64(42).ToByteArray());
    }

    [Fact]
    public void Fix_2_a_node_without_relay_starts_within_the_limit() => Run(async world =>
    {
        TimeSpan start = world.Scheduler.Now;
        Network node = await world.StartAsync(configure: o => o with { Relay = RelayMode.Default, OnlineTimeout = 2 * Second });
        Assert.InRange(world.Scheduler.Now - start, TimeSpan.Zero, 2 * Second);
        Assert.True(node.Local.IsOnline);
    });

    [Fact]
    public void Fix_3_what_is_learnt_of_others_is_remembered_and_never_published_as_ours() => Run(async world =>
    {
        Network node = await world.StartAsync();
        EndpointAddress own = node.Discovery.Me.Entry.Address;
        var other = new EndpointAddress(TestEntries.Key(1).PeerId, TransportAddress.Parse("9.9.9.9:9"));
        await node.Discovery.DialAsync([other]);
        await node.Discovery.FeedAsync(
            PeerEntry.Create(world.Id, other, PeerVersion.First(world.NowMs)).Sign(TestEntries.Key(1)));
        await world.DelayAsync(30 * Second);
        Assert.Equal(own, node.Discovery.Me.Entry.Address);
        Assert.Equal(other.Addresses, node.Local.ResolveKnown(other.Id));
    });

    [Theory]
    [InlineData("sync", (64 * 1024 * 1024) + 1)]
    [InlineData("ping", (256 * 1024) + 1)]
    [InlineData("sync", -1)]
    [InlineData("ping", int.MaxValue)]
    public void Fix_18_a_frame_above_the_limit_closes_the_link(string protocol, int claim) => Run(async world =>
    {
        Network node = await world.StartAsync();
        var peer = new RawPeer(world, TestEntries.Key(1));
        byte[] header = new byte[14];
        BinaryPrimitives.WriteInt32BigEndian(header, claim);
        string alpn = protocol == "sync" ? WireProtocol.Sync.Alpn : WireProtocol.Ping.Alpn;
        TimeSpan start = world.Scheduler.Now;
        TransportCloseInfo closed = await peer.SendAsync(node, alpn, header);
        Assert.Equal(CloseCode.ProtocolViolation, closed.Code);
        Assert.InRange(world.Scheduler.Now - start, TimeSpan.Zero, Second);
    });

    [Fact]
    public void Fix_21_a_live_connection_is_sampled_instead_of_pinging_and_without_need_nobody_is() => Run(async world =>
    {
        Network node = await world.StartAsync(
            DiscoveryWorld.Quiet with { RttProbe = RttProbe.Always, RttProbeInterval = 10 * Second }, gossip: _ => null);
        // A peer that serves streams only: a ping of it could not succeed.
        var peer = new RawPeer(world, TestEntries.Key(1));
        peer.Transport.SetAcceptedAlpn([WireProtocol.Streams.Alpn]);
        await node.Discovery.FeedAsync(
            PeerEntry.Create(world.Id, peer.Address, PeerVersion.First(world.NowMs)).Sign(TestEntries.Key(1)));
        await world.DelayAsync(60 * Second);
        Assert.Null(node.Discovery.Catalog.Get(peer.Key.PeerId)!.Rtt);

        ITransportConnection idle = await node.Local.ConnectAsync(WireProtocol.Streams, peer.Address, default);
        await world.UntilAsync(() => node.Discovery.Catalog.Get(peer.Key.PeerId)!.Rtt is not null, 40 * Second, "the sample");
        idle.Abort(CloseCode.Success, "");
        await world.DelayAsync(Second);
        Assert.Null(node.Local.TryGetRtt(peer.Key.PeerId));
    });

    [Fact]
    public void Fix_21_inbound_connections_are_live_as_well() => Run(async world =>
    {
        Network node = await world.StartAsync();
        var peer = new RawPeer(world, TestEntries.Key(1));
        ITransportConnection idle = await peer.ConnectAsync(node, WireProtocol.Sync.Alpn);
        await world.UntilAsync(() => node.Local.TryGetRtt(peer.Key.PeerId) is not null, Second, "the connection");
        idle.Abort(CloseCode.Success, "");
        await world.UntilAsync(() => node.Local.TryGetRtt(peer.Key.PeerId) is null, Second, "its end");
    });

    [Fact]
    public void Fix_24_a_network_syncs_directly() => Run(async world =>
    {
        Network a = await world.StartAsync(), b = await world.StartAsync();
        await a.SyncWithAsync(b.Local.Address);
        Assert.NotNull(a.Discovery.Catalog.GetSigned(b.Local.Id));
    });

    [Fact]
    public void Fix_25_each_network_measures_with_the_meters_it_is_given() => Run(async world =>
    {
        using var first = new Factory();
        using var second = new Factory();
        Network a = await world.StartAsync(configure: o => o with { MeterFactory = first });
        Network b = await world.StartAsync(configure: o => o with { MeterFactory = second });
        await a.SyncWithAsync(b.Local.Address);
        Assert.NotEmpty(first.Meters);
        Assert.NotEmpty(second.Meters);
        Assert.DoesNotContain(first.Meters, second.Meters.Contains);
    });

    [Fact]
    public void Fix_26_a_timeout_is_not_a_cancellation() => Run(async world =>
    {
        Network node = await world.StartAsync();
        using var silent = new SilentPeer(world);
        MosaikTimeoutException e = await Assert.ThrowsAsync<MosaikTimeoutException>(
            async () => await node.Discovery.PingAsync(silent.Address));
        Assert.IsNotType<OperationCanceledException>(e, exactMatch: false);
        using var cancelled = new CancellationTokenSource();
        Task ping = node.Discovery.PingAsync(silent.Address, cancelled.Token).AsTask();
        await world.DelayAsync(Second);
        cancelled.Cancel();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => ping);
    });

    private static void Run(Func<DiscoveryWorld, Task> scenario)
    {
        using var world = new DiscoveryWorld();
        world.Run(() => scenario(world));
    }

    private sealed class Factory : IMeterFactory
    {
        public List<Meter> Meters { get; } = [];

        public Meter Create(MeterOptions options)
        {
            var meter = new Meter(options);
            Meters.Add(meter);
            return meter;
        }

        public void Dispose() => Meters.ForEach(static m => m.Dispose());
    }
}
