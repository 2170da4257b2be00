using Mosaik.Streams;

namespace Mosaik.Tests.Streams.Conformance;

/// <summary>spec/streams.md §21.1, consumer: rtt, auth and when.</summary>
public abstract class ConsumerTests : ConformanceTests
{
    [Fact]
    public Task Rtt_require_rtt_accepts_fast_peers() => PlayAsync(async stage =>
    {
        var nodes = await stage.StartManyAsync(2);
        var producer = nodes[0].Streams.Produce<Data1>();
        var consumer = nodes[1].Streams.Consume(
            new ConsumerOptions<Data1>().Require(peer => peer.RttBelow(TimeSpan.FromSeconds(5))));
        await stage.DiscoverAllAsync(nodes);
        await stage.SubscribedAsync(consumer, 5);
        await stage.WithinAsync(producer.SendAsync(new Data1("rtt-ok")));
        Assert.Equal("rtt-ok", (await stage.ReceiveAsync(consumer, 5)).Value);
    });

    [Fact]
    public Task Rtt_require_rtt_rejects_slow_peers() => PlayAsync(async stage =>
    {
        var nodes = await stage.StartManyAsync(3);
        nodes[0].Streams.Produce<Data1>();
        var consumer = nodes[1].Streams.Consume(
            new ConsumerOptions<Data1>().Require(peer => peer.RttBelow(TimeSpan.FromTicks(1))));
        var other = nodes[2].Streams.Consume<Data1>();
        var seen = false;
        await stage.DiscoverAllAsync(nodes);
        await stage.SubscribedAsync(other);
        await stage.UntilAsync(
            () =>
            {
                seen |= consumer.Producers.Count > 0;
                return nodes[1].Discovery.Catalog.Get(nodes[0].Local.Id)?.Rtt is not null;
            },
            3,
            "the time is known");
        await stage.SettleAsync(3);
        Assert.Empty(consumer.Producers);
        Assert.False(seen); // not even for a moment
    });

    [Fact]
    public Task Auth_require_chaining() => PlayAsync(async stage =>
    {
        var nodes = await stage.StartManyAsync(4);
        nodes[1].Discovery.AddTags("tag1", "tag2");
        nodes[2].Discovery.AddTags("tag1");
        nodes[3].Discovery.AddTags("tag3");
        foreach (var node in nodes[1..])
            node.Streams.Produce<Data1>();
        var consumer = nodes[0].Streams.Consume(new ConsumerOptions<Data1>()
            .Require(peer => peer.Tags.Contains("tag1"))
            .Require(peer => peer.Tags.Contains("tag2")));
        await stage.DiscoverAllAsync(nodes);
        await stage.SubscribedAsync(consumer, 2);
        await stage.SettleAsync(2);
        Assert.Equal(nodes[1].Local.Id, Assert.Single(consumer.Producers).ProducerId);
    });

    [Fact]
    public Task Auth_by_tag() => PlayAsync(async stage =>
    {
        var nodes = await stage.StartManyAsync(3);
        nodes[1].Discovery.AddTags("tag1", "tag2");
        nodes[2].Discovery.AddTags("tag4", "tag5");
        var (p1, p2) = (nodes[1].Streams.Produce<Data1>(), nodes[2].Streams.Produce<Data1>());
        var restricted = nodes[0].Streams.Consume(
            new ConsumerOptions<Data1> { SubscribeIf = peer => peer.Tags.Contains("tag2") });
        var unrestricted = nodes[0].Streams.Consume<Data1>();
        await stage.DiscoverAllAsync(nodes);
        await stage.SubscribedAsync(restricted, 2);
        await stage.SubscribedAsync(unrestricted, 2, 2);
        await stage.SubscribedAsync(p1, 2, 2);
        await stage.SubscribedAsync(p2, 2);
        Assert.Equal(nodes[1].Local.Id, Assert.Single(restricted.Producers).ProducerId);
        Assert.Equal(
            nodes[1..].Select(n => n.Local.Id).ToHashSet(), unrestricted.Producers.Select(c => c.ProducerId).ToHashSet());
    });

