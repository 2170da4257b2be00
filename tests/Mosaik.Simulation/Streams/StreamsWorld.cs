using Mosaik.Discovery;
using Mosaik.Networking.Transport;
using Mosaik.Primitives;
using Mosaik.Streams;
using Mosaik.Testing;
using Mosaik.Waiting;

namespace Mosaik.Simulation.Streams;

/// <summary>
/// One run: producers and consumers as whole nodes, what goes wrong with them, and what must be true all the same.
/// </summary>
/// <remarks>
/// The public API is used as an application uses it; nothing inside is looked at. After the last fault everything
/// heals, readers are quick and senders are calm: then every eligible pair must be connected again (ST-9), every wait
/// must end (ST-8), a last datum of every handle must reach every subscriber (ST-3), and after the end nothing may be
/// left (RE-1).
/// </remarks>
internal sealed class StreamsWorld : IDisposable
{
    /// <summary>Less than the 0.5 s for draining, more than any round trip.</summary>
    private const double IdleCloseSeconds = 0.45;

    private static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan MeetInterval = TimeSpan.FromSeconds(4);
    private static readonly TimeSpan SyncLimit = TimeSpan.FromSeconds(5);

    private readonly SimulationScheduler _scheduler;
    private readonly RunOptions _options;
    private readonly SimulationRandom _random;
    private readonly Dictionary<(int Producer, int Life), MergedOrder> _merged = [];
    private readonly NetworkId _networkId = NetworkId.From("simulation");
    private int _nodes;

    public StreamsWorld(ulong seed, SimulationScheduler scheduler, RunOptions options)
    {
        _scheduler = scheduler;
        _options = options;
        _random = new SimulationRandom(seed);
        Plan = new StreamsPlan(_random.Stream("plan"));
        Transports = new InMemoryTransportNetwork(scheduler.TimeProvider, _random.Stream("net"))
        {
            StreamWindow = Plan.StreamWindow,
            MaxChunkBytes = Plan.MaxChunkBytes,
        };
        Transports.Links.Default = Links(Plan.MaxLatency, Plan.Loss);
        Ledger = new StreamsLedger(this);
        Codec = new DatumCodec(this);
        Welcome = new Welcome(scheduler.TimeProvider);
        Producers = [.. Enumerable.Range(0, Plan.Producers).Select(i => new ProducerNode(this, i))];
        Consumers = [.. Enumerable.Range(0, Plan.Consumers).Select(i => new ConsumerNode(this, i))];
        scheduler.Describe = Describe;
    }

    public StreamsPlan Plan { get; }

    public InMemoryTransportNetwork Transports { get; }

    public StreamsLedger Ledger { get; }

    public DatumCodec Codec { get; }

    public Welcome Welcome { get; }

    public IReadOnlyList<ProducerNode> Producers { get; }

    public IReadOnlyList<ConsumerNode> Consumers { get; }

    public EventTrace Trace { get; } = new();

    public FaultCounters Faults { get; } = new();

    public TimeSpan Now => _scheduler.Now;

    public TimeProvider Time => _scheduler.TimeProvider;

    /// <summary>The first broken invariant.</summary>
    public (string Invariant, string Detail)? Violation { get; private set; }

    /// <summary>Whether the run has come to its end.</summary>
    public bool IsOver { get; private set; }

    /// <summary>Whether faults are over: readers read at once, senders are calm.</summary>
    public bool IsQuiet { get; private set; }

    /// <summary>Whether senders are to end.</summary>
    public bool IsStopping { get; private set; }

    /// <summary>Whether a connected consumer may miss datums.</summary>
    public bool MayMiss => Plan.Policy == LagPolicy.Skip;

    public bool IsLogging => _options.Log is not null;

    public static LinkConditions Links(TimeSpan maxLatency, double loss) => new()
    {
        MinLatency = TimeSpan.FromMilliseconds(1),
        MaxLatency = maxLatency,
        Loss = loss,
    };

    public void Start() => Spawn("the scenario", RunAsync);

    public SimulationRandom RandomOf(string name) => _random.Stream(name);

    public bool IsEligible(int consumer) => Plan.IsEligible[consumer];

    /// <summary>Whether a consumer's criteria match a datum.</summary>
    public bool Wants(int consumer, int topic) => (Plan.Wanted[consumer] >> topic & 1) != 0;

    public Criteria CriteriaOf(int consumer)
    {
        int[] topics = [.. Enumerable.Range(0, Datum.Topics).Where(topic => Wants(consumer, topic))];
        return topics.Length == Datum.Topics
            ? Criteria.Default
            : Criteria.Default.WhereEqual<int>(nameof(Datum.Topic), topics);
    }

