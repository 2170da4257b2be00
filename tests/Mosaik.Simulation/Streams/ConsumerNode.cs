using System.Net;
using System.Threading.Channels;
using Mosaik.Discovery;
using Mosaik.Networking;
using Mosaik.Primitives;
using Mosaik.Streams;
using Mosaik.Testing;

namespace Mosaik.Simulation.Streams;

/// <summary>A node that consumes: it may crash, restart under its key, and be slow.</summary>
internal sealed class ConsumerNode
{
    private static readonly TimeSpan LongestFirstBackoff = TimeSpan.FromMilliseconds(750);
    private static readonly TimeSpan HealthyAfter = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Handshake = TimeSpan.FromSeconds(1);

    private readonly StreamsWorld _world;
    private readonly SecretKey _key;
    private readonly SimulationRandom _random;
    private readonly List<Task> _loops = [];
    private readonly Dictionary<ProducerNode, (long Datums, TimeSpan At)> _atConnect = [];
    private Consumer<Datum>? _consumer;
    private Action<PeerId, string>? _break;
    private long _taken;

    public ConsumerNode(StreamsWorld world, int index)
    {
        (_world, Index) = (world, index);
        _key = SecretKey.FromText($"consumer {index}");
        _random = world.RandomOf($"reader/{index}");
    }

    public int Index { get; }

    /// <summary>How often it has subscribed before.</summary>
    public int Life { get; private set; } = -1;

    /// <summary>Null while the node is down.</summary>
    public Network? Network { get; private set; }

    /// <summary>Whether something is being done to it.</summary>
    public bool IsBusy { get; set; }

    /// <summary>Until when it does not read.</summary>
    public TimeSpan PausedUntil { get; set; }

    public PeerId Id => _key.PeerId;

    public IPAddress? Host => Network?.Local.Endpoint.LocalAddresses[0].Address;

    /// <summary>Subscriptions, made or in the making.</summary>
    public int Subscriptions => _consumer?.Producers.Count ?? 0;

    public int ConnectedProducers => _consumer?.Producers.Count(static p => p.IsConnected) ?? 0;

    private TimeSpan TicketLife => TimeSpan.FromMilliseconds(_random.NextBelow(2000));

    private int TraceIndex => _world.Plan.Producers + Index;

    public async Task StartAsync()
    {
        bool isWelcome = _world.IsEligible(Index);
        Network = await _world.StartNodeAsync($"c{Index}", _key, isWelcome ? [Welcome.Tag] : [], transport: options =>
        {
            var tap = new TransportTap(_world.Transports.CreateTransport(options));
            _break = tap.Break;
            return tap;
        });
        if (isWelcome && _world.Plan.RequiresTicket)
            Network.Discovery.AddTicket(_world.Welcome.Issue(null));
        Open();
    }

    /// <summary>Loses what producers ask for, or has it again.</summary>
    public void SetWelcome(bool isWelcome)
    {
        NetworkDiscovery? discovery = Network?.Discovery;
        if (_world.Plan.RequiresTicket)
            discovery?.ReplaceTicket(_world.Welcome.Issue(isWelcome ? null : TicketLife));
        else if (isWelcome)
            discovery?.AddTags(Welcome.Tag);
        else
            discovery?.RemoveTags(Welcome.Tag);
        _world.Record(TraceIndex, isWelcome ? "is welcome again" : "loses its welcome", Life);
    }

    /// <summary>
    /// Whether its connection with a producer has brought a datum, or has lasted (spec/streams.md §9.2).
    /// </summary>
    public bool IsHealthyWith(ProducerNode producer) =>
        IsConnectedTo(producer) && _atConnect.TryGetValue(producer, out var connect)
        && (DatumsOf(producer) > connect.Datums || _world.Now - connect.At >= HealthyAfter);

    /// <summary>Breaks the connection to a producer, if there is one.</summary>
    public void Break(ProducerNode producer) => _break?.Invoke(producer.Id, WireProtocol.Streams.Alpn);

