using System.Net;
using Mosaik.Quic.Connection;
using Mosaik.Quic.Crypto;
using Mosaik.Quic.Streams;
using Mosaik.Quic.Wire;

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

    [Fact]
    public void Handshake_takes_one_round_trip_and_the_expected_datagrams()
    {
        var world = new World();
        List<string> log = [];
        Node client = world.Add("10.0.0.1:1000");
        Node server = world.Add("10.0.0.2:2000");
        world.Filter = d =>
        {
            log.Add((d.From.Port == 1000 ? "C" : "S") + " " + Types(d.Bytes) + " " + (d.Bytes.Length >= 1200 ? "full" : "small"));
            return true;
        };
        TimeSpan start = world.Now;
        Peer peer = client.Connect(server);
        world.RunUntil(() => peer.Connected);
        Assert.Equal(TimeSpan.FromMilliseconds(10), world.Now - start);
        world.RunUntil(() => peer.Confirmed);
        Assert.Equal("C Initial full", log[0]);
        Assert.Equal("S Initial+Handshake full", log[1]);
        Assert.StartsWith("C Initial+Handshake", log[2], StringComparison.Ordinal);
        Assert.EndsWith("full", log[2], StringComparison.Ordinal);
        Assert.StartsWith("S OneRtt", log[3], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0x1301)]
    [InlineData(0x1302)]
    [InlineData(0x1303)]
    public void Every_suite_carries_data(int suite)
    {
        (World world, _, Node server, Peer peer, _) =
            Scenarios.Connected(client: s => s with { CipherSuites = [(CipherSuite)suite] });
        Scenarios.EchoAtEnd(server);
        StreamId id = peer.Open();
        peer.Write(id, Scenarios.Bytes(5000), finish: true);
        world.RunUntil(() => peer.Ended.Contains(id));
        Assert.Equal(Scenarios.Bytes(5000), peer.Received[id]);
    }

    [Fact]
    public void Hello_retry_request_when_the_server_knows_only_the_second_group()
    {
        (_, _, _, Peer peer, Peer other) = Scenarios.Connected(server: s => s with { Groups = [NamedGroup.P256] });
        Assert.True(peer.Connected && other.Connected);
    }

    [Fact]
    public void Lost_first_initial_is_repeated_after_the_initial_probe_timeout()
    {
        var world = new World();
        Node client = world.Add("10.0.0.1:1000");
        Node server = world.Add("10.0.0.2:2000");
        int sent = 0;
        world.Filter = _ => ++sent > 1;
        TimeSpan start = world.Now;
        Peer peer = client.Connect(server);
        world.RunUntil(() => peer.Connected);
        // 333 ms + 4 × 166.5 ms = 999 ms
        Assert.InRange(world.Now - start, TimeSpan.FromMilliseconds(999), TimeSpan.FromMilliseconds(1100));
    }

    [Fact]
    public void Server_flight_is_repeated_when_it_is_lost()
    {
        var world = new World();
        Node client = world.Add("10.0.0.1:1000");
        Node server = world.Add("10.0.0.2:2000");
        int fromServer = 0;
        world.Filter = d => d.From.Port == 1000 || ++fromServer > 2;
        Peer peer = client.Connect(server);
        world.RunUntil(() => peer.Connected, 10);
    }

    [Theory]
    [InlineData(1, 0.1)]
    [InlineData(2, 0.2)]
    [InlineData(3, 0.3)]
    [InlineData(4, 0.4)]
    [InlineData(5, 0.4)]
    public void Handshake_survives_loss(ulong seed, double loss)
    {
        var world = new World(seed) { Profile = new NetworkProfile { Loss = loss, Jitter = TimeSpan.FromMilliseconds(10) } };
        Node client = world.Add("10.0.0.1:1000", configureConnections: s => s with { HandshakeTimeout = TimeSpan.FromMinutes(5), IdleTimeout = TimeSpan.FromMinutes(5) });
        Node server = world.Add("10.0.0.2:2000", configureConnections: s => s with { HandshakeTimeout = TimeSpan.FromMinutes(5), IdleTimeout = TimeSpan.FromMinutes(5) });
        Peer peer = client.Connect(server);
        world.RunUntil(() => peer.Confirmed, 300);
    }

    [Fact]
    public void High_latency_does_not_confuse_the_handshake()
    {
        (World world, _, _, Peer peer, _) =
            Scenarios.Connected(profile: new NetworkProfile { Latency = TimeSpan.FromMilliseconds(700) });
        Assert.InRange(peer.Core.SmoothedRtt, TimeSpan.FromMilliseconds(1399), TimeSpan.FromMilliseconds(1500));
        Assert.Equal(0UL, peer.Core.Statistics.PacketsNotOpened);
        world.RunFor(1);
    }

    [Fact]
    public void Amplification_limit_is_kept_and_the_client_breaks_the_deadlock()
    {
        var world = new World();
        Node client = world.Add("10.0.0.1:1000");
        Node server = world.Add("10.0.0.2:2000");
        long toServer = 0, toClient = 0;
        int clientDatagrams = 0;
        world.Filter = d =>
        {
            if (d.From.Port == 1000)
            {
                // After the first Initial the client's next datagrams are lost for a while: the server must fall
                // silent.
                clientDatagrams++;
                if (clientDatagrams is > 1 and < 5)
                    return false;
                toServer += d.Bytes.Length;
            }
            else
            {
                toClient += d.Bytes.Length;
                if (!server.Peers.Any(p => p.Connected) && server.Core.UnfinishedHandshakes > 0)
                    Assert.InRange(toClient, 0, 3 * toServer);
            }
            return true;
        };
        Peer peer = client.Connect(server);
        world.RunUntil(() => peer.Confirmed, 30);
        Assert.True(clientDatagrams >= 5);
    }

    [Fact]
    public void Client_probes_while_the_server_is_silenced_by_the_limit()
    {
        var world = new World();
        Node client = world.Add("10.0.0.1:1000");
        Node server = world.Add("10.0.0.2:2000");
        // All server datagrams with a Handshake packet are lost until the limit is used up; only then a probe helps.
        long credit = 3600;
        bool clientProbed = false;
        int sentByClient = 0;
        world.Filter = d =>
        {
            if (d.From.Port == 1000)
            {
                clientProbed |= ++sentByClient > 2;
                return true;
            }
            credit -= d.Bytes.Length;
            return clientProbed || credit < 0;
        };
        Peer peer = client.Connect(server);
        world.RunUntil(() => peer.Confirmed, 30);
        Assert.True(clientProbed);
    }

    [Fact]
    public void Early_one_rtt_packets_are_kept_until_the_keys_exist()
    {
        var world = new World();
        Node client = world.Add("10.0.0.1:1000");
        Node server = world.Add("10.0.0.2:2000");
        Scenarios.EchoAtEnd(server);
        Peer peer = client.Connect(server);
        Datagram? held = null;
        world.Filter = d =>
        {
            if (d.From.Port == 1000 && held is null && Types(d.Bytes).Contains("Handshake", StringComparison.Ordinal))
            {
                held = d;
                return false;
            }
            return true;
        };
        world.RunUntil(() => peer.Connected);
        StreamId id = peer.Open();
        peer.Write(id, Scenarios.Bytes(100), finish: true);
        world.RunFor(0.02);
        Assert.NotNull(held);
        Assert.DoesNotContain(server.Peers, p => p.Connected);
        world.Filter = null;
        world.Send(held);
        world.RunUntil(() => peer.Ended.Contains(id), 1);
        Assert.Equal(0UL, server.Peers[0].Core.Statistics.PacketsNotOpened);
    }

    [Fact]
    public void Wrong_server_key_is_refused_by_the_client()
    {
        var world = new World();
        Node client = world.Add("10.0.0.1:1000");
        Node server = world.Add("10.0.0.2:2000");
        Node other = world.Add("10.0.0.3:3000");
        Peer peer = client.Connect(other, address: server.Address);
        world.RunUntil(() => peer.Closed && server.Peers.Any(p => p.Closed));
        Assert.Equal(new QuicCloseInfo(QuicCloseKind.Transport, false, 0x12a, peer.CloseInfo!.Reason), peer.CloseInfo);
        Assert.Equal(server.Identity.PublicKey.ToArray(), peer.Core.UnexpectedPeerKey.ToArray());
        QuicCloseInfo remote = server.Peers[0].CloseInfo!;
        Assert.Equal((QuicCloseKind.Transport, true, 0x12aUL), (remote.Kind, remote.IsRemote, remote.Code));
    }

    [Fact]
    public void No_common_protocol_ends_with_the_alert()
    {
        var world = new World();
        Node client = world.Add("10.0.0.1:1000");
        Node server = world.Add("10.0.0.2:2000");
        Peer peer = client.Connect(server, alpn: ["/other"]);
        world.RunUntil(() => peer.Closed);
        Assert.Equal((QuicCloseKind.Transport, true, 0x178UL), (peer.CloseInfo!.Kind, peer.CloseInfo.IsRemote, peer.CloseInfo.Code));
        Assert.False(peer.Connected);
        world.RunUntil(() => peer.Drained);
    }

    [Fact]
    public void Server_picks_the_first_of_its_own_protocols()
    {
        var world = new World();
        Node client = world.Add("10.0.0.1:1000");
        Node server = world.Add("10.0.0.2:2000", s => s with { AcceptedAlpn = ["b", "a"] });
        Peer peer = client.Connect(server, alpn: ["a", "b"]);
        world.RunUntil(() => peer.Connected);
        Assert.Equal("b", peer.Core.Alpn);
    }

    [Fact]
    public void Exported_keying_material_is_equal_on_both_sides_and_bound_to_its_inputs()
    {
        (World world, _, _, Peer a, Peer b) = Scenarios.Connected();
        byte[] x = new byte[32], y = new byte[32], z = new byte[32];
        Assert.True(a.Core.ExportKeyingMaterial("label"u8, "context"u8, x));
        Assert.True(b.Core.ExportKeyingMaterial("label"u8, "context"u8, y));
        Assert.True(b.Core.ExportKeyingMaterial("label"u8, "other"u8, z));
        Assert.Equal(x, y);
        Assert.NotEqual(x, z);
        a.Close(1, "done");
        world.RunUntil(() => b.Closed);
        Assert.True(b.Core.ExportKeyingMaterial("label"u8, "context"u8, z));
        Assert.Equal(x, z);
    }

    [Fact]
    public void Exporting_before_the_handshake_is_complete_is_refused()
    {
        var world = new World();
        Node client = world.Add("10.0.0.1:1000");
        Node server = world.Add("10.0.0.2:2000");
        Peer peer = client.Connect(server);
        Assert.False(peer.Core.ExportKeyingMaterial("label"u8, default, new byte[32]));
        Assert.True(peer.Core.PeerPublicKey.IsEmpty);
        Assert.False(peer.Core.TryOpenStream(true, out _));
    }

    [Fact]
    public void Unfinished_handshake_is_dropped_silently_after_ten_seconds()
    {
        var world = new World();
        Node client = world.Add("10.0.0.1:1000");
        Node server = world.Add("10.0.0.2:2000");
        world.Filter = d => d.From.Port == 1000 && d.Bytes.Length >= 1200 && !Types(d.Bytes).Contains("Handshake", StringComparison.Ordinal);
        Peer peer = client.Connect(server);
        world.RunFor(0.1);
        Assert.Equal(1, server.Core.UnfinishedHandshakes);
        world.RunFor(9.7);
        Assert.Equal(1, server.Core.UnfinishedHandshakes);
        world.RunFor(0.4);
        Assert.Equal(0, server.Core.UnfinishedHandshakes);
        Assert.Equal(0, server.Core.ConnectionCount);
        Assert.Equal(QuicCloseKind.HandshakeTimeout, peer.CloseInfo!.Kind);
    }

    [Fact]
    public void Server_follows_the_first_address_and_reads_copies_from_others()
    {
        var world = new World();
        Node client = world.Add("10.0.0.1:1000");
        Node server = world.Add("10.0.0.2:2000");
        IPEndPoint second = IPEndPoint.Parse("192.168.7.7:7777");
        int toSecond = 0;
        world.Copy = d => d.From.Equals(client.Address) ? new Datagram(second, d.To, [.. d.Bytes]) : null;
        world.Filter = d =>
        {
            toSecond += d.To.Equals(second) ? 1 : 0;
            return true;
        };
        Peer peer = client.Connect(server);
        world.RunUntil(() => peer.Confirmed);
        Assert.Single(server.Peers);
        Assert.Equal(1UL, server.Core.Statistics.ConnectionsAccepted);
        Assert.Equal(0, toSecond);
        Assert.True(server.Peers[0].Core.Statistics.DuplicatePackets > 0);
        Assert.Equal(client.Address, server.Peers[0].Core.Path.Remote);
    }

    [Fact]
    public void Handshake_completes_when_only_the_copies_from_another_address_arrive()
    {
        var world = new World();
        Node client = world.Add("10.0.0.1:1000");
        Node server = world.Add("10.0.0.2:2000");
        IPEndPoint second = IPEndPoint.Parse("192.168.7.7:7777");
        int n = 0;
        world.Filter = d =>
        {
            if (d.From.Port == 1000 && ++n > 1)
                d.From = second;
            return true;
        };
        Peer peer = client.Connect(server);
        world.RunUntil(() => peer.Connected && server.Peers.Any(p => p.Connected), 5);
        Assert.Single(server.Peers);
    }

    [Fact]
    public void First_address_is_validated_later_when_the_proof_came_from_another_one()
    {
        var world = new World();
        Node client = world.Add("10.0.0.1:1000");
        Node server = world.Add("10.0.0.2:2000");
        world.Filter = d =>
        {
            if (d.From.Port == 1000 && Types(d.Bytes).Contains("Handshake", StringComparison.Ordinal))
                d.From = IPEndPoint.Parse("192.168.7.7:7777");
            return true;
        };
        Peer peer = client.Connect(server);
        world.RunUntil(() => peer.Connected && server.Peers.Any(p => p.Connected), 5);
        Peer other = server.Peers[0];
        StreamId id = other.Open();
        other.Write(id, Scenarios.Bytes(200_000), finish: true);
        peer.Write(peer.Open(), [1], finish: true);
        world.RunUntil(() => peer.Ended.Contains(id), 5);
        Assert.Equal(client.Address, other.Core.Path.Remote);
    }

    [Fact]
    public void Probe_timer_of_the_server_runs_again_once_the_address_is_validated_by_a_small_packet()
    {
        var world = new World();
        Node client = world.Add("10.0.0.1:1000");
        Node server = world.Add("10.0.0.2:2000");
        // One Initial arrives, so the server may send three datagrams; only the second arrives. The client's Handshake packet
        // comes alone, in a datagram too small to give credit for another full one.
        int fromServer = 0, fromClient = 0;
        world.Filter = d =>
        {
            if (d.From.Port == 2000)
                return ++fromServer == 2;
            bool hasHandshake = Types(d.Bytes).Contains("Handshake", StringComparison.Ordinal);
            if (hasHandshake && PacketHeader.TryParse(d.Bytes, 0, out PacketHeader header) && header.Type == PacketType.Initial)
                d.Bytes = d.Bytes[header.End..(header.End + 300)];
            return ++fromClient == 1 || hasHandshake;
        };
        Peer peer = client.Connect(server);
        world.RunFor(0.1);
        QuicConnectionCore core = Assert.Single(server.Core.Connections);
        world.RunUntil(() => core.IsHandshakeComplete, 20);
        world.Filter = d => d.From.Port == 1000;
        Assert.True(core.TryOpenStream(bidirectional: false, out StreamId id));
        core.Write(id, [1]);
        world.Settle();
        Assert.NotNull(core.Recovery.NextTimeout);
        _ = peer;
    }

    [Fact]
    public void Early_packets_are_few_and_small()
    {
        var world = new World();
        Node client = world.Add("10.0.0.1:1000");
        Node server = world.Add("10.0.0.2:2000");
        world.Filter = d => d.From.Port != 1000 || Types(d.Bytes) == "Initial";
        client.Connect(server);
        world.RunFor(0.007);
        QuicConnectionCore core = Assert.Single(server.Core.Connections);
        for (int i = 0; i < 100; i++)
        {
            byte[] early = new byte[i < 50 ? 60_000 : 100];
            early[0] = 0x40;
            core.LocalInitialId.CopyTo(early.AsSpan(1));
            server.Receive(new Datagram(client.Address, server.Address, early));
        }
        Assert.Equal(8, core.EarlyPackets);
        Assert.Equal(0UL, core.Statistics.PacketsNotOpened);
    }

    [Fact]
    public void Large_client_hello_spans_packets()
    {
        (_, _, _, Peer peer, Peer other) = Scenarios.Connected(
            client: s => s with { Knobs = new ConnectionKnobs { MaxInitialFrameBytes = 100 } });
        Assert.True(peer.Connected && other.Connected);
    }

    internal static string Types(ReadOnlySpan<byte> datagram)
    {
        List<string> types = [];
        for (int at = 0; at < datagram.Length && PacketHeader.TryParse(datagram, at, out PacketHeader header); at = header.End)
            types.Add(header.Type.ToString());
        return string.Join('+', types);
    }
}
