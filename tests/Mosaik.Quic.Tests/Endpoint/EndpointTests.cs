using System.Net;
using Mosaik.Quic.Connection;
using Mosaik.Quic.Crypto;
using Mosaik.Quic.Endpoint;
using Mosaik.Quic.Paths;
using Mosaik.Quic.Streams;
using Mosaik.Quic.Tests.Connection;
using Mosaik.Quic.Wire;

namespace Mosaik.Quic.Tests.Endpoint;

public sealed class EndpointTests
{
    [Fact]
    public void Unknown_version_is_answered_with_version_negotiation()
    {
        var world = new World();
        Node client = world.Add("10.0.0.1:1000", configureConnections: s => s with { InitialVersion = 0x1a2a3a4a });
        Node server = world.Add("10.0.0.2:2000");
        byte[]? answer = null;
        world.Filter = d =>
        {
            if (d.From.Port == 2000)
                answer = d.Bytes;
            return true;
        };
        Peer peer = client.Connect(server);
        world.RunUntil(() => peer.Drained, 5);
        Assert.Equal(QuicCloseKind.VersionNegotiation, peer.CloseInfo!.Kind);
        Assert.NotNull(answer);
        Assert.True(PacketHeader.TryParse(answer, 0, out PacketHeader header));
        Assert.Equal(PacketType.VersionNegotiation, header.Type);
        Assert.Equal("00000001", Convert.ToHexStringLower(answer.AsSpan(header.VersionsRange.Offset, header.VersionsRange.Length)));
        Assert.Equal(0, server.Core.ConnectionCount);
    }

    [Theory]
    [InlineData(1199, 0)]
    [InlineData(1200, 1)]
    public void Version_negotiation_only_for_full_datagrams(int length, int answers)
    {
        var world = new World();
        Node server = world.Add("10.0.0.2:2000");
        byte[] datagram = new byte[length];
        datagram[0] = 0xc0;
        datagram[1] = 0xba;
        datagram[5] = 255;      // ids of any length are echoed for versions we do not know
        datagram[261] = 8;
        server.Receive(new Datagram(IPEndPoint.Parse("10.0.0.1:1"), server.Address, datagram));
        world.Settle();
        Assert.Equal(answers, server.Sent);
    }

    [Fact]
    public void Version_negotiation_that_lists_our_version_or_comes_late_is_ignored()
    {
        var world = new World();
        Node client = world.Add("10.0.0.1:1000");
        Node server = world.Add("10.0.0.2:2000");
        Peer peer = client.Connect(server);
        world.Settle();
        client.Receive(new Datagram(server.Address, client.Address, Negotiation(peer, [1, 0x0a1a2a3a])));
        Assert.False(peer.Core.State == ConnectionState.Draining);
        world.RunUntil(() => peer.Connected);
        client.Receive(new Datagram(server.Address, client.Address, Negotiation(peer, [0x0a1a2a3a])));
        Assert.Equal(ConnectionState.Open, peer.Core.State);
    }

    [Fact]
    public void Restarted_server_resets_the_connections_of_its_predecessor()
    {
        (World world, _, Node server, Peer client, _) = Scenarios.Connected();
        world.RunFor(0.5);
        server.Restart();
        StreamId id = client.Open();
        client.Write(id, Scenarios.Bytes(1000));
        world.RunUntil(() => client.Closed, 2);
        Assert.Equal(QuicCloseKind.StatelessReset, client.CloseInfo!.Kind);
        Assert.Equal(1UL, server.Core.Statistics.ResetsSent);
        world.RunUntil(() => client.Drained, 5);
    }

    [Fact]
    public void Reset_tokens_of_later_ids_work_too()
    {
        (World world, Node clientNode, Node server, Peer client, Peer peer) = Scenarios.Connected();
        world.RunFor(0.5);
        // The server retires its first ids, the client moves on, and then the server forgets everything.
        byte[] frames = Forge.Frames((ref FrameWriter w) =>
            w.TryWriteNewConnectionId(5, 2, ConnectionId.FromUInt64(77), new byte[StatelessResetToken.Length]));
        clientNode.Receive(new Datagram(server.Address, clientNode.Address, Forge.Packet(peer, frames)));
        Assert.Equal(2UL, client.Core.RemoteIds.CurrentSequence);
        server.Restart();
        world.Settle();
        StreamId id = client.Open();
        client.Write(id, Scenarios.Bytes(1000));
        world.RunUntil(() => client.Closed, 2);
        Assert.Equal(QuicCloseKind.StatelessReset, client.CloseInfo!.Kind);
    }

