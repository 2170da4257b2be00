using Mosaik.Quic.Connection;
using Mosaik.Quic.Streams;

namespace Mosaik.Quic.Tests.Connection;

/// <summary>Pieces that many scenarios share.</summary>
internal static class Scenarios
{
    /// <summary>A recognisable pattern.</summary>
    public static byte[] Bytes(int length, int salt = 0)
    {
        byte[] data = new byte[length];
        for (int i = 0; i < length; i++)
            data[i] = (byte)(i * 31 + (i >> 8) * 7 + salt);
        return data;
    }

    /// <summary>The node answers each finished bidirectional stream with the same bytes.</summary>
    public static void EchoAtEnd(Node node) => node.OnEvent += (peer, e) =>
    {
        ulong id = e.Stream.Id;
        if (e.Kind == ConnectionEventKind.Stream && e.Stream.Kind == StreamEventKind.Readable
            && e.Stream.Id.IsBidirectional && peer.Ended.Contains(id))
        {
            peer.Core.Write(id, peer.Received[id].ToArray());
            peer.Core.Finish(id);
        }
    };

    /// <summary>A client and a server that are connected and confirmed.</summary>
    public static (World World, Node Client, Node Server, Peer ClientPeer, Peer ServerPeer) Connected(
        ulong seed = 1,
        Func<ConnectionSettings, ConnectionSettings>? client = null,
        Func<ConnectionSettings, ConnectionSettings>? server = null,
        NetworkProfile? profile = null)
    {
        var world = new World(seed);
        if (profile is not null)
            world.Profile = profile;
        Node clientNode = world.Add("10.0.0.1:1000", configureConnections: client);
        Node serverNode = world.Add("10.0.0.2:2000", configureConnections: server);
        Peer clientPeer = clientNode.Connect(serverNode);
        world.RunUntil(() => clientPeer.Confirmed && serverNode.Peers is [{ Confirmed: true }], what: "connected");
        return (world, clientNode, serverNode, clientPeer, serverNode.Peers[0]);
    }
}
