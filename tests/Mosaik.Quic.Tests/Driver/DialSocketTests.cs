using System.Net;
using System.Net.Sockets;

namespace Mosaik.Quic.Tests.Driver;

/// <summary>While secrets are logged, every dialled connection has a socket of its own.</summary>
public sealed class DialSocketTests
{
    [Fact]
    public void Two_endpoints_that_dial_each_other_share_no_pair_of_ports()
    {
        using var world = new DriverWorld();
        var pairs = new HashSet<(IPEndPoint, IPEndPoint)>();
        world.Network.Tap = (from, to, _) => pairs.Add((from, to));
        world.Run(async () =>
        {
            var (one, other) = (Watched(world), Watched(world));
            var accepting = (one.AcceptAsync(), other.AcceptAsync());
            var dialling = (DriverWorld.Connect(one, other), DriverWorld.Connect(other, one));
            var (there, back) = (await dialling.Item1, await dialling.Item2);
            var (atOne, atOther) = (await accepting.Item1, await accepting.Item2);
            await DriverWorld.OpenPair(there, atOther);
            await DriverWorld.OpenPair(back, atOne);

            Assert.DoesNotContain((one.LocalEndPoints[0], other.LocalEndPoints[0]), pairs);
            Assert.Contains((atOne.RemoteEndPoint, one.LocalEndPoints[0]), pairs);
            Assert.Contains((one.LocalEndPoints[0], atOne.RemoteEndPoint), pairs);
            Assert.Contains((atOther.RemoteEndPoint, other.LocalEndPoints[0]), pairs);
            Assert.Equal(4, pairs.Count); // two connections, both ways
        });
    }

    [Fact]
    public void The_socket_outlives_the_goodbye_and_ends_with_its_connection()
    {
        using var world = new DriverWorld();
        var sockets = new List<WatchedSocket>();
        world.Run(async () =>
        {
            var listener = world.Add();
            var dialler = Watched(world, sockets);
            var accepting = listener.AcceptAsync();
            var connection = await DriverWorld.Connect(dialler, listener);
            Assert.Equal(2, sockets.Count);
            await connection.CloseAsync(7, "done");
            Assert.Equal(7ul, (await (await accepting).WaitClosedAsync()).Code);
            Assert.False(sockets[1].IsDisposed); // the peer may ask once more
            await world.Delay(TimeSpan.FromSeconds(5));
            Assert.True(sockets[1].IsDisposed);
            Assert.False(sockets[0].IsDisposed);

            await DriverWorld.Connect(dialler, listener);
            await dialler.DisposeAsync();
            Assert.All(sockets, static socket => Assert.True(socket.IsDisposed));
            Assert.Equal(3, sockets.Count);
        });
    }

