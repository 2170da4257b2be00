using System.Net;
using Microsoft.Extensions.Logging;
using Mosaik.Discovery;
using Mosaik.Networking;
using Mosaik.Networking.Transport;
using Mosaik.Primitives;
using Mosaik.Streams;
using Mosaik.Testing;
using Mosaik.Tests.Discovery;

namespace Mosaik.Tests.Streams;

/// <summary>Whole nodes with streams on the in-memory transport under virtual time, in one thread.</summary>
internal sealed class StreamWorld : IDisposable
{
    private readonly DiscoveryWorld _world;

    public StreamWorld(ulong seed = 1) => _world = new DiscoveryWorld(seed);

    public DiscoveryWorld Discovery => _world;

    public InMemoryTransportNetwork Transports => _world.Transports;

    public NetworkId Id => _world.Id;

    public TimeSpan Now => _world.Scheduler.Now;

    public TimeProvider Time => _world.Scheduler.TimeProvider;

    public void Run(Func<Task> scenario) => _world.Run(scenario);

    public void Dispose() => _world.Dispose();

    public Task<Network> StartAsync(
        StreamsOptions? streams = null, SecretKey? key = null, ILoggerFactory? log = null, NetworkId? network = null) =>
        _world.StartAsync(
            network: network,
            key: key,
            configure: options => options with
            {
                Streams = streams ?? new StreamsOptions(),
                LoggerFactory = log,
            },
            gossip: _ => null); // the test says when a node learns of another

    public async Task<Network[]> StartManyAsync(int count)
    {
        var nodes = new Network[count];
        for (var i = 0; i < count; i++)
            nodes[i] = await StartAsync();
        return nodes;
    }

    /// <summary>Every node learns the current entry of every other.</summary>
    public Task SyncAsync(params Network[] nodes) => _world.DiscoverAllAsync(nodes);

    public Task DelayAsync(double seconds) => _world.DelayAsync(TimeSpan.FromSeconds(seconds));

    public Task UntilAsync(Func<bool> condition, double seconds, string what) =>
        _world.UntilAsync(condition, TimeSpan.FromSeconds(seconds), what);

    /// <summary>A task must end within some time of the world.</summary>
    public Task<T> WithinAsync<T>(ValueTask<T> task, double seconds = 3) =>
        task.AsTask().WaitAsync(TimeSpan.FromSeconds(seconds), Time);

    public Task WithinAsync(ValueTask task, double seconds = 3) =>
        task.AsTask().WaitAsync(TimeSpan.FromSeconds(seconds), Time);

    /// <summary>The next datums, each within some seconds.</summary>
    public async Task<List<T>> TakeAsync<T>(Consumer<T> consumer, int count, double seconds = 5)
    {
        var taken = new List<T>();
        while (taken.Count < count)
        {
            Assert.True(await WithinAsync(consumer.WaitToReadAsync(), seconds), "the consumer has ended");
            while (taken.Count < count && consumer.TryRead(out var item))
                taken.Add(item);
        }

        return taken;
    }

    /// <summary>What is left until the consumer ends.</summary>
    public async Task<List<T>> DrainAsync<T>(Consumer<T> consumer, double seconds = 5)
    {
        var taken = new List<T>();
        while (await WithinAsync(consumer.WaitToReadAsync(), seconds))
            while (consumer.TryRead(out var item))
                taken.Add(item);
        return taken;
    }

    /// <summary>Two nodes, a producer, a consumer, subscribed.</summary>
    public async Task<Pair<T>> PairAsync<T>(
        ProducerOptions<T>? producing = null, ConsumerOptions<T>? consuming = null, StreamsOptions? streams = null)
    {
        var pair = new Pair<T> { ProducerNode = await StartAsync(streams), ConsumerNode = await StartAsync(streams) };
        pair.Producer = pair.ProducerNode.Streams.Produce(producing);
        pair.Consumer = pair.ConsumerNode.Streams.Consume(consuming);
        await SyncAsync(pair.ProducerNode, pair.ConsumerNode);
        await WithinAsync(pair.Consumer.When.Subscribed().WaitAsync());
        await WithinAsync(pair.Producer.When.Subscribed().WaitAsync());
        return pair;
    }

