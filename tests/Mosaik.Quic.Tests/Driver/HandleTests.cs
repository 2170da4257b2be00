using System.Net;
using Mosaik.Testing;

namespace Mosaik.Quic.Tests.Driver;

/// <summary>The handles over the real driver and the real cores, in virtual time.</summary>
public sealed class HandleTests
{
    private static readonly byte[] Hello = "hello, world"u8.ToArray();

    [Fact]
    public void An_echo_on_one_thread()
    {
        using var world = new DriverWorld();
        var thread = Environment.CurrentManagedThreadId;
        world.Run(async () =>
        {
            var (client, server) = await world.ConnectPair();
            Assert.Equal(DriverWorld.Alpn, client.Alpn);
            Assert.Equal(DriverWorld.Alpn, server.Alpn);
            Assert.True(client.IsClient);
            Assert.False(server.IsClient);
            Assert.NotEqual(client.Id, server.Id);

            var accepting = server.AcceptStreamAsync(QuicStreamDirection.Bidirectional);
            var stream = await client.OpenStreamAsync(QuicStreamDirection.Bidirectional);
            await stream.WriteAsync(Hello, completeWrites: true);
            var accepted = await accepting;
            Assert.Equal(stream.Id, accepted.Id);
            var received = await ReadAll(accepted);
            Assert.Equal(Hello, received);
            await accepted.WriteAsync(received);
            accepted.CompleteWrites();
            Assert.Equal(Hello, await ReadAll(stream));
            await stream.WaitAllAcknowledgedAsync();
            Assert.Equal(thread, Environment.CurrentManagedThreadId);
            // Latency is 1 ms each way.
            Assert.InRange(client.SmoothedRtt, TimeSpan.FromMilliseconds(2), TimeSpan.FromMilliseconds(40));
        });
    }

