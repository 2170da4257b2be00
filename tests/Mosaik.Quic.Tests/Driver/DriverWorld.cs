using Mosaik.Testing;

namespace Mosaik.Quic.Tests.Driver;

/// <summary>Endpoints on an in-memory network, on one thread, under virtual time.</summary>
internal sealed class DriverWorld : IDisposable
{
    public const string Alpn = "test/1";

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);

    private readonly SimulationRandom _random;
    private readonly List<QuicEndpoint> _endpoints = [];
    private byte _lastSeed;

    public DriverWorld(ulong seed = 1)
    {
        _random = new SimulationRandom(seed);
        Network = new InMemoryDatagramNetwork(Scheduler.TimeProvider, _random.Stream("net"));
    }

    public SimulationScheduler Scheduler { get; } = new();

    public InMemoryDatagramNetwork Network { get; }

    public TimeProvider Time => Scheduler.TimeProvider;

    /// <summary>An endpoint on a host of its own.</summary>
    public QuicEndpoint Add(
        Func<QuicOptions, QuicOptions>? change = null, Func<IDatagramSocket, IDatagramSocket>? wrap = null)
    {
        var host = Network.AddHost();
        var seed = new byte[QuicOptions.KeyLength];
        seed.AsSpan().Fill(++_lastSeed);
        var options = new QuicOptions
        {
            IdentitySeed = seed,
            AcceptedAlpn = [Alpn],
            TimeProvider = Time,
            Scheduler = Scheduler,
            Random = _random.Stream($"node/{_lastSeed}"),
            SocketFactory = local => wrap is null ? host.OpenSocket(local) : wrap(host.OpenSocket(local)),
        };
        var endpoint = QuicEndpoint.Bind(change?.Invoke(options) ?? options);
        _endpoints.Add(endpoint);
        return endpoint;
    }

    public static ValueTask<QuicConnection> Connect(
        QuicEndpoint from, QuicEndpoint to, CancellationToken cancellationToken = default) =>
        from.ConnectAsync(to.LocalEndPoints[0], to.PublicKey, [Alpn], cancellationToken);

    /// <summary>A client, a server, and a connection between them.</summary>
    public async Task<(QuicConnection Client, QuicConnection Server)> ConnectPair(
        Func<QuicOptions, QuicOptions>? client = null, Func<QuicOptions, QuicOptions>? server = null)
    {
        var listener = Add(server);
        var accepting = listener.AcceptAsync();
        var connection = await Connect(Add(client), listener);
        return (connection, await accepting);
    }

    /// <summary>A stream of both sides, opened by the client, on which one byte has passed.</summary>
    public static async Task<(QuicStream Client, QuicStream Server)> OpenPair(QuicConnection client, QuicConnection server)
    {
        var accepting = server.AcceptStreamAsync(QuicStreamDirection.Bidirectional);
        var stream = await client.OpenStreamAsync(QuicStreamDirection.Bidirectional);
        await stream.WriteAsync(new byte[] { 42 });
        var accepted = await accepting;
        var first = new byte[1];
        Assert.Equal(1, await accepted.ReadAsync(first));
        return (stream, accepted);
    }

    public void Run(Func<Task> body) => Scheduler.Run(body, Limit);

    /// <summary>Lets virtual time pass inside a run.</summary>
    public Task Delay(TimeSpan time) => Task.Delay(time, Time);

    public void Dispose()
    {
        foreach (var endpoint in _endpoints)
            endpoint.Abort();
        Network.Dispose();
    }
}
