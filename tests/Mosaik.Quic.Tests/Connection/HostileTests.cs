using Mosaik.Quic.Connection;
using Mosaik.Quic.Streams;
using Mosaik.Quic.Tls;
using Mosaik.Quic.Wire;

namespace Mosaik.Quic.Tests.Connection;

/// <summary>
/// Every way to break the protocol ends the connection with the code RFC 9000 names (spec/quic.md §16, §17).
/// </summary>
public sealed class HostileTests
{
    /// <summary>1-RTT payloads of a client and what a server answers.</summary>
    public static TheoryData<string, string, ulong> ClientPayloads => new()
    {
        { "frame type 0x1f", "1f", 0x07 },
        { "frame type 0x30 (DATAGRAM, not negotiated)", "3000", 0x07 },
        { "frame type in two bytes", "4001", 0x0a },
        { "truncated STREAM", "0a00ff", 0x07 },
        { "truncated frame type", "40", 0x07 },
        { "HANDSHAKE_DONE from a client", "1e", 0x0a },
        { "NEW_TOKEN from a client", "0701aa", 0x0a },
        { "STREAM on a server-initiated uni stream", "0a030161", 0x05 },
        { "STREAM on a server bidi stream never opened", "0a010161", 0x05 },
        { "STREAM beyond the stream limit", "0a4190" + "0161", 0x04 },
        { "MAX_STREAM_DATA for a stream never opened", "110101", 0x05 },
        { "MAX_STREAM_DATA for a receive-only stream", "110201", 0x05 },
        { "STOP_SENDING for a receive-only stream", "050201", 0x05 },
        { "RESET_STREAM for a send-only stream", "04030100", 0x05 },
        { "MAX_STREAMS above 2^60", "12d000000000000001", 0x07 },
        { "STREAMS_BLOCKED above 2^60", "16d000000000000001", 0x07 },
        { "RETIRE_CONNECTION_ID never issued", "1914", 0x0a },
        { "NEW_CONNECTION_ID of 21 bytes", "18010015" + "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" + "00000000000000000000000000000000", 0x07 },
        { "NEW_CONNECTION_ID of 0 bytes", "18010000" + "00000000000000000000000000000000", 0x07 },
        { "NEW_CONNECTION_ID retire_prior_to above its number", "18010208" + "aaaaaaaaaaaaaaaa" + "00000000000000000000000000000000", 0x07 },
        { "NEW_CONNECTION_ID reuses a number", "18010008" + "aaaaaaaaaaaaaaaa" + "00000000000000000000000000000000", 0x0a },
        { "ACK of a number never sent", "027fff000000", 0x0a },
        { "ACK range below zero", "0205000006", 0x07 },
        { "CRYPTO beyond 2^62-1", "06ffffffffffffffff0161", 0x07 },
        { "CRYPTO far beyond the buffer", "06800200000161", 0x0d },
        { "STREAM beyond 2^62-1", "0e00ffffffffffffffff0161", 0x07 },
        { "STREAM beyond the stream window", "0e00801312d10161", 0x03 },
        { "KeyUpdate message in CRYPTO", "060005" + "1800000101", 0x10a },
        { "ClientHello after the handshake", "060004" + "01000000", 0x10a },
        { "path challenge truncated", "1a00", 0x07 },
    };

    [Theory]
    [MemberData(nameof(ClientPayloads))]
    public void Server_closes_with_the_code_of_the_violation(string what, string payload, ulong code)
    {
        (World world, _, Node server, Peer client, Peer peer) = Scenarios.Connected();
        world.RunFor(0.2);
        byte[] packet = Forge.Packet(client, Convert.FromHexString(payload));
        world.Send(new Datagram(world.Nodes[0].Address, server.Address, packet));
        world.RunUntil(() => peer.Closed, 1, what);
        AssertOurs(peer, code, what);
        // The other side hears of it.
        world.RunUntil(() => client.Closed, 1, what);
    }

