using System.Globalization;
using Mosaik.Discovery;
using Mosaik.Primitives;
using Mosaik.Testing;
using Mosaik.Waiting;

namespace Mosaik.Simulation.Discovery;

/// <summary>
/// One run: whole nodes on the in-memory transport. They start and must all know all; then things go wrong, end to go
/// wrong, and all must know all again; then one changes, one leaves and one joins, and everybody must hear of it.
/// </summary>
internal sealed partial class DiscoveryWorld : IDisposable
{
    private const int ObservedAtMost = 128;
    private static readonly TimeSpan Limit = TimeSpan.FromHours(2);
    private static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(20);

    private readonly RunOptions _options;
    private readonly DiscoveryPlan _plan;
    private readonly SimulationRandom _random;
    private readonly InMemoryTransportNetwork _transports;
    private readonly WorldMeters _meters = new();
    private readonly WorldFacts _facts;
    private readonly NetworkId _network;
    private readonly List<Task> _tasks = [];
    private readonly List<SimulatedNode> _nodes = [];
    private (SimulatedNode Node, SimulatedNode Subject)? _suspects;

    public DiscoveryWorld(ulong seed, int? nodes, RunOptions options)
    {
        _options = options;
        _random = new SimulationRandom(seed);
        _plan = new DiscoveryPlan(_random.Stream("plan"), nodes);
        Scheduler = new SimulationScheduler();
        Log = new EventLog(Scheduler, options);
        _network = NetworkId.From($"world {seed}");
        _transports = new InMemoryTransportNetwork(Scheduler.TimeProvider, _random.Stream("net"));
        _transports.Links.Default = _plan.CleanLink;
        _facts = new WorldFacts(Scheduler, _network, _plan.Discovery);
        SimulationRandom keys = _random.Stream("keys");
        for (int i = 0; i < _plan.NodeCount + DiscoveryPlan.MaxJoins; i++)
        {
            (double rate, TimeSpan offset) = _plan.Clocks[i];
            var node = new SimulatedNode(i, SecretKey.Random(keys), Scheduler.CreateClock(rate, offset));
            _nodes.Add(node);
            _facts.Add(node);
        }
    }

    public SimulationScheduler Scheduler { get; }

    public EventLog Log { get; }

    /// <summary>What was measured, for people.</summary>
    public List<string> Notes { get; } = [];

    private IEnumerable<SimulatedNode> Live => _nodes.Where(static node => node.IsWanted);

    /// <summary>Runs to the end, or to the step asked for, which is not judged.</summary>
    public void Run()
    {
        Task scenario = Scheduler.Start(ScenarioAsync);
        Scheduler.RunUntil(() => IsOver(scenario), Limit, "the end of the scenario");
        if (_facts.Violation is { } violation)
            throw violation;
        if (!scenario.IsCompleted)
            return;
        scenario.GetAwaiter().GetResult();
        if (_transports.OpenConnections != 0)
            _facts.Fail("RE-1", $"{_transports.OpenConnections} ends of connections are left");
        _transports.Dispose();
        if (Scheduler.PendingTimers != 0)
            _facts.Fail("RE-1", $"{Scheduler.PendingTimers} timers are left");
        if (_facts.Violation is { } late)
            throw late;
    }

    private bool IsOver(Task scenario)
    {
        WatchTraffic();
        return scenario.IsCompleted || Scheduler.Steps >= (_options.Until ?? long.MaxValue) || _facts.Violation is not null;
    }

    public void Dispose()
    {
        _transports.Dispose();
        _meters.Dispose();
    }