    [Theory]
    [InlineData(21, 0)]
    [InlineData(22, 21)]
    [InlineData(30, 29)]
    [InlineData(500, 42)]
    public void Reset_is_shorter_than_its_trigger(int trigger, int expected)
    {
        var world = new World();
        Node server = world.Add("10.0.0.2:2000");
        int length = 0;
        world.Filter = d =>
        {
            length = d.Bytes.Length;
            Assert.Equal(0x40, d.Bytes[0] & 0xc0);
            return false;
        };
        byte[] datagram = new byte[trigger];
        datagram[0] = 0x40;
        server.Receive(new Datagram(IPEndPoint.Parse("10.0.0.1:1"), server.Address, datagram));
        world.Settle();
        Assert.Equal(expected, length);
    }

    [Fact]
    public void At_most_one_reset_in_twenty_milliseconds()
    {
        var world = new World();
        Node server = world.Add("10.0.0.2:2000");
        for (int i = 0; i < 100; i++)
        {
            byte[] datagram = new byte[100];
            datagram[0] = 0x40;
            datagram[3] = (byte)i;
            server.Receive(new Datagram(IPEndPoint.Parse("10.0.0.1:1"), server.Address, datagram));
            world.RunFor(0.001);
        }
        Assert.InRange(server.Sent, 4, 6);
    }

    [Fact]
    public void Two_endpoints_do_not_reset_each_other_for_ever()
    {
        var world = new World();
        Node a = world.Add("10.0.0.1:1000");
        Node b = world.Add("10.0.0.2:2000");
        byte[] datagram = new byte[1000];
        datagram[0] = 0x40;
        a.Receive(new Datagram(b.Address, a.Address, datagram));
        world.RunFor(100);
        Assert.InRange(a.Sent + b.Sent, 1, 30);
    }

    [Theory]
    [InlineData(1199, 20)]
    [InlineData(1200, 7)]
    public void Small_initials_and_short_ids_begin_nothing(int length, int idLength)
    {
        var world = new World();
        Node client = world.Add("10.0.0.1:1000", configureConnections: s => s with
        {
            Knobs = new ConnectionKnobs { OriginalDestination = new byte[idLength] },
        });
        Node server = world.Add("10.0.0.2:2000");
        world.Filter = d =>
        {
            // Longer than its packet: the datagram is cut, not the packet inside.
            d.Bytes = d.From.Port == 1000 ? d.Bytes[..Math.Min(length, d.Bytes.Length)] : d.Bytes;
            return true;
        };
        client.Connect(server);
        world.RunFor(0.5);
        Assert.Equal(0, server.Core.ConnectionCount);
        Assert.Equal(0, server.Sent);
    }

    [Fact]
    public void Garbage_initials_leave_no_state()
    {
        var world = new World();
        Node client = world.Add("10.0.0.1:1000");
        Node server = world.Add("10.0.0.2:2000");
        world.Filter = d =>
        {
            d.Bytes[^1] ^= 1;
            return true;
        };
        client.Connect(server);
        world.RunFor(5);
        Assert.Equal(0, server.Core.ConnectionCount);
        Assert.Equal(0, server.Core.UnfinishedHandshakes);
        Assert.Equal(0, server.Sent);
        Assert.Null(server.Core.NextTimeout);
        Assert.Empty(server.Peers);
    }

    [Fact]
    public void Empty_datagrams_are_counted_and_ignored()
    {
        var world = new World();
        Node server = world.Add("10.0.0.2:2000");
        server.Receive(new Datagram(IPEndPoint.Parse("10.0.0.1:1"), server.Address, []));
        Assert.Equal(1UL, server.Core.Statistics.EmptyDatagrams);
    }

