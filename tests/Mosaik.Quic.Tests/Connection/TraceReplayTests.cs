using System.Net;
using System.Security.Cryptography;
using Mosaik.Quic.Connection;
using Mosaik.Quic.Crypto;
using Mosaik.Quic.Paths;
using Mosaik.Quic.Recovery;
using Mosaik.Quic.Streams;
using Mosaik.Quic.Tests.Tls;
using Mosaik.Quic.Tests.Traces;
using Mosaik.Quic.Wire;

namespace Mosaik.Quic.Tests.Connection;

/// <summary>Recorded conversations with noq, replayed (vectors/quic-traces/README.md, assertions 13 to 16).</summary>
public sealed class TraceReplayTests
{
    private static readonly PathAddress Path = new(IPEndPoint.Parse("10.0.0.2:2000"));

    public static TheoryData<string> Clients => TraceFile.Names(t => t.Deterministic?.Role == "client");

    public static TheoryData<string> Servers => TraceFile.Names(t => t.Deterministic?.Role == "server");

    public static TheoryData<string> All => TraceFile.Names(static _ => true);

    [Theory]
    [MemberData(nameof(Clients))]
    public void Client_core_talks_to_the_recorded_server(string name)
    {
        TraceFile trace = TraceFile.Get(name);
        var owner = new ReplayOwner(trace);
        QuicConnectionCore core = QuicConnectionCore.Connect(Settings(trace), owner, 1, TimeSpan.Zero, Path,
            trace.Server.PublicKey, trace.Negotiated.Sni, [trace.Negotiated.Alpn]);
        byte[] buffer = new byte[Transmit.MaxBytes];
        Assert.True(core.PollTransmit(TimeSpan.Zero, buffer, out _));
        var now = TimeSpan.FromMilliseconds(1);
        core.HandleDatagram(now, Path, Ecn.NotEct, [.. trace.Datagrams[1].Bytes]);
        Assert.Equal(ConnectionState.Open, core.State);
        Assert.True(core.TryOpenStream(bidirectional: true, out StreamId id));
        Assert.Equal(0UL, id.Value);
        byte[] sent = StreamBytes(trace, "client");
        Assert.Equal(35, sent.Length);
        Assert.Equal(35, core.Write(id, sent));
        core.Finish(id);
        Assert.True(core.PollTransmit(now, buffer, out _));
        Assert.False(core.IsHandshakeConfirmed);
        core.HandleDatagram(now, Path, Ecn.NotEct, [.. trace.Datagrams[3].Bytes]);
        Assert.True(core.IsHandshakeConfirmed);
        Assert.Equal(trace.Server.PublicKey, core.PeerPublicKey.ToArray());
        Assert.Equal(5, core.RemoteIds.Count);
        byte[] read = new byte[100];
        int n = core.Read(id, read, out bool fin);
        Assert.True(fin || (core.Read(id, read.AsSpan(n), out fin) == 0 && fin));
        Assert.Equal(sent, read[..n]);
        AssertExports(trace, core);
    }

    [Theory]
    [MemberData(nameof(Servers))]
    public void Server_core_talks_to_the_recorded_client(string name)
    {
        TraceFile trace = TraceFile.Get(name);
        var owner = new ReplayOwner(trace);
        var id = new ConnectionId(trace.ConnectionIds.OriginalDestination);
        QuicConnectionCore core = QuicConnectionCore.Accept(
            Settings(trace), owner, 1, TimeSpan.Zero, Path, [trace.Negotiated.Alpn], id, id);
        byte[] buffer = new byte[Transmit.MaxBytes];
        core.HandleDatagram(TimeSpan.Zero, Path, Ecn.NotEct, [.. trace.Datagrams[0].Bytes]);
        Assert.True(core.PollTransmit(TimeSpan.Zero, buffer, out Transmit flight));
        Assert.Equal(1, flight.DatagramCount);
        Assert.Equal(1200, flight.Length);
        var now = TimeSpan.FromMilliseconds(1);
        core.HandleDatagram(now, Path, Ecn.NotEct, [.. trace.Datagrams[2].Bytes]);
        Assert.True(core.IsHandshakeConfirmed);
        Assert.Equal(trace.Client.PublicKey, core.PeerPublicKey.ToArray());
        List<ConnectionEvent> events = [];
        while (core.TryPollEvent(out ConnectionEvent e))
            events.Add(e);
        Assert.Contains(events, e => e.Kind == ConnectionEventKind.Connected);
        Assert.Contains(events, e => e.Stream is { Kind: StreamEventKind.Readable, Id.Value: 0 });
        AssertExports(trace, core);
    }

