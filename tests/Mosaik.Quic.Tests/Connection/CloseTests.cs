using Mosaik.Quic.Connection;
using Mosaik.Quic.Streams;
using Mosaik.Quic.Tls;
using Mosaik.Quic.Wire;

namespace Mosaik.Quic.Tests.Connection;

public sealed class CloseTests
{
    [Fact]
    public void Application_close_arrives_with_code_and_reason_and_everything_is_forgotten()
    {
        (World world, Node clientNode, Node server, Peer client, Peer peer) = Scenarios.Connected();
        client.Close(204, "GracefulShutdown");
        Assert.Equal(new QuicCloseInfo(QuicCloseKind.Application, false, 204, "GracefulShutdown"), client.CloseInfo);
        world.RunUntil(() => peer.Closed, 1);
        Assert.Equal(new QuicCloseInfo(QuicCloseKind.Application, true, 204, "GracefulShutdown"), peer.CloseInfo);
        world.RunUntil(() => client.Drained && peer.Drained, 5);
        Assert.Equal(0, clientNode.Core.ConnectionCount + server.Core.ConnectionCount);
        Assert.Null(clientNode.Core.NextTimeout);
        Assert.Null(server.Core.NextTimeout);
    }

    [Fact]
    public void Data_received_before_the_close_is_delivered_first()
    {
        (World world, _, _, Peer client, Peer peer) = Scenarios.Connected();
        peer.ReadsAtOnce = false;
        StreamId id = client.Open();
        client.Write(id, Scenarios.Bytes(3000), finish: true);
        world.Settle();
        client.Close(1, "bye");
        world.RunUntil(() => peer.Closed, 1);
        int readable = peer.StreamEvents.FindIndex(e => e.Kind == StreamEventKind.Readable);
        Assert.True(readable >= 0, "the readable event came after the close or not at all");
        peer.ReadAll(id);
        Assert.Equal(Scenarios.Bytes(3000), peer.Received[id]);
        Assert.Contains(id.Value, peer.Ended);
        world.RunUntil(() => peer.Drained, 5);
    }

    [Fact]
    public void Close_before_the_handshake_is_complete_hides_the_application_code()
    {
        var world = new World();
        Node client = world.Add("10.0.0.1:1000");
        Node server = world.Add("10.0.0.2:2000");
        world.Filter = d => d.From.Port != 1000 || HandshakeTests.Types(d.Bytes) == "Initial";
        Peer peer = client.Connect(server);
        world.RunFor(0.007);
        QuicConnectionCore accepted = Assert.Single(server.Core.Connections);
        Assert.False(accepted.IsHandshakeComplete);
        accepted.Close(world.Now, 204, "secret");
        world.RunUntil(() => peer.Closed, 1);
        Assert.Equal(new QuicCloseInfo(QuicCloseKind.Transport, true, (ulong)QuicError.ApplicationError, ""), peer.CloseInfo);
    }

    [Fact]
    public void Instant_close_of_a_client_reaches_the_server()
    {
        var world = new World();
        Node client = world.Add("10.0.0.1:1000");
        Node server = world.Add("10.0.0.2:2000");
        Peer peer = client.Connect(server);
        world.Settle();
        peer.Close(9, "never mind");
        world.RunFor(0.1);
        QuicCloseInfo info = Assert.Single(server.Peers).CloseInfo!;
        Assert.Equal((QuicCloseKind.Transport, true, (ulong)QuicError.ApplicationError), (info.Kind, info.IsRemote, info.Code));
        world.RunFor(5);
        Assert.Equal(0, server.Core.UnfinishedHandshakes);
        Assert.Equal(0, server.Core.ConnectionCount);
    }

    [Fact]
    public void Close_before_anything_was_sent_is_harmless()
    {
        var world = new World();
        Node client = world.Add("10.0.0.1:1000");
        Node server = world.Add("10.0.0.2:2000");
        Peer peer = client.Connect(server);
        peer.Close();
        world.RunFor(5);
        Assert.True(peer.Drained);
        Assert.Equal(0, server.Core.ConnectionCount);
    }

