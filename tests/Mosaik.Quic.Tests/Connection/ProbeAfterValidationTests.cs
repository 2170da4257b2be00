using System.Net;
using Mosaik.Quic.Streams;

namespace Mosaik.Quic.Tests.Connection;

/// <summary>Found by the simulation of the world quic: a server that never probed again.</summary>
public sealed class ProbeAfterValidationTests
{
    [Fact]
    public void A_server_limited_by_amplification_probes_again_once_the_address_is_validated()
    {
        var world = new World();
        Node client = world.Add("10.0.0.1:1000");
        Node server = world.Add("10.0.0.2:2000");
        IPEndPoint fromClient = client.Address;
        TimeSpan start = world.Now;
        bool firstSent = false;
        bool silent = false;
        world.Filter = datagram =>
        {
            if (!datagram.From.Equals(fromClient))
                return !silent;
            // The first Initial arrives; what follows is lost until the server has used up three times its size, and then a
            // small Handshake packet validates the address without lifting the limit by itself.
            bool arrives = !firstSent || (world.Now - start > TimeSpan.FromSeconds(3) && datagram.Bytes.Length < 400);
            firstSent = true;
            return arrives || silent;
        };
        byte[] data = Scenarios.Bytes(5000);
        server.OnEvent = (peer, e) =>
        {
            if (e.Kind != Mosaik.Quic.Connection.ConnectionEventKind.Connected)
                return;
            silent = true;   // its first flight is lost
            StreamId id = peer.Open();
            peer.Write(id, data, finish: true);
        };
        Peer dialled = client.Connect(server);
        world.RunUntil(() => silent, 9, "the server is connected");
        world.RunFor(0.1);
        Assert.Empty(dialled.Received);
        silent = false;
        world.Filter = null;
        // Well before the client's keep-alive asks for an answer.
        world.RunUntil(() => dialled.Ended.Count == 1, 3, "the server's data");
        Assert.Equal(data, dialled.Received.Values.Single());
    }
}
