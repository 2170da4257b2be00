using System.Net;
using Mosaik.Networking;
using Mosaik.Networking.Transport;
using Mosaik.Primitives;
using Mosaik.Testing;

namespace Mosaik.Tests.Networking;

/// <summary>Whole nodes with real QUIC: on datagrams in memory under virtual time, and on UDP.</summary>
public sealed class QuicNodeTests
{
    private static readonly NetworkId App = "my-app";

    [Fact]
    public void Nodes_exchange_messages_under_virtual_time() => InWorld(1, default, async world =>
    {
        await using var server = await world.StartServerAsync();
        await using var client = await world.StartAsync();
        var link = await client.Local.OpenLinkAsync(WireProtocol.Ping, server.Local.Address, default, default);
        await link.SendRawAsync("hello"u8.ToArray());
        Assert.Equal("hello"u8.ToArray(), (await link.ReceiveAsync()).ToArray());
        Assert.InRange(link.Rtt!.Value.TotalMilliseconds, 1, 50);
        byte[] a = new byte[32], b = new byte[32];
        link.ExportKeyingMaterial("test"u8, a);
        Assert.False(a.AsSpan().SequenceEqual(b));
        await link.CloseAsync(CloseCode.Success);
        await link.WaitClosedAsync();
    });

    [Fact]
    public void A_large_message_survives_loss_duplication_and_reordering() => InWorld(
        2,
        new LinkConditions
        {
            MinLatency = TimeSpan.FromMilliseconds(1),
            MaxLatency = TimeSpan.FromMilliseconds(30),
            Loss = 0.05,
            Duplication = 0.02,
            Reordering = 0.05,
            Corruption = 0.001,
        },
        async world =>
        {
            await using var server = await world.StartServerAsync();
            await using var client = await world.StartAsync();
            var link = await client.Local.OpenLinkAsync(WireProtocol.Ping, server.Local.Address, default, default);
            link.Receiver.MaxPayload = 1_000_000;
            var data = new byte[200_000];
            new SimulationRandom(1).Fill(data);
            await link.SendRawAsync(data);
            Assert.Equal(data, (await link.ReceiveAsync()).ToArray());
        });

    [Fact]
    public void Close_codes_cross_real_connections() => InWorld(3, default, async world =>
    {
        await using var server = await world.StartServerAsync();
        await using var client = await world.StartAsync();
        var link = await client.Local.OpenLinkAsync(WireProtocol.Ping, server.Local.Address, default, default);
        await link.Sender.SendFramedAsync(new byte[] { 0xFF, 0xFF, 0xFF, 0xFF }, 1);
        var error = await Assert.ThrowsAsync<LinkException>(async () => await link.ReceiveAsync());
        Assert.Equal(CloseCode.ProtocolViolation, error.RemoteCode);

        var second = await client.Local.OpenLinkAsync(WireProtocol.Ping, server.Local.Address, default, default);
        await second.SendRawAsync(default);
        await second.ReceiveAsync();
        var stream = await second.Connection.OpenStreamAsync(TransportStreamDirection.Unidirectional);
        await stream.WriteAsync(new byte[1]);
        error = await Assert.ThrowsAsync<LinkException>(async () => await second.ReceiveAsync());
        Assert.Equal(CloseCode.ProtocolViolation, error.RemoteCode);

        error = await Assert.ThrowsAsync<LinkException>(async () =>
            await client.Local.OpenLinkAsync(WireProtocol.Groups, server.Local.Address, default, default));
        Assert.Equal(LinkPhase.Open, error.Phase);
    });

    [Fact]
    public void A_partition_beyond_the_idle_timeout_ends_a_link_and_a_shorter_one_does_not() => InWorld(4, default, async world =>
    {
        await using var server = await world.StartServerAsync();
        await using var client = await world.StartAsync();
        var link = await client.Local.OpenLinkAsync(WireProtocol.Ping, server.Local.Address, default, default);
        await link.SendRawAsync(default);
        await link.ReceiveAsync();
        world.Cut();
        await world.DelayAsync(15);
        world.Net.Links.Heal();
        await link.SendRawAsync("again"u8.ToArray());
        Assert.Equal("again"u8.ToArray(), (await link.ReceiveAsync()).ToArray());
        world.Cut();
        var before = world.Scheduler.Now;
        var error = await Assert.ThrowsAsync<LinkException>(async () => await link.ReceiveAsync());
        Assert.Null(error.RemoteCode);
        Assert.True(error.IsTransient);
        Assert.InRange((world.Scheduler.Now - before).TotalSeconds, 20, 40);
    });

    [Fact]
    public void The_working_address_wins_the_race() => InWorld(5, default, async world =>
    {
        await using var server = await world.StartServerAsync();
        await using var client = await world.StartAsync();
        var real = server.Local.Address.Addresses.Single();
        var address = new EndpointAddress(
            server.Local.Id, real, new TransportAddress.Ip(IPAddress.Parse("10.0.0.200"), 1), new TransportAddress.Ip(IPAddress.Parse("10.0.0.0"), 9));
        var before = world.Scheduler.Now;
        await using var link = await client.Local.OpenLinkAsync(WireProtocol.Ping, address, default, default);
        Assert.InRange((world.Scheduler.Now - before).TotalSeconds, 0, 0.6);
        Assert.Equal([real], client.Local.ResolveKnown(server.Local.Id));
    });