    [Fact]
    public void A_failed_or_abandoned_dial_leaves_no_socket()
    {
        using var world = new DriverWorld();
        var sockets = new List<WatchedSocket>();
        world.Run(async () =>
        {
            var listener = world.Add(static o => o with { AcceptedAlpn = [] });
            var dialler = Watched(world, sockets, static o => o with { HandshakeTimeout = TimeSpan.FromSeconds(1) });
            await Assert.ThrowsAsync<QuicException>(async () => await DriverWorld.Connect(dialler, listener));
            using var stop = new CancellationTokenSource();
            var abandoned = DriverWorld.Connect(dialler, listener, stop.Token).AsTask();
            stop.Cancel();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => abandoned);
            await world.Delay(TimeSpan.FromSeconds(10));
            Assert.Equal([false, true, true], sockets.Select(static socket => socket.IsDisposed));
        });
    }

    [Fact]
    public void Nobody_is_accepted_on_a_socket_that_will_end_with_its_connection()
    {
        using var world = new DriverWorld();
        world.Run(async () =>
        {
            var listener = world.Add(static o => o with { HandshakeTimeout = TimeSpan.FromSeconds(1) });
            var dialler = Watched(world);
            var accepting = listener.AcceptAsync();
            var connection = await DriverWorld.Connect(dialler, listener);
            var server = await accepting;
            Assert.NotEqual(dialler.LocalEndPoints[0], server.RemoteEndPoint);
            await Assert.ThrowsAsync<QuicException>(async () =>
                await listener.ConnectAsync(server.RemoteEndPoint, dialler.PublicKey, [DriverWorld.Alpn]));
            await DriverWorld.OpenPair(connection, server);
            await DriverWorld.Connect(listener, dialler);
        });
    }

    [Fact]
    public void A_socket_that_cannot_be_opened_fails_the_dial_and_nothing_else()
    {
        using var world = new DriverWorld();
        var host = world.Network.AddHost();
        var refuse = false;
        world.Run(async () =>
        {
            var listener = world.Add();
            var dialler = world.Add(o => o with
            {
                KeyLog = static _ => { },
                SocketFactory = local => refuse
                    ? throw new SocketException((int)SocketError.TooManyOpenSockets)
                    : host.OpenSocket(local),
            });
            refuse = true;
            var e = await Assert.ThrowsAsync<QuicException>(async () => await DriverWorld.Connect(dialler, listener));
            Assert.Equal(QuicErrorKind.ConnectFailed, e.Kind);
            Assert.IsType<SocketException>(e.InnerException);
            Assert.Contains("socket of its own", e.Message, StringComparison.Ordinal);
            refuse = false;
            await DriverWorld.Connect(dialler, listener);
        });
    }

    [Fact]
    public void A_socket_that_dies_takes_only_its_connection_along()
    {
        using var world = new DriverWorld();
        var sockets = new List<WatchedSocket>();
        world.Run(async () =>
        {
            var listener = world.Add();
            var dialler = Watched(world, sockets);
            var victim = await DriverWorld.Connect(dialler, listener);
            var other = await DriverWorld.Connect(dialler, listener);
            sockets[1].Receiver!.OnFailed(new IOException("no more"));
            await victim.WaitClosedAsync();
            Assert.Null(other.CloseInfo);
            await world.Delay(TimeSpan.FromSeconds(1));
            Assert.Equal([false, true, false], sockets.Select(static socket => socket.IsDisposed));
        });
    }

    [Fact]
    public void Dials_beyond_the_limit_share_the_socket_of_the_endpoint()
    {
        using var world = new DriverWorld();
        var sockets = new List<WatchedSocket>();
        world.Run(async () =>
        {
            var listener = world.Add();
            var dialler = Watched(world, sockets);
            var last = dialler.LocalEndPoints[0];
            for (var i = 0; i < 258; i++)
            {
                var accepting = listener.AcceptAsync();
                await DriverWorld.Connect(dialler, listener);
                last = (await accepting).RemoteEndPoint;
                Assert.Equal(i >= 256, last.Equals(dialler.LocalEndPoints[0]));
            }

            Assert.Equal(257, sockets.Count);
        });
    }

    private static QuicEndpoint Watched(
        DriverWorld world, List<WatchedSocket>? sockets = null, Func<QuicOptions, QuicOptions>? change = null) =>
        world.Add(
            o => (change?.Invoke(o) ?? o) with { KeyLog = static _ => { } },
            socket =>
            {
                var watched = new WatchedSocket(socket);
                sockets?.Add(watched);
                return watched;
            });

    private sealed class WatchedSocket(IDatagramSocket inner) : IDatagramSocket
    {
        public IPEndPoint LocalEndPoint => inner.LocalEndPoint;

        public int MaxSegments => inner.MaxSegments;

        public bool IsDisposed { get; private set; }

        public IDatagramReceiver? Receiver { get; private set; }

        public void Start(IDatagramReceiver receiver)
        {
            Receiver = receiver;
            inner.Start(receiver);
        }

        public DatagramSendResult Send(in OutgoingDatagrams datagrams)
        {
            Assert.False(IsDisposed);
            return inner.Send(datagrams);
        }

        public void Dispose()
        {
            IsDisposed = true;
            inner.Dispose();
        }
    }
}
