using System.Net;

namespace Mosaik.Quic.Tests.Driver;

/// <summary>Sockets that have no room, refuse sizes, cannot segment, or die.</summary>
public sealed class SocketTroubleTests
{
    [Fact]
    public void A_batch_without_room_is_offered_again()
    {
        Run(async (world, listener, dialler, trouble) =>
        {
            var accepting = listener.AcceptAsync();
            var client = await DriverWorld.Connect(dialler, listener);
            var (a, b) = await DriverWorld.OpenPair(client, await accepting);
            trouble.Results = Enumerable.Repeat(DatagramSendResult.WouldBlock, 30);
            var reading = HandleTests.ReadAll(b);
            await a.WriteAsync(new byte[500_000], completeWrites: true);
            Assert.Equal(500_000, (await reading).Length);
            Assert.Equal(30, trouble.Refused);
            // Nothing was lost, so nothing was sent twice.
            Assert.Equal(0, world.Network.Lost);
        });
    }

    [Fact]
    public void A_close_waits_until_there_is_room_for_it()
    {
        Run(async (world, listener, dialler, trouble) =>
        {
            var accepting = listener.AcceptAsync();
            var client = await DriverWorld.Connect(dialler, listener);
            var server = await accepting;
            await world.Delay(TimeSpan.FromMilliseconds(100));
            trouble.Results = Enumerable.Repeat(DatagramSendResult.WouldBlock, 20);
            var before = world.Scheduler.Now;
            await client.CloseAsync(5, "bye");
            Assert.True(world.Scheduler.Now - before >= TimeSpan.FromMilliseconds(20));
            Assert.Equal(5ul, (await server.WaitClosedAsync()).Code);
        });
    }

    [Fact]
    public void Disposal_does_not_wait_for_ever_for_room()
    {
        Run(async (world, listener, dialler, trouble) =>
        {
            _ = await DriverWorld.Connect(dialler, listener);
            trouble.Results = Enumerable.Repeat(DatagramSendResult.WouldBlock, int.MaxValue);
            var before = world.Scheduler.Now;
            await dialler.DisposeAsync();
            Assert.InRange(world.Scheduler.Now - before, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1.1));
            Assert.True(trouble.IsDisposed);
        });
    }

    [Theory]
    [InlineData(DatagramSendResult.TooLarge)]
    [InlineData(DatagramSendResult.Unreachable)]
    public void Datagrams_the_system_refuses_are_like_lost_ones(DatagramSendResult result)
    {
        Run(async (world, listener, dialler, trouble) =>
        {
            var accepting = listener.AcceptAsync();
            var client = await DriverWorld.Connect(dialler, listener);
            var (a, b) = await DriverWorld.OpenPair(client, await accepting);
            trouble.Results = Enumerable.Repeat(result, 5);
            var reading = HandleTests.ReadAll(b);
            await a.WriteAsync(new byte[100_000], completeWrites: true);
            Assert.Equal(100_000, (await reading).Length);
        });
    }

    [Fact]
    public void No_call_carries_more_datagrams_than_the_socket_takes()
    {
        Run(async (world, listener, dialler, trouble) =>
        {
            trouble.MaxSegments = 3;
            var accepting = listener.AcceptAsync();
            var client = await DriverWorld.Connect(dialler, listener);
            var (a, b) = await DriverWorld.OpenPair(client, await accepting);
            var reading = HandleTests.ReadAll(b);
            await a.WriteAsync(new byte[300_000], completeWrites: true);
            Assert.Equal(300_000, (await reading).Length);
            Assert.Equal(3, trouble.LargestBatch);
        });
    }

    [Fact]
    public void A_socket_that_dies_ends_the_endpoint()
    {
        Run(async (world, listener, dialler, trouble) =>
        {
            var client = await DriverWorld.Connect(dialler, listener);
            var accepting = client.AcceptStreamAsync(QuicStreamDirection.Bidirectional).AsTask();
            trouble.Receiver!.OnFailed(new IOException("no more"));
            var e = await Assert.ThrowsAsync<QuicException>(() => accepting);
            Assert.Equal(QuicErrorKind.EndpointClosed, e.Kind);
            Assert.IsType<IOException>(e.InnerException);
            await Assert.ThrowsAsync<QuicException>(async () => await dialler.AcceptAsync());
            await dialler.DisposeAsync();
        });
    }

    [Fact]
    public void A_socket_that_cannot_be_opened_closes_the_others()
    {
        using var world = new DriverWorld();
        var opened = new List<TroubledSocket>();
        var host = world.Network.AddHost();
        Assert.Throws<IOException>(() => world.Add(o => o with
        {
            BindEndPoints = [new(IPAddress.Any, 0), new(IPAddress.Any, 0)],
            SocketFactory = local =>
            {
                if (opened.Count == 1)
                    throw new IOException("no more");
                opened.Add(new TroubledSocket(host.OpenSocket(local)));
                return opened[0];
            },
        }));
        Assert.True(Assert.Single(opened).IsDisposed);
    }

    /// <summary>A scenario of a listener and a dialler, whose socket is the one in trouble.</summary>
    private static void Run(Func<DriverWorld, QuicEndpoint, QuicEndpoint, TroubledSocket, Task> scenario)
    {
        using var world = new DriverWorld();
        world.Run(() =>
        {
            TroubledSocket? trouble = null;
            var listener = world.Add();
            var dialler = world.Add(wrap: socket => trouble = new TroubledSocket(socket));
            return scenario(world, listener, dialler, trouble!); // the endpoint has opened it
        });
    }

    private sealed class TroubledSocket(IDatagramSocket inner) : IDatagramSocket
    {
        private IEnumerator<DatagramSendResult>? _results;

        public IEnumerable<DatagramSendResult> Results
        {
            set => _results = value.GetEnumerator();
        }

        public int Refused { get; private set; }

        public int LargestBatch { get; private set; }

        public bool IsDisposed { get; private set; }

        public IDatagramReceiver? Receiver { get; private set; }

        public IPEndPoint LocalEndPoint => inner.LocalEndPoint;

        public int MaxSegments { get; set; } = 32;

        public void Start(IDatagramReceiver receiver)
        {
            Receiver = receiver;
            inner.Start(receiver);
        }

        public DatagramSendResult Send(in OutgoingDatagrams datagrams)
        {
            LargestBatch = Math.Max(LargestBatch, datagrams.Count);
            if (_results is null || !_results.MoveNext())
                return inner.Send(datagrams);
            Refused++;
            return _results.Current;
        }

        public void Dispose()
        {
            IsDisposed = true;
            inner.Dispose();
        }
    }
}