    public static IPAddress HostOf(Network node) => node.Local.Endpoint.LocalAddresses[0].Address;

    /// <summary>Cuts two nodes off from each other.</summary>
    public void Cut(Network a, Network b) => Transports.Links.Partition([HostOf(a)], [HostOf(b)]);

    internal sealed class Pair<T>
    {
        public Network ProducerNode { get; init; } = null!; // set by the world

        public Network ConsumerNode { get; init; } = null!; // as above

        public Producer<T> Producer { get; set; } = null!; // as above

        public Consumer<T> Consumer { get; set; } = null!; // as above
    }
}

/// <summary>A peer that speaks the streams protocol byte by byte, as a consumer or as a producer.</summary>
internal sealed class RawStreamPeer
{
    private readonly StreamWorld _world;
    private readonly RawPeer _peer;
    private long? _startedAtMs;

    public RawStreamPeer(StreamWorld world, string name = "raw")
    {
        _world = world;
        _peer = new RawPeer(world.Discovery, SecretKey.FromText(name));
    }

    public PeerId Id => _peer.Key.PeerId;

    /// <summary>Puts the peer into a node's catalog, as a producer of some streams.</summary>
    public async Task IntroduceAsync(Network node, params StreamId[] streams)
    {
        _startedAtMs ??= _world.Discovery.NowMs;
        var version = new PeerVersion(_startedAtMs.Value, _world.Discovery.NowMs);
        var entry = PeerEntry.Create(_world.Id, _peer.Address, version).AddStreams(default, streams).WithVersion(version);
        Assert.True(await node.Discovery.InsertAsync(entry));
    }

    public async Task<(ITransportConnection Connection, ITransportStream Stream)> OpenAsync(Network node)
    {
        var connection = await _peer.ConnectAsync(node, WireProtocol.Streams.Alpn);
        return (connection, await connection.OpenStreamAsync(TransportStreamDirection.Bidirectional));
    }

    /// <summary>Subscribes as a consumer does, and reads StartStream.</summary>
    public async Task<(ITransportConnection Connection, ITransportStream Stream)> SubscribeAsync(Network node, StreamId stream)
    {
        var (connection, bytes) = await OpenAsync(node);
        await bytes.WriteAsync(Handshake(_world.Id, stream));
        Assert.Equal(Handshake(_world.Id, stream)[4..], await _world.WithinAsync(new ValueTask<byte[]>(RawPeer.ReadFrameAsync(bytes))));
        return (connection, bytes);
    }

    /// <summary>Sends bytes on a new connection and tells how it ended.</summary>
    public async Task<CloseCode?> SendAsync(Network node, byte[] bytes, double seconds = 20)
    {
        var (connection, stream) = await OpenAsync(node);
        await stream.WriteAsync(bytes);
        return (await _world.WithinAsync(connection.WaitClosedAsync(), seconds)).RemoteCode;
    }

    /// <summary>Accepts a subscription as a producer does, up to the handshake.</summary>
    public async Task<(ITransportConnection Connection, ITransportStream Stream)> AcceptAsync(double seconds = 20)
    {
        _peer.Transport.SetAcceptedAlpn([WireProtocol.Streams.Alpn]);
        var connection = await _world.WithinAsync(_peer.Transport.AcceptAsync(), seconds);
        var stream = await _world.WithinAsync(connection.AcceptStreamAsync(TransportStreamDirection.Bidirectional));
        await RawPeer.ReadFrameAsync(stream);
        return (connection, stream);
    }

    /// <summary>Accepts a subscription and reads its handshake.</summary>
    public async Task<(byte[] Bytes, ITransportStream Stream)> AcceptHandshakeAsync(double seconds = 20)
    {
        _peer.Transport.SetAcceptedAlpn([WireProtocol.Streams.Alpn]);
        var connection = await _world.WithinAsync(_peer.Transport.AcceptAsync(), seconds);
        var stream = await _world.WithinAsync(connection.AcceptStreamAsync(TransportStreamDirection.Bidirectional));
        return (await RawPeer.ReadFrameAsync(stream), stream);
    }

    public static byte[] Handshake(NetworkId network, StreamId stream) =>
        RawPeer.Frame(new StreamHandshake(network, stream).Encode());
}
