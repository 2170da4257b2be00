using System.Net;
using Mosaik.Quic.Connection;
using Mosaik.Quic.Tls;

namespace Mosaik.Quic.Tests.Driver;

/// <summary>Endpoints over the real driver and the real cores, in virtual time: dialling, accepting, ending.</summary>
public sealed class EndpointHandleTests
{
    private static readonly byte[] Hello = "hello, world"u8.ToArray();

    [Fact]
    public void Disposing_the_endpoint_ends_every_pending_operation()
    {
        using var world = new DriverWorld();
        world.Run(async () =>
        {
            var listener = world.Add();
            var dialler = world.Add();
            var accepting = listener.AcceptAsync();
            var client = await DriverWorld.Connect(dialler, listener);
            var server = await accepting;
            var (a, _) = await DriverWorld.OpenPair(client, server);
            var nowhere = new IPEndPoint(IPAddress.Parse("10.9.9.9"), 1);
            Task[] pending =
            [
                a.ReadAsync(new byte[1]).AsTask(),
                a.WriteAsync(new byte[10_000_000]).AsTask(),
                a.WaitAllAcknowledgedAsync().AsTask(),
                client.AcceptStreamAsync(QuicStreamDirection.Bidirectional).AsTask(),
                dialler.AcceptAsync().AsTask(),
                dialler.ConnectAsync(nowhere, listener.PublicKey, [DriverWorld.Alpn]).AsTask(),
            ];
            await world.Delay(TimeSpan.FromMilliseconds(50));
            Assert.All(pending, static task => Assert.False(task.IsCompleted));
            await dialler.DisposeAsync();
            foreach (var task in pending)
                await Assert.ThrowsAsync<QuicException>(() => task);
            var info = await server.WaitClosedAsync();
            Assert.Equal(new QuicCloseInfo(QuicCloseKind.Application, true, 0, ""), info);
            await dialler.DisposeAsync();
            var e = await Assert.ThrowsAsync<QuicException>(async () => await DriverWorld.Connect(dialler, listener));
            Assert.Equal(QuicErrorKind.EndpointClosed, e.Kind);
            await listener.DisposeAsync();
        });
        Assert.Equal(0, world.Scheduler.PendingTimers);
    }

    [Fact]
    public void An_aborted_endpoint_says_nothing()
    {
        using var world = new DriverWorld();
        world.Run(async () =>
        {
            var (client, server) = await world.ConnectPair(server: static o => o with { IdleTimeout = TimeSpan.FromSeconds(3) });
            var (a, _) = await DriverWorld.OpenPair(client, server);
            await a.WaitAllAcknowledgedAsync();
            var reading = a.ReadAsync(new byte[1]).AsTask();
            var sent = world.Network.Sent;
            client.Driver.Driver.Abort();
            await Assert.ThrowsAsync<QuicException>(() => reading);
            Assert.Equal(sent, world.Network.Sent);
            Assert.Equal(QuicCloseKind.IdleTimeout, (await server.WaitClosedAsync()).Kind);
        });
    }

