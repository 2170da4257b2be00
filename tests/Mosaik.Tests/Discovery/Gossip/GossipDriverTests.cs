using Mosaik.Discovery.Gossip;
using Mosaik.Discovery.Gossip.Protocol;
using Mosaik.Networking;
using Mosaik.Networking.Transport;
using Mosaik.Primitives;

namespace Mosaik.Tests.Discovery.Gossip;

/// <summary>The driver between whole nodes, spec/gossip.md §16.5 and §11.</summary>
public sealed class GossipDriverTests
{
    private static TopicId Topic => GossipWorld.Topic;

    [Fact]
    public void Three_nodes_hear_each_other() => GossipWorld.Run(async world =>
    {
        GossipNode[] nodes = await world.StartAsync(3);
        TopicReader[] readers = await SubscribeAsync(world, nodes);
        for (int i = 0; i < 3; i++)
        {
            await readers[i].Topic.BroadcastAsync(Bytes($"hello {i}"), GossipScope.Swarm);
            for (int j = 0; j < 3; j++)
            {
                if (i != j)
                    Assert.Equal($"hello {i}", await readers[j].NextTextAsync());
            }
        }

        Assert.All(readers, r => Assert.DoesNotContain(r.Drain(), static e => e is GossipEvent.Received));
        await readers[0].Topic.BroadcastAsync(Bytes("near"), GossipScope.Neighbours);
        GossipEvent.Received[] near =
        [
            await readers[1].NextAsync<GossipEvent.Received>(), await readers[2].NextAsync<GossipEvent.Received>(),
        ];
        Assert.All(near, r => Assert.Equal((GossipScope.Neighbours, nodes[0].Id), (r.Scope, r.DeliveredFrom)));
    });

    [Fact]
    public void Twenty_nodes_with_one_bootstrap_peer_all_hear_everybody() => GossipWorld.Run(async world =>
    {
        GossipNode[] nodes = await world.StartAsync(20);
        TopicReader[] readers = await SubscribeAsync(world, nodes);
        await world.DelayAsync(3);
        foreach (TopicReader reader in readers)
            reader.Drain();
        for (int i = 0; i < 20; i++)
            await readers[i].Topic.BroadcastAsync(Bytes($"{i}"), GossipScope.Swarm);
        await world.DelayAsync(5);
        foreach (TopicReader reader in readers)
            Assert.Equal(19, reader.Drain().OfType<GossipEvent.Received>().Select(r => Text(r)).Distinct().Count());
        Assert.All(readers, r => Assert.InRange(r.Topic.Neighbours.Count, 1, 5));
    });

    [Fact]
    public void A_node_joins_leaves_and_joins_again() => GossipWorld.Run(async world =>
    {
        GossipNode[] nodes = await world.StartAsync(2);
        using IGossipTopic first = await nodes[0].Driver.SubscribeAsync(Topic, []);
        var reader = new TopicReader(world, first);
        for (int round = 0; round < 3; round++)
        {
            IGossipTopic second = await nodes[1].Driver.SubscribeAsync(Topic, [nodes[0].Id]);
            var other = new TopicReader(world, second);
            Assert.Equal(new GossipEvent.NeighborUp(nodes[1].Id), await reader.NextAsync());
            Assert.Equal(new GossipEvent.NeighborUp(nodes[0].Id), await other.NextAsync());
            Assert.Equal([nodes[1].Id], first.Neighbours);
            await first.BroadcastAsync(Bytes($"round {round}"), GossipScope.Swarm);
            Assert.Equal($"round {round}", await other.NextTextAsync());
            second.Dispose();
            second.Events.Dispose();
            Assert.Equal(new GossipEvent.NeighborDown(nodes[1].Id), await reader.NextAsync());
            Assert.Empty(first.Neighbours);
        }
    });

    [Fact]
    public void A_node_that_was_killed_returns_with_the_same_key() => GossipWorld.Run(async world =>
    {
        GossipNode[] nodes = await world.StartAsync(2);
        TopicReader[] readers = await SubscribeAsync(world, nodes);
        await readers[0].NextAsync<GossipEvent.NeighborUp>();
        nodes[1].Network.Abort();
        await readers[0].NextAsync<GossipEvent.NeighborDown>(40);

        GossipNode again = await world.StartAsync(key: nodes[1].Local.SecretKey);
        again.Knows(nodes[0]);
        var reader = new TopicReader(world, await again.Driver.SubscribeAsync(Topic, [nodes[0].Id]));
        Assert.Equal(new GossipEvent.NeighborUp(again.Id), await readers[0].NextAsync());
        await readers[0].Topic.BroadcastAsync(Bytes("welcome"), GossipScope.Swarm);
        Assert.Equal("welcome", await reader.NextTextAsync());
    });

