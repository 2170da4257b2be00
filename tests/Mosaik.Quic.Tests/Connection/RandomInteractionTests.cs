using System.Net;
using CsCheck;
using Mosaik.Quic.Connection;
using Mosaik.Quic.Streams;
using Mosaik.Quic.Tls;

namespace Mosaik.Quic.Tests.Connection;

/// <summary>
/// Random interactions over random networks. Whatever happens: data arrives intact and in order, ends arrive, no packet
/// number is used twice with one key, nothing beyond three times is sent to an address before it is validated, buffers
/// stay
/// within their windows, and the run ends.
/// </summary>
public sealed class RandomInteractionTests
{
    private static readonly Gen<(ulong Seed, double Loss, int JitterMs, double Duplication, int LatencyMs, int Steps, bool Moves, int Update)>
        Runs = Gen.Select(Gen.ULong, Gen.Double[0, 0.25], Gen.Int[0, 60], Gen.Double[0, 0.2], Gen.Int[0, 120], Gen.Int[5, 40],
            Gen.Bool, Gen.Int[0, 60]);

    [Fact]
    public void Data_arrives_intact_whatever_the_network_does() =>
        // 100 runs by default; CsCheck_Iter asks for more.
        Runs.Sample(
            run => Run(
                run.Seed, run.Loss, run.JitterMs, run.Duplication, run.LatencyMs, run.Steps, run.Moves, run.Update),
            threads: 1);

    private static void Run(
        ulong seed, double loss, int jitterMs, double duplication, int latencyMs, int steps, bool moves, int update)
    {
        var numbers = new PacketNumberCheck();
        Func<ConnectionSettings, ConnectionSettings> configure = s => s with
        {
            HandshakeTimeout = TimeSpan.FromHours(1),
            IdleTimeout = TimeSpan.FromHours(1),
            StreamReceiveWindow = 60_000,
            ConnectionReceiveWindow = 150_000,
            MaxBidirectionalStreams = 8,
            MaxUnidirectionalStreams = 8,
            Trace = _ => new NumberTrace(numbers),
            Knobs = new ConnectionKnobs { KeyUpdateAfterPackets = update < 10 ? 0 : (ulong)update },
        };
        var world = new World(seed)
        {
            Profile = new NetworkProfile
            {
                Loss = loss,
                Duplication = duplication,
                Latency = TimeSpan.FromMilliseconds(latencyMs),
                Jitter = TimeSpan.FromMilliseconds(jitterMs),
            },
        };
        Node clientNode = world.Add("10.0.0.1:1000", configureConnections: configure);
        Node serverNode = world.Add("10.0.0.2:2000", configureConnections: configure);
        var amplification = new AmplificationCheck(serverNode);
        world.Filter = amplification.OnSent;
        Peer client = clientNode.Connect(serverNode);
        world.RunUntil(() => client.Confirmed || client.Closed, 3000, "handshake");
        Assert.Null(client.CloseInfo);
        world.RunUntil(() => serverNode.Peers.Count == 1 && serverNode.Peers[0].Connected, 100);
        amplification.Stop();
        Peer server = serverNode.Peers[0];
        var flows = new List<Flow>();
        for (int step = 0; step < steps; step++)
        {
            Peer from = world.Random.NextBelow(2UL) == 0 ? client : server;
            Act(world, from, from == client ? server : client, flows);
            if (moves && world.Random.NextBelow(10UL) == 0)
                clientNode.Address = new IPEndPoint(new IPAddress([10, 0, (byte)world.Random.NextBelow(3UL), 1]), 1000 + step);
            world.RunFor(world.Random.NextDouble() * 0.2);
            Assert.InRange(server.Core.BufferedReceiveBytes, 0UL, 150_000UL);
            Assert.InRange(client.Core.BufferedReceiveBytes, 0UL, 150_000UL);
        }
        foreach (Flow flow in flows.Where(f => !f.Reset))
            flow.From.Core.Finish(flow.Id);
        world.RunUntil(() => client.Closed || server.Closed || flows.TrueForAll(f => f.Reset || f.IsComplete), 6000, "all data");
        Assert.Null(client.CloseInfo);
        Assert.Null(server.CloseInfo);
        foreach (Flow flow in flows)
            flow.AssertPrefix();
        client.Close(7, "end");
        world.RunUntil(() => clientNode.Core.ConnectionCount == 0, 100);
    }

    private static void Act(World world, Peer from, Peer to, List<Flow> flows)
    {
        ulong choice = world.Random.NextBelow(10UL);
        if (choice < 4)
        {
            if (from.Core.TryOpenStream(world.Random.NextBelow(2UL) == 0, out StreamId id))
                flows.Add(new Flow(from, to, id));
            return;
        }
        Flow[] open = [.. flows.Where(f => f.From == from && !f.Reset)];
        if (open.Length == 0)
            return;
        Flow flow = open[(int)world.Random.NextBelow((ulong)open.Length)];
        if (choice == 9 && world.Random.NextBelow(4UL) == 0)
        {
            from.Core.Reset(flow.Id, 5);
            flow.Reset = true;
            return;
        }
        flow.Write((int)world.Random.NextBelow(40_000UL));
    }

    private sealed class Flow(Peer from, Peer to, StreamId id)
    {
        private readonly List<byte> _written = [];

        public Peer From => from;

        public StreamId Id => id;

        public bool Reset { get; set; }

        public bool IsComplete => to.Ended.Contains(id);

        public void Write(int length)
        {
            byte[] data = Scenarios.Bytes(length, (int)id.Value + _written.Count);
            int accepted = from.Core.Write(id, data);
            if (accepted > 0)
                _written.AddRange(data[..accepted]);
        }

        public void AssertPrefix()
        {
            List<byte> received = to.Received.GetValueOrDefault(id) ?? [];
            Assert.Equal(_written[..received.Count], received);
            if (!Reset)
                Assert.Equal(_written.Count, received.Count);
        }
    }

    /// <summary>No number twice with one key: per sending connection, level and number.</summary>
    private sealed class PacketNumberCheck
    {
        private readonly HashSet<(NumberTrace, EncryptionLevel, ulong)> _used = [];

        public void OnSent(NumberTrace connection, EncryptionLevel level, ulong number) =>
            Assert.True(_used.Add((connection, level, number)), $"packet number {number} was used twice");
    }

    private sealed class NumberTrace(PacketNumberCheck check) : ConnectionTrace
    {
        public override void PacketSent(TimeSpan now, EncryptionLevel level, ulong packetNumber, int size, bool ackEliciting) =>
            check.OnSent(this, level, packetNumber);
    }

    /// <summary>
    /// Until the server has a Handshake packet of the client, it may send three times what it received.
    /// </summary>
    private sealed class AmplificationCheck(Node server)
    {
        private long _received;
        private long _sent;
        private bool _validated;
        private bool _stopped;

        public void Stop() => _stopped = true;

        public bool OnSent(Datagram datagram)
        {
            if (_stopped || _validated)
                return true;
            if (!datagram.From.Equals(server.Address))
            {
                // Counted when sent, an upper bound of what arrives (duplicates count again on arrival).
                _received += 2 * datagram.Bytes.Length;
                _validated |= HandshakeTests.Types(datagram.Bytes).Contains("Handshake", StringComparison.Ordinal);
                return true;
            }
            _sent += datagram.Bytes.Length;
            Assert.True(_sent <= 3 * _received, $"{_sent} bytes sent, {_received} received");
            return true;
        }
    }
}
