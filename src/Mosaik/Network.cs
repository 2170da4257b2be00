using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Mosaik.Diagnostics;
using Mosaik.Discovery;
using Mosaik.Discovery.Gossip;
using Mosaik.Groups;
using Mosaik.Networking;
using Mosaik.Networking.Transport;
using Mosaik.Primitives;
using Mosaik.Streams;
using Mosaik.Waiting;

namespace Mosaik;

/// <summary>
/// A node of a network: the one object an application starts, and from which everything else is reached.
/// </summary>
/// <remarks>
/// <para>Nodes that name the same network find each other, and never meet those that name another one. Disposal leaves
/// gracefully within <see cref="NetworkOptions.ShutdownTimeout"/>; <see cref="Abort"/> does not say goodbye.</para>
/// <para>Thread-safe. Several networks live side by side in one process.</para>
/// </remarks>
public sealed class Network : IAsyncDisposable
{
    private readonly Lock _lock = new();
    private readonly NetworkOptions _options;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _termination = new();
    private readonly CancellationTokenSource _abort = new();
    private readonly Completion _completion;
    private readonly TaskSet _tasks;
    private readonly List<ISubsystem> _subsystems = [];
    private readonly ITransport _transport;
    private readonly long _boundAt;
    private NetworkDiscovery? _discovery;
    private NetworkStreams? _streams;
    private NetworkGroups? _groups;
    private Task? _stop;

    private Network(NetworkId networkId, NetworkOptions options)
    {
        _options = options;
        _logger = LoggerOf("Networking");
        _completion = new Completion(options.Scheduler);
        _tasks = new TaskSet(options.Scheduler);
        NetworkId = networkId;

        var metrics = new NetworkMetrics(MosaikDiagnostics.MeterOf(options.MeterFactory), networkId);
        var secretKey = options.SecretKey ?? SecretKey.Random(options.Random);
        _transport = Bind(options, secretKey);
        _boundAt = options.TimeProvider.GetTimestamp();
        var links = new LinkContext(options.TimeProvider, options.Scheduler, metrics, _logger, _termination.Token);
        Local = new LocalNode(networkId, secretKey, _transport, links, _termination, Fail);
    }

    /// <summary>The network's id.</summary>
    public NetworkId NetworkId { get; }

    /// <summary>This node.</summary>
    public LocalNode Local { get; }

    /// <summary>Typed data from producers to consumers.</summary>
    public NetworkStreams Streams =>
        _streams ?? throw new InvalidOperationException("This node was started without streams.");

    /// <summary>Replicated state machines and leader election among the nodes that hold a key.</summary>
    public NetworkGroups Groups =>
        _groups ?? throw new InvalidOperationException("This node was started without groups.");

    /// <summary>The node's peers: who is there, what they offer, and how to get to know more of them.</summary>
    public NetworkDiscovery Discovery =>
        _discovery ?? throw new InvalidOperationException("This node was started without discovery.");

    /// <summary>
    /// Completes when the node has stopped; faults with the cause if a part of it failed and could not be repaired.
    /// </summary>
    public Task Completion => _completion.WaitAsync().AsTask();

    /// <summary>
    /// Starts a node and waits until it is online, at most <see cref="NetworkOptions.OnlineTimeout"/>.
    /// </summary>
    /// <param name="networkId">The network: its id, or any text (the from-string rule).</param>
    /// <param name="options">Settings; null = the defaults.</param>
    /// <param name="cancellationToken">Stops what was started and ends the call.</param>
    /// <returns>The running node.</returns>
    /// <exception cref="MosaikConfigurationException">A setting cannot work. Nothing was started.</exception>
    /// <exception cref="NetworkBindException">An address cannot be bound.</exception>
    public static ValueTask<Network> StartAsync(
        NetworkId networkId, NetworkOptions? options = null, CancellationToken cancellationToken = default) =>
        StartAsync(networkId, options, Compose, cancellationToken);