    [Fact]
    public void The_second_name_of_the_protocol_is_served_too() => GossipWorld.Run(async world =>
    {
        GossipNode node = await world.StartAsync();
        var reader = new TopicReader(world, await node.Driver.SubscribeAsync(Topic, []));
        RawGossipPeer peer = world.Raw("peer");
        ITransportConnection connection = await peer.ConnectAsync(node, "/mosaik/announce");
        await RawGossipPeer.OpenAsync(connection, Topic, new JoinMessage(null));
        Assert.Equal(new GossipEvent.NeighborUp(peer.Id), await reader.NextAsync());
        Assert.Equal("/mosaik/discovery/announce/1.0", WireProtocol.Announce.Alpn);
    });

    [Fact]
    public void A_third_node_is_found_through_what_peers_tell_of_it() => GossipWorld.Run(async world =>
    {
        GossipNode a = await world.StartAsync(), b = await world.StartAsync(), c = await world.StartAsync();
        b.Knows(a);
        c.Knows(a);
        Assert.Empty(b.Local.ResolveKnown(c.Id));
        IGossipTopic ta = await a.Driver.SubscribeAsync(Topic, []);
        IGossipTopic tb = await b.Driver.SubscribeAsync(Topic, [a.Id]);
        await world.UntilAsync(() => tb.Neighbours.Count == 1, "the first neighbour");
        IGossipTopic tc = await c.Driver.SubscribeAsync(Topic, [a.Id]);
        await world.UntilAsync(() => tb.Neighbours.Contains(c.Id) && tc.Neighbours.Contains(b.Id), "neighbours by hearsay");
        Assert.Equal(2, ta.Neighbours.Count);
    });

    [Fact]
    public void Without_any_address_a_dial_fails_at_once() => GossipWorld.Run(async world =>
    {
        GossipNode a = await world.StartAsync();
        await a.Driver.SubscribeAsync(Topic, [SecretKey.FromText("nobody").PeerId]);
        await world.UntilAsync(() => a.Logger.Lines.Exists(static l => l.Id == 2103), "the failure", 0.1);
    });

    [Fact]
    public void A_topic_lives_while_somebody_sends_or_reads() => GossipWorld.Run(async world =>
    {
        GossipNode[] nodes = await world.StartAsync(2);
        TopicReader[] readers = await SubscribeAsync(world, nodes);
        await readers[1].NextAsync<GossipEvent.NeighborUp>();
        readers[1].Topic.Dispose();
        await readers[0].Topic.BroadcastAsync(Bytes("still there"), GossipScope.Swarm);
        Assert.Equal("still there", await readers[1].NextTextAsync());
        await Assert.ThrowsAsync<ObjectDisposedException>(
            async () => await readers[1].Topic.BroadcastAsync(Bytes("x"), GossipScope.Swarm));

        // Late subscribers are told of the neighbours that are there.
        IGossipTopic late = await nodes[1].Driver.SubscribeAsync(Topic, []);
        Assert.Equal(new GossipEvent.NeighborUp(nodes[0].Id), await new TopicReader(world, late).NextAsync());
        readers[1].Topic.Events.Dispose();
        late.Events.Dispose();
        Assert.Equal([nodes[0].Id], late.Neighbours);
        late.Dispose();
        await readers[0].NextAsync<GossipEvent.NeighborDown>();
        Assert.Empty(late.Neighbours);
    });

    [Fact]
    public void Two_nodes_that_dial_each_other_at_once_become_neighbours_once() => GossipWorld.Run(async world =>
    {
        GossipNode[] nodes = await world.StartAsync(2);
        Task<IGossipTopic> one = nodes[0].Driver.SubscribeAsync(Topic, [nodes[1].Id]).AsTask();
        Task<IGossipTopic> two = nodes[1].Driver.SubscribeAsync(Topic, [nodes[0].Id]).AsTask();
        TopicReader[] readers = [new(world, await one), new(world, await two)];
        await world.UntilAsync(() => readers.All(static r => r.Topic.Neighbours.Count == 1), "neighbours");
        await world.DelayAsync(1);
        for (int i = 0; i < 2; i++)
            Assert.Equal([new GossipEvent.NeighborUp(nodes[1 - i].Id)], readers[i].Drain());
        for (int i = 0; i < 2; i++)
        {
            await readers[i].Topic.BroadcastAsync(Bytes($"{i}"), GossipScope.Swarm);
            Assert.Equal($"{i}", await readers[1 - i].NextTextAsync());
        }

        // Of two connections the one that nobody sends over is closed after a while, and nobody notices.
        await world.DelayAsync(300);
        await readers[0].Topic.BroadcastAsync(Bytes("later"), GossipScope.Swarm);
        Assert.Equal("later", await readers[1].NextTextAsync());
        Assert.All(readers, r => Assert.DoesNotContain(r.Drain(), static e => e is GossipEvent.NeighborDown));
    });