    [Fact]
    public void Without_protocols_nothing_is_accepted_until_they_are_set()
    {
        var world = new World();
        Node client = world.Add("10.0.0.1:1000");
        Node server = world.Add("10.0.0.2:2000", s => s with { AcceptedAlpn = [] });
        Peer peer = client.Connect(server);
        world.RunFor(0.5);
        Assert.Equal(0, server.Core.ConnectionCount);
        server.Core.AcceptedAlpn = [Node.Alpn];
        world.RunUntil(() => peer.Connected, 5);
    }

    [Fact]
    public void Unfinished_handshakes_are_limited_and_sources_under_pressure()
    {
        var world = new World();
        Node server = world.Add("10.0.0.2:2000", s => s with
        {
            MaxUnfinishedHandshakes = 40,
            HandshakePressureThreshold = 20,
            MaxUnfinishedHandshakesPerSource = 10,
        });
        Node client = world.Add("10.0.0.1:1000");
        byte[]? token = null;
        List<byte[]> initials = [];
        world.Filter = d =>
        {
            if (d.From.Port == 1000)
                initials.Add(d.Bytes);
            return false;
        };
        for (int i = 0; i < 80; i++)
            client.Connect(server);
        world.Settle();
        Assert.Equal(80, initials.Count);
        Assert.Null(token);
        var one = IPEndPoint.Parse("1.1.1.1:1");
        for (int i = 0; i < 25; i++)
            server.Receive(new Datagram(one, server.Address, initials[i]));
        // Up to the threshold a source may have any number of handshakes; above it, none that has ten.
        Assert.Equal(20, server.Core.UnfinishedHandshakes);
        Assert.Equal(5UL, server.Core.Statistics.HandshakesDropped);
        for (int i = 25; i < 30; i++)
            server.Receive(new Datagram(IPEndPoint.Parse($"2.2.2.{i}:1"), server.Address, initials[i]));
        // New sources are sent a Retry instead.
        Assert.Equal(20, server.Core.UnfinishedHandshakes);
        Assert.Equal(5UL, server.Core.Statistics.RetriesSent);
        world.RunFor(11);
        Assert.Equal(0, server.Core.UnfinishedHandshakes);
        Assert.Equal(0, server.Core.ConnectionCount);
    }

    [Fact]
    public void Retry_validates_the_address_and_the_handshake_goes_on()
    {
        var world = new World();
        Node client = world.Add("10.0.0.1:1000");
        Node server = world.Add("10.0.0.2:2000", s => s with { HandshakePressureThreshold = 0 });
        List<string> log = [];
        world.Filter = d =>
        {
            log.Add(HandshakeTests.Types(d.Bytes));
            return true;
        };
        Scenarios.EchoAtEnd(server);
        Peer peer = client.Connect(server);
        world.RunUntil(() => peer.Confirmed, 5);
        Assert.Equal(["Initial", "Retry", "Initial"], log[..3]);
        StreamId id = peer.Open();
        peer.Write(id, [1, 2, 3], finish: true);
        world.RunUntil(() => peer.Ended.Contains(id), 5);
    }

    [Fact]
    public void Retry_token_of_another_address_or_too_old_is_worth_nothing()
    {
        var world = new World();
        Node client = world.Add("10.0.0.1:1000");
        Node server = world.Add("10.0.0.2:2000", s => s with { HandshakePressureThreshold = 0 });
        byte[]? second = null;
        int fromClient = 0;
        world.Filter = d =>
        {
            if (d.From.Port != 1000 || ++fromClient != 2)
                return true;
            second = d.Bytes;
            return false;
        };
        client.Connect(server);
        world.RunFor(0.05);
        Assert.NotNull(second);
        server.Receive(new Datagram(IPEndPoint.Parse("10.0.0.9:1000"), server.Address, [.. second]));
        Assert.Equal(0, server.Core.ConnectionCount);
        world.Now += TimeSpan.FromSeconds(16);
        server.Receive(new Datagram(client.Address, server.Address, [.. second]));
        Assert.Equal(0, server.Core.ConnectionCount);
    }

