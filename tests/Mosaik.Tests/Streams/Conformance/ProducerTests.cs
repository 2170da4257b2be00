using Mosaik.Networking;
using Mosaik.Streams;

namespace Mosaik.Tests.Streams.Conformance;

/// <summary>spec/streams.md §21.1, producer: rtt, auth, builder, limits and when.</summary>
public abstract class ProducerTests : ConformanceTests
{
    [Fact]
    public Task Rtt_require_rtt_accepts_fast_peers() => PlayAsync(async stage =>
    {
        var nodes = await stage.StartManyAsync(2);
        var producer = nodes[0].Streams.Produce(
            new ProducerOptions<Data1>().Require(peer => peer.RttBelow(TimeSpan.FromSeconds(5))));
        var consumer = nodes[1].Streams.Consume<Data1>();
        await stage.DiscoverAllAsync(nodes);
        await stage.SubscribedAsync(consumer, 5);
        await stage.SubscribedAsync(producer, 5);
        await stage.WithinAsync(producer.SendAsync(new Data1("rtt-ok")));
        Assert.Equal("rtt-ok", (await stage.ReceiveAsync(consumer, 5)).Value);
    });

    [Fact]
    public Task Rtt_require_rtt_rejects_slow_peers() => PlayAsync(async stage =>
    {
        var nodes = await stage.StartManyAsync(2);
        var producer = nodes[0].Streams.Produce(
            new ProducerOptions<Data1>().Require(peer => peer.RttBelow(TimeSpan.FromTicks(1))));
        var consumer = nodes[1].Streams.Consume<Data1>();
        await stage.DiscoverAllAsync(nodes);
        await RefusedAsync(stage, consumer, nodes[0]);
        await stage.SettleAsync(3);
        Assert.Empty(producer.Consumers);
    });

    [Fact]
    public Task Auth_require_chaining() => PlayAsync(async stage =>
    {
        var nodes = await stage.StartManyAsync(4);
        nodes[1].Discovery.AddTags("tag1", "tag2");
        nodes[2].Discovery.AddTags("tag1");
        nodes[3].Discovery.AddTags("tag3");
        var producer = nodes[0].Streams.Produce(new ProducerOptions<Data1>()
            .Require(peer => peer.Tags.Contains("tag1"))
            .Require(peer => peer.Tags.Contains("tag2")));
        await stage.DiscoverAllAsync(nodes);
        var consumers = nodes[1..].Select(n => n.Streams.Consume<Data1>()).ToArray();
        await stage.SubscribedAsync(consumers[0], 2);
        await stage.SubscribedAsync(producer, 2);
        foreach (var consumer in consumers[1..])
            await RefusedAsync(stage, consumer, nodes[0]);
        await stage.SettleAsync(2);
        Assert.Equal(nodes[1].Local.Id, Assert.Single(producer.Consumers).ConsumerId);
        Assert.All(consumers[1..], consumer => Assert.Empty(consumer.Producers));
    });

    [Fact]
    public Task Auth_by_tag() => PlayAsync(async stage =>
    {
        var nodes = await stage.StartManyAsync(5);
        nodes[3].Discovery.AddTags("tag1", "tag2");
        nodes[4].Discovery.AddTags("tag3", "tag4");
        var p0 = nodes[0].Streams.Produce(new ProducerOptions<Data1> { AcceptIf = peer => peer.Tags.Contains("tag2") });
        var p1 = nodes[1].Streams.Produce<Data1>();
        await stage.DiscoverAllAsync(nodes);
        var (c3, c4) = (nodes[3].Streams.Consume<Data1>(), nodes[4].Streams.Consume<Data1>());
        await stage.SubscribedAsync(c3, 2, 2);
        await stage.SubscribedAsync(c4, 2);
        await stage.SubscribedAsync(p0, 2);
        await stage.SubscribedAsync(p1, 2, 2);
        Assert.Equal(nodes[3].Local.Id, Assert.Single(p0.Consumers, c => c.IsConnected).ConsumerId);
        Assert.Equal(
            nodes[3..].Select(n => n.Local.Id).ToHashSet(), p1.Consumers.Select(c => c.ConsumerId).ToHashSet());
    });

