using Mosaik.Quic.Streams;
using Mosaik.Quic.Tls;

namespace Mosaik.Quic.Tests.Connection;

public sealed class StreamScenarioTests
{
    [Fact]
    public void Finished_streams_are_forgotten_and_replaced()
    {
        (World world, _, Node server, Peer client, Peer peer) = Scenarios.Connected();
        Scenarios.EchoAtEnd(server);
        for (int i = 0; i < 350; i++)
        {
            StreamId id = client.Open();
            client.Write(id, [1, 2, 3], finish: true);
            world.RunUntil(() => client.Ended.Contains(id), 5);
        }
        world.RunFor(0.1);
        Assert.Equal(350, peer.StreamEvents.Count(e => e.Kind == StreamEventKind.Finished));
    }

    [Fact]
    public void Reset_reaches_the_reader_with_its_code()
    {
        (World world, _, _, Peer client, Peer peer) = Scenarios.Connected();
        StreamId id = client.Open();
        client.Write(id, Scenarios.Bytes(10));
        world.RunFor(0.1);
        client.Core.Reset(id, 77);
        world.RunUntil(() => peer.StreamEvents.Contains(new StreamEvent(StreamEventKind.ResetReceived, id, 77)), 1);
        Assert.Equal(-1, peer.Core.Read(id, new byte[10], out _));
    }

    [Fact]
    public void Stop_sending_resets_the_stream_with_the_same_code()
    {
        (World world, _, _, Peer client, Peer peer) = Scenarios.Connected();
        StreamId id = client.Open();
        client.Write(id, Scenarios.Bytes(10));
        world.RunFor(0.1);
        peer.Core.StopSending(id, 55);
        world.RunUntil(() => client.StreamEvents.Contains(new StreamEvent(StreamEventKind.SendStopped, id, 55)), 1);
        Assert.Equal(-1, client.Core.Write(id, [1]));
    }

    [Fact]
    public void Both_directions_both_kinds()
    {
        (World world, _, _, Peer client, Peer peer) = Scenarios.Connected();
        foreach ((Peer from, Peer to) in new[] { (client, peer), (peer, client) })
        {
            foreach (bool bidirectional in new[] { true, false })
            {
                StreamId id = from.Open(bidirectional);
                from.Write(id, Scenarios.Bytes(3000, (int)id.Value), finish: true);
                world.RunUntil(() => to.Ended.Contains(id), 1);
                Assert.Equal(Scenarios.Bytes(3000, (int)id.Value), to.Received[id]);
            }
        }
    }

    [Fact]
    public void Stream_limit_blocks_and_is_raised_as_streams_end()
    {
        (World world, _, _, Peer client, Peer peer) =
            Scenarios.Connected(server: s => s with { MaxUnidirectionalStreams = 2 });
        StreamId first = client.Open(bidirectional: false);
        client.Open(bidirectional: false);
        Assert.False(client.Core.TryOpenStream(bidirectional: false, out _));
        client.Write(first, [1], finish: true);
        world.RunUntil(() => client.StreamEvents.Any(e => e.Kind == StreamEventKind.StreamsAvailable), 2);
        client.Open(bidirectional: false);
        _ = peer;
    }

    [Fact]
    public void Lower_streams_are_opened_implicitly()
    {
        (World world, _, _, Peer client, Peer peer) = Scenarios.Connected();
        StreamId a = client.Open(), b = client.Open(), c = client.Open();
        client.Write(c, [1]);
        world.RunUntil(() => peer.StreamEvents.Count(e => e.Kind == StreamEventKind.Opened) == 3, 1);
        Assert.Equal([a, b, c], peer.StreamEvents.Where(e => e.Kind == StreamEventKind.Opened).Select(e => e.Id));
    }

    [Fact]
    public void Stream_window_stops_a_sender_until_the_reader_reads()
    {
        (World world, _, _, Peer client, Peer peer) = Scenarios.Connected(server: s => s with { StreamReceiveWindow = 10_000 });
        peer.ReadsAtOnce = false;
        StreamId id = client.Open();
        client.Write(id, Scenarios.Bytes(30_000), finish: true);
        world.RunFor(1);
        Assert.Equal(10_000UL, peer.Core.BufferedReceiveBytes);
        peer.ReadsAtOnce = true;
        peer.ReadAll(id);
        world.RunUntil(() => peer.Ended.Contains(id), 2);
        Assert.Equal(Scenarios.Bytes(30_000), peer.Received[id]);
    }

