using System.Net;
using System.Net.Sockets;
using Mosaik.Networking;
using Mosaik.Networking.Transport;
using Mosaik.Primitives;
using Mosaik.Testing;
using Mosaik.Waiting;

namespace Mosaik.Tests.Networking;

/// <summary>Life of a node: options, start, online, leaving, abort, failure (spec/wire.md §9, §10).</summary>
public sealed class NetworkTests : IDisposable
{
    private static readonly NetworkId App = "my-app";
    private readonly SimulationScheduler _scheduler = new();
    private readonly InMemoryTransportNetwork _net;
    private readonly ListLogger _log = new();

    public NetworkTests() => _net = new InMemoryTransportNetwork(_scheduler.TimeProvider, new SimulationRandom(1).Stream("net"));

    public void Dispose() => _net.Dispose();

    public static TheoryData<string, NetworkOptions> Invalid => new()
    {
        { "OnlineTimeout", new NetworkOptions { OnlineTimeout = TimeSpan.FromTicks(-1) } },
        { "ShutdownTimeout", new NetworkOptions { ShutdownTimeout = TimeSpan.Zero } },
        { "BindAddresses", new NetworkOptions { BindAddresses = null! } },
        { "BindAddresses", new NetworkOptions { BindAddresses = [null!] } },
        { "BindAddresses", new NetworkOptions { BindAddresses = [new(IPAddress.Loopback, 5), new(IPAddress.Loopback, 5)] } },
        { "Relay", new NetworkOptions { Relay = null! } },
        { "Relay", new NetworkOptions { Relay = RelayMode.Custom() } },
        { "Relay", new NetworkOptions { Relay = RelayMode.Custom("https://relay.example") } },
        { "TimeProvider", new NetworkOptions { TimeProvider = null! } },
        { "Scheduler", new NetworkOptions { Scheduler = null! } },
        { "Random", new NetworkOptions { Random = null! } },
    };

