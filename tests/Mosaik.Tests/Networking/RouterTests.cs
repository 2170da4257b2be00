using Mosaik.Networking;
using Mosaik.Networking.Transport;
using Mosaik.Primitives;
using Mosaik.Waiting;

namespace Mosaik.Tests.Networking;

/// <summary>Accepting: dispatch, limits per peer, deadlines (spec/wire.md §6.3; spec/reliability.md E19).</summary>
public sealed class RouterTests : IDisposable
{
    private readonly LinkWorld _world = new();
    private readonly ProtocolRouter _router;
    private readonly Handler _handler = new();
    private int _opened;
    private int _closed;

    public RouterTests() => _router = new ProtocolRouter(
        _world.Server, _world.ServerContext, _ => _opened++, (_, _) => _closed++, e => Assert.Fail(e.ToString()));

    public void Dispose() => _world.Dispose();

    [Fact]
    public void A_connection_reaches_the_handler_of_its_protocol_under_every_name() => _world.Run(async () =>
    {
        Start(WireProtocol.Sync, WireProtocol.Ping);
        foreach (var name in WireProtocol.Sync.AcceptedAlpn)
            await DialAsync(name);
        await Until(() => _handler.Served.Count == 2);
        Assert.All(_handler.Served, i => Assert.Same(WireProtocol.Sync, i.Protocol));
        Assert.Equal(_world.Client.LocalId, _handler.Served[0].RemoteId);
    });

    [Fact]
    public void A_protocol_that_nobody_has_registered_fails_in_the_handshake() => _world.Run(async () =>
    {
        Start(WireProtocol.Ping);
        var error = await Assert.ThrowsAsync<TransportException>(() => DialAsync(WireProtocol.Groups.Alpn));
        Assert.Equal(0x178ul, error.CloseInfo!.Code.Value); // no_application_protocol
    });

    [Fact]
    public void A_third_ping_connection_waits_for_a_place() => _world.Run(async () =>
    {
        Start(WireProtocol.Ping);
        var first = await DialAsync(WireProtocol.Ping.Alpn);
        await DialAsync(WireProtocol.Ping.Alpn);
        var third = await DialAsync(WireProtocol.Ping.Alpn);
        await Delay(1);
        Assert.Equal(2, _handler.Served.Count);
        first.Abort(CloseCode.Success, "");
        await Until(() => _handler.Served.Count == 3);
        Assert.Null(third.CloseInfo);
        using var deadline = _handler.Served[2].StartDeadline(default);
        var before = _world.Scheduler.Now;
        await Assert.ThrowsAsync<OperationCanceledException>(async () =>
            await new Signal(_world.Scheduler).WaitAsync(deadline.Token));
        Assert.Equal(4, (_world.Scheduler.Now - before).TotalSeconds, 0.1); // the wait counted
    });

    [Fact]
    public void A_connection_that_finds_no_place_in_time_is_closed_with_102() => _world.Run(async () =>
    {
        Start(WireProtocol.Ping);
        await DialAsync(WireProtocol.Ping.Alpn);
        await DialAsync(WireProtocol.Ping.Alpn);
        var third = await DialAsync(WireProtocol.Ping.Alpn);
        var before = _world.Scheduler.Now;
        Assert.Equal(CloseCode.Cancelled, (await third.WaitClosedAsync()).RemoteCode);
        Assert.Equal(5, (_world.Scheduler.Now - before).TotalSeconds, 0.1);
    });

    [Fact]
    public void More_waiting_connections_of_one_peer_are_refused_at_once() => _world.Run(async () =>
    {
        Start(WireProtocol.Ping);
        for (var i = 0; i < 2 + ConnectionSlots.WaitingPerPeer; i++)
            await DialAsync(WireProtocol.Ping.Alpn);
        var refused = await DialAsync(WireProtocol.Ping.Alpn);
        var before = _world.Scheduler.Now;
        Assert.Equal(CloseCode.Cancelled, (await refused.WaitClosedAsync()).RemoteCode);
        Assert.True(_world.Scheduler.Now - before < TimeSpan.FromSeconds(1));
    });

    [Fact]
    public void A_stream_connection_above_256_is_refused_with_10509() => _world.Run(async () =>
    {
        Start(WireProtocol.Streams);
        for (var i = 0; i < 256; i++)
            await DialAsync(WireProtocol.Streams.Alpn);
        var refused = await DialAsync(WireProtocol.Streams.Alpn);
        Assert.Equal(CloseCode.NoCapacity, (await refused.WaitClosedAsync()).RemoteCode);
        Assert.Equal(256, _handler.Served.Count);
    });