    [Fact]
    public void Connection_window_stops_all_streams_together()
    {
        (World world, _, _, Peer client, Peer peer) = Scenarios.Connected(
            server: s => s with { ConnectionReceiveWindow = 15_000, StreamReceiveWindow = 10_000 });
        peer.ReadsAtOnce = false;
        StreamId[] ids = [client.Open(), client.Open(), client.Open()];
        foreach (StreamId id in ids)
            client.Write(id, Scenarios.Bytes(9000), finish: true);
        world.RunFor(1);
        Assert.Equal(15_000UL, peer.Core.BufferedReceiveBytes);
        peer.ReadsAtOnce = true;
        foreach (StreamId id in ids)
            peer.ReadAll(id);
        world.RunUntil(() => ids.All(id => peer.Ended.Contains(id)), 2);
    }

    [Fact]
    public void Blocked_writer_is_told_when_it_may_go_on()
    {
        (World world, _, _, Peer client, Peer peer) = Scenarios.Connected();
        StreamId id = client.Open();
        byte[] data = Scenarios.Bytes(3_000_000);
        int written = client.Core.Write(id, data);
        Assert.InRange(written, 1, 256 * 1024);
        int seen = 0;
        while (written < data.Length)
        {
            int wanted = seen;
            world.RunUntil(() => client.StreamEvents.Count(e => e.Kind == StreamEventKind.Writable) > wanted, 5);
            seen = client.StreamEvents.Count(e => e.Kind == StreamEventKind.Writable);
            written += client.Core.Write(id, data.AsSpan(written));
        }
        client.Core.Finish(id);
        world.RunUntil(() => peer.Ended.Contains(id), 5);
        Assert.Equal(data, peer.Received[id]);
    }

    [Fact]
    public void All_acknowledged_is_told_without_fin()
    {
        (World world, _, _, Peer client, _) = Scenarios.Connected();
        StreamId id = client.Open();
        client.Write(id, Scenarios.Bytes(5000));
        Assert.False(client.Core.NotifyWhenAcknowledged(id));
        world.RunUntil(() => client.StreamEvents.Any(e => e.Kind == StreamEventKind.AllAcknowledged), 1);
        Assert.True(client.Core.NotifyWhenAcknowledged(id));
    }

    [Theory]
    [InlineData(1, 0.0, 0)]
    [InlineData(2, 0.02, 5)]
    [InlineData(3, 0.1, 20)]
    [InlineData(4, 0.2, 50)]
    public void Bulk_data_survives_loss_reordering_and_duplication(ulong seed, double loss, int jitter)
    {
        (World world, _, Node server, Peer client, _) = Scenarios.Connected(seed);
        Scenarios.EchoAtEnd(server);
        world.Profile = new NetworkProfile
        {
            Loss = loss,
            Jitter = TimeSpan.FromMilliseconds(jitter),
            Duplication = loss,
            CongestionMarks = loss,
        };
        StreamId[] ids = [.. Enumerable.Range(0, 4).Select(_ => client.Open())];
        foreach (StreamId id in ids)
            client.Write(id, Scenarios.Bytes(150_000, (int)id.Value), finish: true);
        world.RunUntil(() => ids.All(id => client.Ended.Contains(id)), 300);
        foreach (StreamId id in ids)
            Assert.Equal(Scenarios.Bytes(150_000, (int)id.Value), client.Received[id]);
    }

    [Fact]
    public void Lost_tail_is_repaired_by_a_probe()
    {
        (World world, _, Node server, Peer client, Peer peer) = Scenarios.Connected();
        _ = server;
        world.RunFor(0.3);
        StreamId id = client.Open();
        client.Write(id, Scenarios.Bytes(100), finish: true);
        world.Filter = _ => false;
        world.Settle();
        world.Filter = null;
        TimeSpan start = world.Now;
        world.RunUntil(() => peer.Ended.Contains(id), 2);
        // The probe timeout with an RTT of 10 ms, plus max_ack_delay.
        Assert.InRange(world.Now - start, TimeSpan.FromMilliseconds(20), TimeSpan.FromMilliseconds(150));
    }