    [Fact]
    public Task Auth_by_jwt_ticket() => PlayAsync(async stage =>
    {
        var nodes = await stage.StartManyAsync(4);
        var jwt = new TestJwt("some-test-secret"u8.ToArray(), TestJwt.DefaultIssuer, new StageClock(stage));
        var producer = nodes[0].Streams.Produce(new ProducerOptions<Data1> { AcceptIf = jwt.Accepts });
        await stage.DiscoverAllAsync(nodes);
        nodes[1].Discovery.AddTicket(jwt.Issue(nodes[1].Local.Id, stage.UtcNow.AddHours(1)));
        nodes[2].Discovery.AddTicket(jwt.Issue(nodes[2].Local.Id, stage.UtcNow.AddHours(-1)));
        foreach (var node in nodes[1..])
            await nodes[0].Discovery.FeedAsync(node.Discovery.Me);
        var consumers = nodes[1..].Select(n => n.Streams.Consume<Data1>()).ToArray();
        await stage.SubscribedAsync(producer, 5);
        foreach (var consumer in consumers[1..])
            await RefusedAsync(stage, consumer, nodes[0]);
        await stage.SettleAsync(5);
        Assert.Equal(nodes[1].Local.Id, Assert.Single(producer.Consumers).ConsumerId);
        await stage.WithinAsync(producer.SendAsync(new Data1("one")));
        Assert.Equal("one", (await stage.ReceiveAsync(consumers[0], 2)).Value);
        Assert.Equal([1, 0, 0], consumers.Select(c => c.Producers.Count));
    });

    [Fact]
    public Task Builder_multiple_producers_one_stream() => PlayAsync(async stage =>
    {
        var node = await stage.StartAsync();
        var first = node.Streams.ProduceNew<Data1>();
        var error = Assert.Throws<ProducerExistsException>(() => node.Streams.ProduceNew<Data1>());
        Assert.Equal(first.StreamId, error.StreamId);
        await using var existing = error.OpenExisting<Data1>();
        Assert.Equal(first.StreamId, existing.StreamId);
        Assert.Equal(first.StreamId, node.Streams.Produce<Data1>().StreamId);
        Assert.False(node.Streams.TryProduceNew<Data1>(null, out var shared));
        Assert.Equal(first.StreamId, shared.StreamId);
        Assert.True(node.Streams.TryProduceNew(new ProducerOptions<Data1> { StreamId = "another" }, out _));
        Assert.Throws<StreamTypeMismatchException>(
            () => node.Streams.TryProduceNew(new ProducerOptions<Data2> { StreamId = first.StreamId }, out _));
    });

    [Fact]
    public Task Limits_max_subs() => PlayAsync(async stage =>
    {
        var nodes = await stage.StartManyAsync(8);
        var producer = nodes[0].Streams.Produce(new ProducerOptions<Data1> { MaxConsumers = 3 });
        await stage.DiscoverAllAsync(nodes);
        var consumers = nodes[1..].Select(n => n.Streams.Consume<Data1>()).ToArray();
        var full = producer.When.Subscribed().AtLeast(3);
        await stage.WithinAsync(full.WaitAsync());
        Assert.Equal(3, producer.Consumers.Count);
        await stage.SettleAsync(2);
        Assert.Equal(3, producer.Consumers.Count);
        var before = producer.Consumers.Select(c => c.ConsumerId).ToHashSet();
        await stage.UntilAsync(() => consumers.Count(c => c.IsOnline) == 3, 3, "three consumers online");
        Assert.Equal(4, consumers.Count(c => !c.IsOnline));
        Assert.True(await Stage.PollAsync(full.Clone()));
        var free = full.Not();
        Assert.False(await Stage.PollAsync(free.Clone()));
        var (freed, again) = (free.WaitAsync(), full.WaitAsync());
        var leaving = nodes.First(n => before.Contains(n.Local.Id));
        await leaving.DisposeAsync();
        await stage.WithinAsync(freed, 2);
        await stage.WithinAsync(again, 2);
        var after = producer.Consumers.Where(c => c.IsConnected).Select(c => c.ConsumerId).ToHashSet();
        Assert.Equal(3, after.Count);
        Assert.Equal(2, after.Intersect(before).Count());
        Assert.DoesNotContain(leaving.Local.Id, after);
    });