    [Fact]
    public void Close_carries_the_acknowledgement_that_was_due()
    {
        (World world, _, _, Peer client, Peer peer) = Scenarios.Connected();
        world.RunFor(1);
        StreamId id = client.Open();
        client.Write(id, [1]);
        world.RunUntil(() => peer.Received.ContainsKey(id), 1);
        Assert.False(client.Core.NotifyWhenAcknowledged(id));
        peer.Close();
        world.RunUntil(() => client.Closed, 1);
        Assert.Contains(client.StreamEvents, e => e.Kind == StreamEventKind.AllAcknowledged);
    }

    [Fact]
    public void Close_is_repeated_only_in_answer_and_ever_more_rarely()
    {
        (World world, Node clientNode, Node server, Peer client, Peer peer) = Scenarios.Connected();
        world.RunFor(1);
        // The close is lost; the other side keeps talking.
        world.Filter = d => d.From.Port != 1000;
        client.Close(5, "x");
        world.Settle();
        int before = clientNode.Sent;
        world.RunFor(0.01);
        Assert.Equal(before, clientNode.Sent);
        for (int i = 0; i < 16; i++)
        {
            byte[] ping = Forge.Packet(peer, [0x01]);
            clientNode.Receive(new Datagram(server.Address, clientNode.Address, ping));
            world.Settle();
        }
        // Answers to packets 1, 2, 4, 8, 16.
        Assert.Equal(before + 5, clientNode.Sent);
        world.Filter = null;
        clientNode.Receive(new Datagram(server.Address, clientNode.Address, Forge.Packet(peer, [0x01])));
        _ = client;
    }

    [Fact]
    public void Lost_close_is_learnt_from_the_answer_to_the_next_packet()
    {
        (World world, _, _, Peer client, Peer peer) = Scenarios.Connected();
        world.RunFor(1);
        world.Filter = _ => false;
        client.Close(5, "x");
        world.Settle();
        world.Filter = null;
        StreamId id = peer.Open();
        peer.Write(id, [1]);
        world.RunUntil(() => peer.Closed, 1);
        Assert.Equal(5UL, peer.CloseInfo!.Code);
    }

    [Fact]
    public void Draining_side_says_nothing_any_more()
    {
        (World world, _, Node server, Peer client, Peer peer) = Scenarios.Connected();
        client.Close(5, "x");
        world.RunUntil(() => peer.Closed, 1);
        int before = server.Sent;
        Assert.Equal(-1, peer.Core.Write(1, [1]));
        Assert.False(peer.Core.TryOpenStream(true, out _));
        world.RunUntil(() => peer.Drained, 5);
        Assert.Equal(before, server.Sent);
    }

    [Fact]
    public void Closing_lasts_three_probe_timeouts()
    {
        (World world, _, _, Peer client, _) = Scenarios.Connected();
        world.RunFor(1);
        TimeSpan expected = client.Core.Recovery.ProbeTimeout * 3;
        TimeSpan start = world.Now;
        client.Close();
        world.RunUntil(() => client.Drained, 5);
        Assert.Equal(expected, world.Now - start);
    }

    [Fact]
    public void Simultaneous_close()
    {
        (World world, _, _, Peer client, Peer peer) = Scenarios.Connected();
        client.Close(1, "a");
        peer.Close(2, "b");
        world.RunUntil(() => client.Drained && peer.Drained, 5);
        Assert.Equal((1UL, false), (client.CloseInfo!.Code, client.CloseInfo.IsRemote));
        Assert.Equal((2UL, false), (peer.CloseInfo!.Code, peer.CloseInfo.IsRemote));
    }

    [Fact]
    public void Second_close_changes_nothing()
    {
        (World world, _, _, Peer client, Peer peer) = Scenarios.Connected();
        client.Close(1, "a");
        client.Close(2, "b");
        world.RunUntil(() => peer.Closed, 1);
        Assert.Equal(1UL, peer.CloseInfo!.Code);
    }

