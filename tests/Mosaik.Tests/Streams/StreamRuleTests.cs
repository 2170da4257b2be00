using Mosaik.Discovery;
using Mosaik.Networking;
using Mosaik.Primitives;
using Mosaik.Streams;
using Mosaik.Tests.Discovery;
using Mosaik.Tests.Streams.Conformance;

namespace Mosaik.Tests.Streams;

/// <summary>Rules for peers while they are connected: entries, tickets, distance (spec/streams.md §4.6, §8.2, §8.4, §14).</summary>
public sealed class StreamRuleTests : IDisposable
{
    private readonly StreamWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Fact]
    public void A_consumer_that_loses_its_tag_is_dropped_with_10403_and_is_back_when_it_has_it_again() => _world.Run(async () =>
    {
        var (nodes, producer, consumer) = await TaggedAsync();
        var (here, there) = (producer.Consumers[0], consumer.Producers[0]);
        var other = nodes[2].Streams.Consume<string>();
        await _world.WithinAsync(other.When.Subscribed().WaitAsync());
        nodes[1].Discovery.RemoveTags("trusted");
        await nodes[0].Discovery.FeedAsync(nodes[1].Discovery.Me);
        await _world.WithinAsync(new ValueTask(here.Disconnected), 1);
        await _world.WithinAsync(new ValueTask(there.Disconnected), 1);
        Assert.Equal((CloseCode.NotAllowed, CloseCode.NotAllowed), (here.CloseReason, there.CloseReason));
        Assert.True(other.IsOnline);

        nodes[1].Discovery.AddTags("trusted");
        await nodes[0].Discovery.FeedAsync(nodes[1].Discovery.Me);
        await _world.WithinAsync(consumer.When.Subscribed().WaitAsync(), 0.5); // 10403, then a change of ours: at once
        await producer.WriteAsync("x");
        Assert.Equal(["x"], await _world.TakeAsync(consumer, 1));
    });

    [Fact]
    public void A_consumer_that_leaves_the_catalog_keeps_its_connection() => _world.Run(async () =>
    {
        // Known by an unsigned entry, which the producer then removes.
        var node = await _world.StartAsync();
        var producer = node.Streams.Produce(new ProducerOptions<string> { AcceptIf = _ => true });
        var raw = new RawStreamPeer(_world);
        await raw.IntroduceAsync(node);
        var (connection, _) = await raw.SubscribeAsync(node, producer.StreamId);
        Assert.True(await node.Discovery.RemoveAsync(raw.Id));
        producer.Reevaluate();
        await _world.DelayAsync(10);
        Assert.Null(connection.CloseInfo);
        Assert.Single(producer.Consumers);
    });

    [Fact]
    public void Reevaluate_asks_rules_that_depend_on_something_else() => _world.Run(async () =>
    {
        var nodes = await _world.StartManyAsync(2);
        var (accepts, subscribes) = (true, true);
        var producer = nodes[0].Streams.Produce(new ProducerOptions<string> { AcceptIf = _ => accepts });
        var consumer = nodes[1].Streams.Consume(new ConsumerOptions<string> { SubscribeIf = _ => subscribes });
        await _world.SyncAsync(nodes);
        await _world.WithinAsync(producer.When.Online().WaitAsync());
        var channel = consumer.Producers[0];
        subscribes = false;
        await _world.DelayAsync(30);
        Assert.True(producer.IsOnline); // nobody has looked
        consumer.Reevaluate();
        await _world.WithinAsync(producer.When.Offline().WaitAsync(), 0.1);
        Assert.Equal(CloseCode.Cancelled, channel.CloseReason);
        subscribes = true;
        consumer.Reevaluate();
        await _world.WithinAsync(producer.When.Online().WaitAsync(), 0.1);
        channel = consumer.Producers[0];
        accepts = false;
        producer.Reevaluate();
        await _world.WithinAsync(producer.When.Offline().WaitAsync(), 0.1);
        await _world.WithinAsync(new ValueTask(channel.Disconnected), 0.1);
        Assert.Equal(CloseCode.NotAllowed, channel.CloseReason);
    });

    [Theory]
    [InlineData(false), InlineData(true)]
    public void A_ticket_that_ends_ends_the_subscription(bool atConsumer) => _world.Run(async () =>
    {
        var (nodes, producer, consumer, jwt) = await TicketedAsync(atConsumer, seconds: 60);
        var channel = consumer.Producers[0];
        await _world.DelayAsync(59);
        Assert.True(producer.IsOnline);
        await _world.WithinAsync(new ValueTask(channel.Disconnected), 2);
        Assert.Equal(atConsumer ? CloseCode.Cancelled : CloseCode.NotAllowed, channel.CloseReason);
        await _world.WithinAsync(producer.When.Offline().WaitAsync(), 0.1);

        // A fresh one opens the door again.
        var bearer = nodes[atConsumer ? 0 : 1];
        bearer.Discovery.ReplaceTicket(jwt.Issue(bearer.Local.Id, _world.Time.GetUtcNow().AddHours(1)));
        await _world.SyncAsync(nodes);
        await _world.WithinAsync(producer.When.Online().WaitAsync(), 1);
    });

    [Theory]
    [InlineData(false), InlineData(true)]
    public void A_ticket_that_is_refreshed_in_time_leaves_no_gap(bool atConsumer) => _world.Run(async () =>
    {
        var (nodes, producer, consumer, jwt) = await TicketedAsync(atConsumer, seconds: 60);
        var channel = consumer.Producers[0];
        var bearer = nodes[atConsumer ? 0 : 1];
        for (var i = 0; i < 5; i++)
        {
            await _world.DelayAsync(50);
            bearer.Discovery.ReplaceTicket(jwt.Issue(bearer.Local.Id, _world.Time.GetUtcNow().AddSeconds(60)));
            await _world.SyncAsync(nodes);
            Assert.True(channel.IsConnected);
        }

        Assert.Same(channel, Assert.Single(consumer.Producers));
        Assert.InRange(channel.Uptime!.Value.TotalSeconds, 249, 300);

        // Nothing is asked while nothing changes.
        var asked = jwt.Asked;
        await _world.DelayAsync(50);
        Assert.Equal(asked, jwt.Asked);
    });

    [Fact]
    public void Of_several_tickets_the_latest_counts_and_of_several_validators_the_earliest() => _world.Run(async () =>
    {
        var nodes = await _world.StartManyAsync(2);
        var (alpha, beta) = (new TestJwt([1], "alpha"), new TestJwt([2], "beta"));
        var producer = nodes[0].Streams.Produce(new ProducerOptions<string>().RequireTicket(alpha).RequireTicket(beta));
        Give(alpha, 30);
        Give(alpha, 120);
        Give(beta, 60);
        Give(beta, -60); // expired: as if it were not there
        var consumer = nodes[1].Streams.Consume<string>();
        await _world.SyncAsync(nodes);
        await _world.WithinAsync(producer.When.Online().WaitAsync());
        await _world.DelayAsync(55);
        Assert.True(producer.IsOnline);
        await _world.WithinAsync(producer.When.Offline().WaitAsync(), 6);
        await consumer.DisposeAsync();

        void Give(TestJwt jwt, double seconds) => nodes[1].Discovery.AddTicket(
            jwt.Issue(nodes[1].Local.Id, _world.Time.GetUtcNow().AddSeconds(seconds)));
    });

    [Fact]
    public void A_validator_that_throws_says_no() => _world.Run(async () =>
    {
        var nodes = await _world.StartManyAsync(2);
        var producer = nodes[0].Streams.Produce(new ProducerOptions<string>().RequireTicket(new Throwing()));
        nodes[1].Discovery.AddTicket(new Ticket(TestJwt.TestClass, [1]));
        var consumer = nodes[1].Streams.Consume<string>();
        await _world.SyncAsync(nodes);
        await _world.UntilAsync(() => consumer.Producers.Count == 0, 3, "the refusal has arrived");
        Assert.Empty(producer.Consumers);
    });

    [Fact]
    public void Whoever_is_farther_away_than_the_node_allows_is_told_10403_although_it_is_known() => _world.Run(async () =>
    {
        _world.Transports.Links.Default = new() { MinLatency = TimeSpan.FromMilliseconds(40), MaxLatency = TimeSpan.FromMilliseconds(40) };
        var near = await _world.Discovery.StartAsync(
            discovery: DiscoveryWorld.Quiet with { MaxRtt = TimeSpan.FromMilliseconds(50) });
        var producer = near.Streams.Produce(new ProducerOptions<string> { StreamId = "near" });
        var raw = new RawStreamPeer(_world);
        await raw.IntroduceAsync(near);
        Assert.Equal(CloseCode.NotAllowed, await raw.SendAsync(near, [], 1));
        Assert.Empty(producer.Consumers);
    });

    [Fact]
    public void A_producer_becomes_eligible_when_it_comes_nearer_and_stops_being_so_when_it_goes_away() => _world.Run(async () =>
    {
        SetLatency(100);
        var nodes = await _world.StartManyAsync(2);
        var producer = nodes[0].Streams.Produce<string>();
        var judged = 0;
        var consumer = nodes[1].Streams.Consume(new ConsumerOptions<string>
        {
            SubscribeIf = peer =>
            {
                judged++;
                return peer.RttBelow(TimeSpan.FromMilliseconds(60));
            },
        });
        await _world.SyncAsync(nodes);
        await _world.DelayAsync(5);
        Assert.Empty(consumer.Producers);
        Assert.Empty(producer.Consumers);
        SetLatency(5);
        await PingAsync(30);
        await _world.WithinAsync(consumer.When.Subscribed().WaitAsync(), 3);
        SetLatency(100);
        judged = 0;
        var before = _world.Now;
        await PingAsync(30);
        await _world.WithinAsync(consumer.When.Unsubscribed().WaitAsync(), 3);
        Assert.InRange(judged, 1, 2 + (int)(_world.Now - before).TotalSeconds); // at most once per second

        void SetLatency(double milliseconds)
        {
            var latency = TimeSpan.FromMilliseconds(milliseconds);
            _world.Transports.Links.Default = new() { MinLatency = latency, MaxLatency = latency };
        }

        async Task PingAsync(int times)
        {
            for (var i = 0; i < times; i++)
                await nodes[1].Discovery.PingAsync(nodes[0].Local.Address);
        }
    });

    [Fact]
    public void Keep_alives_of_the_producer_are_no_reason_to_ask_it_again() => _world.Run(async () =>
    {
        var node = await _world.StartAsync();
        var raw = new RawStreamPeer(_world);
        await raw.IntroduceAsync(node, "refusing");
        node.Streams.Consume(new ConsumerOptions<string> { StreamId = "refusing" });
        await (await raw.AcceptAsync()).Connection.CloseAsync(CloseCode.NotAllowed, "");
        var refused = _world.Now;
        for (var i = 0; i < 30; i++)
        {
            await _world.DelayAsync(0.1);
            await raw.IntroduceAsync(node, "refusing"); // only the version is another one
        }

        var (connection, _) = await raw.AcceptAsync();
        Assert.InRange((_world.Now - refused).TotalSeconds, 3.9, 6.1); // the slow schedule
        await connection.CloseAsync(CloseCode.NotAllowed, "");
        refused = _world.Now;
        await raw.IntroduceAsync(node, "refusing", "another"); // it says something new
        await raw.AcceptAsync(0.5);
        Assert.InRange((_world.Now - refused).TotalSeconds, 0, 0.3);
    });

    [Fact]
    public void Keep_alives_of_a_hundred_others_cause_no_attempt() => _world.Run(async () =>
    {
        var node = await _world.StartAsync();
        var raw = new RawStreamPeer(_world);
        await raw.IntroduceAsync(node, "refusing");
        node.Streams.Consume(new ConsumerOptions<string> { StreamId = "refusing" });
        await (await raw.AcceptAsync()).Connection.CloseAsync(CloseCode.NotAllowed, "");
        var refused = _world.Now;
        for (var round = 0; round < 3; round++)
        {
            await _world.DelayAsync(1);
            for (var i = 0; i < 100; i++)
            {
                var peer = TestEntries.MakeUnsigned(i + 1, _world.Discovery.NowMs, _world.Discovery.NowMs, network: _world.Id);
                Assert.True(await node.Discovery.InsertAsync(peer));
            }
        }

        await raw.AcceptAsync();
        Assert.InRange((_world.Now - refused).TotalSeconds, 3.9, 6.1);
    });

    private async Task<(Network[] Nodes, Producer<string> Producer, Consumer<string> Consumer)> TaggedAsync()
    {
        var nodes = await _world.StartManyAsync(3);
        nodes[1].Discovery.AddTags("trusted");
        nodes[2].Discovery.AddTags("trusted");
        var producer = nodes[0].Streams.Produce(new ProducerOptions<string> { AcceptIf = peer => peer.Tags.Contains("trusted") });
        var consumer = nodes[1].Streams.Consume<string>();
        await _world.SyncAsync(nodes);
        await _world.WithinAsync(producer.When.Online().WaitAsync());
        return (nodes, producer, consumer);
    }

    private async Task<(Network[] Nodes, Producer<string> Producer, Consumer<string> Consumer, TestJwt Jwt)> TicketedAsync(
        bool atConsumer, double seconds)
    {
        var nodes = await _world.StartManyAsync(2);
        var jwt = new TestJwt(TestJwt.DefaultKey, TestJwt.DefaultIssuer);
        var bearer = nodes[atConsumer ? 0 : 1];
        bearer.Discovery.AddTicket(jwt.Issue(bearer.Local.Id, _world.Time.GetUtcNow().AddSeconds(seconds)));
        var producer = nodes[0].Streams.Produce(new ProducerOptions<string> { Tickets = atConsumer ? [] : [jwt] });
        var consumer = nodes[1].Streams.Consume(new ConsumerOptions<string> { Tickets = atConsumer ? [jwt] : [] });
        await _world.SyncAsync(nodes);
        await _world.WithinAsync(producer.When.Online().WaitAsync());
        return (nodes, producer, consumer, jwt);
    }

    private sealed class Throwing : ITicketValidator
    {
        public TicketClass Class => TestJwt.TestClass;

        public UniqueId Signature => default;

        public bool TryValidate(ReadOnlySpan<byte> ticket, PeerEntry peer, out Expiration expiration) => throw new FormatException("no");
    }
}
