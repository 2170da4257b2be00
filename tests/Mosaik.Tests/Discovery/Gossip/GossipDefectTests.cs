using Mosaik.Discovery.Gossip;
using Mosaik.Discovery.Gossip.Protocol;
using Mosaik.Networking;
using Mosaik.Networking.Transport;
using Mosaik.Primitives;

namespace Mosaik.Tests.Discovery.Gossip;

/// <summary>
/// The defects of the reference that live in its driver (spec/gossip.md §12: Q1 to Q4, Q9; Q5 to Q8 are with the cores,
/// Q10 with the announce worker), and hostile peers (§14).
/// </summary>
public sealed class GossipDefectTests
{
    private static TopicId Topic => GossipWorld.Topic;

    [Fact]
    public void Q1_a_peer_that_could_not_be_dialled_is_dialled_again() => GossipWorld.Run(async world =>
    {
        GossipNode node = await world.StartAsync();
        RawGossipPeer peer = world.Raw("peer"); // accepts nothing yet
        node.Knows(peer.Id, peer.Addresses);
        IGossipTopic topic = await node.Driver.SubscribeAsync(Topic, [peer.Id]);
        await world.UntilAsync(() => node.Logger.Lines.Exists(static l => l.Id == 2103), "the dial fails", 30);
        peer.Accept();
        await topic.JoinPeersAsync([peer.Id]);
        await world.UntilAsync(() => peer.Count<JoinMessage>() == 1, "the second Join arrives, and the first does not");
    });

    [Fact]
    public void Q1_messages_that_pile_up_before_a_dial_succeeds_are_dropped() => GossipWorld.Run(async world =>
    {
        GossipNode node = await world.StartAsync();
        RawGossipPeer peer = world.Raw("peer");
        node.Knows(peer.Id, [TransportAddress.Parse("10.9.9.9:1")]); // nobody answers there
        IGossipTopic topic = await node.Driver.SubscribeAsync(Topic, []);
        for (int i = 0; i < 70; i++)
            await topic.JoinPeersAsync([peer.Id]);
        node.Knows(peer.Id, peer.Addresses);
        peer.Accept();
        await world.UntilAsync(() => peer.Count<JoinMessage>() > 0, "a later dial succeeds", 30);
        Assert.InRange(peer.Count<JoinMessage>(), 1, 63);
    });

    [Fact]
    public void Q2_a_peer_that_died_outside_the_active_view_is_dialled_anew() => GossipWorld.Run(async world =>
    {
        GossipNode node = await world.StartAsync();
        RawGossipPeer peer = world.Raw("peer");
        peer.Accept();
        node.Knows(peer.Id, peer.Addresses);
        IGossipTopic topic = await node.Driver.SubscribeAsync(Topic, [peer.Id]);
        await world.UntilAsync(() => peer.Count<JoinMessage>() == 1, "the first Join");
        Assert.Empty(topic.Neighbours); // it does not answer
        await peer.Connections[0].CloseAsync(CloseCode.None, "");
        await world.DelayAsync(1);
        await topic.JoinPeersAsync([peer.Id]);
        await world.UntilAsync(() => peer.Count<JoinMessage>() == 2, "the second Join, over a new connection");
        Assert.Equal(2, peer.Connections.Count);
    });

    [Fact]
    public void Q3_the_connection_of_a_dropped_peer_is_closed() => GossipWorld.Run(async world =>
    {
        GossipNode node = await world.StartAsync();
        IGossipTopic topic = await node.Driver.SubscribeAsync(Topic, []);
        RawGossipPeer peer = world.Raw("peer");
        (ITransportConnection connection, ITransportStream stream) = await peer.JoinAsync(node);
        await world.UntilAsync(() => topic.Neighbours.Count == 1, "the neighbour");
        await RawGossipPeer.SendAsync(stream, new DisconnectMessage(true));
        TimeSpan start = world.Scheduler.Now;
        await world.UntilAsync(() => topic.Neighbours.Count == 0, "the neighbour is gone");
        await world.UntilAsync(() => peer.Finished == peer.Streams, "the node's streams are finished");
        TransportCloseInfo end = await connection.WaitClosedAsync();
        Assert.Equal((CloseCode.None, "close from disconnect"), (end.RemoteCode, end.Reason));
        Assert.InRange((world.Scheduler.Now - start).TotalSeconds, 10, 10.1);
    });

