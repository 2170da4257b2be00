using Mosaik.Discovery.Gossip;
using Mosaik.Discovery.Gossip.Protocol;
using Mosaik.Networking;
using Mosaik.Networking.Transport;
using Mosaik.Primitives;

namespace Mosaik.Tests.Discovery.Gossip;

/// <summary>A peer that says what a test wants, and keeps what it hears.</summary>
internal sealed class RawGossipPeer(GossipWorld world, SecretKey key, ITransport transport)
{
    public ITransport Transport => transport;

    public PeerId Id => key.PeerId;

    public IEnumerable<TransportAddress> Addresses => transport.LocalAddresses.Select(static e => new TransportAddress.Ip(e));

    /// <summary>Connections in the order in which they were made.</summary>
    public List<ITransportConnection> Connections { get; } = [];

    /// <summary>Messages in the order of arrival, with the connection they came over.</summary>
    public List<(ITransportConnection Connection, TopicId Topic, GossipMessage Message)> Heard { get; } = [];

    /// <summary>Streams of the node that were finished.</summary>
    public int Finished { get; private set; }

    public int Streams { get; private set; }

    public async Task<ITransportConnection> ConnectAsync(GossipNode node, string? alpn = null)
    {
        ITransportConnection connection = await transport
            .ConnectAsync(node.Id, node.Local.Address.Addresses, alpn ?? WireProtocol.Announce.Alpn);
        Listen(connection);
        return connection;
    }

    /// <summary>Accepts connections from now on.</summary>
    public void Accept()
    {
        transport.SetAcceptedAlpn([.. WireProtocol.Announce.AcceptedAlpn]);
        _ = AcceptAsync();
    }

    /// <summary>Opens a stream that begins with the topic.</summary>
    public static async Task<ITransportStream> OpenAsync(ITransportConnection connection, TopicId topic, params GossipMessage[] messages)
    {
        ITransportStream stream = await connection.OpenStreamAsync(TransportStreamDirection.Unidirectional);
        await stream.WriteAsync(GossipCodec.EncodeHeader(topic));
        await SendAsync(stream, messages);
        return stream;
    }

    public static async Task SendAsync(ITransportStream stream, params GossipMessage[] messages)
    {
        foreach (GossipMessage message in messages)
            await stream.WriteAsync(GossipCodec.Encode(message));
    }

    /// <summary>Connects, becomes a neighbour, and returns the stream.</summary>
    public async Task<(ITransportConnection Connection, ITransportStream Stream)> JoinAsync(GossipNode node)
    {
        ITransportConnection connection = await ConnectAsync(node);
        ITransportStream stream = await OpenAsync(connection, GossipWorld.Topic, new JoinMessage(null));
        await world.UntilAsync(() => Count<NeighborMessage>() > 0, "the answer to a Join");
        await SendAsync(stream, new NeighborMessage(NeighborPriority.High, null));
        return (connection, stream);
    }

    public int Count<T>()
        where T : GossipMessage => Heard.Count(static h => h.Message is T);

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
                Listen(await transport.AcceptAsync());
        }
        catch (TransportException)
        {
            // The world ends.
        }
    }

    private void Listen(ITransportConnection connection)
    {
        Connections.Add(connection);
        _ = ListenAsync(connection);
    }

    private async Task ListenAsync(ITransportConnection connection)
    {
        try
        {
            while (true)
            {
                ITransportStream stream = await connection.AcceptStreamAsync(TransportStreamDirection.Unidirectional);
                Streams++;
                _ = ReadAsync(connection, stream);
            }
        }
        catch (TransportException)
        {
            // The connection ends.
        }
    }

    private async Task ReadAsync(ITransportConnection connection, ITransportStream stream)
    {
        using var buffer = new FrameBuffer();
        TopicId? topic = null;
        try
        {
            while (true)
            {
                while (buffer.TryRead(4096, out ReadOnlyMemory<byte> payload) == FrameStatus.Complete)
                {
                    if (topic is null)
                    {
                        Assert.True(GossipCodec.TryDecodeHeader(payload.Span, out TopicId header));
                        topic = header;
                        continue;
                    }

                    Assert.True(GossipCodec.TryDecode(payload.Span, out GossipMessage? message));
                    Heard.Add((connection, topic.Value, message));
                }

                int read = await stream.ReadAsync(buffer.GetMemory());
                buffer.Advance(read);
                if (read > 0)
                    continue;
                Finished++;
                return;
            }
        }
        catch (TransportException)
        {
            // The connection ends.
        }
    }
}