    /// <summary>Who is at the other end of a producer's channel.</summary>
    public ConsumerNode ConsumerOf(ChannelInfo channel) =>
        Consumers.First(consumer => consumer.Id == channel.ConsumerId);

    public MergedOrder Merged(int producer, int life)
    {
        if (!_merged.TryGetValue((producer, life), out MergedOrder? merged))
            _merged[(producer, life)] = merged = new MergedOrder();
        return merged;
    }

    /// <summary>An invariant is broken; only the first one counts.</summary>
    public void Fail(string invariant, string detail)
    {
        Violation ??= (invariant, detail);
        Log($"VIOLATION {invariant}: {detail}");
    }

    /// <summary>Something happened: part of the fingerprint and of the last events.</summary>
    public void Record(int node, string kind, long argument = 0)
    {
        Trace.Add(_scheduler.Steps, Now, node, kind, (ulong)argument, default);
        if (IsLogging)
            Log($"{(node < Plan.Producers ? $"p{node}" : $"c{node - Plan.Producers}")} {kind} {argument}");
    }

    /// <summary>A line of the log.</summary>
    public void Log(string line) => _options.Log?.WriteLine($"{_scheduler.Steps,8} {Now.TotalSeconds,12:f6} {line}");

    /// <summary>Starts a loop of the world. What it does not catch is a violation.</summary>
    public Task Spawn(string what, Func<Task> body) => _scheduler.Start(async () =>
    {
        try
        {
            await body();
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            Fail("EXCEPTION", $"{what}: {e}");
        }
    });

    public Task DelayAsync(TimeSpan duration) =>
        duration <= TimeSpan.Zero ? Task.CompletedTask : Task.Delay(duration, Time);

    /// <summary>Whether a task ends within some time; what it throws is thrown.</summary>
    public async Task ExpectAsync(Task task, double seconds, string invariant, string what)
    {
        try
        {
            await task.WaitAsync(TimeSpan.FromSeconds(seconds), Time);
        }
        catch (TimeoutException)
        {
            Fail(invariant, $"not within {seconds} s: {what}. {Describe()}");
        }
    }

    public async Task<Network> StartNodeAsync(
        string name, SecretKey key, IReadOnlyList<Tag> tags, DropCounter? drops = null,
        Func<TransportOptions, ITransport>? transport = null)
    {
        int n = _nodes++;
        Network node = await Network.StartAsync(_networkId, new NetworkOptions
        {
            SecretKey = key,
            Discovery = new DiscoveryOptions
            {
                AnnounceInterval = TimeSpan.FromSeconds(120),
                AnnounceJitter = 0,
                RttProbe = RttProbe.Never,
                Tags = [.. tags],
            },
            TimeProvider = Time,
            Scheduler = _scheduler,
            Random = _random.Stream($"node/{n}"),
            TransportFactory = transport ?? Transports.CreateTransport,
            MeterFactory = drops,
            LoggerFactory = IsLogging ? new WorldLogger(this, name) : null,
        });
        _ = Spawn($"{name} has failed", () => node.Completion);
        return node;
    }

    public void Dispose()
    {
        foreach (ProducerNode producer in Producers)
            producer.Dispose();
        Transports.Dispose();
    }

    private async Task RunAsync()
    {
        Log(Plan.ToString());
        foreach (ProducerNode producer in Producers)
            await producer.StartAsync();
        foreach (ConsumerNode consumer in Consumers)
            await consumer.StartAsync();
        Task meeting = Spawn("meeting", MeetAsync);
        Task watch = Spawn("watch", WatchAsync);
        var faults = new StreamsFaults(this);
        Task[] troubles = [.. Plan.Faults.Select(fault => Spawn(fault.ToString(), () => faults.RunAsync(fault)))];
        await Task.WhenAll(troubles);
        await DelayAsync(Plan.FaultsEnd - Now);
        Transports.Links.Heal();
        Transports.Links.Default = Links(Plan.MaxLatency, 0);
        IsQuiet = true;
        Record(0, "quiet");

        await UntilAsync(AllConnected, 100, "ST-9", "every eligible pair is connected again");
        await DelayAsync(TimeSpan.FromSeconds(2));
        IsStopping = true;
        foreach (ProducerNode producer in Producers)
            await producer.EndSendersAsync();
        await UntilAsync(AllConnected, 30, "ST-9", "every eligible pair is connected");
        await CheckLastAsync();
        foreach (ProducerNode producer in Producers)
            producer.CheckCounts();
        await watch;
        await ShutDownAsync(meeting);
        IsOver = true;
    }

