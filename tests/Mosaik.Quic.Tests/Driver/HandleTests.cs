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
    public void A_small_write_after_a_lull_leaves_at_once_and_those_that_follow_share_a_packet()
    {
        using var world = new DriverWorld();
        world.Run(async () =>
        {
            var (client, server) = await world.ConnectPair();
            var (stream, _) = await DriverWorld.OpenPair(client, server);
            await world.Delay(TimeSpan.FromSeconds(1));
            var sent = 0;
            object? sender = null;
            world.Network.Tap = (from, _, _) => sent += (sender ??= from).Equals(from) ? 1 : 0;
            Assert.True(stream.WriteAsync(Hello).IsCompletedSuccessfully);
            Assert.Equal(1, sent); // on this thread, before anything else had a turn
            Assert.True(stream.WriteAsync(Hello).IsCompletedSuccessfully);
            Assert.True(stream.WriteAsync(Hello).IsCompletedSuccessfully);
            Assert.Equal(1, sent);
            await world.Delay(TimeSpan.FromMilliseconds(1));
            Assert.Equal(2, sent);
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

    internal static async Task<byte[]> ReadAll(QuicStream stream)
    {
        var all = new MemoryStream();
        var buffer = new byte[20_000];
        while (await stream.ReadAsync(buffer) is > 0 and var read)
            all.Write(buffer, 0, read);
        return all.ToArray();
    }
}