    /// <summary>1-RTT payloads of a server and what a client answers.</summary>
    public static TheoryData<string, string, ulong> ServerPayloads => new()
    {
        { "empty NEW_TOKEN", "0700", 0x07 },
        { "STREAM on a client uni stream", "0a020161", 0x05 },
        { "STREAM on a client bidi stream never opened", "0a000161", 0x05 },
        { "second ServerHello", "060004" + "02000000", 0x10a },
        { "CertificateRequest after the handshake", "060007" + "0d000003" + "000000", 0x0a },
        { "PATH_RESPONSE truncated", "1b00", 0x07 },
        { "CONNECTION_CLOSE with a reason longer than the packet", "1d007f", 0x07 },
    };

    [Theory]
    [MemberData(nameof(ServerPayloads))]
    public void Client_closes_with_the_code_of_the_violation(string what, string payload, ulong code)
    {
        (World world, Node clientNode, Node server, Peer client, Peer peer) = Scenarios.Connected();
        world.RunFor(0.2);
        byte[] packet = Forge.Packet(peer, Convert.FromHexString(payload));
        world.Send(new Datagram(server.Address, clientNode.Address, packet));
        world.RunUntil(() => client.Closed, 1, what);
        AssertOurs(client, code, what);
    }

    [Theory]
    [InlineData("0701aa")]                                      // NEW_TOKEN
    [InlineData("06000d" + "04000009" + "000000000000000000")]   // NewSessionTicket
    [InlineData("1e")]                                          // HANDSHAKE_DONE again
    [InlineData("1b0000000000000001")]                          // PATH_RESPONSE nobody asked for
    [InlineData("03000000000a0b0c")]                            // ACK with ECN counts
    [InlineData("00000000")]                                    // nothing but padding
    public void Harmless_frames_of_a_server_are_tolerated(string payload)
    {
        (World world, Node clientNode, Node server, Peer client, Peer peer) = Scenarios.Connected();
        Scenarios.EchoAtEnd(server);
        world.RunFor(0.2);
        world.Filter = d => d.From.Port != 1000;    // the real server must not see acknowledgements of forged packets
        clientNode.Receive(new Datagram(server.Address, clientNode.Address, Forge.Packet(peer, Convert.FromHexString(payload))));
        world.RunFor(0.5);
        Assert.Null(client.CloseInfo);
    }

    [Fact]
    public void Original_destination_id_of_another_connection_is_refused()
    {
        var world = new World();
        Node client = world.Add("10.0.0.1:1000");
        Node server = world.Add("10.0.0.2:2000", configureConnections: s => s with
        {
            Knobs = new ConnectionKnobs
            {
                // Parameter 0x00 is the first: id, length, twenty bytes.
                TransportParameters = bytes =>
                {
                    bytes[2] ^= 1;
                    return bytes;
                },
            },
        });
        Peer peer = client.Connect(server);
        world.RunUntil(() => peer.Closed, 5);
        AssertOurs(peer, 0x08);
    }

    [Fact]
    public void Token_longer_than_its_packet_is_dropped()
    {
        var world = new World();
        Node client = world.Add("10.0.0.1:1000");
        Node server = world.Add("10.0.0.2:2000");
        world.Filter = d =>
        {
            const int TokenLength = 1 + 4 + 1 + 20 + 1 + 8;
            if (d.From.Port == 1000)
            {
                Assert.Equal(0, d.Bytes[TokenLength]);
                d.Bytes[TokenLength] = 0x7f;
                d.Bytes[TokenLength + 1] = 0xff;
            }
            return true;
        };
        client.Connect(server);
        world.RunFor(2);
        Assert.Equal(0, server.Core.ConnectionCount);
        Assert.Equal(0, server.Sent);
    }

    [Fact]
    public void Empty_payload_is_a_protocol_violation()
    {
        (World world, _, Node server, Peer client, Peer peer) = Scenarios.Connected();
        // Four bytes of packet number and nothing else is the smallest packet that can be opened.
        Send(world, server, Forge.Packet(client, default));
        world.RunUntil(() => peer.Closed, 1);
        AssertOurs(peer, 0x0a);
    }

