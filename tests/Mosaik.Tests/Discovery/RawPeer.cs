using System.Buffers.Binary;
using Mosaik.Networking;
using Mosaik.Networking.Transport;
using Mosaik.Primitives;

namespace Mosaik.Tests.Discovery;

/// <summary>A peer that speaks whatever bytes a test wants, over the same transport as the nodes.</summary>
internal sealed class RawPeer
{
    private readonly ITransport _transport;
    private readonly DiscoveryWorld _world;

    public RawPeer(DiscoveryWorld world, SecretKey key)
    {
        _world = world;
        Key = key;
        _transport = world.Transports.CreateTransport(new TransportOptions
        {
            SecretKey = key,
            TimeProvider = world.Scheduler.TimeProvider,
            Scheduler = world.Scheduler,
            Random = new SeededRandom(9),
        });
    }

    public SecretKey Key { get; }

    public ITransport Transport => _transport;

    public EndpointAddress Address =>
        new(Key.PeerId, _transport.LocalAddresses.Select(static e => new TransportAddress.Ip(e)));

    public async Task<ITransportConnection> ConnectAsync(Network node, string alpn) =>
        await _transport.ConnectAsync(node.Local.Id, node.Local.Address.Addresses, alpn);

    /// <summary>Connects, sends bytes as they are, and tells how the connection ended.</summary>
    public async Task<TransportCloseInfo> SendAsync(Network node, string alpn, byte[] bytes)
    {
        ITransportConnection connection = await ConnectAsync(node, alpn);
        ITransportStream stream = await connection.OpenStreamAsync(TransportStreamDirection.Bidirectional);
        await stream.WriteAsync(bytes);
        return await connection.WaitClosedAsync();
    }

    /// <summary>Connects, sends a frame, receives one, closes with 200.</summary>
    public async Task<byte[]> ExchangeAsync(Network node, string alpn, byte[] payload)
    {
        ITransportConnection connection = await ConnectAsync(node, alpn);
        ITransportStream stream = await connection.OpenStreamAsync(TransportStreamDirection.Bidirectional);
        await stream.WriteAsync(Frame(payload));
        byte[] answer = await ReadFrameAsync(stream);
        await connection.CloseAsync(CloseCode.Success, CloseCode.Success.Name);
        return answer;
    }

    /// <summary>Accepts one connection and answers its first frame with a payload.</summary>
    public async Task<TransportCloseInfo> AnswerAsync(string alpn, byte[] payload)
    {
        _transport.SetAcceptedAlpn([alpn]);
        ITransportConnection connection = await _transport.AcceptAsync();
        ITransportStream stream = await connection.AcceptStreamAsync(TransportStreamDirection.Bidirectional);
        await ReadFrameAsync(stream);
        await stream.WriteAsync(Frame(payload));
        return await connection.WaitClosedAsync().AsTask().WaitAsync(TimeSpan.FromMinutes(5), _world.Scheduler.TimeProvider);
    }

    public static byte[] Frame(ReadOnlySpan<byte> payload)
    {
        byte[] frame = new byte[4 + payload.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame, payload.Length);
        payload.CopyTo(frame.AsSpan(4));
        return frame;
    }

    public static async Task<byte[]> ReadFrameAsync(ITransportStream stream)
    {
        byte[] header = await ReadAsync(stream, 4);
        return await ReadAsync(stream, BinaryPrimitives.ReadInt32BigEndian(header));
    }

    private static async Task<byte[]> ReadAsync(ITransportStream stream, int length)
    {
        byte[] bytes = new byte[length];
        for (int at = 0; at < length;)
        {
            int read = await stream.ReadAsync(bytes.AsMemory(at));
            Assert.NotEqual(0, read);
            at += read;
        }
        return bytes;
    }
}

/// <summary>Accepts every connection and says nothing.</summary>
internal sealed class SilentPeer : IDisposable
{
    private readonly RawPeer _peer;
    private readonly CancellationTokenSource _stop = new();

    public SilentPeer(DiscoveryWorld world)
    {
        _peer = new RawPeer(world, SecretKey.FromText("silent"));
        _peer.Transport.SetAcceptedAlpn([WireProtocol.Sync.Alpn, WireProtocol.Ping.Alpn]);
        _ = AcceptAsync();
    }

    public EndpointAddress Address => _peer.Address;

    public int Accepted { get; private set; }

    public void Dispose() => _stop.Cancel();

    private async Task AcceptAsync()
    {
        while (true)
        {
            try
            {
                await _peer.Transport.AcceptAsync(_stop.Token);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            Accepted++;
        }
    }
}