    [Fact]
    public void A_fifth_gossip_connection_takes_the_place_of_the_oldest() => _world.Run(async () =>
    {
        Start(WireProtocol.Announce);
        var first = await DialAsync(WireProtocol.Announce.Alpn);
        for (var i = 0; i < 4; i++)
            await DialAsync(WireProtocol.Announce.Alpn);
        Assert.Equal(CloseCode.None, (await first.WaitClosedAsync()).RemoteCode);
        await Until(() => _handler.Served.Count == 5);
        await Delay(1);
        Assert.Equal(4, _opened - _closed);
    });

    [Fact]
    public void Limits_of_one_peer_do_not_touch_another() => _world.Run(async () =>
    {
        Start(WireProtocol.Ping);
        var other = _world.Net.CreateTransport(_world.Options(3));
        await DialAsync(WireProtocol.Ping.Alpn);
        await DialAsync(WireProtocol.Ping.Alpn);
        await DialAsync(WireProtocol.Ping.Alpn); // waits
        await other.ConnectAsync(
            _world.Server.LocalId, [new TransportAddress.Ip(_world.Server.LocalEndPoints[0])], WireProtocol.Ping.Alpn);
        await Until(() => _handler.Served.Count == 3);
        Assert.Equal(other.LocalId, _handler.Served[2].RemoteId);
    });

    [Fact]
    public void A_handler_that_throws_loses_its_connection_and_nothing_else() => _world.Run(async () =>
    {
        Start(WireProtocol.Ping);
        _handler.Next = _ => throw new InvalidOperationException("a bug");
        var first = await DialAsync(WireProtocol.Ping.Alpn);
        Assert.Equal(CloseCode.Cancelled, (await first.WaitClosedAsync()).RemoteCode);
        _handler.Next = null;
        var second = await DialAsync(WireProtocol.Ping.Alpn);
        await Until(() => _handler.Served.Count == 2);
        Assert.Null(second.CloseInfo);
    });

    [Fact]
    public void Stopping_ends_what_is_served_and_leaves_no_task() => _world.Run(async () =>
    {
        Start(WireProtocol.Ping, WireProtocol.Streams);
        var connections = new List<ITransportConnection>();
        for (var i = 0; i < 5; i++)
            connections.Add(await DialAsync(i % 2 == 0 ? WireProtocol.Ping.Alpn : WireProtocol.Streams.Alpn));
        await Until(() => _opened == 5 && _handler.Served.Count == 4); // one waits for a place
        _router.StopAccepting();
        await Assert.ThrowsAsync<TransportException>(() => DialAsync(WireProtocol.Ping.Alpn));
        _world.Termination.Cancel();
        await _router.DisposeAsync();
        Assert.Equal(0, _router.Serving);
        Assert.Equal(_opened, _closed);
        foreach (var connection in connections)
            Assert.Equal(CloseCode.Cancelled, (await connection.WaitClosedAsync()).RemoteCode);
    });

    private void Start(params WireProtocol[] protocols)
    {
        foreach (var protocol in protocols)
            _router.Register(protocol, _handler);
        _router.Start();
        Assert.Throws<InvalidOperationException>(() => _router.Register(WireProtocol.Groups, _handler));
    }

    private Task<ITransportConnection> DialAsync(string alpn) => _world.Client.ConnectAsync(
        _world.Server.LocalId, [new TransportAddress.Ip(_world.Server.LocalEndPoints[0])], alpn).AsTask();

    private async Task Delay(double seconds) => await Task.Delay(TimeSpan.FromSeconds(seconds), _world.Scheduler.TimeProvider);

    private async Task Until(Func<bool> condition)
    {
        for (var i = 0; !condition(); i++)
        {
            Assert.True(i < 1000, "not within 1 s");
            await Delay(0.001);
        }
    }

    private sealed class Handler : IProtocolHandler
    {
        public List<InboundConnection> Served { get; } = [];

        public Func<InboundConnection, ValueTask>? Next { get; set; }

        public ValueTask ServeAsync(InboundConnection inbound, CancellationToken termination)
        {
            Served.Add(inbound);
            return Next?.Invoke(inbound) ?? ValueTask.CompletedTask;
        }
    }
}