    /// <summary>Starts a node with subsystems of the caller's choice.</summary>
    internal static async ValueTask<Network> StartAsync(
        NetworkId networkId,
        NetworkOptions? options,
        Func<Network, IEnumerable<ISubsystem>> compose,
        CancellationToken cancellationToken)
    {
        options ??= new NetworkOptions();
        if (networkId == default)
            throw new MosaikConfigurationException(nameof(networkId), "is missing");
        options.Validate();
        cancellationToken.ThrowIfCancellationRequested();
        var network = new Network(networkId, options);
        try
        {
            await network.StartAsync(compose, cancellationToken).ConfigureAwait(false);
            return network;
        }
        catch
        {
            network.Abort();
            await network.WhenStoppedAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Completes when the node is online, at once if it is.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>A task for that.</returns>
    /// <exception cref="NetworkClosedException">The node has stopped before.</exception>
    public ValueTask OnlineAsync(CancellationToken cancellationToken = default) => Local.OnlineAsync(cancellationToken);

    /// <inheritdoc cref="NetworkDiscovery.SyncWithAsync"/>
    public ValueTask SyncWithAsync(EndpointAddress address, CancellationToken cancellationToken = default) =>
        Discovery.SyncWithAsync(address, cancellationToken);

    /// <summary>
    /// Stops without saying goodbye: peers see links end with 102, then silence or code 0. Does not wait.
    /// </summary>
    public void Abort()
    {
        _abort.Cancel(); // also cuts a graceful leave short
        BeginStop(isGraceful: false, cause: null);
    }

    /// <summary>Leaves gracefully: subsystems say goodbye, links close, then the sockets. Never throws.</summary>
    /// <returns>A task that completes when everything has ended.</returns>
    public async ValueTask DisposeAsync()
    {
        BeginStop(isGraceful: true, cause: null);
        await WhenStoppedAsync().ConfigureAwait(false);
    }

    private static ITransport Bind(NetworkOptions options, SecretKey secretKey)
    {
        var transport = new TransportOptions
        {
            SecretKey = secretKey,
            BindAddresses = options.BindAddresses,
            TimeProvider = options.TimeProvider,
            Scheduler = options.Scheduler,
            Random = options.Random,
            LoggerFactory = options.LoggerFactory,
            SocketFactory = options.SocketFactory,
            AllowKeyLogFromEnvironment = options.AllowKeyLogFromEnvironment,
        };
        try
        {
            return options.TransportFactory?.Invoke(transport) ?? QuicTransport.Bind(transport);
        }
        catch (SocketException e) when (options.BindAddresses.Count > 0)
        {
            throw new NetworkBindException(options.BindAddresses[0], e);
        }
    }

    /// <summary>The subsystems of a node in the order in which they start.</summary>
    private static IEnumerable<ISubsystem> Compose(Network network) => Compose(network, static n => n.MakeGossip());

    /// <summary>The same with another gossip, or (null) without: then peers are kept alive by syncs.</summary>
    internal static IEnumerable<ISubsystem> Compose(Network network, Func<Network, IGossip?> makeGossip) =>
        [network.AddDiscovery(makeGossip(network)), network.AddStreams(), network.AddGroups()];

    private ILogger LoggerOf(string room) =>
        (ILogger?)_options.LoggerFactory?.CreateLogger("Mosaik." + room) ?? NullLogger.Instance;

    private GossipDriver MakeGossip()
    {
        var logger = LoggerOf("Discovery.Gossip");
        var meter = MosaikDiagnostics.MeterOf(_options.MeterFactory);
        var driver = new GossipDriver(GossipContext.Of(Local, _options.Discovery.Gossip, _options.Random, meter, logger));
        Local.Router.Register(WireProtocol.Announce, driver);
        return driver;
    }

    private DiscoveryDriver AddDiscovery(IGossip? gossip)
    {
        var logger = LoggerOf("Discovery");
        var meter = MosaikDiagnostics.MeterOf(_options.MeterFactory);
        var driver = new DiscoveryDriver(Local, _options.Discovery, _options.Random, meter, logger, gossip);
        _discovery = new NetworkDiscovery(driver);
        return driver;
    }

    private StreamsSubsystem AddStreams()
    {
        var links = Local.Links;
        var context = new StreamContext
        {
            NetworkId = NetworkId,
            LocalId = Local.Id,
            Options = _options.Streams,
            Discovery = Discovery,
            OpenLinkAsync = (address, token) => Local.OpenLinkAsync(WireProtocol.Streams, address, links.Termination, token),
            MaxRtt = _options.Discovery.MaxRtt,
            LogLimiter = new LogLimiter(_options.TimeProvider),
            TimeProvider = _options.TimeProvider,
            Scheduler = _options.Scheduler,
            Random = _options.Random,
            Logger = LoggerOf("Streams"),
            Metrics = new StreamMetrics(MosaikDiagnostics.MeterOf(_options.MeterFactory), NetworkId),
            Stopping = _termination.Token,
        };
        var subsystem = new StreamsSubsystem(Local, context);
        _streams = subsystem.Streams;
        return subsystem;
    }

    private GroupsSubsystem AddGroups()
    {
        var links = Local.Links;
        var context = new GroupsContext
        {
            NetworkId = NetworkId,
            LocalId = Local.Id,
            Options = _options.Groups,
            Discovery = Discovery,
            OpenLinkAsync = (address, token) => Local.OpenLinkAsync(WireProtocol.Groups, address, links.Termination, token),
            MaxRtt = _options.Discovery.MaxRtt,
            LogLimiter = new LogLimiter(_options.TimeProvider),
            TimeProvider = _options.TimeProvider,
            Scheduler = _options.Scheduler,
            Random = _options.Random,
            Logger = LoggerOf("Groups"),
            Meter = MosaikDiagnostics.MeterOf(_options.MeterFactory),
        };
        var subsystem = new GroupsSubsystem(Local, context);
        _groups = subsystem.Groups;
        return subsystem;
    }

    /// <summary>spec/wire.md §10.2, from the local node on.</summary>
    private async ValueTask StartAsync(Func<Network, IEnumerable<ISubsystem>> compose, CancellationToken cancellationToken)
    {
        using var start = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _termination.Token);
        try
        {
            foreach (var subsystem in compose(this))
            {
                _subsystems.Add(subsystem);
                await subsystem.StartAsync(start.Token).ConfigureAwait(false);
            }

            Local.Router.Start();
            Local.OnInstalled();
            if (_options.Relay is not RelayMode.NoRelays)
                NetworkLog.RelaysUnavailable(_logger);
            await WaitUntilOnlineAsync(start.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new NetworkClosedException(_completion.Error ?? e); // a subsystem failed meanwhile
        }

        NetworkLog.Started(_logger, NetworkId, Local.Id, string.Join(", ", Local.Address.Addresses));
    }

    /// <summary>
    /// Relays are disabled in this build, so online is: installed, bound, and an address. The wait is bounded from the
    /// moment of binding; announcing begins whenever the node gets online.
    /// </summary>
    private async ValueTask WaitUntilOnlineAsync(CancellationToken cancellationToken)
    {
        var online = new Completion(_options.Scheduler);
        _tasks.Start(async () =>
        {
            try
            {
                await Local.OnlineAsync(_termination.Token).ConfigureAwait(false);
                foreach (var subsystem in _subsystems)
                    subsystem.OnOnline();
                online.TrySetResult();
            }
            catch (Exception e) when (e is OperationCanceledException or NetworkClosedException)
            {
                online.TrySetResult(); // stopped before; the token of the start says so too
            }
            catch (Exception e)
            {
                online.TrySetResult();
                Fail("announcing", e);
            }
        });
        var left = _options.OnlineTimeout - _options.TimeProvider.GetElapsedTime(_boundAt);
        using var deadline = new Deadline(_options.TimeProvider, left, "Getting online", null, null, cancellationToken);
        try
        {
            await online.WaitAsync(deadline.Token).ConfigureAwait(false);
            cancellationToken.ThrowIfCancellationRequested();
        }
        catch (OperationCanceledException) when (deadline.IsExpired)
        {
            NetworkLog.NotOnline(_logger, _options.OnlineTimeout);
        }
    }

    private void Fail(string what, Exception cause)
    {
        if (BeginStop(isGraceful: false, cause))
            NetworkLog.SubsystemFailed(_logger, cause, NetworkId, what);
    }

    private bool BeginStop(bool isGraceful, Exception? cause)
    {
        lock (_lock)
        {
            if (_stop is not null)
                return false;
            _stop = _options.Scheduler.Start(() => StopAsync(isGraceful, cause));
            return true;
        }
    }

    private Task WhenStoppedAsync()
    {
        lock (_lock)
            return _stop ?? Task.CompletedTask;
    }

    /// <summary>spec/wire.md §10.4.</summary>
    private async Task StopAsync(bool isGraceful, Exception? cause)
    {
        using var deadline = new Deadline(
            _options.TimeProvider, _options.ShutdownTimeout, "Leaving", null, null, CancellationToken.None);
        Local.Router.StopAccepting();
        if (isGraceful)
        {
            Local.BeginLeaving();
            using var leaving = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, _abort.Token);
            var farewells = _subsystems.Select(s => Guard(s.Name, () => s.LeaveAsync(leaving.Token)));
            await Bounded(Task.WhenAll(farewells), leaving.Token).ConfigureAwait(false);
        }

        Local.Terminate(cause);
        for (var i = _subsystems.Count - 1; i >= 0; i--)
        {
            var subsystem = _subsystems[i];
            await Bounded(Guard(subsystem.Name, subsystem.DisposeAsync), deadline.Token).ConfigureAwait(false);
        }

        await Bounded(Guard("the transport", _transport.DisposeAsync), deadline.Token).ConfigureAwait(false);
        if (deadline.IsExpired)
        {
            NetworkLog.LeaveTimedOut(_logger, _options.ShutdownTimeout);
            _transport.Abort();
        }

        await Local.WhenEndedAsync().ConfigureAwait(false);
        await _tasks.WhenEmptyAsync().ConfigureAwait(false);
        NetworkLog.Stopped(_logger, NetworkId);
        if (cause is null)
            _completion.TrySetResult();
        else
            _completion.TrySetException(cause);
    }

    private async Task Guard(string name, Func<ValueTask> step)
    {
        try
        {
            await step().ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // Out of time, which is reported once for all.
        }
        catch (Exception e)
        {
            NetworkLog.StopFailed(_logger, e, name);
        }
    }

    private static async ValueTask Bounded(Task step, CancellationToken cancellationToken)
    {
        try
        {
            await step.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // What is left is aborted with the transport.
        }
    }
}