    [Theory]
    [InlineData(0x08)]
    [InlineData(0x10)]
    public void Reserved_bits_are_a_protocol_violation(byte bits)
    {
        (World world, _, Node server, Peer client, Peer peer) = Scenarios.Connected();
        Send(world, server, Forge.Packet(client, [0x01], reservedBits: bits));
        world.RunUntil(() => peer.Closed, 1);
        AssertOurs(peer, 0x0a);
    }

    [Fact]
    public void Changed_final_size()
    {
        (World world, _, Node server, Peer client, Peer peer) = Scenarios.Connected();
        Send(world, server, Forge.Packet(client, Convert.FromHexString("0b000161")));           // one byte and FIN
        Send(world, server, Forge.Packet(client, Convert.FromHexString("04000102")));           // reset with final size 2
        world.RunUntil(() => peer.Closed, 1);
        AssertOurs(peer, 0x06);
    }

    [Fact]
    public void Data_beyond_the_final_size()
    {
        (World world, _, Node server, Peer client, Peer peer) = Scenarios.Connected();
        Send(world, server, Forge.Packet(client, Convert.FromHexString("0b000161")));
        Send(world, server, Forge.Packet(client, Convert.FromHexString("0e00010161")));
        world.RunUntil(() => peer.Closed, 1);
        AssertOurs(peer, 0x06);
    }

    [Theory]
    [InlineData(false, "0a00" + "0161", 0x0a)]
    [InlineData(false, "1e", 0x0a)]
    [InlineData(false, "1d0000", 0x0a)]
    [InlineData(true, "1001", 0x0a)]
    [InlineData(true, "1a0000000000000000", 0x0a)]
    [InlineData(true, "1c", 0x07)]
    public void Frames_in_the_wrong_packet_type(bool handshake, string payload, ulong code)
    {
        EncryptionLevel level = handshake ? EncryptionLevel.Handshake : EncryptionLevel.Initial;
        var world = new World();
        Node client = world.Add("10.0.0.1:1000");
        Node server = world.Add("10.0.0.2:2000");
        // The client's second flight is lost, so that both sides have handshake keys and are not finished.
        world.Filter = d => d.From.Port != 1000 || HandshakeTests.Types(d.Bytes) == "Initial";
        Peer peer = client.Connect(server);
        world.RunFor(0.1);
        Assert.NotNull(peer.Core.Level(EncryptionLevel.Handshake).Write);
        world.Filter = null;
        byte[] packet;
        if (level == EncryptionLevel.Initial)
        {
            // The client has discarded its Initial keys; anyone can derive them.
            Span<byte> id = stackalloc byte[20];
            (var keys, _) = Mosaik.Quic.Crypto.InitialKeys.Derive(id[..peer.Core.OriginalDestination.CopyTo(id)]);
            packet = Forge.Packet(peer, Convert.FromHexString(payload), level, padTo: 1200, keys: keys);
        }
        else
        {
            packet = Forge.Packet(peer, Convert.FromHexString(payload), level);
        }
        world.Send(new Datagram(client.Address, server.Address, packet));
        world.RunUntil(() => server.Peers.Any(p => p.Closed), 1);
        AssertOurs(server.Peers.First(p => p.Closed), code);
    }