    [Fact]
    public Task Limits_online_when() => PlayAsync(async stage =>
    {
        var nodes = await stage.StartManyAsync(6);
        nodes[4].Discovery.AddTags("tag2");
        nodes[5].Discovery.AddTags("tag2");
        var p01 = nodes[0].Streams.Produce(new ProducerOptions<Data1> { OnlineWhen = c => c.AtLeast(2) });
        var p02 = nodes[0].Streams.Produce<Data2>();
        var p11 = nodes[1].Streams.Produce(new ProducerOptions<Data1> { OnlineWhen = c => c.AtLeast(2).WithTags("tag2") });

        var ones = nodes[2].Streams.Consume<Data1>();
        var twos = nodes[2].Streams.Consume<Data2>();
        await DialAsync(2);
        await stage.SubscribedAsync(ones, 2, 2);
        await stage.SubscribedAsync(twos, 2);
        await stage.SubscribedAsync(p01, 2);
        await stage.WithinAsync(p01.When.Offline().WaitAsync(), 1);
        await stage.SubscribedAsync(p02, 2);
        await stage.WithinAsync(p02.When.Online().WaitAsync(), 2);
        await stage.SubscribedAsync(p11, 2);
        await stage.WithinAsync(p11.When.Offline().WaitAsync(), 1);

        await JoinAsync(3);
        await stage.SubscribedAsync(p01, 2, 2);
        await stage.WithinAsync(p01.When.Online().WaitAsync(), 2);
        await stage.SubscribedAsync(p11, 2, 2);
        Assert.False(p11.IsOnline);

        await JoinAsync(4);
        await stage.SubscribedAsync(p11, 2, 3);
        await stage.WithinAsync(p11.When.Offline().WaitAsync(), 1);

        await JoinAsync(5);
        await stage.SubscribedAsync(p11, 2, 4);
        await stage.WithinAsync(p11.When.Online().WaitAsync(), 2);
        await nodes[5].DisposeAsync();
        await stage.WithinAsync(p11.When.Offline().WaitAsync(), 2);

        async Task JoinAsync(int i)
        {
            var consumer = nodes[i].Streams.Consume<Data1>();
            await DialAsync(i);
            await stage.SubscribedAsync(consumer, 2, 2);
        }

        async Task DialAsync(int i)
        {
            await stage.DialAsync(nodes[i], nodes[0]);
            await stage.DialAsync(nodes[i], nodes[1]);
        }
    });

    [Fact]
    public Task When_smoke() => PlayAsync(async stage =>
    {
        var nodes = await stage.StartManyAsync(4);
        var producer = nodes[0].Streams.Produce<Data1>();
        await WhenScenario.RunAsync(stage, producer.When, async i =>
        {
            nodes[i].Streams.Consume<Data1>();
            await stage.DiscoverAllAsync(nodes[0], nodes[i]);
        }, i => nodes[i].DisposeAsync());
    });

    [Fact]
    public Task When_send_fails_if_offline() => PlayAsync(async stage =>
    {
        var nodes = await stage.StartManyAsync(2);
        var producer = nodes[0].Streams.Produce<Data1>();
        using (var cancel = new CancellationTokenSource())
        {
            var waiting = producer.SendAsync(new Data1("withdrawn"), cancel.Token).AsTask();
            await stage.SettleAsync(2);
            Assert.False(waiting.IsCompleted);
            cancel.Cancel();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        }

        Assert.Equal(SendResult.Offline, producer.TrySend(new Data1("offline")));
        var consumer = nodes[1].Streams.Consume<Data1>();
        await stage.DiscoverAllAsync(nodes);
        await stage.WithinAsync(producer.When.Online().WaitAsync(), 2);
        await stage.SubscribedAsync(consumer, 2);
        Assert.Equal(nodes[1].Local.Id, Assert.Single(producer.Consumers).ConsumerId);
        Assert.Equal(nodes[0].Local.Id, Assert.Single(consumer.Producers).ProducerId);
        await stage.WithinAsync(producer.SendAsync(new Data1("online")), 2);
        Assert.Equal("online", (await stage.ReceiveAsync(consumer, 2)).Value);
        await consumer.DisposeAsync();
        await stage.WithinAsync(producer.When.Offline().WaitAsync(), 2);
        Assert.Empty(producer.Consumers);
        Assert.Equal(SendResult.Offline, producer.TrySend(new Data1("offline")));
    });

    /// <summary>Waits until the producer has refused the consumer: its first channel, shown at once, has ended.</summary>
    internal static async Task RefusedAsync<T>(Stage stage, Consumer<T> consumer, Network producer)
    {
        CloseCode? reason = null;
        var channel = consumer.Producers.FirstOrDefault(c => c.ProducerId == producer.Local.Id);
        if (channel is not null)
        {
            await stage.WithinAsync(new ValueTask(channel.Disconnected));
            reason = channel.CloseReason;
        }

        await stage.UntilAsync(() => consumer.Producers.All(c => c.ProducerId != producer.Local.Id), 3, "the refusal has arrived");
        Assert.True(reason is null || reason == CloseCode.NotAllowed);
    }
}

public sealed class ProducerVirtualTests : ProducerTests
{
    internal override Task PlayAsync(Func<Stage, Task> test) => PlayVirtuallyAsync(test);
}

public sealed class ProducerUdpTests : ProducerTests
{
    internal override Task PlayAsync(Func<Stage, Task> test) => PlayOnUdpAsync(test);
}
