using Mosaik.Primitives;
using Mosaik.Streams;

namespace Mosaik.Tests.Streams.Conformance;

/// <summary>spec/streams.md §21.1, declare: what Rust tests of its macro, with <see cref="StreamDefinition{T}"/>.</summary>
public abstract class DeclareTests : ConformanceTests
{
    private const string SecondIssuer = "mosaik.test.jwt.beta";

    [Fact]
    public Task Simple() => PlayAsync(stage => FlowsAsync(stage, new StreamDefinition<Data1>(), "all::Data1"));

    [Fact]
    public Task Named() => PlayAsync(stage => FlowsAsync(stage, new StreamDefinition<Data1>("named.stream"), "named.stream"));

    [Fact]
    public Task Configured() => PlayAsync(stage => FlowsAsync(
        stage,
        new StreamDefinition<Data1>("configured.stream")
        {
            ConsumersMust = [_ => true],
            ProducersMust = [_ => true],
            ProducerOnlineWhen = c => c.AtLeast(1),
        },
        "configured.stream"));

    [Fact]
    public Task Const_id() => PlayAsync(stage => FlowsAsync(stage, new StreamDefinition<Data1>("const.stream"), "const.stream"));

    [Fact]
    public Task Producer_only() => PlayAsync(async stage =>
    {
        var nodes = await stage.StartManyAsync(2);
        var producer = new StreamDefinition<Data1>("producer.only").ForProducers.Producer(nodes[0].Streams);
        var consumer = nodes[1].Streams.Consume(new ConsumerOptions<Data1> { StreamId = "producer.only" });
        await stage.DiscoverAllAsync(nodes);
        await stage.SubscribedAsync(consumer);
        await FlowsAsync(stage, producer, consumer);
    });

    [Fact]
    public Task Producer_require() => PlayAsync(async stage =>
    {
        var definition = new StreamDefinition<Data1>("tagged.producer.stream")
        {
            ConsumersMust = [peer => peer.Tags.Contains("trusted")],
        };
        var nodes = await stage.StartManyAsync(3);
        nodes[1].Discovery.AddTags("trusted");
        var producer = definition.Producer(nodes[0].Streams);
        await stage.DiscoverAllAsync(nodes);
        var consumers = nodes[1..].Select(n => definition.Consumer(n.Streams)).ToArray();
        await stage.SubscribedAsync(consumers[0]);
        await FlowsAsync(stage, producer, consumers[0]);
        await ProducerTests.RefusedAsync(stage, consumers[1], nodes[0]);
        await stage.SettleAsync(2);
        Assert.False(consumers[1].When.Subscribed().IsMet);
    });

    [Fact]
    public Task Consumer_require() => PlayAsync(async stage =>
    {
        var definition = new StreamDefinition<Data1>("tagged.consumer.stream")
        {
            ProducersMust = [peer => peer.Tags.Contains("trusted")],
        };
        var nodes = await stage.StartManyAsync(3);
        nodes[1].Discovery.AddTags("trusted");
        var producers = nodes[1..].Select(n => definition.Producer(n.Streams)).ToArray();
        var consumer = definition.ForConsumers.Consumer(nodes[0].Streams);
        await stage.DiscoverAllAsync(nodes);
        await stage.SubscribedAsync(consumer);
        await stage.SettleAsync(2);
        Assert.Equal(nodes[1].Local.Id, Assert.Single(consumer.Producers).ProducerId);
        await FlowsAsync(stage, producers[0], consumer);
    });

    [Fact]
    public Task Require_ticket() => PlayAsync(async stage =>
    {
        var jwt = new TestJwt(TestJwt.DefaultKey, TestJwt.DefaultIssuer);
        var definition = new StreamDefinition<Data1>("ticketed.stream") { ConsumerTickets = [jwt], ProducerTickets = [jwt] };
        var nodes = await stage.StartManyAsync(4);
        Give(jwt, nodes[0], stage, 1);
        Give(jwt, nodes[1], stage, 1);
        Give(jwt, nodes[2], stage, -1);
        var producer = definition.Producer(nodes[0].Streams);
        await stage.DiscoverAllAsync(nodes);
        var consumers = nodes[1..].Select(n => definition.Consumer(n.Streams)).ToArray();
        await stage.SubscribedAsync(consumers[0]);
        foreach (var consumer in consumers[1..])
            await ProducerTests.RefusedAsync(stage, consumer, nodes[0]);
        await stage.SettleAsync(3);
        Assert.All(consumers[1..], consumer => Assert.False(consumer.When.Subscribed().IsMet));
        await FlowsAsync(stage, producer, consumers[0]);
    });