    [Fact]
    public void A_peer_may_open_many_streams_for_one_topic() => GossipWorld.Run(async world =>
    {
        GossipNode node = await world.StartAsync();
        var reader = new TopicReader(world, await node.Driver.SubscribeAsync(Topic, []));
        RawGossipPeer peer = world.Raw("peer");
        (ITransportConnection connection, ITransportStream first) = await peer.JoinAsync(node);
        ITransportStream second = await RawGossipPeer.OpenAsync(connection, Topic, Payload("two"));
        Assert.Equal("two", await reader.NextTextAsync());
        await RawGossipPeer.SendAsync(first, Payload("one"));
        Assert.Equal("one", await reader.NextTextAsync());
        first.CompleteWrites();
        await RawGossipPeer.SendAsync(second, Payload("three"));
        Assert.Equal("three", await reader.NextTextAsync());
        await RawGossipPeer.OpenAsync(connection, Topic, Payload("four"));
        Assert.Equal("four", await reader.NextTextAsync());
        Assert.Null(connection.CloseInfo);
    });

    [Fact]
    public void A_message_for_an_unknown_topic_is_ignored() => GossipWorld.Run(async world =>
    {
        GossipNode node = await world.StartAsync();
        RawGossipPeer peer = world.Raw("peer");
        ITransportConnection connection = await peer.ConnectAsync(node);
        ITransportStream early = await RawGossipPeer.OpenAsync(connection, Topic, new JoinMessage(null));
        await RawGossipPeer.OpenAsync(connection, TopicId.Of("elsewhere"), new JoinMessage(null), Payload("x"));
        await world.DelayAsync(2);
        Assert.Empty(peer.Heard);
        Assert.Null(connection.CloseInfo);

        // Once there is a topic, the same stream serves it: it was read all the time.
        IGossipTopic topic = await node.Driver.SubscribeAsync(Topic, []);
        await RawGossipPeer.SendAsync(early, new JoinMessage(null));
        await world.UntilAsync(() => topic.Neighbours.Contains(peer.Id), "the neighbour");
        Assert.All(peer.Heard, h => Assert.Equal(Topic, h.Topic));
    });

    [Fact]
    public void The_header_comes_with_the_first_message_in_one_write() => GossipWorld.Run(async world =>
    {
        GossipNode node = await world.StartAsync();
        RawGossipPeer peer = world.Raw("peer");
        await node.Driver.SubscribeAsync(Topic, []);
        ITransportConnection connection = await peer.Transport.ConnectAsync(
            node.Id, node.Local.Address.Addresses, WireProtocol.Announce.Alpn);
        await RawGossipPeer.OpenAsync(connection, Topic, new JoinMessage(null));
        ITransportStream stream = await connection.AcceptStreamAsync(TransportStreamDirection.Unidirectional);
        byte[] bytes = new byte[4096];
        int read = await stream.ReadAsync(bytes);
        Assert.True(read > 36, $"{read} bytes");
        Assert.Equal(GossipCodec.EncodeHeader(Topic), bytes[..36]);
    });

    [Fact]
    public void Leaving_says_goodbye_and_closes_with_no_error() => GossipWorld.Run(async world =>
    {
        GossipNode node = await world.StartAsync();
        IGossipTopic topic = await node.Driver.SubscribeAsync(Topic, []);
        RawGossipPeer peer = world.Raw("peer");
        (ITransportConnection connection, _) = await peer.JoinAsync(node);
        await world.UntilAsync(() => topic.Neighbours.Count == 1, "the neighbour");
        await node.Network.DisposeAsync();
        TransportCloseInfo end = await connection.WaitClosedAsync();
        Assert.Equal(CloseCode.None, end.RemoteCode);
        Assert.Equal(
            [GossipMessageKind.ShuffleReply, GossipMessageKind.Disconnect], peer.Heard.TakeLast(2).Select(static h => h.Message.Kind));
        Assert.Equal(new DisconnectMessage(false), peer.Heard[^1].Message);
        Assert.Equal(peer.Streams, peer.Finished);
        while (topic.Events.TryRead(out _))
        {
        }

        Assert.False(await topic.Events.WaitToReadAsync());
        Assert.Empty(topic.Neighbours);
        await Assert.ThrowsAsync<NetworkClosedException>(async () => await topic.BroadcastAsync(Bytes("x"), GossipScope.Swarm));
        await Assert.ThrowsAsync<NetworkClosedException>(async () => await node.Driver.SubscribeAsync(Topic, []));
    });