    [Theory, MemberData(nameof(Invalid), DisableDiscoveryEnumeration = true)]
    public async Task An_invalid_option_is_named_before_anything_is_bound(string property, NetworkOptions options)
    {
        options = options with { TransportFactory = _ => throw new InvalidOperationException("bound") };
        var error = await Assert.ThrowsAsync<MosaikConfigurationException>(async () => await Network.StartAsync(App, options));
        Assert.Equal($"NetworkOptions.{property}", error.Property);
        Assert.Contains(property, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_defaults_are_valid_and_those_of_the_specification()
    {
        var options = new NetworkOptions();
        options.Validate();
        Assert.Equal((5, 5), (options.OnlineTimeout.TotalSeconds, options.ShutdownTimeout.TotalSeconds));
        Assert.Empty(options.BindAddresses);
        (options with { Relay = RelayMode.Custom("https://relay.example/") }).Validate();
    }

    [Fact]
    public async Task A_missing_network_id_is_refused()
    {
        var error = await Assert.ThrowsAsync<MosaikConfigurationException>(async () => await Network.StartAsync(default));
        Assert.Equal("networkId", error.Property);
    }

    [Fact]
    public void Starts_is_online_and_stops() => Run(async () =>
    {
        var key = SecretKey.FromText("me");
        var network = await Network.StartAsync(App, Options() with { SecretKey = key });
        Assert.Equal(App, network.NetworkId);
        Assert.Equal((App, key.PeerId, key), (network.Local.NetworkId, network.Local.Id, network.Local.SecretKey));
        Assert.True(network.Local.IsOnline);
        await network.OnlineAsync();
        Assert.Equal(network.Local.Endpoint.LocalAddresses, network.Local.Address.EndPoints);
        Assert.False(network.Local.Termination.IsCancellationRequested);
        var completion = network.Completion;
        Assert.False(completion.IsCompleted);
        await network.DisposeAsync();
        await network.DisposeAsync();
        await completion;
        await network.Completion;
        Assert.True(network.Local.Termination.IsCancellationRequested);
        Assert.False(network.Local.IsOnline);
        await Assert.ThrowsAsync<NetworkClosedException>(async () => await network.OnlineAsync());
    });

    [Fact]
    public void A_node_without_a_key_gets_a_fresh_one() => Run(async () =>
    {
        await using var a = await Network.StartAsync(App, Options());
        await using var b = await Network.StartAsync(App, Options());
        Assert.NotEqual(a.Local.Id, b.Local.Id);
    });

    [Fact]
    public void Relays_are_said_to_be_missing_once_and_only_if_wanted() => Run(async () =>
    {
        await using (await Network.StartAsync(App, Options()))
            Assert.Single(_log.Lines, l => l.Id == 1004);
        _log.Lines.Clear();
        await using (await Network.StartAsync(App, Options() with { Relay = RelayMode.Disabled }))
            Assert.DoesNotContain(_log.Lines, l => l.Id == 1004);
    });

    [Fact]
    public void Steps_come_in_order_up_and_down() => Run(async () =>
    {
        var steps = new List<string>();
        var network = await Start(n => [new Subsystem("a", steps, n), new Subsystem("b", steps, n)]);
        Assert.Equal(["a starts", "b starts", "a online", "b online"], steps);
        steps.Clear();
        await network.DisposeAsync();
        Assert.Equal(["a leaves", "b leaves", "b ends, terminated", "a ends, terminated"], steps);
    });

    [Fact]
    public void A_failed_step_undoes_those_before_it() => Run(async () =>
    {
        var steps = new List<string>();
        var error = await Assert.ThrowsAsync<InvalidOperationException>(async () => await Start(n =>
        [
            new Subsystem("a", steps, n),
            new Subsystem("b", steps, n) { OnStart = _ => throw new InvalidOperationException("b cannot") },
            new Subsystem("c", steps, n),
        ]));
        Assert.Equal("b cannot", error.Message);
        Assert.Equal(["a starts", "b starts", "b ends, terminated", "a ends, terminated"], steps);
    });

    [Fact]
    public void A_cancelled_start_undoes_everything() => Run(async () =>
    {
        var steps = new List<string>();
        using var cancel = new CancellationTokenSource();
        var starting = Network.StartAsync(
            App,
            Options(),
            n => [new Subsystem("a", steps, n) { OnStart = Never }],
            cancel.Token).AsTask();
        cancel.Cancel();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => starting);
        Assert.Equal(["a starts", "a ends, terminated"], steps);
    });

    [Fact]
    public void Two_nodes_exchange_a_message() => Run(async () =>
    {
        var echo = new Echo();
        await using var server = await Start(n => [echo.For(n)]);
        await using var client = await Start(_ => []);
        var link = await client.Local.OpenLinkAsync(WireProtocol.Ping, server.Local.Address, default, default);
        await link.SendRawAsync("hello"u8.ToArray());
        Assert.Equal("hello"u8.ToArray(), (await link.ReceiveAsync()).ToArray());
        await link.CloseAsync(CloseCode.Success);
        Assert.Equal(server.Local.Address.Addresses, client.Local.ResolveKnown(server.Local.Id));
        // The server has learnt where the client is, and the bare id is enough now.
        var back = await Assert.ThrowsAsync<LinkException>(async () =>
            await server.Local.ConnectAsync(WireProtocol.Announce, client.Local.Id, default));
        Assert.Equal(LinkErrorKind.Io, back.Kind); // reached, but the client serves nothing
        Assert.Equal(0x178ul, Assert.IsType<TransportException>(back.InnerException).CloseInfo!.Code.Value);
    });

    [Fact]
    public void Dialling_fails_at_once_without_an_address() => Run(async () =>
    {
        await using var network = await Start(_ => []);
        var stranger = SecretKey.FromText("stranger").PeerId;
        var before = _scheduler.Now;
        var error = await Assert.ThrowsAsync<LinkException>(async () =>
            await network.Local.OpenLinkAsync(WireProtocol.Ping, stranger, default, default));
        Assert.Equal((LinkPhase.Open, LinkErrorKind.Io, stranger), (error.Phase, error.Kind, error.Peer!.Value));
        Assert.True(error.IsTransient);
        Assert.Equal(before, _scheduler.Now);
        await Assert.ThrowsAsync<LinkException>(async () =>
            await network.Local.OpenLinkAsync(WireProtocol.Ping, network.Local.Address, default, default));
    });

    [Fact]
    public void Lookups_are_asked_when_the_book_knows_nothing() => Run(async () =>
    {
        var echo = new Echo();
        await using var server = await Start(n => [echo.For(n)]);
        await using var client = await Start(n =>
        {
            n.Local.AddLookup(new Lookup(_ => throw new IOException("out of order")));
            n.Local.AddLookup(new Lookup(_ => [.. server.Local.Address.Addresses]));
            return [];
        });
        await using var link = await client.Local.OpenLinkAsync(WireProtocol.Ping, server.Local.Id, default, default);
        Assert.Contains(_log.Lines, l => l.Id == 1013);
    });

    [Fact]
    public void Connecting_takes_at_most_ten_seconds() => Run(async () =>
    {
        await using var network = await Start(_ => []);
        var peer = SecretKey.FromText("silent").PeerId;
        var nobody = new EndpointAddress(peer, new TransportAddress.Ip(IPAddress.Parse("10.99.0.1"), 4));
        var before = _scheduler.Now;
        await Assert.ThrowsAnyAsync<MosaikException>(async () =>
            await network.Local.OpenLinkAsync(WireProtocol.Ping, nobody, default, default));
        Assert.Equal(10, (_scheduler.Now - before).TotalSeconds, 0.1);
    });

    [Fact]
    public void A_peer_is_not_dialled_for_ever() => Run(async () =>
    {
        await using var server = await Start(_ => []); // serves nothing: every dial fails at once
        await using var client = await Start(_ => []);
        for (var i = 0; i < DialBudget.PerPeer; i++)
            await Assert.ThrowsAsync<LinkException>(Dial);
        var error = await Assert.ThrowsAsync<LinkException>(Dial);
        Assert.Contains("too often", error.Message, StringComparison.Ordinal);
        async Task Dial() => await client.Local.OpenLinkAsync(WireProtocol.Ping, server.Local.Address, default, default);
    });

    [Fact]
    public void Leaving_waits_for_the_slowest_but_not_beyond_the_limit() => Run(async () =>
    {
        var steps = new List<string>();
        var network = await Start(n =>
        [
            new Subsystem("slow", steps, n) { OnLeave = ThreeSeconds },
            new Subsystem("stuck", steps, n) { OnLeave = _ => new ValueTask(new TaskCompletionSource().Task) },
        ]);
        var before = _scheduler.Now;
        await network.DisposeAsync();
        Assert.Equal(5, (_scheduler.Now - before).TotalSeconds, 0.01);
        Assert.Contains("stuck ends, terminated", steps);
        Assert.Contains(_log.Lines, l => l.Id == 1007);
    });

    [Fact]
    public void Aborting_says_no_goodbye_and_cuts_a_leave_short() => Run(async () =>
    {
        var steps = new List<string>();
        var network = await Start(n =>
            [new Subsystem("a", steps, n) { OnLeave = ThreeSeconds }]);
        steps.Clear();
        network.Abort();
        await network.Completion;
        Assert.Equal(["a ends, terminated"], steps);

        network = await Start(n =>
            [new Subsystem("a", steps, n) { OnLeave = ThreeSeconds }]);
        var before = _scheduler.Now;
        var leaving = network.DisposeAsync().AsTask();
        await Task.Delay(TimeSpan.FromSeconds(1), _scheduler.TimeProvider);
        network.Abort();
        await leaving;
        Assert.Equal(1, (_scheduler.Now - before).TotalSeconds, 0.01);
    });

    [Fact]
    public void Peers_see_102_and_nothing_remains()
    {
        Run(async () =>
        {
            var echo = new Echo();
            var server = await Start(n => [echo.For(n)]);
            var client = await Start(_ => []);
            var link = await client.Local.OpenLinkAsync(WireProtocol.Ping, server.Local.Address, default, default);
            await link.SendRawAsync("hello"u8.ToArray());
            await link.ReceiveAsync();
            var receiving = link.ReceiveAsync().AsTask();
            await server.DisposeAsync();
            var error = await Assert.ThrowsAsync<LinkException>(() => receiving);
            Assert.Equal(CloseCode.Cancelled, error.RemoteCode);
            await Assert.ThrowsAsync<NetworkClosedException>(async () =>
                await server.Local.OpenLinkAsync(WireProtocol.Ping, client.Local.Address, default, default));
            await client.DisposeAsync();
        });
        _scheduler.RunFor(TimeSpan.FromMinutes(2));
        Assert.Equal(0, _net.OpenConnections);
        Assert.Equal(0, _scheduler.PendingTimers);
    }

    [Fact]
    public void A_failed_part_stops_the_node_with_the_cause() => Run(async () =>
    {
        var steps = new List<string>();
        var network = await Start(n => [new Subsystem("a", steps, n)]);
        steps.Clear();
        var cause = new IOException("the topic cannot be joined");
        network.Local.Fail("gossip", cause);
        network.Local.Fail("gossip", new IOException("again"));
        Assert.Same(cause, await Assert.ThrowsAsync<IOException>(() => network.Completion));
        Assert.Equal(["a ends, terminated"], steps);
        Assert.Single(_log.Lines, l => l.Id == 1006);
        var closed = await Assert.ThrowsAsync<NetworkClosedException>(async () => await network.OnlineAsync());
        Assert.Same(cause, closed.InnerException);
        await network.DisposeAsync();
    });

    [Fact]
    public void Without_an_address_the_start_returns_after_the_timeout_and_announcing_waits() => Run(async () =>
    {
        var steps = new List<string>();
        var transport = new HomelessTransport();
        var before = _scheduler.Now;
        var network = await Network.StartAsync(
            App, Options() with { TransportFactory = transport.Bind }, n => [new Subsystem("a", steps, n)], default);
        Assert.Equal(5, (_scheduler.Now - before).TotalSeconds, 0.01);
        Assert.False(network.Local.IsOnline);
        Assert.Equal(["a starts"], steps);
        Assert.Contains(_log.Lines, l => l.Id == 1005);
        EndpointAddress? told = null;
        network.Local.AddressChanged = a => told = a;
        transport.Appear(new IPEndPoint(IPAddress.Parse("192.168.1.2"), 5));
        await network.OnlineAsync();
        Assert.Equal(network.Local.Address, told);
        await Task.Delay(TimeSpan.FromMilliseconds(1), _scheduler.TimeProvider);
        Assert.Equal(["a starts", "a online"], steps);
        transport.Appear();
        Assert.False(network.Local.IsOnline);
        await network.DisposeAsync();
    });

    [Fact]
    public void A_taken_address_is_named() => Run(async () =>
    {
        var endPoint = new IPEndPoint(IPAddress.Parse("10.1.0.77"), 4000);
        await using var first = await Network.StartAsync(App, Options() with { BindAddresses = [endPoint] });
        var error = await Assert.ThrowsAsync<NetworkBindException>(async () =>
            await Network.StartAsync(App, Options() with { BindAddresses = [endPoint] }));
        Assert.Equal(endPoint, error.EndPoint);
        Assert.IsType<SocketException>(error.InnerException);
    });

    private NetworkOptions Options() => new()
    {
        TimeProvider = _scheduler.TimeProvider,
        Scheduler = _scheduler,
        LoggerFactory = _log,
        TransportFactory = _net.CreateTransport,
    };

    private ValueTask<Network> Start(Func<Network, IEnumerable<ISubsystem>> compose) =>
        Network.StartAsync(App, Options(), compose, default);

    // Not Task.Delay: ended by its token, it continues on the thread pool.
    private async ValueTask ThreeSeconds(CancellationToken token) =>
        await new Signal(_scheduler, _scheduler.TimeProvider).WaitAsync(TimeSpan.FromSeconds(3), token);

    private async ValueTask Never(CancellationToken token) => await new Signal(_scheduler).WaitAsync(token);

    private void Run(Func<Task> body) => _scheduler.Run(body, TimeSpan.FromMinutes(5));

    private sealed class Subsystem(string name, List<string> steps, Network network) : ISubsystem
    {
        public Func<CancellationToken, ValueTask>? OnStart { get; init; }

        public Func<CancellationToken, ValueTask>? OnLeave { get; init; }

        public string Name => name;

        public ValueTask StartAsync(CancellationToken cancellationToken)
        {
            steps.Add($"{name} starts");
            return OnStart?.Invoke(cancellationToken) ?? default;
        }

        public void OnOnline() => steps.Add($"{name} online");

        public ValueTask LeaveAsync(CancellationToken cancellationToken)
        {
            Assert.False(network.Local.Termination.IsCancellationRequested);
            Assert.Throws<NetworkClosedException>(network.Local.ThrowIfLeaving);
            steps.Add($"{name} leaves");
            return OnLeave?.Invoke(cancellationToken) ?? default;
        }

        public ValueTask DisposeAsync()
        {
            steps.Add($"{name} ends{(network.Local.Termination.IsCancellationRequested ? ", terminated" : "")}");
            return default;
        }
    }

    /// <summary>Answers every message of a ping link with itself.</summary>
    private sealed class Echo : IProtocolHandler
    {
        public Subsystem For(Network network)
        {
            network.Local.Router.Register(WireProtocol.Ping, this);
            return new Subsystem("echo", [], network);
        }

        public async ValueTask ServeAsync(InboundConnection inbound, CancellationToken termination)
        {
            using var deadline = inbound.StartDeadline(termination);
            await using var link = await inbound.AcceptLinkAsync(deadline, termination);
            while (true)
                await link.SendRawAsync(await link.ReceiveAsync(termination), termination);
        }
    }

    private sealed class Lookup(Func<PeerId, IReadOnlyList<TransportAddress>> answer) : IAddressLookup
    {
        public ValueTask<IReadOnlyList<TransportAddress>> LookupAsync(PeerId peer, CancellationToken cancellationToken) =>
            new(answer(peer));
    }

    /// <summary>A transport on a machine whose addresses come and go.</summary>
    private sealed class HomelessTransport : ITransport
    {
        private TransportOptions? _options;
        private Completion? _closed;

        public event EventHandler? LocalAddressesChanged;

        public PeerId LocalId => _options!.SecretKey.PeerId;

        public IReadOnlyList<IPEndPoint> LocalEndPoints => [new(IPAddress.Any, 5)];

        public IReadOnlyList<IPEndPoint> LocalAddresses { get; private set; } = [];

        public HomelessTransport Bind(TransportOptions options)
        {
            _options = options;
            _closed = new Completion(options.Scheduler);
            return this;
        }

        public void Appear(params IPEndPoint[] addresses)
        {
            LocalAddresses = addresses;
            LocalAddressesChanged?.Invoke(this, EventArgs.Empty);
        }

        public void SetAcceptedAlpn(IReadOnlyList<string> protocols)
        {
        }

        public ValueTask<ITransportConnection> ConnectAsync(
            PeerId peer, IReadOnlyList<TransportAddress> addresses, string alpn, CancellationToken cancellationToken) =>
            throw new NotSupportedException();

        public async ValueTask<ITransportConnection> AcceptAsync(CancellationToken cancellationToken = default)
        {
            await _closed!.WaitAsync(cancellationToken);
            throw new TransportException(TransportErrorKind.TransportClosed, "closed");
        }

        public void Abort() => _closed!.TrySetResult();

        public ValueTask DisposeAsync()
        {
            _closed!.TrySetResult();
            return default;
        }
    }
}
