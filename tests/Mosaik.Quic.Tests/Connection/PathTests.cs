using System.Net;
using Mosaik.Quic.Crypto;
using Mosaik.Quic.Paths;
using Mosaik.Quic.Streams;
using Mosaik.Quic.Tls;
using Mosaik.Quic.Wire;

namespace Mosaik.Quic.Tests.Connection;

public sealed class PathTests
{
    [Theory]
    [InlineData("10.0.0.1:4444")]       // another port: a NAT
    [InlineData("10.9.9.9:4444")]       // another host
    public void Server_follows_a_client_that_moved(string address)
    {
        (World world, Node clientNode, Node server, Peer client, Peer peer) = Scenarios.Connected();
        Scenarios.EchoAtEnd(server);
        world.RunFor(0.5);
        clientNode.Address = IPEndPoint.Parse(address);
        StreamId id = client.Open();
        client.Write(id, Scenarios.Bytes(50_000), finish: true);
        world.RunUntil(() => client.Ended.Contains(id), 20);
        Assert.Equal(Scenarios.Bytes(50_000), client.Received[id]);
        Assert.Equal(clientNode.Address, peer.Core.Path.Remote);
        Assert.Equal(1UL, peer.Core.Statistics.Migrations);
    }

    [Fact]
    public void New_address_is_challenged_before_more_than_three_times_is_sent()
    {
        (World world, Node clientNode, Node server, Peer client, Peer peer) = Scenarios.Connected();
        world.RunFor(0.5);
        StreamId id = peer.Open();
        peer.Write(id, Scenarios.Bytes(200_000), finish: true);
        var moved = IPEndPoint.Parse("10.9.9.9:4444");
        long toMoved = 0, fromMoved = 0;
        bool validated = false;
        world.Filter = d =>
        {
            if (d.From.Equals(moved))
                fromMoved += d.Bytes.Length;
            if (d.To.Equals(moved))
            {
                toMoved += d.Bytes.Length;
                validated |= client.Received.Count > 0;
                if (!peer.Core.Path.Remote.Equals(moved))
                    Assert.Fail("answered to an address that is not the path");
            }
            return true;
        };
        clientNode.Address = moved;
        world.RunFor(0.004);
        Assert.InRange(toMoved, 0, 3 * fromMoved);
        world.RunUntil(() => client.Ended.Contains(id), 20);
        _ = server;
    }

    [Fact]
    public void Server_returns_to_the_old_address_when_the_new_one_does_not_answer()
    {
        (World world, Node clientNode, Node server, Peer client, Peer peer) = Scenarios.Connected();
        world.RunFor(0.5);
        IPEndPoint old = clientNode.Address;
        var spoofed = IPEndPoint.Parse("6.6.6.6:666");
        server.Receive(new Datagram(spoofed, server.Address, Forge.Packet(client, [0x01])));
        world.Settle();
        Assert.Equal(spoofed, peer.Core.Path.Remote);
        world.Filter = d => !d.From.Equals(old);        // the real client is silent, too
        world.RunFor(10);
        Assert.Equal(old, peer.Core.Path.Remote);
        Assert.False(peer.Closed);
    }

    [Fact]
    public void Newer_packet_from_the_old_address_brings_the_path_back_at_once()
    {
        (World world, Node clientNode, Node server, Peer client, Peer peer) = Scenarios.Connected();
        world.RunFor(0.5);
        server.Receive(new Datagram(IPEndPoint.Parse("6.6.6.6:666"), server.Address, Forge.Packet(client, [0x01])));
        world.Settle();
        server.Receive(new Datagram(clientNode.Address, server.Address, Forge.Packet(client, [0x01])));
        Assert.Equal(clientNode.Address, peer.Core.Path.Remote);
    }