    /// <summary>Subscribes.</summary>
    public void Open()
    {
        Life++;
        _taken = 0;
        _world.Ledger.OnConsumerOpened(Index, Life);

        // Network is set while the consumer is open.
        Consumer<Datum> consumer = Network!.Streams.Consume(new ConsumerOptions<Datum>
        {
            StreamId = ProducerNode.Stream,
            QueueSize = _world.Plan.QueueSize,
            Criteria = _world.CriteriaOf(Index),
            Backoff = _world.Plan.HasFastBackoff ? static () => new ExponentialBackoff
            {
                Initial = TimeSpan.FromMilliseconds(50),
                Cap = TimeSpan.FromSeconds(2),
            }
            : null,
            Codec = _world.Codec,
        });
        _consumer = consumer;
        _world.Record(TraceIndex, "subscribes", Life);
        int life = Life;
        _loops.Add(_world.Spawn($"reader of c{Index}.{life}", () => ReadAsync(consumer, life)));
        foreach (ProducerNode producer in _world.Producers)
            _loops.Add(_world.Spawn($"watch of c{Index}.{life}", () => WatchAsync(consumer, life, producer)));
    }

    /// <summary>Disposes the consumer; the node stays.</summary>
    public async Task CloseAsync()
    {
        Consumer<Datum>? consumer = _consumer;
        _consumer = null;
        if (consumer is not null)
        {
            await _world.ExpectAsync(
                consumer.DisposeAsync().AsTask(), 5, "ST-8", $"c{Index} has closed its subscriptions");
        }
        await EndLoopsAsync();
    }

    /// <summary>Leaves, politely or not.</summary>
    public async Task StopAsync(bool crash = false)
    {
        // Whoever stops a node has found it running.
        Network node = Network!;
        Network = null;
        _consumer = null;
        _world.Record(TraceIndex, crash ? "crashes" : "leaves", Life);
        if (crash)
            _world.Transports.Crash(node.Local.Endpoint.LocalAddresses[0].Address);
        await _world.ExpectAsync(node.DisposeAsync().AsTask(), 15, "ST-8", $"c{Index} leaves");
        await EndLoopsAsync();
    }

    /// <summary>Whether it is subscribed to a producer now, by what both ends say.</summary>
    public bool IsConnectedTo(ProducerNode producer) => ChannelTo(producer) is { IsConnected: true };

    /// <summary>Whether its catalog lists a producer with the stream.</summary>
    public bool Knows(ProducerNode producer) =>
        _consumer is not null
        && Network?.Discovery.Catalog.GetKnown(producer.Id)?.Entry.Streams.Contains(ProducerNode.Stream) == true;

    /// <summary>Whether it is connected to a producer over a channel that was made with an earlier process.</summary>
    public bool IsOutdated(ProducerNode producer) => ChannelTo(producer) is { IsConnected: true } channel
        && Network?.Discovery.Catalog.GetKnown(producer.Id)?.Entry.StartedAt > channel.Peer.StartedAt;

    /// <summary>
    /// Whether a producer's subscription has brought it everything that was sent over it. False where the counts cannot
    /// be compared: several connections have come after each other, or the producer has not missed an earlier process
    /// yet.
    /// </summary>
    public bool HasAll(ProducerNode producer, IReadOnlyList<ChannelInfo> subscriptions, ChannelInfo subscription) =>
        subscription is { IsConnected: true } && subscriptions.Count(other => other.ConsumerId == Id) == 1
        && subscription.ConsumerId == Id && subscription.Peer.StartedAt == Network?.Discovery.Me.Entry.StartedAt
        && _world.Ledger.CountsOf(Index, Life, producer.Index).Connections == 1
        && ChannelTo(producer) is { IsConnected: true } mine && mine.Datums == subscription.Datums;

    /// <summary>At rest: what this consumer and a producer have counted of each other.</summary>
    /// <returns>How many datums it missed over its one connection; 0 if there was more than one.</returns>
    public long CheckCounts(ProducerNode producer, IReadOnlyList<ChannelInfo> subscriptions)
    {
        if (_consumer is { } consumer && consumer.Datums != _taken)
            _world.Fail("ST-3", $"c{Index} has counted {consumer.Datums} datums and was given {_taken}");
        (long received, int connections, long missing) = _world.Ledger.CountsOf(Index, Life, producer.Index);
        if (connections != 1 || ChannelTo(producer) is not { IsConnected: true } mine)
            return 0;
        ChannelInfo? theirs = subscriptions.SingleOrDefault(c => c.ConsumerId == _key.PeerId);
        if (theirs is null || theirs.Datums != mine.Datums || theirs.Bytes != mine.Bytes || mine.Datums != received)
        {
            _world.Fail("ST-3", $"p{producer.Index} has sent {theirs?.Datums} datums ({theirs?.Bytes} B) to c{Index}, "
                + $"which has counted {mine.Datums} ({mine.Bytes} B) and was given {received}");
        }

        return missing;
    }