    [Fact]
    public void Congestion_window_follows_a_bottleneck()
    {
        (World world, _, _, Peer client, Peer peer) = Scenarios.Connected();
        world.Profile = new NetworkProfile
        {
            Latency = TimeSpan.FromMilliseconds(20),
            BytesPerSecond = 1_000_000,
            QueueBytes = 40_000,
        };
        StreamId id = client.Open();
        int written = 0;
        byte[] data = Scenarios.Bytes(5_000_000);
        TimeSpan start = world.Now;
        while (written < data.Length)
        {
            written += client.Core.Write(id, data.AsSpan(written));
            world.RunFor(0.02);
        }
        client.Core.Finish(id);
        world.RunUntil(() => peer.Ended.Contains(id), 60);
        double seconds = (world.Now - start).TotalSeconds;
        // 5 MB through 1 MB/s: at least 70 % of the line is used, and the queue was never filled for long.
        Assert.InRange(seconds, 5, 7.2);
        Assert.True(client.Core.Recovery.Congestion.CongestionEvents > 0);
        Assert.Equal(data, peer.Received[id]);
    }

    [Fact]
    public void Small_writes_share_packets()
    {
        (World world, Node clientNode, _, Peer client, Peer peer) = Scenarios.Connected();
        world.RunFor(0.2);
        int before = clientNode.Sent;
        StreamId[] ids = [.. Enumerable.Range(0, 20).Select(_ => client.Open())];
        foreach (StreamId id in ids)
            client.Write(id, Scenarios.Bytes(40), finish: true);
        world.Settle();
        Assert.Equal(1, clientNode.Sent - before);
        world.RunUntil(() => ids.All(id => peer.Ended.Contains(id)), 1);
    }

    [Fact]
    public void Acknowledgement_is_delayed_for_one_packet_and_immediate_for_two()
    {
        (World world, _, Node server, Peer client, _) = Scenarios.Connected();
        world.RunFor(1);
        int before = server.Sent;
        StreamId id = client.Open();
        client.Write(id, [1]);
        TimeSpan start = world.Now;
        world.RunUntil(() => server.Sent > before, 1);
        Assert.Equal(TimeSpan.FromMilliseconds(30), world.Now - start);      // 5 ms on the way, 25 ms of delay
        world.RunFor(1);
        before = server.Sent;
        client.Write(id, Scenarios.Bytes(2000));
        start = world.Now;
        world.RunUntil(() => server.Sent > before, 1);
        Assert.Equal(TimeSpan.FromMilliseconds(5), world.Now - start);
        Assert.Equal(before + 1, server.Sent);
    }

    [Fact]
    public void A_coalesced_batch_causes_one_acknowledgement()
    {
        (World world, Node clientNode, Node server, Peer client, _) = Scenarios.Connected();
        world.RunFor(1);
        int before = server.Sent, sentBefore = clientNode.Sent;
        StreamId id = client.Open();
        client.Write(id, Scenarios.Bytes(11_000));
        world.RunFor(0.0055);
        Assert.InRange(clientNode.Sent - sentBefore, 9, 12);
        Assert.Equal(before + 1, server.Sent);
    }

    [Fact]
    public void Endpoint_budget_for_unread_data_freezes_windows_and_thaws_them()
    {
        var world = new World();
        Node clientNode = world.Add("10.0.0.1:1000");
        Node server = world.Add("10.0.0.2:2000", s => s with { ReceiveBudget = 5000 },
            s => s with { ConnectionReceiveWindow = 20_000, StreamReceiveWindow = 20_000 });
        Peer client = clientNode.Connect(server);
        world.RunUntil(() => client.Confirmed);
        world.RunFor(0.1);
        Peer peer = server.Peers[0];
        peer.ReadsAtOnce = false;
        StreamId id = client.Open();
        client.Write(id, Scenarios.Bytes(60_000), finish: true);
        world.RunFor(1);
        Assert.Equal(20_000UL, peer.Core.BufferedReceiveBytes);
        Assert.Equal(20_000, server.Core.BufferedReceiveBytes);
        peer.ReadsAtOnce = true;
        peer.ReadAll(id);
        world.RunUntil(() => peer.Ended.Contains(id), 5);
        Assert.Equal(Scenarios.Bytes(60_000), peer.Received[id]);
        world.RunFor(0.1);
        Assert.Equal(0, server.Core.BufferedReceiveBytes);
    }

    [Fact]
    public void Packet_numbers_skip_one_per_interval()
    {
        (World world, _, Node server, Peer client, _) = Scenarios.Connected();
        Scenarios.EchoAtEnd(server);
        StreamId id = client.Open();
        client.Write(id, Scenarios.Bytes(200_000), finish: true);
        world.RunUntil(() => client.Ended.Contains(id), 10);
        ulong next = client.Core.Level(EncryptionLevel.OneRtt).Space.NextPacketNumber;
        ulong sent = client.Core.Statistics.PacketsSent - 3;    // Initial ×2, Handshake
        Assert.InRange(next - sent, 1UL, 4UL);
    }
}