    [Fact]
    public void Nothing_is_left_behind_and_the_run_repeats()
    {
        var first = Once();
        Assert.Equal(first, Once());
        static (TimeSpan, long, long) Once()
        {
            (TimeSpan, long, long) fingerprint = default;
            InWorld(
                6,
                new LinkConditions { MaxLatency = TimeSpan.FromMilliseconds(20), Loss = 0.1 },
                async world =>
                {
                    var server = await world.StartServerAsync();
                    var client = await world.StartAsync();
                    for (var i = 0; i < 5; i++)
                    {
                        var link = await client.Local.OpenLinkAsync(WireProtocol.Ping, server.Local.Address, default, default);
                        await link.SendRawAsync(new byte[10_000]);
                        await link.ReceiveAsync();
                        await link.CloseAsync(CloseCode.Success);
                    }

                    await client.DisposeAsync();
                    await server.DisposeAsync();
                },
                world =>
                {
                    world.Scheduler.RunFor(TimeSpan.FromMinutes(2));
                    Assert.Equal(0, world.Scheduler.PendingTimers);
                    fingerprint = (world.Scheduler.Now, world.Scheduler.Steps, world.Net.Sent);
                });
            return fingerprint;
        }
    }

    [Fact]
    public async Task Nodes_exchange_messages_over_udp()
    {
        var options = new NetworkOptions { BindAddresses = [new IPEndPoint(IPAddress.Loopback, 0)] };
        await using var server = await Network.StartAsync(App, options, n => [new EchoSubsystem(n)], default);
        await using var client = await Network.StartAsync(App, options);
        Assert.True(client.Local.IsOnline);
        Assert.All(server.Local.Address.EndPoints, e => Assert.Equal(IPAddress.Loopback, e.Address));
        await using var link = await client.Local.OpenLinkAsync(WireProtocol.Ping, server.Local.Address, default, default);
        link.Receiver.MaxPayload = 1_000_000;
        for (var i = 0; i < 20; i++)
        {
            var data = new byte[i * 10_000];
            new SeededRandom((ulong)i).Fill(data);
            await link.SendRawAsync(data);
            Assert.Equal(data, (await link.ReceiveAsync()).ToArray());
        }

        await link.CloseAsync(CloseCode.Success);
    }

    [Fact]
    public async Task A_node_on_all_interfaces_publishes_usable_addresses()
    {
        await using var network = await Network.StartAsync(App, new NetworkOptions { OnlineTimeout = TimeSpan.FromSeconds(30) });
        Assert.True(network.Local.IsOnline);
        var published = network.Local.Address.EndPoints.ToArray();
        Assert.NotEmpty(published);
        Assert.All(published, e =>
        {
            Assert.NotEqual(0, e.Port);
            Assert.False(e.Address.Equals(IPAddress.Any) || e.Address.Equals(IPAddress.IPv6Any) || e.Address.IsIPv6LinkLocal);
        });
        Assert.True(published.All(e => IPAddress.IsLoopback(e.Address)) || !published.Any(e => IPAddress.IsLoopback(e.Address)));
    }

    [Fact]
    public async Task A_taken_udp_port_is_named()
    {
        await using var first = await Network.StartAsync(
            App, new NetworkOptions { BindAddresses = [new IPEndPoint(IPAddress.Loopback, 0)] });
        var taken = first.Local.Endpoint.LocalEndPoints[0];
        var error = await Assert.ThrowsAsync<NetworkBindException>(async () => await Network.StartAsync(
            App, new NetworkOptions { BindAddresses = [new IPEndPoint(IPAddress.Loopback, 0), taken] }));
        Assert.Equal(taken, error.EndPoint);
    }

    private static void InWorld(
        ulong seed, LinkConditions? conditions, Func<World, Task> body, Action<World>? after = null)
    {
        using var world = new World(seed);
        if (conditions is not null)
            world.Net.Links.Default = conditions;
        world.Scheduler.Run(() => body(world), TimeSpan.FromMinutes(10), $"the body (seed {seed})");
        after?.Invoke(world);
    }

    private sealed class World(ulong seed) : IDisposable
    {
        private readonly SimulationRandom _seed = new(seed);
        private readonly List<InMemoryHost> _hosts = [];

        public SimulationScheduler Scheduler { get; } = new();

        public InMemoryDatagramNetwork Net => field ??= new(Scheduler.TimeProvider, _seed.Stream("net"));

        public ValueTask<Network> StartServerAsync() =>
            Network.StartAsync(App, Options(), n => [new EchoSubsystem(n)], default);

        public ValueTask<Network> StartAsync() => Network.StartAsync(App, Options());

        public void Cut() => Net.Links.Partition([_hosts[0].Address], [_hosts[1].Address]);

        public async Task DelayAsync(double seconds) =>
            await Task.Delay(TimeSpan.FromSeconds(seconds), Scheduler.TimeProvider);

        public void Dispose() => Net.Dispose();

        private NetworkOptions Options()
        {
            var host = Net.AddHost();
            _hosts.Add(host);
            return new NetworkOptions
            {
                TimeProvider = Scheduler.TimeProvider,
                Scheduler = Scheduler,
                Random = _seed.Stream($"node/{_hosts.Count}"),
                SocketFactory = host.OpenSocket,
            };
        }
    }

    private sealed class EchoSubsystem(Network network) : ISubsystem, IProtocolHandler
    {
        public string Name => "echo";

        public ValueTask StartAsync(CancellationToken cancellationToken)
        {
            network.Local.Router.Register(WireProtocol.Ping, this);
            return default;
        }

        public void OnOnline()
        {
        }

        public ValueTask LeaveAsync(CancellationToken cancellationToken) => default;

        public ValueTask DisposeAsync() => default;

        public async ValueTask ServeAsync(InboundConnection inbound, CancellationToken termination)
        {
            using var deadline = inbound.StartDeadline(termination);
            await using var link = await inbound.AcceptLinkAsync(deadline, termination);
            while (true)
                await link.SendRawAsync(await link.ReceiveAsync(termination), termination);
        }
    }
}
