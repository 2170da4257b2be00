using System.Net;
using Mosaik.Networking;
using Mosaik.Networking.Transport;
using Mosaik.Primitives;
using Mosaik.Testing;

namespace Mosaik.Tests.Testing;

/// <summary>The transport contract in memory: faults and their consequences.</summary>
public sealed class InMemoryTransportTests : IDisposable
{
    private readonly SimulationScheduler _world = new();
    private readonly InMemoryTransportNetwork _net;
    private readonly ITransport _a;
    private readonly ITransport _b;

    public InMemoryTransportTests()
    {
        _net = new InMemoryTransportNetwork(_world.TimeProvider, new SimulationRandom(5).Stream("net"));
        _a = Node("a");
        _b = Node("b");
        _b.SetAcceptedAlpn(["x", "y"]);
    }

    private IPAddress A => _a.LocalEndPoints[0].Address;

    private IPAddress B => _b.LocalEndPoints[0].Address;

    public void Dispose() => _net.Dispose();

    [Fact]
    public void Both_ends_know_each_other() => Run(async () =>
    {
        var (near, far) = await Connect();
        Assert.Equal((_b.LocalId, _a.LocalId), (near.RemoteId, far.RemoteId));
        Assert.Equal(("y", "y"), (near.Alpn, far.Alpn));
        Assert.Equal((true, false), (near.IsDialler, far.IsDialler));
        Assert.Equal(_b.LocalEndPoints[0], near.RemoteEndPoint);
        Assert.NotEqual(near.Id, far.Id);
    });

    [Fact]
    public void A_wrong_key_or_protocol_is_refused() => Run(async () =>
    {
        var address = new TransportAddress.Ip(_b.LocalEndPoints[0]);
        await Assert.ThrowsAsync<TransportException>(async () =>
            await _a.ConnectAsync(SecretKey.FromText("somebody else").PeerId, [address], "x"));
        await Assert.ThrowsAsync<TransportException>(async () => await _a.ConnectAsync(_b.LocalId, [address], "z"));
    });

    [Fact]
    public void The_second_address_is_tried_after_250_ms() => Run(async () =>
    {
        var before = _world.Now;
        await _a.ConnectAsync(
            _b.LocalId,
            [new TransportAddress.Ip(IPAddress.Parse("10.9.9.9"), 1), new TransportAddress.Ip(_b.LocalEndPoints[0])],
            "x");
        Assert.Equal(0.252, (_world.Now - before).TotalSeconds, 0.0001);
    });

    [Fact]
    public void Streams_are_whole_under_loss_and_latency() => Run(async () =>
    {
        _net.Links.Default = new LinkConditions
        {
            MinLatency = TimeSpan.FromMilliseconds(1),
            MaxLatency = TimeSpan.FromMilliseconds(50),
            Loss = 0.3,
            TailProbability = 0.01,
        };
        _net.MaxChunkBytes = 1200;
        var (near, far) = await Connect();
        var data = new byte[300_000];
        new SimulationRandom(9).Fill(data);
        var stream = await near.OpenStreamAsync(TransportStreamDirection.Unidirectional);
        var writing = stream.WriteAsync(data, completeWrites: true).AsTask();
        var accepted = await far.AcceptStreamAsync(TransportStreamDirection.Unidirectional);
        Assert.Equal(data, await ReadAll(accepted));
        await writing;
        await stream.WaitAllAcknowledgedAsync();
    });

    [Fact]
    public void Acknowledgements_that_overtake_each_other_leave_nobody_waiting() => Run(async () =>
    {
        _net.Links.Default = new LinkConditions { MinLatency = TimeSpan.FromMilliseconds(1), MaxLatency = TimeSpan.FromMilliseconds(50) };
        _net.MaxChunkBytes = 100;
        for (var i = 0; i < 20; i++)
        {
            var (near, _) = await Connect();
            var stream = await near.OpenStreamAsync(TransportStreamDirection.Unidirectional);
            await stream.WriteAsync(new byte[1000], completeWrites: true);
            var waiting = stream.WaitAllAcknowledgedAsync().AsTask();
            await Delay(0.002 * (20 + i)); // data has arrived, some acknowledgements have as well
            near.Abort(CloseCode.None, "");
            await Task.WhenAny(waiting, Delay(10));
            Assert.True(waiting.IsCompleted, $"the wait of connection {i}");
            _ = waiting.Exception;
        }
    });