    private async Task WatchAsync()
    {
        ProgressWatch[] progress = [.. Producers.Select(producer => new ProgressWatch(this, producer))];
        SubscriptionWatch[] subscriptions = [.. Producers.Select(producer => new SubscriptionWatch(this, producer))];
        while (!IsStopping || Producers.Any(static producer => producer.Writers > 0))
        {
            await DelayAsync(LookInterval);
            foreach (ProgressWatch watch in progress)
                watch.Look();
            foreach (SubscriptionWatch watch in subscriptions)
                watch.Look();
        }
    }

    /// <summary>Everybody gets to know everybody's current entry, again and again; what fails is tried again.</summary>
    private async Task MeetAsync()
    {
        while (!IsStopping)
        {
            await Task.WhenAll(
                from consumer in Consumers
                from producer in Producers
                select MeetAsync(consumer.Network, producer.Network));
            await DelayAsync(MeetInterval);
        }
    }

    private async Task MeetAsync(Network? a, Network? b)
    {
        if (a is null || b is null)
            return;
        try
        {
            Task meeting = Plan.IsOneSided
                ? a.Discovery.FeedAsync(b.Discovery.Me).AsTask()
                : a.SyncWithAsync(b.Local.Address).AsTask();
            await meeting.WaitAsync(SyncLimit, Time);
        }
        catch (Exception e) when (e is MosaikException or TimeoutException or OperationCanceledException)
        {
            // Cut off, crashed, leaving: the next round tries again.
        }
    }

    private async Task CheckLastAsync()
    {
        foreach (ProducerNode producer in Producers)
            await producer.SendLastAsync();
        await UntilAsync(
            () => Producers.All(p => Consumers.All(c => !c.IsConnectedTo(p) || p.HasLast(c))), 10, "ST-3",
            "the last datum of every handle has reached every connected consumer");

        // A terminal refusal ends the channel, and those of later attempts are visible only once they are connected. A
        // producer that is full refuses for that reason first, which is not terminal.
        await UntilAsync(
            () => Plan.MaxConsumers < int.MaxValue || Consumers.All(c => IsEligible(c.Index) || c.Subscriptions == 0),
            30, "ST-5", "nobody goes on who is not accepted");
    }

    private async Task ShutDownAsync(Task meeting)
    {
        await ExpectAsync(meeting, 20, "ST-8", "the last sync has ended");
        foreach (ProducerNode producer in Producers)
        {
            // Every other one says goodbye to its stream first: nothing waits, so a round trip is enough.
            if (producer.Index % 2 == 0 && Plan.EndsBusily)
                await producer.CloseBusilyAsync();
            else if (producer.Index % 2 == 0)
                await producer.CloseAsync(IdleCloseSeconds);
            await producer.StopAsync();
        }

        foreach (ConsumerNode consumer in Consumers)
            await consumer.StopAsync();
        await UntilAsync(() => Transports.OpenConnections == 0, 40, "RE-1", "every connection has ended");

        // Dials in memory are given up after 10 s; the silence of a crashed peer takes 30 s.
        await DelayAsync(TimeSpan.FromSeconds(40));
        if (_scheduler.PendingTimers > 0)
            Fail("RE-1", $"{_scheduler.PendingTimers} timers are left when all nodes have gone");
    }

    /// <summary>Whether something becomes true within some time.</summary>
    public async Task UntilAsync(Func<bool> condition, double seconds, string invariant, string what)
    {
        TimeSpan end = Now + TimeSpan.FromSeconds(seconds);
        while (!condition() && Violation is null)
        {
            if (Now >= end)
                Fail(invariant, $"not within {seconds} s: {what}. {Describe()}");
            await DelayAsync(TimeSpan.FromMilliseconds(20));
        }
    }

    private bool AllConnected()
    {
        int eligible = Plan.IsEligible.Count(static eligible => eligible);
        int places = Plan.Places;
        return Producers.All(p => p.ConnectedConsumers == places)
            && Consumers.Sum(static c => c.ConnectedProducers) == places * Plan.Producers
            && Consumers.All(
                c => places < eligible || c.ConnectedProducers == (IsEligible(c.Index) ? Plan.Producers : 0));
    }

    private string Describe() => string.Join(
        "; ", Producers.Select(static p => p.ToString()).Concat(Consumers.Select(static c => c.ToString())));
}