    [Fact]
    public void Probing_packets_and_old_packets_move_nothing()
    {
        (World world, Node clientNode, Node server, Peer client, Peer peer) = Scenarios.Connected();
        world.RunFor(0.5);
        var other = IPEndPoint.Parse("10.9.9.9:4444");
        byte[] challenge = Forge.Frames((ref FrameWriter w) => w.TryWritePathChallenge(42));
        ulong next = client.Core.Level(EncryptionLevel.OneRtt).Space.NextPacketNumber;
        byte[] newer = Forge.Packet(client, [0x01], number: next + 20);
        byte[] older = Forge.Packet(client, [0x01], number: next + 10);
        server.Receive(new Datagram(clientNode.Address, server.Address, newer));
        server.Receive(new Datagram(other, server.Address, older));
        server.Receive(new Datagram(other, server.Address, Forge.Packet(client, challenge)));
        Assert.Equal(clientNode.Address, peer.Core.Path.Remote);
        Assert.Equal(0UL, peer.Core.Statistics.Migrations);
    }

    [Fact]
    public void Challenge_is_answered_where_it_came_from_in_a_full_datagram()
    {
        (World world, Node clientNode, Node server, Peer client, Peer peer) = Scenarios.Connected();
        world.RunFor(0.5);
        var other = IPEndPoint.Parse("10.9.9.9:4444");
        List<(IPEndPoint To, int Length)> sent = [];
        world.Filter = d =>
        {
            if (d.From.Equals(server.Address))
                sent.Add((d.To, d.Bytes.Length));
            return false;
        };
        byte[] challenge = Forge.Frames((ref FrameWriter w) => w.TryWritePathChallenge(42));
        server.Receive(new Datagram(clientNode.Address, server.Address, Forge.Packet(client, challenge, padTo: 1200)));
        world.Settle();
        Assert.Equal([(clientNode.Address, 1200)], sent);
        sent.Clear();
        server.Receive(new Datagram(other, server.Address, Forge.Packet(client, challenge, padTo: 1200)));
        world.Settle();
        Assert.Contains((other, 1200), sent);
        sent.Clear();
        // Not more than three times what came in, to an address nobody has vouched for.
        server.Receive(new Datagram(other, server.Address, Forge.Packet(client, challenge, padTo: 100)));
        world.Settle();
        Assert.Contains((other, 300), sent);
        _ = peer;
    }

    [Fact]
    public void Lost_challenge_is_repeated()
    {
        (World world, Node clientNode, Node server, Peer client, Peer peer) = Scenarios.Connected();
        world.RunFor(0.5);
        int challenges = 0;
        world.Filter = d => !d.From.Equals(server.Address) || d.Bytes.Length < 1000 || ++challenges > 1;
        clientNode.Address = IPEndPoint.Parse("10.9.9.9:4444");
        StreamId id = client.Open();
        client.Write(id, Scenarios.Bytes(1100));
        world.RunFor(3);
        Assert.True(challenges > 1);
        Assert.Equal(clientNode.Address, peer.Core.Path.Remote);
        StreamId big = peer.Open();
        peer.Write(big, Scenarios.Bytes(100_000), finish: true);
        world.RunUntil(() => client.Ended.Contains(big), 10);
    }

    [Fact]
    public void Migration_storm_is_ignored_beyond_four_changes_per_second()
    {
        (World world, _, Node server, Peer client, Peer peer) = Scenarios.Connected();
        world.RunFor(0.5);
        for (int i = 1; i < 200; i++)
        {
            server.Receive(new Datagram(new IPEndPoint(IPAddress.Parse("6.6.6.6"), i), server.Address, Forge.Packet(client, [0x01])));
            world.Settle();
        }
        Assert.InRange(peer.Core.Statistics.Migrations, 1UL, 4UL);
        Assert.False(peer.Closed);
    }

    [Fact]
    public void Strays_from_unknown_addresses_are_tried_a_hundred_times_per_second()
    {
        (World world, _, Node server, Peer client, Peer peer) = Scenarios.Connected();
        world.RunFor(0.5);
        byte[] forged = Forge.Packet(client, [0x01]);
        forged[^1] ^= 1;
        ulong before = peer.Core.Statistics.PacketsNotOpened;
        for (int i = 0; i < 500; i++)
            server.Receive(new Datagram(IPEndPoint.Parse("6.6.6.6:1"), server.Address, [.. forged]));
        Assert.Equal(before + 100, peer.Core.Statistics.PacketsNotOpened);
        world.RunFor(1.1);
        before = peer.Core.Statistics.PacketsNotOpened;
        server.Receive(new Datagram(IPEndPoint.Parse("6.6.6.6:1"), server.Address, [.. forged]));
        Assert.Equal(before + 1, peer.Core.Statistics.PacketsNotOpened);
    }