    [Fact]
    public void Long_reason_is_cut_at_a_whole_character()
    {
        (World world, _, _, Peer client, Peer peer) = Scenarios.Connected();
        client.Close(1, new string('ü', 2000));
        world.RunUntil(() => peer.Closed, 1);
        Assert.InRange(peer.CloseInfo!.Reason.Length, 100, 300);
        Assert.Equal(new string('ü', peer.CloseInfo.Reason.Length), peer.CloseInfo.Reason);
    }

    [Fact]
    public void Idle_connection_without_keep_alive_ends_after_the_smaller_timeout()
    {
        (World world, _, _, Peer client, Peer peer) = Scenarios.Connected(
            client: s => s with { KeepAliveInterval = TimeSpan.Zero, IdleTimeout = TimeSpan.FromSeconds(7) },
            server: s => s with { KeepAliveInterval = TimeSpan.Zero });
        world.RunFor(6.5);
        Assert.False(client.Closed || peer.Closed);
        world.RunFor(1);
        Assert.True(client.Drained && peer.Drained);
        Assert.Equal(QuicCloseKind.IdleTimeout, client.CloseInfo!.Kind);
        Assert.Equal(QuicCloseKind.IdleTimeout, peer.CloseInfo!.Kind);
    }

    [Fact]
    public void Keep_alive_of_one_side_keeps_both_alive()
    {
        (World world, Node clientNode, _, Peer client, Peer peer) =
            Scenarios.Connected(server: s => s with { KeepAliveInterval = TimeSpan.Zero });
        world.RunFor(1);
        int before = clientNode.Sent;
        world.RunFor(100);
        Assert.False(client.Closed || peer.Closed);
        Assert.InRange(clientNode.Sent - before, 19, 21);
    }

    [Fact]
    public void Dead_peer_is_noticed_by_the_idle_timeout()
    {
        (World world, _, _, Peer client, _) = Scenarios.Connected();
        world.Filter = _ => false;
        TimeSpan start = world.Now;
        world.RunUntil(() => client.Drained, 60);
        Assert.Equal(QuicCloseKind.IdleTimeout, client.CloseInfo!.Kind);
        Assert.InRange(world.Now - start, TimeSpan.FromSeconds(29), TimeSpan.FromSeconds(36));
    }

    [Fact]
    public void Idle_timeout_zero_on_both_sides_means_never()
    {
        (World world, _, _, Peer client, Peer peer) = Scenarios.Connected(
            client: s => s with { KeepAliveInterval = TimeSpan.Zero, IdleTimeout = TimeSpan.Zero },
            server: s => s with { KeepAliveInterval = TimeSpan.Zero, IdleTimeout = TimeSpan.Zero });
        world.RunFor(10_000);
        Assert.False(client.Closed || peer.Closed);
    }

    [Fact]
    public void Abort_is_silent_and_immediate()
    {
        (World world, Node clientNode, _, Peer client, Peer peer) = Scenarios.Connected();
        world.RunFor(1);
        int before = clientNode.Sent;
        client.Core.Abort(world.Now);
        world.Settle();
        Assert.True(client.Drained);
        Assert.Equal(before, clientNode.Sent);
        Assert.Equal(0, clientNode.Core.ConnectionCount);
        Assert.False(peer.Closed);
    }

    [Fact]
    public void Keys_are_gone_after_the_end_and_levels_after_the_handshake()
    {
        (World world, _, _, Peer client, Peer peer) = Scenarios.Connected();
        world.RunFor(1);
        foreach (Peer side in new[] { client, peer })
        {
            Assert.True(side.Core.Level(EncryptionLevel.Initial).IsDiscarded);
            Assert.True(side.Core.Level(EncryptionLevel.Handshake).IsDiscarded);
            Assert.Null(side.Core.Level(EncryptionLevel.Handshake).Read);
        }
        client.Close();
        world.RunUntil(() => client.Drained, 5);
        Assert.False(client.Core.OneRttKeys.CanWrite);
        client.Core.Dispose();
    }

    [Fact]
    public void Close_frame_in_a_handshake_packet_of_type_1d_is_refused() =>
        Assert.False(FrameTypes.IsAllowed(FrameType.ApplicationClose, PacketType.Handshake));
}