    [Fact]
    public void Coalesced_packet_for_another_connection_id_is_dropped()
    {
        (World world, _, Node server, Peer client, Peer peer) = Scenarios.Connected();
        world.RunFor(0.2);
        byte[] good = Forge.Packet(client, [0x01]);
        // A Handshake packet cannot be opened any more and is skipped by its length; the short one behind names another
        // id.
        byte[] datagram = new byte[60 + good.Length];
        PacketHeaderLayout layout = PacketHeaderWriter.WriteLong(datagram, PacketType.Handshake,
            ConnectionId.FromUInt64(peer.Core.LocalIds[0].AsUInt64), client.Core.LocalInitialId, default, 2, 1, 4);
        PacketHeaderWriter.PatchLength(datagram, layout, 60);
        good.CopyTo(datagram.AsSpan(60));
        datagram[61] ^= 0xff;
        ulong before = peer.Core.Statistics.PacketsReceived;
        Send(world, server, datagram);
        world.RunFor(0.1);
        Assert.Equal(before, peer.Core.Statistics.PacketsReceived);
        datagram[61] ^= 0xff;
        Send(world, server, datagram);
        world.RunFor(0.1);
        bool sameId = datagram.AsSpan(61, 8).SequenceEqual(datagram.AsSpan(6, 8));
        Assert.Equal(before + (sameId ? 1UL : 0UL), peer.Core.Statistics.PacketsReceived);
        Assert.False(peer.Closed);
    }

    [Fact]
    public void Fixed_bit_of_zero_is_dropped()
    {
        (World world, _, Node server, Peer client, Peer peer) = Scenarios.Connected();
        world.RunFor(0.2);
        byte[] packet = Forge.Packet(client, [0x01]);
        packet[0] &= 0xbf;
        ulong before = peer.Core.Statistics.PacketsReceived;
        Send(world, server, packet);
        world.RunFor(0.1);
        Assert.Equal(before, peer.Core.Statistics.PacketsReceived);
        Assert.False(peer.Closed);
    }

    [Fact]
    public void Flood_of_new_connection_ids_is_ended()
    {
        (World world, _, Node server, Peer client, Peer peer) = Scenarios.Connected();
        // Each frame retires everything before it and the retirements are never acknowledged.
        world.Filter = d => d.From.Port == 1000;
        for (ulong n = 5; n < 30 && !peer.Closed; n++)
        {
            byte[] id = new byte[8];
            id[7] = (byte)n;
            byte[] frames = Forge.Frames((ref FrameWriter w) => w.TryWriteNewConnectionId(n, n, new ConnectionId(id), new byte[16]));
            Send(world, server, Forge.Packet(client, frames));
            world.RunFor(0.01);
        }
        Assert.True(peer.Closed);
        AssertOurs(peer, 0x09);
    }

    [Fact]
    public void More_connection_ids_than_the_limit()
    {
        (World world, _, Node server, Peer client, Peer peer) = Scenarios.Connected();
        world.RunFor(0.1);
        byte[] frames = Forge.Frames((ref FrameWriter w) =>
        {
            for (byte n = 10; n < 16; n++)
                w.TryWriteNewConnectionId(n, 0, new ConnectionId([n, 0, 0, 0, 0, 0, 0, 0]), new byte[16]);
        });
        Send(world, server, Forge.Packet(client, frames));
        world.RunUntil(() => peer.Closed, 1);
        AssertOurs(peer, 0x09);
    }

    [Fact]
    public void Retiring_the_id_of_the_very_packet()
    {
        (World world, _, Node server, Peer client, Peer peer) = Scenarios.Connected();
        world.RunFor(0.1);
        byte[] frames = Forge.Frames((ref FrameWriter w) => w.TryWriteRetireConnectionId(client.Core.RemoteIds.CurrentSequence));
        Send(world, server, Forge.Packet(client, frames));
        world.RunUntil(() => peer.Closed, 1);
        AssertOurs(peer, 0x0a);
    }

    [Fact]
    public void Path_challenge_flood_gets_one_answer_per_turn()
    {
        (World world, Node clientNode, Node server, Peer client, Peer peer) = Scenarios.Connected();
        world.RunFor(0.2);
        int before = server.Sent;
        byte[] frames = Forge.Frames((ref FrameWriter w) =>
        {
            for (ulong n = 0; n < 100; n++)
                w.TryWritePathChallenge(n);
        });
        world.Filter = d => d.From.Port != 1000 || d.Bytes.Length > 0;
        server.Receive(new Datagram(clientNode.Address, server.Address, Forge.Packet(client, frames)));
        world.Settle();
        Assert.Equal(before + 1, server.Sent);
        Assert.False(peer.Closed);
    }