    [Fact]
    public void Client_ignores_datagrams_from_elsewhere()
    {
        (World world, Node clientNode, Node server, Peer client, Peer peer) = Scenarios.Connected();
        world.RunFor(0.5);
        ulong before = client.Core.Statistics.PacketsReceived;
        clientNode.Receive(new Datagram(IPEndPoint.Parse("6.6.6.6:1"), clientNode.Address, Forge.Packet(peer, [0x01])));
        Assert.Equal(before, client.Core.Statistics.PacketsReceived);
        Assert.Equal(server.Address, client.Core.Path.Remote);
    }

    [Fact]
    public void Each_side_issues_ids_up_to_the_limit_and_replaces_retired_ones()
    {
        (World world, _, Node server, Peer client, Peer peer) = Scenarios.Connected();
        world.RunFor(0.5);
        Assert.Equal(5, peer.Core.LocalIds.Count);
        Assert.Equal(5, client.Core.RemoteIds.Count);
        var routed = peer.Core.LocalIds[3];
        world.Filter = d => d.From.Port == 1000;    // the real client must not see acknowledgements of forged packets
        for (ulong n = 1; n <= 3; n++)
        {
            ulong retired = n;
            server.Receive(new Datagram(world.Nodes[0].Address, server.Address,
                Forge.Packet(client, Forge.Frames((ref FrameWriter w) => w.TryWriteRetireConnectionId(retired)))));
        }
        world.RunFor(0.1);
        Assert.Equal(5, peer.Core.LocalIds.Count);
        Assert.False(peer.Core.LocalIds.Contains(routed));
        Assert.False(peer.Closed || client.Closed);
    }

    [Fact]
    public void Every_issued_id_routes_at_once()
    {
        (World world, _, Node server, Peer client, Peer peer) = Scenarios.Connected();
        Assert.Equal(5, peer.Core.LocalIds.Count);
        for (int i = 0; i < 5; i++)
        {
            byte[] packet = Forge.Packet(client, [0x01]);
            // Header protection covers neither the id nor the rest of the header length, but the tag does: seal anew.
            ulong number = 9000 + (ulong)i;
            byte[] fresh = new byte[64];
            PacketHeaderLayout layout = PacketHeaderWriter.WriteShort(fresh, peer.Core.LocalIds[i], false, number, 4);
            fresh[layout.HeaderLength] = 1;
            PacketProtection.Seal(client.Core.OneRttKeys.Write, fresh.AsSpan(0, layout.HeaderLength + 17),
                layout.PacketNumberOffset, 4, number);
            ulong before = peer.Core.Statistics.PacketsReceived;
            server.Receive(new Datagram(world.Nodes[0].Address, server.Address, fresh[..(layout.HeaderLength + 17)]));
            Assert.Equal(before + 1, peer.Core.Statistics.PacketsReceived);
            _ = packet;
        }
    }

    [Fact]
    public void Retire_prior_to_moves_us_to_the_next_id_at_once()
    {
        (World world, _, Node server, Peer client, Peer peer) = Scenarios.Connected();
        world.RunFor(0.5);
        ulong issued = peer.Core.RemoteIds.CurrentSequence;
        byte[] frames = Forge.Frames((ref FrameWriter w) =>
            w.TryWriteNewConnectionId(5, 3, ConnectionId.FromUInt64(0x1122334455667788), new byte[StatelessResetToken.Length]));
        server.Receive(new Datagram(world.Nodes[0].Address, server.Address, Forge.Packet(client, frames)));
        Assert.Equal(0UL, issued);
        Assert.Equal(3UL, peer.Core.RemoteIds.CurrentSequence);
        world.RunFor(0.1);
        Assert.False(peer.Closed);
    }
}
