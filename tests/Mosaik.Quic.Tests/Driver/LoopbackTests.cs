using System.Net;
using Mosaik.Quic.Driver;

namespace Mosaik.Quic.Tests.Driver;

/// <summary>Endpoints on real sockets and real threads.</summary>
public sealed class LoopbackTests
{
    internal const string Alpn = "test/1";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_echo(bool portable)
    {
        await using var server = Bind(1, portable);
        await using var client = Bind(2, portable);
        var serving = EchoOnceAsync(server);
        var connection = await client.ConnectAsync(server.LocalEndPoints[0], server.PublicKey, [Alpn]);
        var stream = await connection.OpenStreamAsync(QuicStreamDirection.Bidirectional);
        var data = new byte[2_000_000];
        Random.Shared.NextBytes(data);
        var reading = HandleTests.ReadAll(stream);
        await stream.WriteAsync(data, completeWrites: true);
        Assert.Equal(data, await reading.WaitAsync(Patience));
        await serving.WaitAsync(Patience);
        Assert.Equal(IPAddress.Loopback, connection.RemoteEndPoint.Address);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Connections_with_sockets_of_their_own_come_and_go(bool portable)
    {
        const int Count = 10;
        await using var one = Bind(1, portable, watched: true);
        await using var other = Bind(2, portable, watched: true);
        var ports = await Task.WhenAll(
            ServeAsync(one), ServeAsync(other), ExchangeAsync(one, other), ExchangeAsync(other, one)).WaitAsync(Patience);
        // One or two may come back: the system is free to give a port again when its connection is over.
        Assert.InRange(ports.SelectMany(static list => list).Distinct().Count(), (2 * Count) - 2, 2 * Count);
        Assert.DoesNotContain(one.LocalEndPoints[0].Port, ports[1]);
        Assert.DoesNotContain(other.LocalEndPoints[0].Port, ports[0]);

        static async Task<List<int>> ServeAsync(QuicEndpoint server)
        {
            var ports = new List<int>();
            for (var i = 0; i < Count; i++)
            {
                var connection = await server.AcceptAsync();
                ports.Add(connection.RemoteEndPoint.Port);
                await EchoAsync(connection);
                await connection.WaitClosedAsync();
            }

            return ports;
        }

        static async Task<List<int>> ExchangeAsync(QuicEndpoint from, QuicEndpoint to)
        {
            for (var i = 0; i < Count; i++)
            {
                var connection = await from.ConnectAsync(to.LocalEndPoints[0], to.PublicKey, [Alpn]);
                var stream = await connection.OpenStreamAsync(QuicStreamDirection.Bidirectional);
                var reading = HandleTests.ReadAll(stream);
                await stream.WriteAsync(new byte[50_000], completeWrites: true);
                Assert.Equal(50_000, (await reading).Length);
                await connection.CloseAsync(0, "");
            }

            return [];
        }
    }

    [Fact]
    public async Task Who_reads_may_block_for_an_answer_or_for_the_end_of_its_endpoint()
    {
        await using var server = Bind(1);
        var client = Bind(2);
        var serving = EchoOnceAsync(server);
        var connection = await client.ConnectAsync(server.LocalEndPoints[0], server.PublicKey, [Alpn]);
        var stream = await connection.OpenStreamAsync(QuicStreamDirection.Bidirectional);
        var reading = ReadAsync();
        await stream.WriteAsync(new byte[1]);
        await reading.WaitAsync(Patience);
        await Assert.ThrowsAsync<QuicException>(() => serving.WaitAsync(Patience)); // the client is gone in the middle

        async Task ReadAsync()
        {
            // Whatever thread a read continues on, blocking there must not keep the next answer away.
            var buffer = new byte[1];
            for (var i = 0; i < 5; i++)
            {
                Assert.Equal(1, await stream.ReadAsync(buffer).ConfigureAwait(false));
                Block(stream.WriteAsync(buffer).AsTask());
                Block(stream.ReadAsync(buffer).AsTask());
                Block(stream.WriteAsync(buffer).AsTask());
            }

            Assert.Equal(1, await stream.ReadAsync(buffer).ConfigureAwait(false));
            Block(client.DisposeAsync().AsTask());
        }

        static void Block(Task task)
        {
            using var ended = new ManualResetEventSlim();
            _ = task.ContinueWith(
                _ => ended.Set(), CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
            Assert.True(ended.Wait(Patience));
        }
    }

    [Fact]
    public async Task Many_connections_and_streams_at_once()
    {
        await using var server = Bind(1);
        await using var client = Bind(2);
        const int Connections = 20;
        const int Streams = 10;
        var serving = Enumerable.Range(0, Connections).Select(async _ =>
        {
            var connection = await server.AcceptAsync();
            await Task.WhenAll(Enumerable.Range(0, Streams).Select(async _ =>
            {
                var stream = await connection.AcceptStreamAsync(QuicStreamDirection.Bidirectional);
                await stream.WriteAsync(await HandleTests.ReadAll(stream), completeWrites: true);
                await stream.WaitAllAcknowledgedAsync();
            }));
        }).ToArray();
        var dialling = Enumerable.Range(0, Connections).Select(async i =>
        {
            var connection = await client.ConnectAsync(server.LocalEndPoints[0], server.PublicKey, [Alpn]);
            await Task.WhenAll(Enumerable.Range(0, Streams).Select(async j =>
            {
                var stream = await connection.OpenStreamAsync(QuicStreamDirection.Bidirectional);
                var data = new byte[20_000];
                data.AsSpan().Fill((byte)((Streams * i) + j));
                await stream.WriteAsync(data, completeWrites: true);
                Assert.Equal(data, await HandleTests.ReadAll(stream));
            }));
        }).ToArray();
        await Task.WhenAll([.. dialling, .. serving]).WaitAsync(Patience);
    }

    [Fact]
    public async Task An_address_of_each_family()
    {
        Assert.SkipUnless(System.Net.Sockets.Socket.OSSupportsIPv6, "no IPv6 on this machine");
        await using var server = QuicEndpoint.Bind(Options(1) with
        {
            BindEndPoints = [new(IPAddress.Loopback, 0), new(IPAddress.IPv6Loopback, 0)],
        });
        await using var client = QuicEndpoint.Bind(Options(2) with
        {
            BindEndPoints = [new(IPAddress.Any, 0), new(IPAddress.IPv6Any, 0)],
        });
        foreach (var address in server.LocalEndPoints)
        {
            var serving = EchoOnceAsync(server);
            var connection = await client.ConnectAsync(address, server.PublicKey, [Alpn]);
            var stream = await connection.OpenStreamAsync(QuicStreamDirection.Bidirectional);
            await stream.WriteAsync(new byte[5], completeWrites: true);
            Assert.Equal(5, (await HandleTests.ReadAll(stream).WaitAsync(Patience)).Length);
            await serving.WaitAsync(Patience);
            Assert.Equal(address, connection.RemoteEndPoint);
        }
    }

    [Fact]
    public async Task Cancellation_races_with_completion_and_nothing_is_lost()
    {
        await using var server = Bind(1);
        await using var client = Bind(2);
        var accepting = server.AcceptAsync();
        var connection = await client.ConnectAsync(server.LocalEndPoints[0], server.PublicKey, [Alpn]);
        var stream = await connection.OpenStreamAsync(QuicStreamDirection.Unidirectional);
        const int Count = 500;
        var sending = Task.Run(async () =>
        {
            for (var i = 0; i < Count; i++)
            {
                await stream.WriteAsync(new[] { (byte)i });
                await Task.Yield();
            }
            stream.CompleteWrites();
        });
        var accepted = await (await accepting).AcceptStreamAsync(QuicStreamDirection.Unidirectional);
        var received = new List<byte>();
        var buffer = new byte[7];
        while (true)
        {
            using var cancellation = new CancellationTokenSource();
            var reading = accepted.ReadAsync(buffer, cancellation.Token);
            var cancelling = Task.Run(cancellation.Cancel);
            try
            {
                var read = await reading;
                if (read == 0)
                    break;
                received.AddRange(buffer.AsSpan(0, read));
            }
            catch (OperationCanceledException)
            {
                // Withdrawn without effect: the next read goes on where the last one ended.
            }
            await cancelling;
        }
        await sending.WaitAsync(Patience);
        Assert.Equal(Enumerable.Range(0, Count).Select(static i => (byte)i), received);
    }

    [Fact]
    public async Task Disposal_while_everything_is_busy()
    {
        for (var round = 0; round < 5; round++)
        {
            var server = Bind(1);
            var client = Bind(2);
            var accepting = server.AcceptAsync();
            var connection = await client.ConnectAsync(server.LocalEndPoints[0], server.PublicKey, [Alpn]);
            var serving = EchoAllAsync(await accepting);
            var busy = Enumerable.Range(0, 10).Select(async _ =>
            {
                var data = new byte[100_000];
                try
                {
                    var stream = await connection.OpenStreamAsync(QuicStreamDirection.Bidirectional);
                    var reading = HandleTests.ReadAll(stream);
                    while (true)
                        await stream.WriteAsync(data);
                }
                catch (QuicException)
                {
                    return;
                }
            }).ToArray();
            await Task.Delay(TimeSpan.FromMilliseconds(30));
            if (round % 2 == 0)
                await client.DisposeAsync();
            else
                client.Abort();
            await Task.WhenAll(busy).WaitAsync(Patience);
            await server.DisposeAsync();
            await serving.WaitAsync(Patience);
        }
    }

    internal static async Task EchoAsync(QuicConnection connection)
    {
        var stream = await connection.AcceptStreamAsync(QuicStreamDirection.Bidirectional);
        var buffer = new byte[20_000];
        while (await stream.ReadAsync(buffer) is > 0 and var read)
            await stream.WriteAsync(buffer.AsMemory(0, read));
        stream.CompleteWrites();
    }

    private static async Task EchoAllAsync(QuicConnection connection)
    {
        var echoes = new List<Task>();
        try
        {
            while (true)
            {
                var stream = await connection.AcceptStreamAsync(QuicStreamDirection.Bidirectional);
                echoes.Add(Task.Run(async () =>
                {
                    var buffer = new byte[20_000];
                    try
                    {
                        while (await stream.ReadAsync(buffer) is > 0 and var read)
                            await stream.WriteAsync(buffer.AsMemory(0, read));
                    }
                    catch (QuicException)
                    {
                        return;
                    }
                }));
            }
        }
        catch (QuicException)
        {
            await Task.WhenAll(echoes);
        }
    }

    private static async Task EchoOnceAsync(QuicEndpoint server)
    {
        var connection = await server.AcceptAsync();
        await EchoAsync(connection);
    }

    internal static QuicEndpoint Bind(byte seed, bool portable = false, bool watched = false)
    {
        var options = Options(seed);
        if (watched)
            options = options with { KeyLog = static _ => { } };
        if (portable)
            options = options with { SocketFactory = OpenPortable };
        return QuicEndpoint.Bind(options);
    }

    private static UdpSocketDriver OpenPortable(IPEndPoint local) => UdpSocketDriver.Open(
        local, dualStack: false, Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance, portable: true);

    private static QuicOptions Options(byte seed)
    {
        var key = new byte[QuicOptions.KeyLength];
        key.AsSpan().Fill(seed);
        return new QuicOptions
        {
            IdentitySeed = key,
            AcceptedAlpn = [Alpn],
            BindEndPoints = [new IPEndPoint(IPAddress.Loopback, 0)],
        };
    }
}
