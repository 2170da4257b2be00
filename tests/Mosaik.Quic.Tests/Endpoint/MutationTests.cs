using System.Net;
using Mosaik.Quic.Connection;
using Mosaik.Quic.Paths;
using Mosaik.Quic.Streams;
using Mosaik.Quic.Tests.Connection;
using Mosaik.Quic.Tests.Tls;

namespace Mosaik.Quic.Tests.Endpoint;

/// <summary>Mutated, truncated and random datagrams: never an exception, never unbounded state.</summary>
public sealed class MutationTests
{
    private const int Rounds = 120_000;

    [Fact]
    public void Endpoint_survives_mutated_datagrams()
    {
        List<byte[]> corpus = Corpus();
        var random = new SeededRandom(4711);
        var world = new World(5);
        Node server = world.Add("10.0.0.2:2000", s => s with { MaxUnfinishedHandshakes = 50, HandshakePressureThreshold = 40 });
        byte[] buffer = new byte[Transmit.MaxBytes];
        for (int i = 0; i < Rounds; i++)
        {
            byte[] datagram = Mutate(corpus[(int)random.NextBelow((ulong)corpus.Count)], random);
            var source = new IPEndPoint(new IPAddress([10, 1, (byte)random.NextBelow(4UL), (byte)random.NextBelow(4UL)]), 1 + i % 100);
            server.Core.HandleDatagram(world.Now, new PathAddress(source), (Ecn)random.NextBelow(4UL), datagram, out _);
            if (i % 64 == 0)
            {
                world.Now += TimeSpan.FromMilliseconds(20);
                server.Core.HandleTimeouts(world.Now);
                while (server.Core.PollTransmit(world.Now, buffer, out _))
                {
                }
                while (server.Core.TryPollEvent(out _, out _))
                {
                }
                Assert.InRange(server.Core.UnfinishedHandshakes, 0, 50);
                Assert.InRange(server.Core.ConnectionCount, 0, 2000);
            }
        }
        world.RunFor(60);
        Assert.Equal(0, server.Core.ConnectionCount);
    }

    [Fact]
    public void Live_connection_survives_mutated_datagrams()
    {
        (World world, Node clientNode, Node server, Peer client, Peer peer) = Scenarios.Connected(3);
        Scenarios.EchoAtEnd(server);
        var random = new SeededRandom(815);
        List<Datagram> recent = [];
        bool recording = true;
        world.Filter = d =>
        {
            if (recording)
                recent.Add(new Datagram(d.From, d.To, [.. d.Bytes]));
            return true;
        };
        int injected = 0;
        while (injected < Rounds / 2)
        {
            recent.Clear();
            recording = true;
            StreamId id = client.Open();
            client.Write(id, Scenarios.Bytes(20_000, injected), finish: true);
            world.RunUntil(() => client.Ended.Contains(id) || client.Closed, 60);
            Assert.Null(client.CloseInfo);
            Assert.Equal(Scenarios.Bytes(20_000, injected), client.Received[id]);
            recording = false;
            for (int i = 0; i < 1500; i++, injected++)
            {
                Datagram original = recent[(int)random.NextBelow((ulong)recent.Count)];
                byte[] datagram = Mutate(original.Bytes, random);
                // An unchanged copy is a duplicate; everything else must fail to open.
                Node target = original.To.Equals(server.Address) ? server : clientNode;
                IPEndPoint from = random.NextBelow(50UL) == 0 ? IPEndPoint.Parse("6.6.6.6:6") : original.From;
                target.Receive(new Datagram(from, original.To, datagram));
                if (i % 64 == 0)
                    world.Settle();
            }
        }
        Assert.False(client.Closed || peer.Closed);
        Assert.True(peer.Core.Statistics.PacketsNotOpened > 10_000);
    }

    [Fact]
    public void Handshakes_survive_mutated_datagrams_on_the_way()
    {
        int complete = 0;
        for (ulong seed = 1; seed <= 60; seed++)
        {
            var world = new World(seed);
            Node client = world.Add("10.0.0.1:1000");
            Node server = world.Add("10.0.0.2:2000");
            var random = new SeededRandom(seed);
            world.Copy = d => new Datagram(d.From, d.To, Mutate(d.Bytes, random));
            Peer peer = client.Connect(server);
            world.RunFor(5);
            complete += peer.Confirmed ? 1 : 0;
            // Anyone can forge an Initial packet, so a handshake may be ended; nothing else may happen.
        }
        Assert.True(complete > 50, $"only {complete} of 60");
    }

    private static byte[] Mutate(byte[] original, SeededRandom random)
    {
        byte[] copy = [.. original];
        switch (random.NextBelow(6UL))
        {
            case 0:
                return copy[..(int)random.NextBelow((ulong)copy.Length + 1)];
            case 1:
                byte[] noise = new byte[(int)random.NextBelow(1500UL)];
                random.Fill(noise);
                return noise;
            case 2:
                byte[] longer = new byte[copy.Length + (int)random.NextBelow(100UL)];
                copy.CopyTo(longer, 0);
                return longer;
            case 3:
                // The header, where the structure is.
                copy[(int)random.NextBelow((ulong)Math.Min(copy.Length, 60))] = (byte)random.NextBelow(256UL);
                return copy;
            default:
                for (ulong n = random.NextBelow(8UL) + 1; n > 0; n--)
                    copy[(int)random.NextBelow((ulong)copy.Length)] ^= (byte)(1 << (int)random.NextBelow(8UL));
                return copy;
        }
    }

    private static List<byte[]> Corpus()
    {
        List<byte[]> corpus = [];
        for (ulong seed = 1; seed <= 20; seed++)
        {
            var world = new World(seed);
            Node client = world.Add("10.0.0.1:1000");
            Node server = world.Add("10.0.0.2:2000", s => seed % 4 == 0 ? s with { HandshakePressureThreshold = 0 } : s);
            world.Filter = d =>
            {
                corpus.Add([.. d.Bytes]);
                return true;
            };
            Peer peer = client.Connect(server);
            world.RunUntil(() => peer.Confirmed);
            peer.Write(peer.Open(), Scenarios.Bytes(500), finish: true);
            world.RunFor(0.1);
            peer.Close(1, "end");
            world.RunFor(1);
        }
        return corpus;
    }
}