    [Fact]
    public void The_same_seed_gives_the_same_datagrams()
    {
        var first = Trace(7);
        Assert.Equal(first, Trace(7));
        Assert.NotEqual(first, Trace(8));

        static string Trace(ulong seed)
        {
            using var world = new DriverWorld(seed);
            var lines = new System.Text.StringBuilder();
            world.Network.Links.Default = new LinkConditions { Loss = 0.02, MaxLatency = TimeSpan.FromMilliseconds(9) };
            world.Network.Tap = (from, to, bytes) =>
                lines.Append(world.Scheduler.Now.Ticks).Append(' ').Append(from).Append(' ').Append(to).Append(' ')
                    .AppendLine(Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(bytes.Span)));
            world.Run(async () =>
            {
                var (client, server) = await world.ConnectPair();
                var (a, b) = await DriverWorld.OpenPair(client, server);
                var sending = a.WriteAsync(new byte[200_000], completeWrites: true);
                Assert.Equal(200_000, (await ReadAll(b)).Length);
                await sending;
                await client.CloseAsync(7, "done");
                await server.WaitClosedAsync();
            });
            return lines.ToString();
        }
    }

    [Theory]
    [InlineData(0.0)]
    [InlineData(0.05)]
    public void A_large_transfer_arrives_whole(double loss)
    {
        using var world = new DriverWorld(3);
        world.Network.Links.Default = new LinkConditions { Loss = loss, Reordering = loss };
        var data = new byte[3_000_000];
        new SimulationRandom(5).Fill(data);
        world.Run(async () =>
        {
            var (client, server) = await world.ConnectPair();
            var (a, b) = await DriverWorld.OpenPair(client, server);
            var reading = ReadAll(b);
            await a.WriteAsync(data, completeWrites: true);
            await a.WaitAllAcknowledgedAsync();
            Assert.Equal(data, await reading);
        });
    }

    [Fact]
    public void A_close_ends_every_pending_operation_with_its_code()
    {
        using var world = new DriverWorld();
        world.Run(async () =>
        {
            var (client, server) = await world.ConnectPair(server: static o => o with { MaxBidirectionalStreams = 1 });
            var (a, b) = await DriverWorld.OpenPair(client, server);
            Task[] pending =
            [
                a.ReadAsync(new byte[1]).AsTask(),
                a.WriteAsync(new byte[10_000_000]).AsTask(),
                a.WaitAllAcknowledgedAsync().AsTask(),
                client.OpenStreamAsync(QuicStreamDirection.Bidirectional).AsTask(),
                client.AcceptStreamAsync(QuicStreamDirection.Bidirectional).AsTask(),
                client.AcceptStreamAsync(QuicStreamDirection.Unidirectional).AsTask(),
            ];
            await world.Delay(TimeSpan.FromMilliseconds(50));
            Assert.All(pending, static task => Assert.False(task.IsCompleted));
            await server.CloseAsync(4711, "enough");
            foreach (var task in pending)
            {
                var e = await Assert.ThrowsAsync<QuicException>(() => task);
                Assert.Equal(QuicErrorKind.ConnectionClosed, e.Kind);
                Assert.Equal(4711ul, e.ApplicationCode);
                Assert.True(e.IsRemote);
            }
            var info = await client.WaitClosedAsync();
            Assert.Equal(new QuicCloseInfo(QuicCloseKind.Application, true, 4711, "enough"), info);
            Assert.Equal(info, client.CloseInfo);
            Assert.False((await server.WaitClosedAsync()).IsRemote);
            // Later ones likewise.
            await Assert.ThrowsAsync<QuicException>(async () => await a.WriteAsync(new byte[1]));
            await Assert.ThrowsAsync<QuicException>(
                async () => await client.OpenStreamAsync(QuicStreamDirection.Unidirectional));
            await client.CloseAsync(1);
        });
    }

    [Fact]
    public void Data_received_before_a_close_is_read_first()
    {
        using var world = new DriverWorld();
        world.Run(async () =>
        {
            var (client, server) = await world.ConnectPair();
            var (a, b) = await DriverWorld.OpenPair(client, server);
            await b.WriteAsync(Hello);
            var second = await server.OpenStreamAsync(QuicStreamDirection.Unidirectional);
            await second.WriteAsync(Hello, completeWrites: true);
            await b.WaitAllAcknowledgedAsync();
            await second.WaitAllAcknowledgedAsync();
            await server.CloseAsync(9);
            await client.WaitClosedAsync();

            var buffer = new byte[100];
            Assert.Equal(Hello.Length, await a.ReadAsync(buffer));
            var e = await Assert.ThrowsAsync<QuicException>(async () => await a.ReadAsync(buffer));
            Assert.Equal(9ul, e.ApplicationCode);
            var accepted = await client.AcceptStreamAsync(QuicStreamDirection.Unidirectional);
            Assert.Equal(Hello, await ReadAll(accepted));
        });
    }

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
    public void A_cancelled_read_takes_nothing()
    {
        using var world = new DriverWorld();
        world.Run(async () =>
        {
            var (client, server) = await world.ConnectPair();
            var (a, b) = await DriverWorld.OpenPair(client, server);
            using var cancellation = new CancellationTokenSource();
            var buffer = new byte[100];
            var reading = b.ReadAsync(buffer, cancellation.Token).AsTask();
            cancellation.Cancel();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reading);
            await a.WriteAsync(Hello);
            await a.WaitAllAcknowledgedAsync();
            Assert.All(buffer, static x => Assert.Equal(0, x));
            Assert.Equal(Hello.Length, await b.ReadAsync(buffer));
            Assert.Equal(Hello, buffer[..Hello.Length]);
            using var cancelled = new CancellationTokenSource();
            cancelled.Cancel();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await b.ReadAsync(buffer, cancelled.Token));
        });
    }

    [Fact]
    public void Cancelled_waits_leave_their_lines()
    {
        using var world = new DriverWorld();
        world.Run(async () =>
        {
            var (client, server) = await world.ConnectPair(server: static o => o with { MaxBidirectionalStreams = 1 });
            var (a, b) = await DriverWorld.OpenPair(client, server);
            using var cancellation = new CancellationTokenSource();
            Task[] waits =
            [
                client.OpenStreamAsync(QuicStreamDirection.Bidirectional, cancellation.Token).AsTask(),
                server.AcceptStreamAsync(QuicStreamDirection.Bidirectional, cancellation.Token).AsTask(),
                b.WriteAsync(new byte[10_000_000], cancellation.Token).AsTask(),
                b.WaitAllAcknowledgedAsync(cancellation.Token).AsTask(),
            ];
            await world.Delay(TimeSpan.FromMilliseconds(50));
            cancellation.Cancel();
            foreach (var wait in waits)
                await Assert.ThrowsAnyAsync<OperationCanceledException>(() => wait);

            // The next in line are served as if the cancelled ones had never been.
            var opening = client.OpenStreamAsync(QuicStreamDirection.Bidirectional).AsTask();
            b.Reset(1);
            a.CompleteWrites();
            var reset = await Assert.ThrowsAsync<QuicException>(() => ReadAll(a));
            Assert.Equal(QuicErrorKind.StreamReset, reset.Kind);
            Assert.Equal(0, await b.ReadAsync(new byte[1]));
            var second = await opening;
            await second.WriteAsync(Hello);
            var accepted = await server.AcceptStreamAsync(QuicStreamDirection.Bidirectional);
            Assert.Equal(second.Id, accepted.Id);
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
    public void One_reader_and_one_writer_at_a_time()
    {
        using var world = new DriverWorld();
        world.Run(async () =>
        {
            var (client, server) = await world.ConnectPair();
            var (a, b) = await DriverWorld.OpenPair(client, server);
            var reading = a.ReadAsync(new byte[1]);
            await Assert.ThrowsAsync<InvalidOperationException>(async () => await a.ReadAsync(new byte[1]));
            var writing = a.WriteAsync(new byte[10_000_000]);
            await Assert.ThrowsAsync<InvalidOperationException>(async () => await a.WriteAsync(new byte[1]));
            Assert.Throws<InvalidOperationException>(a.CompleteWrites);
            await b.WriteAsync(new byte[1]);
            Assert.Equal(1, await reading);
            var draining = ReadAll(b);
            await writing;
            a.CompleteWrites();
            Assert.Equal(10_000_000, (await draining).Length);
            Assert.Equal(0, await a.ReadAsync(Memory<byte>.Empty));
        });
    }

    [Fact]
    public void Resets_and_stops_carry_their_codes()
    {
        using var world = new DriverWorld();
        world.Run(async () =>
        {
            var (client, server) = await world.ConnectPair();
            var (a, b) = await DriverWorld.OpenPair(client, server);
            var reading = b.ReadAsync(new byte[1]).AsTask();
            a.Reset(77);
            var reset = await Assert.ThrowsAsync<QuicException>(() => reading);
            Assert.Equal((QuicErrorKind.StreamReset, 77ul), (reset.Kind, reset.ErrorCode));
            var ended = await Assert.ThrowsAsync<QuicException>(async () => await a.WriteAsync(Hello));
            Assert.Equal(QuicErrorKind.StreamEnded, ended.Kind);

            var writing = b.WriteAsync(new byte[10_000_000]).AsTask();
            a.StopSending(78);
            var stopped = await Assert.ThrowsAsync<QuicException>(() => writing);
            Assert.Equal((QuicErrorKind.StreamStopped, 78ul), (stopped.Kind, stopped.ErrorCode));
            Assert.Equal(78ul, stopped.ApplicationCode);
            await Assert.ThrowsAsync<QuicException>(async () => await a.ReadAsync(new byte[1]));
            await Assert.ThrowsAsync<QuicException>(async () => await b.WaitAllAcknowledgedAsync());
        });
    }

    [Fact]
    public void Directions_are_respected()
    {
        using var world = new DriverWorld();
        world.Run(async () =>
        {
            var (client, server) = await world.ConnectPair();
            var sending = await client.OpenStreamAsync(QuicStreamDirection.Unidirectional);
            Assert.True(sending is { CanWrite: true, CanRead: false, IsLocal: true });
            Assert.Equal(QuicStreamDirection.Unidirectional, sending.Direction);
            await sending.WriteAsync(Hello, completeWrites: true);
            var receiving = await server.AcceptStreamAsync(QuicStreamDirection.Unidirectional);
            Assert.True(receiving is { CanWrite: false, CanRead: true, IsLocal: false });
            await Assert.ThrowsAsync<InvalidOperationException>(async () => await sending.ReadAsync(new byte[1]));
            await Assert.ThrowsAsync<InvalidOperationException>(async () => await receiving.WriteAsync(Hello));
            Assert.Throws<InvalidOperationException>(receiving.CompleteWrites);
            Assert.Throws<InvalidOperationException>(() => sending.StopSending(1));
            Assert.Equal(Hello, await ReadAll(receiving));
            await sending.WaitAllAcknowledgedAsync();
        });
    }

    [Fact]
    public void Both_sides_export_the_same_secret()
    {
        using var world = new DriverWorld();
        world.Run(async () =>
        {
            var (client, server) = await world.ConnectPair();
            var (a, b) = (new byte[32], new byte[32]);
            client.ExportKeyingMaterial("mosaik.group.bond.id"u8, "/mosaik/groups/1"u8, a);
            server.ExportKeyingMaterial("mosaik.group.bond.id"u8, "/mosaik/groups/1"u8, b);
            Assert.Equal(a, b);
            Assert.Contains(a, static x => x != 0);
            Assert.Throws<ArgumentException>(() => client.ExportKeyingMaterial([], [], new byte[32]));
            await client.CloseAsync(0);
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
                await stream.WriteAsync(await ReadAll(stream), completeWrites: true);
            }).ToArray();
            var dialling = Enumerable.Range(0, 100).Select(async i =>
            {
                var connection = await DriverWorld.Connect(dialler, listener);
                var stream = await connection.OpenStreamAsync(QuicStreamDirection.Bidirectional);
                var data = new byte[1000];
                data.AsSpan().Fill((byte)i);
                await stream.WriteAsync(data, completeWrites: true);
                Assert.Equal(data, await ReadAll(stream));
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

    private sealed class Saboteur : Mosaik.Quic.Connection.ConnectionTrace
    {
        public bool IsArmed { get; set; }

        public override void PacketReceived(
            TimeSpan now, Mosaik.Quic.Tls.EncryptionLevel level, ulong packetNumber, int size, ReadOnlySpan<byte> payload)
        {
            if (IsArmed)
                throw new InvalidOperationException("a bug");
        }
    }

    internal static async Task<byte[]> ReadAll(QuicStream stream)
    {
        var all = new MemoryStream();
        var buffer = new byte[20_000];
        while (await stream.ReadAsync(buffer) is > 0 and var read)
            all.Write(buffer, 0, read);
        return all.ToArray();
    }
}