    [Fact]
    public void Key_update_is_recognised_in_order_and_out_of_order()
    {
        TraceFile trace = TraceFile.Get("noq11-server-keyupdate");
        TracePacket[] packets = [.. trace.Datagrams.Where(d => d.From == "server").SelectMany(d => d.Packets).Where(p => p.Type == "1-RTT")];
        int flip = Array.FindIndex(packets, p => p.KeyPhase == 1);
        Assert.True(flip > 0 && flip < packets.Length);
        Assert.Equal(47UL, packets[flip].Pn);
        AssertOpens(trace, packets);
        // The packet that flips overtakes the one before: the old keys are still there.
        (packets[flip - 1], packets[flip]) = (packets[flip], packets[flip - 1]);
        AssertOpens(trace, packets);
    }

    [Fact]
    public void Skipped_packet_number_is_never_acknowledged()
    {
        TraceFile trace = TraceFile.Get("noq11-server-keyupdate");
        var received = new AckRanges();
        foreach (TracePacket packet in trace.Datagrams.Where(d => d.From == "server").SelectMany(d => d.Packets).Where(p => p.Type == "1-RTT"))
        {
            Assert.True(received.TryAdd(packet.Pn));
            foreach (PacketNumberRange range in received.NewestFirst)
                Assert.False(range.Smallest <= 38 && range.Largest >= 38, $"38 is covered after {packet.Pn}");
        }
        Assert.True(received.Largest > 38);
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Streams_and_close_are_what_the_trace_says(string name)
    {
        TraceFile trace = TraceFile.Get(name);
        foreach (TraceStream stream in trace.Streams)
        {
            byte[] bytes = StreamBytes(trace, stream.From);
            Assert.Equal(stream.Length, bytes.Length);
            Assert.Equal(stream.Sha256, SHA256.HashData(bytes));
        }
        (ulong code, string reason) = Close(trace);
        Assert.Equal(((ulong)trace.Close.Code, trace.Close.Reason), (code, reason));
    }

    private static void AssertOpens(TraceFile trace, TracePacket[] packets)
    {
        using var keys = new OneRttKeys(0);
        keys.InstallRead(PacketKeys.FromSecret(trace.Suite, trace.KeyLogSecret("SERVER_TRAFFIC_SECRET_0")));
        keys.InstallWrite(PacketKeys.FromSecret(trace.Suite, trace.KeyLogSecret("CLIENT_TRAFFIC_SECRET_0")));
        HeaderProtection protection = keys.ReadHeaderProtection;
        ulong? largest = null;
        foreach (TracePacket recorded in packets)
        {
            byte[] packet = Bytes(trace, recorded);
            Assert.True(PacketProtection.TryRemoveHeaderProtection(protection, packet, 9, out int length, out uint truncated));
            ulong number = PacketNumber.Decode(truncated, length, largest);
            Assert.Equal(recorded.Pn, number);
            OpenResult result = keys.TryOpen(TimeSpan.Zero, TimeSpan.FromSeconds(1), PacketHeader.KeyPhase(packet[0]), number, 1,
                packet.AsSpan(0, 9 + length), packet.AsSpan(9 + length), out ulong generation);
            Assert.NotEqual(OpenResult.Failed, result);
            Assert.NotEqual(OpenResult.UpdateViolation, result);
            Assert.Equal((ulong?)recorded.KeyGeneration, generation);
            Assert.Equal(recorded.Payload, packet[(9 + length)..^16]);
            Assert.Same(protection, keys.ReadHeaderProtection);
            largest = largest is { } l && l > number ? l : number;
        }
        Assert.Equal(1UL, keys.ReadGeneration);
        Assert.Equal(1UL, keys.WriteGeneration);
    }

    private static byte[] Bytes(TraceFile trace, TracePacket packet)
    {
        TraceDatagram datagram = trace.Datagrams.Single(d => d.Packets.Contains(packet));
        return datagram.Bytes[packet.At..(packet.At + packet.Size)];
    }

    private static byte[] StreamBytes(TraceFile trace, string from)
    {
        using var streams = new StreamSet(isServer: from == "client", new TransportParameters
        {
            InitialMaxData = 1 << 24,
            InitialMaxStreamDataBidiLocal = 1 << 24,
            InitialMaxStreamDataBidiRemote = 1 << 24,
            InitialMaxStreamsBidi = 10,
        });
        streams.ApplyPeerParameters(new TransportParameters { InitialMaxStreamsBidi = 10 });
        if (from == "server")
            Assert.True(streams.TryOpen(bidirectional: true, out _));
        foreach (TracePacket packet in trace.Datagrams.Where(d => d.From == from).SelectMany(d => d.Packets).Where(p => p.Type == "1-RTT"))
        {
            var reader = new FrameReader(packet.Payload, PacketType.OneRtt, receiverIsServer: from == "client");
            while (reader.TryRead(out Frame frame))
            {
                if (frame.Type == FrameType.Stream)
                    Assert.Null(streams.OnStream(frame.StreamId, frame.Offset, frame.Data, frame.Fin));
            }
            Assert.Null(reader.Error);
        }
        byte[] bytes = new byte[200_000];
        int length = 0;
        bool fin = false;
        for (int n = 1; n > 0 && !fin;)
        {
            n = streams.Read(0, bytes.AsSpan(length), out fin);
            length += Math.Max(n, 0);
        }
        Assert.True(fin);
        return bytes[..length];
    }

    private static (ulong Code, string Reason) Close(TraceFile trace)
    {
        foreach (TraceDatagram datagram in trace.Datagrams.Where(d => d.From == trace.Close.From))
        {
            foreach (TracePacket packet in datagram.Packets.Where(p => p.Type == "1-RTT"))
            {
                var reader = new FrameReader(packet.Payload, PacketType.OneRtt, receiverIsServer: datagram.From == "client");
                while (reader.TryRead(out Frame frame))
                {
                    if (frame.Type == FrameType.ApplicationClose)
                        return (frame.ErrorCode, System.Text.Encoding.UTF8.GetString(frame.Data));
                }
            }
        }
        throw new InvalidDataException("no close in the trace");
    }

    private static void AssertExports(TraceFile trace, QuicConnectionCore core)
    {
        foreach (TraceExport export in trace.Exporter.Outputs)
        {
            byte[] output = new byte[trace.Exporter.Length];
            Assert.True(core.ExportKeyingMaterial(export.Label, trace.Exporter.Context, output));
            Assert.Equal(export.Value, output);
        }
    }

    private static ConnectionSettings Settings(TraceFile trace)
    {
        TraceDeterministic own = trace.Deterministic!;
        TraceSide side = own.Role == "client" ? trace.Client : trace.Server;
        return new ConnectionSettings
        {
            Identity = Ed25519SigningKey.FromSeed(side.IdentitySeed),
            Random = new FixedRandom(own.Random),
            SkipPacketNumbers = false,
            Knobs = new ConnectionKnobs
            {
                FixedX25519PrivateKey = own.X25519PrivateKey,
                OriginalDestination = trace.ConnectionIds.OriginalDestination,
            },
        };
    }

    /// <summary>Gives out the recorded connection id first, and the recorded reset token for it.</summary>
    private sealed class ReplayOwner(TraceFile trace) : IConnectionOwner
    {
        private ulong _next;

        private ulong First => new ConnectionId(trace.Deterministic!.SourceConnectionId).AsUInt64;

        public ulong IssueConnectionId(QuicConnectionCore connection) => First + _next++;

        public StatelessResetToken GetResetToken(ulong connectionId) => new(
            connectionId == First && trace.Deterministic!.StatelessResetToken is { } token ? token : new byte[16]);

        public void OnWork(QuicConnectionCore connection)
        {
        }

        public void RetireConnectionId(ulong connectionId)
        {
        }

        public void AddPeerResetToken(QuicConnectionCore connection, in StatelessResetToken token)
        {
        }

        public void RemovePeerResetToken(QuicConnectionCore connection, in StatelessResetToken token)
        {
        }
    }
}
