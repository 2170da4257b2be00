using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging.Abstractions;
using Mosaik.Diagnostics;
using Mosaik.Networking;
using Mosaik.Networking.Transport;
using Mosaik.Primitives;
using Mosaik.Testing;

namespace Mosaik.Tests.Networking;

/// <summary>Two nodes on the in-memory transport under virtual time, without anything above links.</summary>
internal sealed class LinkWorld : IDisposable
{
    private readonly Meter _meter = new("Mosaik");
    private readonly CancellationTokenSource _termination = new();

    public LinkWorld(ulong seed = 1)
    {
        Scheduler = new SimulationScheduler();
        Net = new InMemoryTransportNetwork(Scheduler.TimeProvider, new SimulationRandom(seed).Stream("net"));
        Client = Net.CreateTransport(Options(1));
        Server = Net.CreateTransport(Options(2));
        Server.SetAcceptedAlpn([.. WireProtocol.All.SelectMany(p => p.AcceptedAlpn)]);
        ClientContext = Context();
        ServerContext = Context();
    }

    public SimulationScheduler Scheduler { get; }

    public InMemoryTransportNetwork Net { get; }

    public ITransport Client { get; }

    public ITransport Server { get; }

    public LinkContext ClientContext { get; }

    public LinkContext ServerContext { get; }

    public CancellationTokenSource Termination => _termination;

    public static SecretKey Key(int n) => SecretKey.FromText($"node {n}");

    public TransportOptions Options(int n) => new()
    {
        SecretKey = Key(n),
        TimeProvider = Scheduler.TimeProvider,
        Scheduler = Scheduler,
        Random = new SimulationRandom((ulong)n),
    };

    public LinkContext Context() => new(
        Scheduler.TimeProvider, Scheduler, new NetworkMetrics(_meter, "test"), NullLogger.Instance, _termination.Token);

    /// <summary>A connection, both ends.</summary>
    public async Task<(ITransportConnection Client, ITransportConnection Server)> ConnectAsync(
        WireProtocol protocol, string? alpn = null)
    {
        var accepting = Server.AcceptAsync();
        var client = await Client.ConnectAsync(
            Server.LocalId, [new TransportAddress.Ip(Server.LocalEndPoints[0])], alpn ?? protocol.Alpn);
        return (client, await accepting);
    }

    /// <summary>A link, both ends, after one message from the opener.</summary>
    public async Task<(Link Client, Link Server)> OpenAsync(
        WireProtocol? protocol = null, CancellationToken clientOwner = default, CancellationToken serverOwner = default)
    {
        protocol ??= WireProtocol.Ping;
        var (near, far) = await ConnectAsync(protocol);
        var client = await Link.OpenAsync(ClientContext, protocol, near, clientOwner, default);
        await client.SendRawAsync("hello"u8.ToArray());
        using var deadline = Deadline(5);
        var server = await Link.AcceptAsync(ServerContext, protocol, far, deadline, serverOwner);
        Assert.Equal("hello"u8.ToArray(), (await server.ReceiveAsync()).ToArray());
        return (client, server);
    }

    public Deadline Deadline(double seconds, double? stall = null, CloseCode? code = null, CancellationToken caller = default) =>
        new(Scheduler.TimeProvider,
            TimeSpan.FromSeconds(seconds),
            "The test",
            null,
            stall is { } s ? TimeSpan.FromSeconds(s) : null,
            caller)
        {
            Code = code,
        };

    public void Run(Func<Task> body, double seconds = 60) => Scheduler.Run(body, TimeSpan.FromSeconds(seconds));

    public void Dispose()
    {
        Net.Dispose();
        _termination.Dispose();
        _meter.Dispose();
    }
}