    [Fact]
    public void Forged_retry_and_second_retry_are_ignored()
    {
        var world = new World();
        Node client = world.Add("10.0.0.1:1000");
        Node server = world.Add("10.0.0.2:2000");
        Peer peer = client.Connect(server);
        world.Settle();
        client.Receive(new Datagram(server.Address, client.Address, Retry(peer, goodTag: false)));
        Assert.Equal(peer.Core.OriginalDestination, peer.Core.RemoteIds.Current);
        client.Receive(new Datagram(server.Address, client.Address, Retry(peer, goodTag: true)));
        ConnectionId after = peer.Core.RemoteIds.Current;
        Assert.NotEqual(peer.Core.OriginalDestination, after);
        client.Receive(new Datagram(server.Address, client.Address, Retry(peer, goodTag: true, source: 99)));
        Assert.Equal(after, peer.Core.RemoteIds.Current);
    }

    [Fact]
    public void Retry_that_the_server_does_not_own_up_to_ends_the_handshake()
    {
        var world = new World();
        Node client = world.Add("10.0.0.1:1000");
        Node server = world.Add("10.0.0.2:2000");
        Peer peer = client.Connect(server);
        world.Filter = _ => false;
        world.Settle();
        client.Receive(new Datagram(server.Address, client.Address, Retry(peer, goodTag: true)));
        world.Filter = null;
        // The server takes the token for nothing special and does not send retry_source_connection_id.
        world.RunUntil(() => peer.Closed, 5);
        Assert.Equal((QuicCloseKind.Transport, false, (ulong)QuicError.TransportParameterError),
            (peer.CloseInfo!.Kind, peer.CloseInfo.IsRemote, peer.CloseInfo.Code));
    }

    [Fact]
    public void Full_accept_queue_refuses()
    {
        var world = new World();
        Node client = world.Add("10.0.0.1:1000");
        Node server = world.Add("10.0.0.2:2000", s => s with { AcceptQueueCapacity = 1 });
        Peer first = client.Connect(server);
        world.RunUntil(() => first.Confirmed);
        Assert.Equal(1, server.Core.AwaitingAccept);
        Peer second = client.Connect(server);
        world.RunUntil(() => second.Closed, 5);
        Assert.Equal(new QuicCloseInfo(QuicCloseKind.Transport, true, (ulong)QuicError.ConnectionRefused, ""), second.CloseInfo);
        server.Core.OnAccepted(server.Peers[0].Core);
        Peer third = client.Connect(server);
        world.RunUntil(() => third.Confirmed, 5);
    }

    [Fact]
    public void Connection_limit_holds_in_both_directions()
    {
        var world = new World();
        Node client = world.Add("10.0.0.1:1000", s => s with { MaxConnections = 2 });
        Node server = world.Add("10.0.0.2:2000", s => s with { MaxConnections = 1 });
        Peer first = client.Connect(server);
        world.RunUntil(() => first.Confirmed);
        Peer second = client.Connect(server);
        Assert.Null(client.Core.Connect(world.Now, new PathAddress(server.Address), server.Identity.PublicKey, null, [Node.Alpn]));
        world.RunUntil(() => second.Closed, 5);
        Assert.Equal((ulong)QuicError.ConnectionRefused, second.CloseInfo!.Code);
    }

    [Fact]
    public void Many_connections_share_an_endpoint_and_are_all_forgotten()
    {
        var world = new World();
        Node client = world.Add("10.0.0.1:1000");
        Node server = world.Add("10.0.0.2:2000");
        Scenarios.EchoAtEnd(server);
        Peer[] peers = [.. Enumerable.Range(0, 50).Select(_ => client.Connect(server))];
        world.RunUntil(() => peers.All(p => p.Connected), 20);
        foreach (Peer peer in peers)
            peer.Write(peer.Open(), Scenarios.Bytes(2000, (int)peer.Core.Id), finish: true);
        world.RunUntil(() => peers.All(p => p.Ended.Count == 1), 20);
        foreach (Peer peer in peers)
            Assert.Equal(Scenarios.Bytes(2000, (int)peer.Core.Id), peer.Received[0]);
        foreach (Peer peer in peers)
            peer.Close(1, "");
        world.RunUntil(() => server.Core.ConnectionCount == 0 && client.Core.ConnectionCount == 0, 10);
        Assert.Null(server.Core.NextTimeout);
    }