    [Fact]
    public Task Auth_by_jwt_ticket() => PlayAsync(async stage =>
    {
        var nodes = await stage.StartManyAsync(4);
        var jwt = new TestJwt("some-test-secret"u8.ToArray(), TestJwt.DefaultIssuer, new StageClock(stage));
        nodes[1].Discovery.AddTicket(jwt.Issue(nodes[1].Local.Id, stage.UtcNow.AddHours(1)));
        nodes[2].Discovery.AddTicket(jwt.Issue(nodes[2].Local.Id, stage.UtcNow.AddHours(-1)));
        var producers = nodes[1..].Select(n => n.Streams.Produce<Data1>()).ToArray();
        var consumer = nodes[0].Streams.Consume(new ConsumerOptions<Data1> { SubscribeIf = jwt.Accepts });
        await stage.DiscoverAllAsync(nodes);
        await stage.SubscribedAsync(consumer, 5);
        await stage.SettleAsync(5);
        Assert.Equal(nodes[1].Local.Id, Assert.Single(consumer.Producers).ProducerId);
        await stage.WithinAsync(producers[0].SendAsync(new Data1("hello")));
        Assert.Equal("hello", (await stage.ReceiveAsync(consumer, 2)).Value);
    });

    [Fact]
    public Task Auth_dynamic_tag_reevaluation() => PlayAsync(async stage =>
    {
        var nodes = await stage.StartManyAsync(3);
        nodes[1].Discovery.AddTags("leader");
        foreach (var node in nodes[1..])
            node.Streams.Produce<Data1>();
        var consumer = nodes[0].Streams.Consume(
            new ConsumerOptions<Data1> { SubscribeIf = peer => peer.Tags.Contains("leader") });
        await stage.DiscoverAllAsync(nodes);
        await stage.SubscribedAsync(consumer);
        Assert.Equal(nodes[1].Local.Id, Assert.Single(consumer.Producers).ProducerId);
        nodes[1].Discovery.RemoveTags("leader");
        await nodes[0].Discovery.FeedAsync(nodes[1].Discovery.Me);
        await stage.WithinAsync(consumer.When.Unsubscribed().WaitAsync());
        Assert.Empty(consumer.Producers);
        nodes[2].Discovery.AddTags("leader");
        await nodes[0].Discovery.FeedAsync(nodes[2].Discovery.Me);
        await stage.SubscribedAsync(consumer);
        Assert.Equal(nodes[2].Local.Id, Assert.Single(consumer.Producers).ProducerId);
    });

    [Fact]
    public Task When_smoke() => PlayAsync(async stage =>
    {
        var nodes = await stage.StartManyAsync(4);
        var consumer = nodes[0].Streams.Consume<Data1>();
        await WhenScenario.RunAsync(stage, consumer.When, async i =>
        {
            nodes[i].Streams.Produce<Data1>();
            await stage.DialAsync(nodes[0], nodes[i]);
        }, i => nodes[i].DisposeAsync());
    });

    [Fact]
    public Task When_online_when() => PlayAsync(async stage =>
    {
        var nodes = await stage.StartManyAsync(3);
        foreach (var node in nodes[1..])
            node.Discovery.AddTags("t1", "t2");
        var consumer = nodes[0].Streams.Consume(
            new ConsumerOptions<Data1> { OnlineWhen = c => c.AtLeast(2).WithTags("t1", "t2") });
        Assert.False(consumer.IsOnline);
        await stage.DiscoverAllAsync(nodes);
        nodes[1].Streams.Produce<Data1>();
        await stage.DialAsync(nodes[0], nodes[1]);
        await stage.SubscribedAsync(consumer);
        Assert.False(consumer.IsOnline);
        nodes[2].Streams.Produce<Data1>();
        await stage.DialAsync(nodes[0], nodes[2]);
        await stage.WithinAsync(consumer.When.Online().WaitAsync());
        await nodes[2].DisposeAsync();
        await stage.WithinAsync(consumer.When.Offline().WaitAsync());
    });