    /// <inheritdoc/>
    public override string ToString() =>
        $"c{Index}.{Life}{(Network is null ? " down" : "")} took {_taken}, from "
        + (_consumer is null ? "nobody" : string.Join(", ", _consumer.Producers));

    private ChannelInfo? ChannelTo(ProducerNode producer) =>
        _consumer?.Producers.FirstOrDefault(c => c.ProducerId == producer.Id);

    private async Task EndLoopsAsync()
    {
        await _world.ExpectAsync(Task.WhenAll(_loops), 60, "ST-8", $"the reader and the waits of c{Index} have ended");
        _loops.Clear();
    }

    private async Task ReadAsync(Consumer<Datum> consumer, int life)
    {
        while (await consumer.WaitToReadAsync())
        {
            if (consumer.Count > _world.Plan.QueueSize)
            {
                _world.Fail(
                    "ST-7", $"{consumer.Count} datums wait in c{Index}, the queue size is {_world.Plan.QueueSize}");
            }
            while (consumer.TryRead(out Datum datum))
            {
                _taken++;
                _world.Record(
                    TraceIndex, "got", (((long)datum.Producer << 8) | (uint)datum.Handle) << 32 | (uint)datum.Number);
                _world.Ledger.OnReceived(Index, life, datum);
                if (consumer != _consumer || _world.IsQuiet)
                    continue; // nothing is to be gained by being slow any more
                if (_world.Plan.IsSlow[Index])
                    await _world.DelayAsync(TimeSpan.FromMilliseconds(NextPauseMs()));
                if (PausedUntil > _world.Now)
                    await _world.DelayAsync(PausedUntil - _world.Now);
            }
        }
    }

    /// <summary>Mostly none, sometimes a short one, rarely one that is longer than any stall time-out.</summary>
    private int NextPauseMs() => _random.NextBelow(64) switch
    {
        0 => _random.NextBelow(9000),
        < 16 => _random.NextBelow(1200),
        _ => 0,
    };

    /// <summary>Notes every time the channel to a producer becomes connected, and how long it was not.</summary>
    private async Task WatchAsync(Consumer<Datum> consumer, int life, ProducerNode producer)
    {
        ChannelCondition connected = consumer.When.Subscribed().WithPredicate(peer => peer.Id == producer.Id);
        ChannelCondition lost = connected.Not();
        TimeSpan? lostAt = null;
        _atConnect.Remove(producer);
        try
        {
            while (true)
            {
                await connected.WaitAsync();
                _world.Record(TraceIndex, "connected", producer.Index);
                _world.Ledger.OnConnected(Index, life, producer.Index);
                CheckReconnected(producer, lostAt);
                long before = DatumsOf(producer);
                _atConnect[producer] = (before, _world.Now);
                await lost.WaitAsync();
                lostAt = DatumsOf(producer) > before ? _world.Now : null;
            }
        }
        catch (ChannelClosedException)
        {
            // The consumer was closed.
        }
    }

    /// <summary>
    /// A connection that has brought a datum was healthy: the first delay of the backoff is the one before the next
    /// attempt (spec/streams.md §9.2). Only where that attempt succeeds: who lags may be dropped before it has received
    /// anything.
    /// </summary>
    private void CheckReconnected(ProducerNode producer, TimeSpan? lostAt)
    {
        StreamsPlan plan = _world.Plan;
        if (plan is not { IsGentle: true, HasRule: false, MaxConsumers: int.MaxValue, Policy: LagPolicy.Skip })
            return;
        if (lostAt is { } since && _world.Now - since > LongestFirstBackoff + Handshake)
        {
            _world.Fail(
                "ST-9", $"c{Index} took {(_world.Now - since).TotalSeconds:f3} s to connect again with "
                + $"p{producer.Index} after a healthy connection");
        }
    }

    private long DatumsOf(ProducerNode producer) => ChannelTo(producer)?.Datums ?? 0;
}