    [Fact]
    public void Idle_connections_do_not_take_part_in_polling()
    {
        (World world, Node clientNode, _, Peer client, _) = Scenarios.Connected();
        world.RunFor(0.5);
        Assert.False(client.Core.Hooks.IsQueued);
        Assert.False(client.Core.Hooks.IsEventQueued);
        Assert.NotNull(clientNode.Core.NextTimeout);
        StreamId id = client.Open();
        client.Write(id, [1]);
        Assert.True(client.Core.Hooks.IsQueued);
    }

    [Fact]
    public void Established_connections_are_served_before_handshakes()
    {
        (World world, Node clientNode, Node server, Peer client, _) = Scenarios.Connected();
        world.RunFor(0.5);
        Peer second = clientNode.Connect(server);
        StreamId id = client.Open();
        client.Write(id, Scenarios.Bytes(100));
        byte[] buffer = new byte[Transmit.MaxBytes];
        Assert.True(clientNode.Core.PollTransmit(world.Now, buffer, out Transmit first));
        Assert.Equal("OneRtt", HandshakeTests.Types(buffer.AsSpan(0, first.SegmentSize)));
        Assert.True(clientNode.Core.PollTransmit(world.Now, buffer, out Transmit then));
        Assert.Equal("Initial", HandshakeTests.Types(buffer.AsSpan(0, then.SegmentSize)));
        Assert.False(second.Connected);
    }

    [Fact]
    public void Batches_are_full_segments_but_the_last()
    {
        (World world, Node clientNode, Node server, Peer client, _) = Scenarios.Connected();
        _ = server;
        world.RunFor(0.5);
        StreamId id = client.Open();
        client.Write(id, Scenarios.Bytes(9000));
        byte[] buffer = new byte[Transmit.MaxBytes];
        Assert.True(clientNode.Core.PollTransmit(world.Now, buffer, out Transmit transmit));
        Assert.Equal(1200, transmit.SegmentSize);
        Assert.Equal(8, transmit.DatagramCount);
        Assert.False(clientNode.Core.PollTransmit(world.Now, buffer, out _));
    }

    [Fact]
    public void Timer_heap_keeps_its_order_under_random_moves()
    {
        var world = new World();
        Node client = world.Add("10.0.0.1:1000");
        Node server = world.Add("10.0.0.2:2000");
        QuicConnectionCore[] cores = [.. Enumerable.Range(0, 40).Select(_ => client.Connect(server).Core)];
        foreach (QuicConnectionCore core in cores)
            core.Hooks = default;
        var heap = new TimerHeap();
        for (int i = 0; i < 5000; i++)
        {
            QuicConnectionCore core = cores[(int)world.Random.NextBelow(40)];
            heap.Set(core, world.Random.NextBelow(4) == 0 ? null : TimeSpan.FromTicks((long)world.Random.NextBelow(50)));
            QuicConnectionCore[] set = [.. cores.Where(c => c.Hooks.Deadline is not null)];
            Assert.Equal(set.Length, heap.Count);
            Assert.Equal(set.Length == 0 ? null : set.Min(c => c.Hooks.Deadline), heap.Next);
            if (set.Length > 0)
                Assert.Equal(set.OrderBy(c => c.Hooks.Deadline).ThenBy(c => c.Id).First(), heap.First);
        }
    }

    private static byte[] Negotiation(Peer peer, ReadOnlySpan<uint> versions)
    {
        byte[] packet = new byte[200];
        int length = PacketHeaderWriter.WriteVersionNegotiation(packet, 0, peer.Core.LocalInitialId.ToArray(),
            peer.Core.OriginalDestination.ToArray(), versions);
        return packet[..length];
    }

    private static byte[] Retry(Peer peer, bool goodTag, ulong source = 42)
    {
        byte[] packet = new byte[200];
        int length = PacketHeaderWriter.WriteRetry(
            packet, peer.Core.LocalInitialId, ConnectionId.FromUInt64(source), "token"u8);
        RetryIntegrityTag.Compute(
            peer.Core.OriginalDestination.ToArray(), packet.AsSpan(0, length), packet.AsSpan(length, RetryIntegrityTag.Length));
        if (!goodTag)
            packet[length] ^= 1;
        return packet[..(length + RetryIntegrityTag.Length)];
    }
}