    [Fact]
    public void A_writer_waits_for_a_reader_that_does_not_read() => Run(async () =>
    {
        var (near, far) = await Connect();
        var stream = await near.OpenStreamAsync(TransportStreamDirection.Bidirectional);
        var writing = stream.WriteAsync(new byte[2_000_000]).AsTask();
        await Delay(5);
        Assert.False(writing.IsCompleted);
        var accepted = await far.AcceptStreamAsync(TransportStreamDirection.Bidirectional);
        var buffer = new byte[2_000_000];
        var read = 0;
        while (read < buffer.Length)
            read += await accepted.ReadAsync(buffer.AsMemory(read));
        await writing;
    });

    [Fact]
    public void A_short_cut_delays_and_a_long_one_ends_both_sides() => Run(async () =>
    {
        var (near, far) = await Connect();
        var stream = await near.OpenStreamAsync(TransportStreamDirection.Bidirectional);
        _net.Links.Partition([A], [B]);
        await stream.WriteAsync(new byte[] { 1, 2, 3 });
        await Delay(20);
        _net.Links.Heal();
        var accepted = await far.AcceptStreamAsync(TransportStreamDirection.Bidirectional);
        Assert.Equal(3, await accepted.ReadAsync(new byte[10]));
        Assert.Equal(20.5, _world.Now.TotalSeconds, 0.6); // found out by a probe

        var cut = _world.Now;
        _net.Links.Partition([A], [B]);
        Assert.Equal(TransportCloseKind.TimedOut, (await near.WaitClosedAsync()).Kind);
        Assert.Equal(30, (_world.Now - cut).TotalSeconds, 0.001);
        Assert.Equal(TransportCloseKind.TimedOut, (await far.WaitClosedAsync()).Kind);
        Assert.Equal(0, _net.OpenConnections);
    });

    [Fact]
    public void A_one_way_cut_ends_the_deaf_side_first() => Run(async () =>
    {
        var (near, far) = await Connect();
        var cut = _world.Now;
        _net.Links.Block(A, B);
        await far.WaitClosedAsync();
        Assert.Equal(30, (_world.Now - cut).TotalSeconds, 0.001);
        Assert.Null(near.CloseInfo);
        await near.WaitClosedAsync();
        Assert.Equal(60, (_world.Now - cut).TotalSeconds, 0.001);
    });

    [Fact]
    public void A_crash_is_silence() => Run(async () =>
    {
        var (near, far) = await Connect();
        var before = _world.Now;
        _net.Crash(B);
        Assert.Equal(TransportCloseKind.Local, (await far.WaitClosedAsync()).Kind);
        Assert.Equal(TransportCloseKind.TimedOut, (await near.WaitClosedAsync()).Kind);
        Assert.Equal(30, (_world.Now - before).TotalSeconds, 0.001);
        await Assert.ThrowsAsync<TransportException>(async () => await _b.AcceptAsync());
        await Assert.ThrowsAsync<TransportException>(async () => await Connect());
    });

    [Fact]
    public void A_close_that_is_lost_is_noticed_as_silence() => Run(async () =>
    {
        var (near, far) = await Connect();
        _net.Links.Block(B, A);
        far.Abort(CloseCode.Success, "");
        Assert.Equal(TransportCloseKind.TimedOut, (await near.WaitClosedAsync()).Kind);
    });

    [Fact]
    public void Disposing_closes_with_code_0() => Run(async () =>
    {
        var (near, _) = await Connect();
        await _b.DisposeAsync();
        var info = await near.WaitClosedAsync();
        Assert.Equal((TransportCloseKind.Application, true, CloseCode.None, ""), (info.Kind, info.IsRemote, info.Code, info.Reason));
    });