    [Fact]
    public void Acknowledging_a_skipped_number_is_found_out()
    {
        (World world, _, Node server, Peer client, Peer peer) = Scenarios.Connected();
        // Enough packets of the server that at least one number of [0, 64) was left out.
        for (int i = 0; i < 80; i++)
        {
            StreamId id = peer.Open(bidirectional: false);
            peer.Write(id, [1], finish: true);
            world.RunFor(0.05);
        }
        ulong last = peer.Core.Level(EncryptionLevel.OneRtt).Space.NextPacketNumber - 1;
        Assert.InRange(last, 64UL, 1000UL);
        byte[] frames = Forge.Frames((ref FrameWriter w) => w.TryWriteAck([new PacketNumberRange(0, last)], 0));
        Send(world, server, Forge.Packet(client, frames));
        world.RunUntil(() => peer.Closed, 1);
        AssertOurs(peer, 0x0a);
    }

    [Fact]
    public void Stream_churn_is_ended_with_400()
    {
        (World world, _, Node server, Peer client, Peer peer) = Scenarios.Connected(
            server: s => s with { MaxUnidirectionalStreams = 1000 });
        peer.ReadsAtOnce = false;
        world.RunFor(0.1);
        for (ulong n = 0; n < 400 && !peer.Closed; n += 20)
        {
            byte[] frames = Forge.Frames((ref FrameWriter w) =>
            {
                for (ulong k = n; k < n + 20; k++)
                    w.TryWriteResetStream(4 * k + 2, 1, 0);
            });
            Send(world, server, Forge.Packet(client, frames));
            world.RunFor(0.01);
        }
        Assert.True(peer.Closed);
        Assert.Equal((QuicCloseKind.Application, false, 400UL), (peer.CloseInfo!.Kind, peer.CloseInfo.IsRemote, peer.CloseInfo.Code));
    }

    [Fact]
    public void Transport_parameters_that_do_not_match_the_wire_are_refused()
    {
        // Parameter 0x0f is the last one a client sends: eight bytes of connection id.
        AssertParameterError(bytes =>
        {
            bytes[^1] ^= 1;
            return bytes;
        });
    }

    [Theory]
    [InlineData("0102" + "7530")]                   // max_idle_timeout twice
    [InlineData("030244af")]                        // max_udp_payload_size 1199, and twice
    [InlineData("0a0115")]                          // ack_delay_exponent 21
    [InlineData("0b0480004000")]                    // max_ack_delay 2^14
    [InlineData("0008aaaaaaaaaaaaaaaa")]            // server-only
    [InlineData("0210aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")]
    [InlineData("0a02")]                            // truncated
    [InlineData("c00000000000003e00" + "c00000000000003e00")]   // an unknown one twice
    public void Bad_transport_parameters_are_refused(string appended) =>
        AssertParameterError(bytes => [.. bytes, .. Convert.FromHexString(appended)]);

    private static void AssertParameterError(Func<byte[], byte[]> change)
    {
        var world = new World();
        Node client = world.Add("10.0.0.1:1000",
            configureConnections: s => s with { Knobs = new ConnectionKnobs { TransportParameters = change } });
        Node server = world.Add("10.0.0.2:2000");
        Peer peer = client.Connect(server);
        world.RunUntil(() => peer.Closed, 5);
        Assert.Equal((QuicCloseKind.Transport, true, 0x08UL), (peer.CloseInfo!.Kind, peer.CloseInfo.IsRemote, peer.CloseInfo.Code));
    }

    private static void AssertOurs(Peer peer, ulong code, string? what = null)
    {
        QuicCloseInfo info = peer.CloseInfo!;
        Assert.True(info is { Kind: QuicCloseKind.Transport, IsRemote: false } && info.Code == code, $"{what}: {info}");
    }

    private static void Send(World world, Node server, byte[] packet) =>
        world.Send(new Datagram(world.Nodes[0].Address, server.Address, packet));
}
