using Mosaik.Quic.Connection;
using Mosaik.Quic.Streams;

namespace Mosaik.Quic.Tests.Connection;

public sealed class HandshakeTests
{
    [Fact]
    public void Two_cores_connect_and_echo_a_stream()
    {
        var world = new World();
        Node client = world.Add("10.0.0.1:1000");
        Node server = world.Add("10.0.0.2:2000");
        Scenarios.EchoAtEnd(server);
        Peer peer = client.Connect(server);
        world.RunUntil(() => peer.Confirmed && server.Peers.Count == 1 && server.Peers[0].Confirmed, what: "confirmed");
        Assert.Equal(server.Identity.PublicKey.ToArray(), peer.Core.PeerPublicKey.ToArray());
        Assert.Equal(client.Identity.PublicKey.ToArray(), server.Peers[0].Core.PeerPublicKey.ToArray());
        Assert.Equal(Node.Alpn, peer.Core.Alpn);
        StreamId id = peer.Open();
        byte[] data = Scenarios.Bytes(100_000);
        peer.Write(id, data, finish: true);
        world.RunUntil(() => peer.Ended.Contains(id), what: "echo");
        Assert.Equal(data, peer.Received[id]);
    }
}
