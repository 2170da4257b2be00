using System.Net;
using Mosaik.Discovery.Gossip;
using Mosaik.Testing;

namespace Mosaik.Tests.Discovery.Gossip;

/// <summary>The driver on real QUIC: on datagrams in memory under virtual time, and on UDP (spec/gossip.md §16.5).</summary>
public sealed class GossipQuicTests
{
    private static TopicId Topic => GossipWorld.Topic;

    [Fact]
    public void Nodes_hear_each_other_over_lossy_links() => GossipWorld.Run(
        async world =>
        {
            GossipNode[] nodes = await world.StartAsync(6);
            var readers = new TopicReader[6];
            for (int i = 0; i < 6; i++)
                readers[i] = new TopicReader(world, await nodes[i].Driver.SubscribeAsync(Topic, i == 0 ? [] : [nodes[0].Id]));
            await world.UntilAsync(() => readers.All(static r => r.Topic.Neighbours.Count > 0), "everybody has a neighbour", 30);
            await world.DelayAsync(3);
            for (int i = 0; i < 6; i++)
                await readers[i].Topic.BroadcastAsync(Content(i), GossipScope.Swarm);
            await world.DelayAsync(20);
            Assert.All(readers, static r => Assert.Equal(5, r.Drain().OfType<GossipEvent.Received>().Count()));
        },
        seed: 3,
        new LinkConditions
        {
            MinLatency = TimeSpan.FromMilliseconds(5),
            MaxLatency = TimeSpan.FromMilliseconds(30),
            Loss = 0.03,
            Reordering = 0.03,
            Duplication = 0.01,
        });

    [Fact]
    public void A_node_leaves_and_one_that_was_cut_off_is_missed() => GossipWorld.Run(
        async world =>
        {
            GossipNode[] nodes = await world.StartAsync(3);
            var topics = new IGossipTopic[3];
            for (int i = 0; i < 3; i++)
                topics[i] = await nodes[i].Driver.SubscribeAsync(Topic, i == 0 ? [] : [nodes[0].Id]);
            await world.UntilAsync(() => topics.All(static t => t.Neighbours.Count == 2), "a triangle");
            TimeSpan start = world.Scheduler.Now;
            await nodes[1].Driver.LeaveAsync(CancellationToken.None);
            Assert.InRange((world.Scheduler.Now - start).TotalSeconds, 0, 1); // acknowledged, not timed out
            await world.UntilAsync(() => topics[0].Neighbours.Count == 1 && topics[2].Neighbours.Count == 1, "who has left is gone");
            nodes[2].Network.Abort();
            await world.UntilAsync(() => topics[0].Neighbours.Count == 0, "who was aborted is gone", 60);
        },
        seed: 4,
        new LinkConditions { MinLatency = TimeSpan.FromMilliseconds(5), MaxLatency = TimeSpan.FromMilliseconds(10) });

    [Fact]
    public async Task Three_nodes_hear_each_other_over_udp()
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(90));
        var settings = new NetworkOptions { BindAddresses = [new IPEndPoint(IPAddress.Loopback, 0)] };
        var nodes = new GossipNode[3];
        var topics = new IGossipTopic[3];
        try
        {
            for (int i = 0; i < 3; i++)
            {
                int n = i;
                await Network.StartAsync(
                    GossipWorld.App, settings, network => [nodes[n] = new GossipNode(network, new GossipOptions(), settings)], limit.Token);
                if (i > 0)
                    nodes[i].Knows(nodes[0]);
                topics[i] = await nodes[i].Driver.SubscribeAsync(Topic, i == 0 ? [] : [nodes[0].Id], limit.Token);
            }

            // The second and the third find each other through the first.
            foreach (IGossipTopic topic in topics)
            {
                while (topic.Neighbours.Count < 2)
                    await NextAsync(topic, "two neighbours", limit.Token);
            }

            await topics[1].BroadcastAsync(Content(7), GossipScope.Swarm, limit.Token);
            foreach (IGossipTopic topic in (IGossipTopic[])[topics[0], topics[2]])
            {
                GossipEvent found;
                do
                    found = await NextAsync(topic, "the broadcast", limit.Token);
                while (found is not GossipEvent.Received);
                Assert.Equal(Content(7), ((GossipEvent.Received)found).Content.ToArray());
            }
        }
        finally
        {
            foreach (GossipNode node in nodes.Where(static n => n is not null))
                await node.Network.DisposeAsync();
        }
    }

    private static byte[] Content(int i) => [1, 2, 3, (byte)i];

    private static async Task<GossipEvent> NextAsync(IGossipTopic topic, string what, CancellationToken limit)
    {
        try
        {
            Assert.True(await topic.Events.WaitToReadAsync(limit), "the events have ended");
            Assert.True(topic.Events.TryRead(out GossipEvent? item));
            return item;
        }
        catch (OperationCanceledException e)
        {
            throw new TimeoutException($"not in time: {what}", e);
        }
    }
}