    [Fact]
    public void A_hundred_streams_at_a_time_and_the_next_when_one_has_ended() => Run(async () =>
    {
        var (near, far) = await Connect();
        var streams = new List<ITransportStream>();
        for (var i = 0; i < 100; i++)
            streams.Add(await near.OpenStreamAsync(TransportStreamDirection.Unidirectional));
        var waiting = near.OpenStreamAsync(TransportStreamDirection.Unidirectional).AsTask();
        await Delay(1);
        Assert.False(waiting.IsCompleted);
        await streams[7].WriteAsync(new byte[1], completeWrites: true);
        var accepted = await far.AcceptStreamAsync(TransportStreamDirection.Unidirectional);
        Assert.Single(await ReadAll(accepted));
        await waiting;
    });

    [Fact]
    public void Streams_are_reset_and_stopped_with_their_codes() => Run(async () =>
    {
        var (near, far) = await Connect();
        var stream = await near.OpenStreamAsync(TransportStreamDirection.Bidirectional);
        await stream.WriteAsync(new byte[1]);
        var accepted = await far.AcceptStreamAsync(TransportStreamDirection.Bidirectional);
        Assert.Equal(1, await accepted.ReadAsync(new byte[1]));
        stream.Reset(new CloseCode(5));
        var reset = await Assert.ThrowsAsync<TransportException>(async () => await accepted.ReadAsync(new byte[1]));
        Assert.Equal((TransportErrorKind.StreamReset, new CloseCode(5)), (reset.Kind, reset.StreamCode));
        stream.StopSending(new CloseCode(6));
        await Delay(1);
        var stopped = await Assert.ThrowsAsync<TransportException>(async () => await accepted.WriteAsync(new byte[1]));
        Assert.Equal((TransportErrorKind.StreamStopped, new CloseCode(6)), (stopped.Kind, stopped.StreamCode));
    });

    [Fact]
    public void A_run_is_a_function_of_its_seed()
    {
        Assert.Equal(Fingerprint(11), Fingerprint(11));
        Assert.NotEqual(Fingerprint(11), Fingerprint(12));
        static (TimeSpan, long) Fingerprint(ulong seed)
        {
            var world = new SimulationScheduler();
            using var net = new InMemoryTransportNetwork(world.TimeProvider, new SimulationRandom(seed).Stream("net"));
            net.Links.Default = new LinkConditions { MaxLatency = TimeSpan.FromMilliseconds(50), Loss = 0.2 };
            net.MaxChunkBytes = 500;
            ITransport Node(string name) => net.CreateTransport(new TransportOptions
            {
                SecretKey = SecretKey.FromText(name),
                TimeProvider = world.TimeProvider,
                Scheduler = world,
            });
            var (a, b) = (Node("a"), Node("b"));
            b.SetAcceptedAlpn(["x"]);
            world.Run(
                async () =>
                {
                    var near = await a.ConnectAsync(b.LocalId, [new TransportAddress.Ip(b.LocalEndPoints[0])], "x");
                    var far = await b.AcceptAsync();
                    var stream = await near.OpenStreamAsync(TransportStreamDirection.Unidirectional);
                    await stream.WriteAsync(new byte[50_000], completeWrites: true);
                    await ReadAll(await far.AcceptStreamAsync(TransportStreamDirection.Unidirectional));
                },
                TimeSpan.FromMinutes(10));
            return (world.Now, world.Steps);
        }
    }

    private static async Task<byte[]> ReadAll(ITransportStream stream)
    {
        var all = new List<byte>();
        var buffer = new byte[8192];
        int read;
        while ((read = await stream.ReadAsync(buffer)) > 0)
            all.AddRange(buffer.AsSpan(0, read));
        return [.. all];
    }

    private ITransport Node(string name) => _net.CreateTransport(new TransportOptions
    {
        SecretKey = SecretKey.FromText(name),
        TimeProvider = _world.TimeProvider,
        Scheduler = _world,
    });

    private async Task<(ITransportConnection Near, ITransportConnection Far)> Connect()
    {
        var near = await _a.ConnectAsync(_b.LocalId, [new TransportAddress.Ip(_b.LocalEndPoints[0])], "y");
        return (near, await _b.AcceptAsync());
    }

    private async Task Delay(double seconds) => await Task.Delay(TimeSpan.FromSeconds(seconds), _world.TimeProvider);

    private void Run(Func<Task> body) => _world.Run(body, TimeSpan.FromMinutes(5));
}