    [Fact]
    public void Q3_a_lingering_connection_is_revived_and_not_dialled_anew() => GossipWorld.Run(async world =>
    {
        GossipNode node = await world.StartAsync();
        IGossipTopic topic = await node.Driver.SubscribeAsync(Topic, []);
        RawGossipPeer peer = world.Raw("peer");
        (ITransportConnection connection, ITransportStream stream) = await peer.JoinAsync(node);
        await RawGossipPeer.SendAsync(stream, new DisconnectMessage(true));
        await world.UntilAsync(() => peer.Finished == 1, "the node has given the peer up");
        await world.DelayAsync(5);
        await topic.JoinPeersAsync([peer.Id]); // there is no address to dial, and none is needed
        await world.UntilAsync(() => peer.Count<JoinMessage>() == 1, "the Join");
        Assert.Same(connection, Assert.Single(peer.Connections));
        Assert.Equal(2, peer.Streams);
        await RawGossipPeer.SendAsync(stream, new NeighborMessage(NeighborPriority.High, null));
        await world.UntilAsync(() => topic.Neighbours.Count == 1, "the neighbour again");
        await world.DelayAsync(60);
        Assert.Null(connection.CloseInfo);
    });

    [Fact]
    public void Q4_a_broadcast_that_is_too_large_fails_in_the_call() => GossipWorld.Run(async world =>
    {
        GossipNode[] nodes = await world.StartAsync(2);
        IGossipTopic a = await nodes[0].Driver.SubscribeAsync(Topic, []);
        var b = new TopicReader(world, await nodes[1].Driver.SubscribeAsync(Topic, [nodes[0].Id]));
        await b.NextAsync<GossipEvent.NeighborUp>();
        Assert.Equal(4057, a.MaxContentBytes);
        // The call itself throws, not the task that it returns.
        var error = Assert.Throws<GossipMessageTooLargeException>(
            () => { _ = a.BroadcastAsync(new byte[4058], GossipScope.Swarm).AsTask(); });
        Assert.Equal((4057, 4058), (error.Limit, error.ActualSize));
        await a.BroadcastAsync(new byte[4057], GossipScope.Swarm);
        Assert.Equal(4057, (await b.NextAsync<GossipEvent.Received>()).Content.Length);
        Assert.Empty(b.Drain());
    });

    [Fact]
    public void Q4_a_peer_that_takes_nothing_is_dropped_and_harms_nobody() => GossipWorld.Run(async world =>
    {
        world.Transports.StreamWindow = 64 * 1024;
        GossipNode[] nodes = await world.StartAsync(2);
        IGossipTopic sender = await nodes[0].Driver.SubscribeAsync(Topic, []);
        var good = new TopicReader(world, await nodes[1].Driver.SubscribeAsync(Topic, [nodes[0].Id]));
        await good.NextAsync<GossipEvent.NeighborUp>();
        RawGossipPeer peer = world.Raw("deaf");
        ITransportConnection connection = await peer.Transport.ConnectAsync(
            nodes[0].Id, nodes[0].Local.Address.Addresses, WireProtocol.Announce.Alpn); // reads nothing
        ITransportStream stream = await RawGossipPeer.OpenAsync(connection, Topic, new JoinMessage(null));
        await world.UntilAsync(() => sender.Neighbours.Contains(peer.Id), "the deaf neighbour");
        TimeSpan start = world.Scheduler.Now;
        for (int i = 0; i < 200; i++)
        {
            byte[] content = new byte[4000];
            BitConverter.TryWriteBytes(content, i);
            await sender.BroadcastAsync(content, GossipScope.Swarm);
            await good.NextAsync<GossipEvent.Received>(1);
        }

        TransportCloseInfo end = await connection.WaitClosedAsync();
        Assert.Equal((CloseCode.None, "close from disconnect"), (end.RemoteCode, end.Reason));
        Assert.InRange((world.Scheduler.Now - start).TotalSeconds, 5, 15);
        await world.UntilAsync(() => !sender.Neighbours.Contains(peer.Id), "it is no neighbour any more");
        Assert.Contains(nodes[0].Logger.Lines, static l => l.Id == 2106);
    });