    private async Task ScenarioAsync()
    {
        if (Log.IsLogging)
            Log.Line(_plan.ToString());
        await StartAllAsync().ConfigureAwait(false);
        TimeSpan took = await ConvergeAsync("D1", _plan.StartBound).ConfigureAwait(false);
        Notes.Add(string.Create(
            CultureInfo.InvariantCulture, $"all know all after {took.TotalSeconds:f2} s (bound {_plan.StartBound.TotalSeconds} s)"));
        NoteTraffic("starting");
        _quietSince = Scheduler.Now;
        Task watching = _plan.HasFaults ? Scheduler.Start(WatchAsync) : Task.CompletedTask; // every second is too often for many nodes
        await MeasureQuietAsync("quiet").ConfigureAwait(false);
        if (_plan.Faults.Count > 0)
        {
            _quietSince = null;
            await GoWrongAsync().ConfigureAwait(false);
            (_quietSince, _hadFaults) = (Scheduler.Now, true);
            took = await ConvergeAsync("DI-1", QuietBound).ConfigureAwait(false);
            Notes.Add(string.Create(CultureInfo.InvariantCulture, $"all know all {took.TotalSeconds:f2} s after the last fault"));
            await DelayAsync(Settling).ConfigureAwait(false);
            await ForgetTheDeadAsync().ConfigureAwait(false);
            CheckFresh();
            await CheckViewsAsync().ConfigureAwait(false);
            await ConvergeAsync("DI-1", TimeSpan.FromSeconds(1)).ConfigureAwait(false);
            NoteTraffic("recovering");
            await MeasureQuietAsync("quiet again").ConfigureAwait(false);
            CheckTree();
        }
        await ChangeOneAsync().ConfigureAwait(false);
        await LoseOneAsync().ConfigureAwait(false);
        await GainOneAsync().ConfigureAwait(false);
        CheckEvents();
        _facts.JudgeJitter();
        _isOver = true;
        await watching.ConfigureAwait(false);
        if (_plan.HasFaults)
            Notes.Add($"{_oneSided} one-sided neighbours");
        foreach (SimulatedNode node in Live.ToList())
        {
            if (_plan.HasFaults)
                Stop(node);
            else
                Kill(node); // that many goodbyes at once, to each of them, cost as much as the start
        }
        await Task.WhenAll(_tasks).ConfigureAwait(false);
    }

    private async Task StartAllAsync()
    {
        for (int i = 0; i < _plan.NodeCount; i++)
        {
            SimulatedNode node = _nodes[i];
            node.IsWanted = true;
            TimeSpan at = _plan.StartAt[i];
            _tasks.Add(Scheduler.Start(async () =>
            {
                await DelayAsync(at).ConfigureAwait(false);
                await StartAsync(node).ConfigureAwait(false);
            }));
        }
        await DelayAsync(_plan.StartAt.Take(_plan.NodeCount).Max()).ConfigureAwait(false);
    }

    private async Task StartAsync(SimulatedNode node)
    {
        node.IsWanted = true;
        int run = ++node.Runs;
        try
        {
            await node.Ending.ConfigureAwait(false);
            if (node.IsWanted && run == node.Runs)
                await StartAsync(node, run).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            _facts.Fail("FAILED", $"n{node.Index} cannot start or stopped by itself: {e}");
        }
    }

    private async Task StartAsync(SimulatedNode node, int run)
    {
        Log.Record(node.Index, "start", (ulong)run);
        var options = new NetworkOptions
        {
            SecretKey = node.Key,
            BindAddresses = [node.EndPoint],
            Discovery = _plan.Discovery with
            {
                BootstrapPeers = [.. _plan.BootstrapOf[node.Index].Select(peer => AddressOf(_nodes[peer]))],
                Tags = [Tag.From($"run {run}")],
            },
            TimeProvider = node.Clock,
            Scheduler = Scheduler,
            Random = _random.Stream($"node/{node.Index}/{run}"),
            LoggerFactory = new WorldLog(node.Index, Log, _plan.HasWrongClock(node.Index), error => _facts.Fail("LOG", error)),
            MeterFactory = _meters,
            TransportFactory = _transports.CreateTransport,
        };
        Network process = await Network.StartAsync(_network, options).ConfigureAwait(false);
        if (!node.IsWanted || run != node.Runs)
        {
            process.Abort(); // stopped while it was starting
            await process.DisposeAsync().ConfigureAwait(false);
            return;
        }
        node.Process = process;
        if (_nodes.Count <= ObservedAtMost)
        {
            node.Observer = new CatalogObserver(node, _facts, _plan, Log);
            _tasks.Add(node.Observer.FollowAsync(process.Discovery.EventsAsync()));
        }
        await process.Completion.ConfigureAwait(false); // fails if it stopped by itself
    }