    [Fact]
    public void A_cancelled_dial_tells_the_peer()
    {
        using var world = new DriverWorld();
        world.Run(async () =>
        {
            var listener = world.Add();
            var dialler = world.Add();
            using var cancellation = new CancellationTokenSource();
            var dialling = DriverWorld.Connect(dialler, listener, cancellation.Token).AsTask();
            cancellation.Cancel();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => dialling);
            var accepting = listener.AcceptAsync();
            var connection = await DriverWorld.Connect(dialler, listener);
            var accepted = await accepting;
            Assert.Equal(dialler.PublicKey.ToArray(), accepted.PeerKey.ToArray());
            Assert.Equal(listener.PublicKey.ToArray(), connection.PeerKey.ToArray());
        });
    }

    [Fact]
    public void Nobody_answers()
    {
        using var world = new DriverWorld();
        world.Run(async () =>
        {
            var e = await Assert.ThrowsAsync<QuicException>(async () => await world.Add().ConnectAsync(
                new IPEndPoint(IPAddress.Parse("10.9.9.9"), 1), world.Add().PublicKey, [DriverWorld.Alpn]));
            Assert.Equal(QuicErrorKind.ConnectFailed, e.Kind);
            Assert.Equal(QuicCloseKind.HandshakeTimeout, e.CloseInfo?.Kind);
            Assert.InRange(world.Scheduler.Now, TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(10.1));
        });
    }

    [Fact]
    public void The_wrong_peer_answers()
    {
        using var world = new DriverWorld();
        world.Run(async () =>
        {
            var listener = world.Add();
            var other = world.Add();
            var e = await Assert.ThrowsAsync<QuicException>(async () => await world.Add().ConnectAsync(
                listener.LocalEndPoints[0], other.PublicKey, [DriverWorld.Alpn]));
            Assert.Equal(QuicErrorKind.ConnectFailed, e.Kind);
            Assert.Equal(0x12aul, e.ErrorCode);
            Assert.False(e.IsRemote);
            Assert.Null(e.ApplicationCode);
        });
    }

    [Fact]
    public void A_protocol_accepted_later_is_accepted()
    {
        using var world = new DriverWorld();
        world.Run(async () =>
        {
            var listener = world.Add();
            var dialler = world.Add();
            var e = await Assert.ThrowsAsync<QuicException>(async () => await dialler.ConnectAsync(
                listener.LocalEndPoints[0], listener.PublicKey, ["other"]));
            Assert.Equal(0x178ul, e.ErrorCode);
            Assert.True(e.IsRemote);
            listener.SetAcceptedAlpn(["other"]);
            var connection = await dialler.ConnectAsync(
                listener.LocalEndPoints[0], listener.PublicKey, ["unknown", "other"]);
            Assert.Equal("other", connection.Alpn);
        });
    }

    [Fact]
    public void A_hundred_connections_share_two_endpoints()
    {
        using var world = new DriverWorld();
        world.Run(async () =>
        {
            var listener = world.Add();
            var dialler = world.Add();
            var serving = Enumerable.Range(0, 100).Select(async _ =>
            {
                var connection = await listener.AcceptAsync();
                var stream = await connection.AcceptStreamAsync(QuicStreamDirection.Bidirectional);
                await stream.WriteAsync(await HandleTests.ReadAll(stream), completeWrites: true);
            }).ToArray();
            var dialling = Enumerable.Range(0, 100).Select(async i =>
            {
                var connection = await DriverWorld.Connect(dialler, listener);
                var stream = await connection.OpenStreamAsync(QuicStreamDirection.Bidirectional);
                var data = new byte[1000];
                data.AsSpan().Fill((byte)i);
                await stream.WriteAsync(data, completeWrites: true);
                Assert.Equal(data, await HandleTests.ReadAll(stream));
                return connection.Id;
            }).ToArray();
            Assert.Equal(100, (await Task.WhenAll(dialling)).Distinct().Count());
            await Task.WhenAll(serving);
        });
    }

    [Fact]
    public void An_idle_pair_only_keeps_alive()
    {
        using var world = new DriverWorld();
        QuicConnection? client = null, server = null;
        world.Run(async () => (client, server) = await world.ConnectPair());
        world.Scheduler.RunFor(TimeSpan.FromSeconds(10));
        var sent = world.Network.Sent;
        world.Scheduler.RunFor(TimeSpan.FromMinutes(5));
        // Each side pings every five seconds at most, and each ping has one answer.
        Assert.InRange(world.Network.Sent - sent, 60, 4 * 60);
        Assert.Null(client!.CloseInfo);
        Assert.Null(server!.CloseInfo);
    }

    [Fact]
    public void Key_log_lines_of_both_sides_agree()
    {
        using var world = new DriverWorld();
        List<string> client = [], server = [];
        world.Run(async () => await world.ConnectPair(
            o => o with { KeyLog = client.Add }, o => o with { KeyLog = server.Add }));
        Assert.Equal(client.Order(StringComparer.Ordinal), server.Order(StringComparer.Ordinal));
        Assert.Equal(
            [
                "CLIENT_HANDSHAKE_TRAFFIC_SECRET", "CLIENT_TRAFFIC_SECRET_0", "EXPORTER_SECRET",
                "SERVER_HANDSHAKE_TRAFFIC_SECRET", "SERVER_TRAFFIC_SECRET_0",
            ],
            client.Select(static line => line.Split(' ')[0]).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_bug_that_a_peer_finds_costs_only_its_connection()
    {
        using var world = new DriverWorld();
        world.Run(async () =>
        {
            var traces = new List<Saboteur>();
            var listener = world.Add(o => o with
            {
                AdjustConnections = settings => settings with
                {
                    Trace = _ =>
                    {
                        traces.Add(new Saboteur());
                        return traces[^1];
                    },
                },
            });
            var dialler = world.Add(static o => o with { IdleTimeout = TimeSpan.FromSeconds(4) });
            var accepting = (listener.AcceptAsync(), listener.AcceptAsync());
            var victim = await DriverWorld.Connect(dialler, listener);
            var other = await DriverWorld.Connect(dialler, listener);
            var (victimServer, otherServer) = (await accepting.Item1, await accepting.Item2);
            var (a, _) = await DriverWorld.OpenPair(victim, victimServer);

            traces[0].IsArmed = true;
            await a.WriteAsync(Hello);
            await victimServer.WaitClosedAsync();
            await victim.WaitClosedAsync();
            await DriverWorld.OpenPair(other, otherServer);
            Assert.Null(other.CloseInfo);
        });
    }

    private sealed class Saboteur : ConnectionTrace
    {
        public bool IsArmed { get; set; }

        public override void PacketReceived(
            TimeSpan now, EncryptionLevel level, ulong packetNumber, int size, ReadOnlySpan<byte> payload)
        {
            if (IsArmed)
                throw new InvalidOperationException("a bug");
        }
    }
}