    [Fact]
    public Task When_online_when_catalog_removal() => PlayAsync(async stage =>
    {
        var nodes = await stage.StartManyAsync(3);
        foreach (var node in nodes[1..])
        {
            node.Discovery.AddTags("trusted");
            node.Streams.Produce<Data1>();
        }

        var consumer = nodes[0].Streams.Consume(new ConsumerOptions<Data1>
        {
            SubscribeIf = peer => peer.Tags.Contains("trusted"),
            OnlineWhen = c => c.AtLeast(2),
        });
        await stage.DiscoverAllAsync(nodes);
        await stage.WithinAsync(consumer.When.Online().WaitAsync());
        nodes[1].Discovery.RemoveTags("trusted");
        await nodes[0].Discovery.FeedAsync(nodes[1].Discovery.Me);
        await stage.WithinAsync(consumer.When.Offline().WaitAsync());
    });

    [Fact]
    public Task When_online_when_default_is_immediate() => PlayAsync(async stage =>
    {
        // Changed: immediate only where the condition is (spec/streams.md §5).
        var nodes = await stage.StartManyAsync(2);
        var immediate = nodes[0].Streams.Consume(new ConsumerOptions<Data1> { OnlineWhen = c => c.AtLeast(0) });
        Assert.True(immediate.IsOnline);
        await stage.WithinAsync(immediate.When.Online().WaitAsync(), 1);
        var consumer = nodes[0].Streams.Consume<Data1>();
        Assert.False(consumer.IsOnline);
        nodes[1].Streams.Produce<Data1>();
        await stage.DialAsync(nodes[0], nodes[1]);
        await stage.WithinAsync(consumer.When.Online().WaitAsync());
    });
}

public sealed class ConsumerVirtualTests : ConsumerTests
{
    internal override Task PlayAsync(Func<Stage, Task> test) => PlayVirtuallyAsync(test);
}

public sealed class ConsumerUdpTests : ConsumerTests
{
    internal override Task PlayAsync(Func<Stage, Task> test) => PlayOnUdpAsync(test);
}

/// <summary>The clock of a stage, for what validates tickets.</summary>
internal sealed class StageClock(Stage stage) : TimeProvider
{
    public override DateTimeOffset GetUtcNow() => stage.UtcNow;
}

/// <summary>The scenario of the two tests when::smoke.</summary>
internal static class WhenScenario
{
    /// <param name="stage">The stage.</param>
    /// <param name="when">Of the one side.</param>
    /// <param name="connect">Lets node 1, 2 or 3 of the other side appear.</param>
    /// <param name="leave">Disposes a node of the other side.</param>
    public static async Task RunAsync(Stage stage, StreamWhen when, Func<int, Task> connect, Func<int, ValueTask> leave)
    {
        var subscribed = when.Subscribed();
        var two = when.Subscribed().AtLeast(2);
        var fewer = two.Not();
        var unsubscribed = when.Unsubscribed();
        Assert.Equal((false, false, true, true), (subscribed.IsMet, two.IsMet, fewer.IsMet, unsubscribed.IsMet));
        Assert.False(await Stage.PollAsync(subscribed));
        Assert.False(await Stage.PollAsync(two));
        Assert.True(await Stage.PollAsync(fewer.Clone()));
        Assert.True(await Stage.PollAsync(unsubscribed.Clone()));

        await connect(1);
        await stage.WithinAsync(subscribed.WaitAsync());
        Assert.False(await Stage.PollAsync(two));

        await connect(2);
        await stage.WithinAsync(two.WaitAsync());
        Assert.False(fewer.IsMet);
        Assert.False(unsubscribed.IsMet);
        Assert.True(await Stage.PollAsync(subscribed.Clone()));
        Assert.True(await Stage.PollAsync(two.Clone()));
        Assert.False(await Stage.PollAsync(fewer.Clone()));

        var fallen = fewer.WaitAsync();
        await leave(2);
        await stage.WithinAsync(fallen);
        Assert.False(await Stage.PollAsync(two.Clone()));
        Assert.True(await Stage.PollAsync(fewer.Clone()));

        await connect(3);
        await stage.WithinAsync(two.WaitAsync());
        Assert.True(await Stage.PollAsync(two.Clone()));
        Assert.False(await Stage.PollAsync(fewer.Clone()));
    }
}