    [Fact]
    public void Leaving_does_not_wait_for_those_who_are_gone() => GossipWorld.Run(async world =>
    {
        GossipNode[] nodes = await world.StartAsync(2);
        IGossipTopic first = await nodes[0].Driver.SubscribeAsync(Topic, []);
        await nodes[1].Driver.SubscribeAsync(Topic, [nodes[0].Id]);
        RawGossipPeer living = world.Raw("living");
        await living.JoinAsync(nodes[0]);
        await world.UntilAsync(() => first.Neighbours.Count == 2, "both neighbours");
        world.Transports.Links.Block(Address(nodes[0]), Address(nodes[1]));
        world.Transports.Links.Block(Address(nodes[1]), Address(nodes[0]));
        TimeSpan start = world.Scheduler.Now;
        await nodes[0].Driver.LeaveAsync(CancellationToken.None);
        Assert.Equal(0.5, (world.Scheduler.Now - start).TotalSeconds, 1);
        Assert.Equal(new DisconnectMessage(false), living.Heard[^1].Message);
        Assert.Single(nodes[0].Logger.Lines, static l => l.Id == 2109);
        world.Transports.Links.Heal();
    });

    [Fact]
    public void A_new_address_is_told_from_then_on() => GossipWorld.Run(async world =>
    {
        GossipNode node = await world.StartAsync();
        await node.Driver.SubscribeAsync(Topic, []);
        RawGossipPeer first = world.Raw("first"), second = world.Raw("second");
        await first.JoinAsync(node);
        var moved = new EndpointAddress(node.Id, TransportAddress.Parse("203.0.113.9:4433"));
        node.Driver.OnAddressChanged(moved);
        await second.JoinAsync(node);
        PeerData? before = first.Heard.Select(static h => h.Message).OfType<NeighborMessage>().First().Data;
        Assert.Equal(PeerDataCodec.Encode(node.Local.Address), before);
        PeerData? after = second.Heard.Select(static h => h.Message).OfType<NeighborMessage>().First().Data;
        Assert.Equal(PeerDataCodec.Encode(moved), after);
    });

    [Fact]
    public void A_slow_reader_loses_the_oldest_events_and_is_told() => GossipWorld.Run(async world =>
    {
        var options = new GossipOptions { SubscriberQueueCapacity = 10 };
        GossipNode a = await world.StartAsync(), b = await world.StartAsync(options);
        b.Knows(a);
        IGossipTopic sender = await a.Driver.SubscribeAsync(Topic, []);
        var reader = new TopicReader(world, await b.Driver.SubscribeAsync(Topic, [a.Id]));
        await reader.NextAsync<GossipEvent.NeighborUp>();
        for (int i = 0; i < 25; i++)
            await sender.BroadcastAsync(Bytes($"{i}"), GossipScope.Swarm);
        await world.DelayAsync(2);
        Assert.Equal(new GossipEvent.Lagged(15), await reader.NextAsync());
        Assert.Equal(Enumerable.Range(15, 10).Select(static i => $"{i}"), reader.Drain().Select(Text));
        await sender.BroadcastAsync(Bytes("next"), GossipScope.Swarm);
        Assert.Equal("next", await reader.NextTextAsync());
    });

    [Fact]
    public void The_same_seed_gives_the_same_history()
    {
        string[] Play()
        {
            string[] log = [];
            GossipWorld.Run(
                async world =>
                {
                    GossipNode[] nodes = await world.StartAsync(8);
                    TopicReader[] readers = await SubscribeAsync(world, nodes);
                    for (int i = 0; i < 20; i++)
                        await readers[i % 8].Topic.BroadcastAsync(Bytes($"{i}"), GossipScope.Swarm);
                    await world.DelayAsync(100);
                    log = [.. readers.SelectMany(static r => r.Drain()).Select(static e => e.ToString() + (e is GossipEvent.Received r ? Text(r) : ""))];
                },
                seed: 77);
            return log;
        }

        string[] first = Play();
        Assert.NotEmpty(first);
        Assert.Equal(first, Play());
    }

    private static System.Net.IPAddress Address(GossipNode node) => node.Local.Endpoint.LocalEndPoints[0].Address;

    private static async Task<TopicReader[]> SubscribeAsync(GossipWorld world, GossipNode[] nodes)
    {
        var readers = new TopicReader[nodes.Length];
        for (int i = 0; i < nodes.Length; i++)
            readers[i] = new TopicReader(world, await nodes[i].Driver.SubscribeAsync(Topic, i == 0 ? [] : [nodes[0].Id]));
        await world.UntilAsync(() => readers.All(static r => r.Topic.Neighbours.Count > 0), "everybody has a neighbour");
        return readers;
    }

    private static byte[] Bytes(string text) => System.Text.Encoding.UTF8.GetBytes(text);

    private static string Text(GossipEvent item) =>
        System.Text.Encoding.UTF8.GetString(Assert.IsType<GossipEvent.Received>(item).Content.Span);

    private static BroadcastMessage Payload(string text) => new(MessageId.Of(Bytes(text)), Bytes(text), GossipScope.Swarm);
}