    [Fact]
    public Task Producer_require_ticket() => PlayAsync(async stage =>
    {
        var jwt = new TestJwt(TestJwt.DefaultKey, TestJwt.DefaultIssuer);
        var definition = new StreamDefinition<Data1>("producer.ticketed") { ConsumerTickets = [jwt] };
        var nodes = await stage.StartManyAsync(4);
        Give(jwt, nodes[1], stage, 1);
        Give(new TestJwt(TestJwt.DefaultKey, "somebody else"), nodes[3], stage, 1);
        var producer = definition.Producer(nodes[0].Streams);
        await stage.DiscoverAllAsync(nodes);
        var consumers = nodes[1..].Select(n => definition.Consumer(n.Streams)).ToArray();
        await stage.SubscribedAsync(consumers[0]);
        foreach (var consumer in consumers[1..])
            await ProducerTests.RefusedAsync(stage, consumer, nodes[0]);
        await stage.SettleAsync(2);
        Assert.All(consumers[1..], consumer => Assert.False(consumer.When.Subscribed().IsMet));
        await FlowsAsync(stage, producer, consumers[0]);
    });

    [Fact]
    public Task Consumer_require_ticket() => PlayAsync(async stage =>
    {
        var jwt = new TestJwt(TestJwt.DefaultKey, TestJwt.DefaultIssuer);
        var definition = new StreamDefinition<Data1>("consumer.ticketed") { ProducerTickets = [jwt] };
        var nodes = await stage.StartManyAsync(3);
        Give(jwt, nodes[1], stage, 1);
        var producers = nodes[1..].Select(n => definition.Producer(n.Streams)).ToArray();
        var consumer = definition.Consumer(nodes[0].Streams);
        await stage.DiscoverAllAsync(nodes);
        await stage.SubscribedAsync(consumer);
        await stage.SettleAsync(2);
        Assert.Equal(nodes[1].Local.Id, Assert.Single(consumer.Producers).ProducerId);
        await FlowsAsync(stage, producers[0], consumer);
    });

    [Fact]
    public Task Multiple_require_ticket() => PlayAsync(async stage =>
    {
        var alpha = new TestJwt(TestJwt.DefaultKey, TestJwt.DefaultIssuer);
        var beta = new TestJwt(UniqueId.Hash("beta"u8).AsSpan().ToArray(), SecondIssuer);
        var definition = new StreamDefinition<Data1>("twice.ticketed") { ConsumerTickets = [alpha, beta] };
        var nodes = await stage.StartManyAsync(4);
        Give(alpha, nodes[1], stage, 1);
        Give(beta, nodes[1], stage, 1);
        Give(alpha, nodes[2], stage, 1);
        Give(beta, nodes[3], stage, 1);
        var producer = definition.Producer(nodes[0].Streams);
        await stage.DiscoverAllAsync(nodes);
        var consumers = nodes[1..].Select(n => definition.Consumer(n.Streams)).ToArray();
        await stage.SubscribedAsync(consumers[0]);
        foreach (var consumer in consumers[1..])
            await ProducerTests.RefusedAsync(stage, consumer, nodes[0]);
        await stage.SettleAsync(3);
        Assert.All(consumers[1..], consumer => Assert.False(consumer.When.Subscribed().IsMet));
        await FlowsAsync(stage, producer, consumers[0]);
    });

    private static void Give(TestJwt jwt, Network node, Stage stage, int hours) =>
        node.Discovery.AddTicket(jwt.Issue(node.Local.Id, stage.UtcNow.AddHours(hours)));

    private static async Task FlowsAsync(Stage stage, StreamDefinition<Data1> definition, StreamId id)
    {
        var nodes = await stage.StartManyAsync(2);
        Assert.Equal(id, definition.StreamId);
        var opening = definition.OnlineProducerAsync(nodes[0].Streams).AsTask();
        var consuming = definition.OnlineConsumerAsync(nodes[1].Streams).AsTask();
        await stage.DiscoverAllAsync(nodes);
        var producer = await stage.WithinAsync(new ValueTask<Producer<Data1>>(opening));
        var consumer = await stage.WithinAsync(new ValueTask<Consumer<Data1>>(consuming));
        Assert.Equal((id, id), (producer.StreamId, consumer.StreamId));
        await FlowsAsync(stage, producer, consumer);
    }

    private static async Task FlowsAsync(Stage stage, Producer<Data1> producer, Consumer<Data1> consumer)
    {
        await stage.WithinAsync(producer.SendAsync(new Data1("it flows")));
        Assert.Equal("it flows", (await stage.ReceiveAsync(consumer)).Value);
    }
}

public sealed class DeclareVirtualTests : DeclareTests
{
    internal override Task PlayAsync(Func<Stage, Task> test) => PlayVirtuallyAsync(test);
}

public sealed class DeclareUdpTests : DeclareTests
{
    internal override Task PlayAsync(Func<Stage, Task> test) => PlayOnUdpAsync(test);
}