    [Fact]
    public void Q9_a_stream_without_header_does_not_hold_up_the_others() => GossipWorld.Run(async world =>
    {
        GossipNode node = await world.StartAsync();
        var reader = new TopicReader(world, await node.Driver.SubscribeAsync(Topic, []));
        RawGossipPeer peer = world.Raw("peer");
        ITransportConnection connection = await peer.ConnectAsync(node);
        ITransportStream silent = await connection.OpenStreamAsync(TransportStreamDirection.Unidirectional);
        await silent.WriteAsync(new byte[] { 0, 0 });
        await RawGossipPeer.OpenAsync(connection, Topic, new JoinMessage(null));
        Assert.Equal(new GossipEvent.NeighborUp(peer.Id), await reader.NextAsync(1));
        await world.DelayAsync(6);
        Assert.Null(connection.CloseInfo);
        await Assert.ThrowsAsync<TransportException>(async () =>
        {
            for (int i = 0; i < 10; i++)
            {
                await silent.WriteAsync(new byte[] { 0 });
                await world.DelayAsync(0.1);
            }
        });
    });

    [Fact]
    public void Many_streams_without_header_wait_in_line() => GossipWorld.Run(async world =>
    {
        GossipNode node = await world.StartAsync();
        var reader = new TopicReader(world, await node.Driver.SubscribeAsync(Topic, []));
        RawGossipPeer peer = world.Raw("peer");
        ITransportConnection connection = await peer.ConnectAsync(node);
        for (int i = 0; i < 20; i++)
        {
            ITransportStream silent = await connection.OpenStreamAsync(TransportStreamDirection.Unidirectional);
            await silent.WriteAsync(new byte[] { 0 });
        }

        await world.DelayAsync(0.1); // all have arrived
        await RawGossipPeer.OpenAsync(connection, Topic, new JoinMessage(null));
        await world.DelayAsync(4);
        Assert.Empty(reader.Drain());
        Assert.Equal(new GossipEvent.NeighborUp(peer.Id), await reader.NextAsync(10));
    });

    [Theory]
    [InlineData("too-long", "00001001")]
    [InlineData("short-header", "0000000401020304")]
    public void A_stream_that_does_not_begin_with_a_topic_ends_the_connection(string name, string hex) => GossipWorld.Run(async world =>
    {
        Assert.NotEmpty(name);
        GossipNode node = await world.StartAsync();
        RawGossipPeer peer = world.Raw("peer");
        ITransportConnection connection = await peer.ConnectAsync(node);
        ITransportStream stream = await connection.OpenStreamAsync(TransportStreamDirection.Unidirectional);
        await stream.WriteAsync(Convert.FromHexString(hex));
        Assert.Equal(CloseCode.ProtocolViolation, (await connection.WaitClosedAsync()).RemoteCode);
    });

    [Fact]
    public void What_must_be_rejected_ends_the_connection_and_nothing_else() => GossipWorld.Run(async world =>
    {
        GossipNode[] nodes = await world.StartAsync(2);
        IGossipTopic topic = await nodes[0].Driver.SubscribeAsync(Topic, []);
        var good = new TopicReader(world, await nodes[1].Driver.SubscribeAsync(Topic, [nodes[0].Id]));
        await good.NextAsync<GossipEvent.NeighborUp>();
        RawGossipPeer peer = world.Raw("peer");
        foreach (System.Text.Json.JsonElement vector in GossipVectors.Each("must_reject"))
        {
            ITransportConnection connection = await peer.ConnectAsync(nodes[0]);
            ITransportStream stream = await RawGossipPeer.OpenAsync(connection, Topic);
            await stream.WriteAsync(vector.Hex("bytes"), completeWrites: true);
            TransportCloseInfo end = await connection.WaitClosedAsync().AsTask()
                .WaitAsync(TimeSpan.FromSeconds(1), world.Scheduler.TimeProvider);
            Assert.True(end.RemoteCode == CloseCode.ProtocolViolation, vector.Text("name"));
        }

        foreach (System.Text.Json.JsonElement vector in GossipVectors.Each("must_accept"))
        {
            ITransportConnection connection = await peer.ConnectAsync(nodes[0]);
            ITransportStream stream = await RawGossipPeer.OpenAsync(connection, Topic);
            await stream.WriteAsync(vector.Hex("bytes"), completeWrites: true);
            await world.DelayAsync(1);
            Assert.True(connection.CloseInfo is null, vector.Text("name"));
            await connection.CloseAsync(CloseCode.None, "");
        }

        await topic.BroadcastAsync(new byte[] { 1 }, GossipScope.Swarm);
        await good.NextAsync<GossipEvent.Received>();
        int lines = nodes[0].Logger.Lines.Count(static l => l.Id == 2104);
        Assert.InRange(lines, 1, 13);
    });

