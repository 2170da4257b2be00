using System.Net;
using Mosaik.Quic.Connection;
using Mosaik.Quic.Streams;
using Mosaik.Quic.Tests.Tls;
using Mosaik.Quic.Tls;
using Mosaik.Quic.Wire;

namespace Mosaik.Quic.Tests.Connection;

/// <summary>
/// A peer with the habits of noq (spec/quic.md §7): it leaves out packet numbers, 0 included, updates its keys after 10
/// to
/// 999 packets, sends every datagram from several addresses until the handshake is over, probes 1452 bytes, splits its
/// ClientHello, and shuffles its transport parameters with grease among them.
/// </summary>
public sealed class NoqLikePeerTests
{
    public static TheoryData<int> Seeds => [.. Enumerable.Range(1, 16)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void As_client(int seed)
    {
        var world = new World((ulong)seed);
        Node noq = world.Add("10.0.0.1:1000", configureConnections: s => Noq(s, (ulong)seed));
        Node ours = world.Add("10.0.0.2:2000");
        IPEndPoint[] others = [IPEndPoint.Parse("10.0.0.1:1001"), IPEndPoint.Parse("[fd15::3]:12345"), IPEndPoint.Parse("1.2.3.4:5")];
        noq.Aliases.AddRange(others);
        int copies = 0;
        world.Copy = d => d.From.Equals(noq.Address) && ours.Peers.All(p => !p.Connected)
            ? new Datagram(others[copies++ % 3], d.To, [.. d.Bytes])
            : null;
        Talk(world, noq, ours);
        Assert.True(copies > 0);
        Assert.Single(ours.Peers);
        Assert.Equal(1UL, ours.Core.Statistics.ConnectionsAccepted);
        // If a copy came first, the server answered there, and followed the client when the copies ended.
        Assert.InRange(ours.Peers[0].Core.Statistics.Migrations, 0UL, 1UL);
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void As_server(int seed)
    {
        var world = new World((ulong)seed);
        Node noq = world.Add("10.0.0.2:2000", configureConnections: s => Noq(s, (ulong)seed));
        Node ours = world.Add("10.0.0.1:1000");
        Talk(world, ours, noq);
    }

    [Fact]
    public void Packet_number_zero_is_left_out_by_some_peers_and_nobody_minds()
    {
        int leftOut = 0;
        for (ulong seed = 1; seed < 300 && leftOut < 2; seed++)
        {
            var random = new SeededRandom(seed);
            (World world, _, Node server, Peer client, _) = Scenarios.Connected(seed, client: s => s with { Random = random });
            Scenarios.EchoAtEnd(server);
            bool zero = client.Core.Level(EncryptionLevel.OneRtt).Space.SkippedNumbers.Contains(0UL);
            leftOut += zero ? 1 : 0;
            if (!zero)
                continue;
            StreamId id = client.Open();
            client.Write(id, Scenarios.Bytes(5000), finish: true);
            world.RunUntil(() => client.Ended.Contains(id), 5);
        }
        Assert.True(leftOut > 0);
    }

    private static void Talk(World world, Node clientNode, Node serverNode)
    {
        world.Profile = new NetworkProfile { Jitter = TimeSpan.FromMilliseconds(3), Loss = 0.01, Duplication = 0.05 };
        Scenarios.EchoAtEnd(serverNode);
        Peer client = clientNode.Connect(serverNode);
        world.RunUntil(() => client.Confirmed, 20);
        for (int i = 0; i < 3; i++)
        {
            StreamId id = client.Open();
            client.Write(id, Scenarios.Bytes(200_000, i), finish: true);
            world.RunUntil(() => client.Ended.Contains(id) || client.Closed, 60);
            Assert.Null(client.CloseInfo);
            Assert.Equal(Scenarios.Bytes(200_000, i), client.Received[id]);
        }
        client.Close(204, "GracefulShutdown");
        world.RunUntil(() => serverNode.Peers[0].Closed, 40);
    }

    private static ConnectionSettings Noq(ConnectionSettings settings, ulong seed)
    {
        var random = new SeededRandom(seed * 977);
        return settings with
        {
            Random = random,
            Knobs = new ConnectionKnobs
            {
                KeyUpdateAfterPackets = 10 + random.NextBelow(990UL) / 4,
                MaxInitialFrameBytes = 150 + (int)random.NextBelow(500UL),
                MtuProbes = [1326, 1389, 1452],
                TransportParameters = encoded => Shuffle(encoded, random),
                OmitServerName = random.NextBelow(2UL) == 0,
            },
        };
    }

    /// <summary>Random order, one grease parameter with an 8-byte id, and the extensions noq offers.</summary>
    private static byte[] Shuffle(byte[] encoded, SeededRandom random)
    {
        List<byte[]> parameters = [];
        for (int at = 0; at < encoded.Length;)
        {
            int start = at;
            Assert.True(VarInt.TryRead(encoded, ref at, out _));
            Assert.True(VarInt.TryRead(encoded, ref at, out ulong length));
            at += (int)length;
            parameters.Add(encoded[start..at]);
        }
        byte[] grease = new byte[9 + (int)random.NextBelow(16UL)];
        random.Fill(grease);
        VarInt.WriteFixed(grease, 31 * random.NextBelow(1UL << 50) + 27, 8);
        grease[8] = (byte)(grease.Length - 9);
        parameters.Add(grease);
        parameters.Add(Convert.FromHexString("20048000ffff"));
        parameters.Add(Convert.FromHexString("3e010c"));
        parameters.Add(Convert.FromHexString("c0000000ff04de1b0243e8"));
        parameters.Add(Convert.FromHexString("c0003d7f91120401010c"));
        for (int i = parameters.Count - 1; i > 0; i--)
        {
            int j = (int)random.NextBelow((ulong)i + 1);
            (parameters[i], parameters[j]) = (parameters[j], parameters[i]);
        }
        return [.. parameters.SelectMany(static p => p)];
    }
}