    /// <summary>A graceful end.</summary>
    private void Stop(SimulatedNode node)
    {
        Log.Record(node.Index, "leave");
        if (node.Process is { } process)
        {
            node.BeginLeaving();
            End(node, process);
        }
        Ended(node);
    }

    /// <summary>The power fails.</summary>
    private void Kill(SimulatedNode node)
    {
        Log.Record(node.Index, "crash");
        _transports.Crash(node.EndPoint.Address);
        if (node.Process is { } process)
        {
            process.Abort();
            End(node, process);
        }
        Ended(node);
    }

    private void End(SimulatedNode node, Network process)
    {
        node.Ending = Scheduler.Start(async () => await process.DisposeAsync().ConfigureAwait(false));
        _tasks.Add(node.Ending);
    }

    private void Ended(SimulatedNode node)
    {
        node.Process = null;
        node.Observer = null;
        node.IsWanted = false;
        node.EndedAt = Scheduler.Now;
        _facts.Forget(node);
    }

    /// <summary>Waits until all live nodes know exactly all live nodes, in their current run and content.</summary>
    private async Task<TimeSpan> ConvergeAsync(string invariant, TimeSpan bound)
    {
        TimeSpan begin = Scheduler.Now;
        while (FindDifference() is { } difference)
        {
            if (Scheduler.Now - begin >= bound)
            {
                throw new InvariantViolationException(invariant, string.Create(
                    CultureInfo.InvariantCulture, $"not within {bound.TotalSeconds} s: {difference}; {_plan}"));
            }
            await DelayAsync(LookInterval).ConfigureAwait(false);
        }
        return Scheduler.Now - begin;
    }

    private string? FindDifference()
    {
        List<SimulatedNode> live = Live.ToList();
        if (live.Find(static node => node.Process is null) is { } starting)
            return $"n{starting.Index} has not started";
        // The cheap look first: it fails most of the time.
        foreach (SimulatedNode node in live)
        {
            if (node.State!.Signed.Count < live.Count - 1)
                return $"n{node.Index} knows {node.State.Signed.Count} peers, and {live.Count} nodes live: {Missing(node, live)}";
        }
        // What was missing last is looked at before all pairs are.
        if (_suspects is { } last && last.Node.IsWanted && last.Subject.IsWanted
            && Judge(last.Node, last.Subject, last.Subject.Process!.Discovery.Driver.Local.LastSigned.Entry) is { } still) // all have one
            return still;
        foreach (SimulatedNode subject in live)
        {
            PeerEntry own = subject.Process!.Discovery.Driver.Local.LastSigned.Entry; // all have one
            foreach (SimulatedNode node in live)
            {
                if (node == subject || Judge(node, subject, own) is not { } difference)
                    continue;
                _suspects = (node, subject);
                return difference;
            }
        }
        return null;
    }

    private static string? Judge(SimulatedNode node, SimulatedNode subject, PeerEntry own)
    {
        if (!node.State!.Signed.TryGetValue(subject.Id, out SignedPeerEntry? known)) // it runs
            return $"n{node.Index} does not know n{subject.Index}";
        if (known.Version.Start != own.Version.Start)
            return $"n{node.Index} knows another run of n{subject.Index}";
        return known.Entry.ContentEquals(own) ? null : $"n{node.Index} does not know the latest entry of n{subject.Index}";
    }

    private string Missing(SimulatedNode node, List<SimulatedNode> live) => "without "
        + string.Join(' ', live.Where(other => other != node && !node.State!.Signed.ContainsKey(other.Id)).Take(10).Select(static n => $"n{n.Index}"));

    private static EndpointAddress AddressOf(SimulatedNode node) => new(node.Id, new TransportAddress.Ip(node.EndPoint));

    private async Task DelayAsync(TimeSpan duration)
    {
        if (_facts.Violation is { } violation)
            throw violation;
        if (duration > TimeSpan.Zero)
            await Task.Delay(duration, Scheduler.TimeProvider).ConfigureAwait(false);
    }
}