    [Fact]
    public void Sixteen_wrong_ids_end_the_connection() => GossipWorld.Run(async world =>
    {
        GossipNode node = await world.StartAsync();
        var reader = new TopicReader(world, await node.Driver.SubscribeAsync(Topic, []));
        RawGossipPeer peer = world.Raw("peer");
        (ITransportConnection connection, ITransportStream stream) = await peer.JoinAsync(node);
        for (int i = 0; i < 15; i++)
            await RawGossipPeer.SendAsync(stream, new BroadcastMessage(default, new byte[] { 1 }, GossipScope.Swarm));
        await world.DelayAsync(1);
        Assert.Null(connection.CloseInfo);
        await RawGossipPeer.SendAsync(stream, new BroadcastMessage(default, new byte[] { 1 }, GossipScope.Swarm));
        Assert.Equal(CloseCode.ProtocolViolation, (await connection.WaitClosedAsync()).RemoteCode);
        Assert.DoesNotContain(reader.Drain(), static e => e is GossipEvent.Received);
    });

    [Fact]
    public void At_most_four_connections_per_peer() => GossipWorld.Run(async world =>
    {
        GossipNode node = await world.StartAsync();
        var reader = new TopicReader(world, await node.Driver.SubscribeAsync(Topic, []));
        RawGossipPeer peer = world.Raw("peer");
        for (int i = 0; i < 7; i++)
        {
            ITransportConnection connection = await peer.ConnectAsync(node);
            await RawGossipPeer.OpenAsync(connection, Topic, new JoinMessage(null));
            await world.DelayAsync(0.1);
        }

        Assert.Equal([false, false, false, true, true, true, true], peer.Connections.Select(static c => c.CloseInfo is null));
        Assert.Equal([new GossipEvent.NeighborUp(peer.Id)], reader.Drain());
        // The superseded ones are read: their streams are open, so they stay.
        await world.DelayAsync(600);
        Assert.Equal(4, peer.Connections.Count(static c => c.CloseInfo is null));
    });

    [Fact]
    public void A_connection_that_wants_nothing_is_closed() => GossipWorld.Run(async world =>
    {
        GossipNode node = await world.StartAsync();
        await node.Driver.SubscribeAsync(Topic, []);
        RawGossipPeer peer = world.Raw("peer");
        ITransportConnection connection = await peer.ConnectAsync(node);
        TimeSpan start = world.Scheduler.Now;
        Assert.Equal(CloseCode.None, (await connection.WaitClosedAsync()).RemoteCode);
        Assert.InRange((world.Scheduler.Now - start).TotalSeconds, 120, 140);
    });

    [Fact]
    public void A_flood_of_invented_peers_stays_bounded() => GossipWorld.Run(async world =>
    {
        GossipNode node = await world.StartAsync();
        IGossipTopic topic = await node.Driver.SubscribeAsync(Topic, []);
        RawGossipPeer peer = world.Raw("peer");
        (ITransportConnection connection, ITransportStream stream) = await peer.JoinAsync(node);
        var nowhere = PeerDataCodec.Encode(new EndpointAddress(peer.Id, TransportAddress.Parse("10.9.9.9:1")));
        for (int i = 0; i < 600; i++)
        {
            var invented = new GossipPeerInfo(SecretKey.FromText($"invented {i}").PeerId, nowhere);
            await RawGossipPeer.SendAsync(stream, new ForwardJoinMessage(invented, 0));
        }

        await world.DelayAsync(1);
        Assert.InRange(node.Driver.Dials, 1, GossipDriver.MaxDials + GossipDriver.MaxDialsWaiting);
        await world.UntilAsync(() => node.Driver.Dials == 0, "all dials have failed", 1000);
        Assert.Equal([peer.Id], topic.Neighbours);
        Assert.Null(connection.CloseInfo);
    });
}
