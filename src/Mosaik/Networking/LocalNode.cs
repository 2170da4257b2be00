using System.Net;
using Mosaik.Networking.Transport;
using Mosaik.Primitives;
using Mosaik.Waiting;

namespace Mosaik.Networking;

/// <summary>
/// This node: who it is, where it is, and its way to others (spec/wire.md §9). A cheap shared handle.
/// </summary>
public sealed class LocalNode
{
    private static readonly TimeSpan ConnectDeadline = TimeSpan.FromSeconds(10);

    private readonly Lock _lock = new();
    private readonly LinkContext _context;
    private readonly CancellationTokenSource _termination;
    private readonly TaskSet _watches;
    private readonly AddressBook _book = new();
    private readonly LiveConnections _live = new();
    private readonly DialBudget _dials = new();
    private readonly List<IAddressLookup> _lookups = [];
    private readonly ConditionSource _online;
    private readonly Action<string, Exception> _failed;
    private readonly long _epoch;
    private readonly bool _loopbackOnly;
    private EndpointAddress _address;
    private bool _installed;
    private bool _leaving;

    internal LocalNode(
        NetworkId network,
        SecretKey secretKey,
        ITransport transport,
        LinkContext context,
        CancellationTokenSource termination,
        Action<string, Exception> failed)
    {
        NetworkId = network;
        SecretKey = secretKey;
        Endpoint = transport;
        _context = context;
        _termination = termination;
        _failed = failed;
        _watches = new TaskSet(context.Scheduler);
        _online = new ConditionSource(false, context.Scheduler);
        _epoch = context.TimeProvider.GetTimestamp();
        _loopbackOnly = transport.LocalEndPoints.All(static e => IPAddress.IsLoopback(e.Address));
        Router = new ProtocolRouter(
            transport,
            context,
            connection => OnOpened(connection, isDialler: false),
            (connection, at) => OnClosed(connection, at, isDialler: false),
            e => Fail("accepting connections", e));
        _address = MakeAddress();
        transport.LocalAddressesChanged += OnLocalAddressesChanged;
    }

    /// <summary>The network this node belongs to.</summary>
    public NetworkId NetworkId { get; }

    /// <summary>The identity: the public half of <see cref="SecretKey"/>.</summary>
    public PeerId Id => SecretKey.PeerId;

    /// <summary>The identity's secret half.</summary>
    public SecretKey SecretKey { get; }

    /// <summary>Where peers reach this node now, as it is published (spec/wire.md §5.2).</summary>
    public EndpointAddress Address
    {
        get
        {
            lock (_lock)
                return _address;
        }
    }

    /// <summary>The transport below, for advanced use.</summary>
    public ITransport Endpoint { get; }

    /// <summary>
    /// Whether protocols are installed, sockets bound and at least one address is usable (spec/wire.md §10.3).
    /// </summary>
    public bool IsOnline => _online.IsMet;

    /// <summary>Cancelled when the node stops.</summary>
    public CancellationToken Termination => _context.Termination;

    /// <summary>Accepts connections for the protocols of subsystems.</summary>
    internal ProtocolRouter Router { get; }

    /// <summary>What the node's links share.</summary>
    internal LinkContext Links => _context;

    /// <summary>
    /// Called after <see cref="Address"/> has changed, possibly on any thread. Quick, must not throw.
    /// </summary>
    internal Action<EndpointAddress>? AddressChanged { get; set; }

    /// <summary>
    /// Called after a connection has ended without a word from either end: the peer fell silent, or has forgotten it,
    /// as one that was started anew has. On any thread. Quick, must not throw.
    /// </summary>
    internal Action<PeerId>? ConnectionLost { get; set; }

    /// <summary>Monotonic time since the node was made: the time of the address book.</summary>
    internal TimeSpan Now => _context.TimeProvider.GetElapsedTime(_epoch);

    /// <summary>Completes when the node is online, at once if it is.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>A task for that.</returns>
    /// <exception cref="NetworkClosedException">The node has stopped before.</exception>
    public ValueTask OnlineAsync(CancellationToken cancellationToken = default) =>
        _online.Condition.WaitAsync(cancellationToken);

    /// <summary>Opens a link for one exchange: connects and opens the stream. The caller must send first.</summary>
    /// <param name="protocol">Dialled under its primary name.</param>
    /// <param name="address">The peer; its addresses are tried beside the known ones.</param>
    /// <param name="owner">Ends the link with 102.</param>
    /// <param name="cancellationToken">Abandons the attempt.</param>
    internal async ValueTask<Link> OpenLinkAsync(
        WireProtocol protocol, EndpointAddress address, CancellationToken owner, CancellationToken cancellationToken)
    {
        var connection = await ConnectAsync(protocol, address, cancellationToken).ConfigureAwait(false);
        return await Link.OpenAsync(_context, protocol, connection, owner, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Connects to a peer for a protocol, within 10 s.</summary>
    /// <exception cref="LinkException">No address is known or none worked.</exception>
    /// <exception cref="MosaikTimeoutException">It took too long.</exception>
    /// <exception cref="NetworkClosedException">The node is stopping.</exception>
    internal async ValueTask<ITransportConnection> ConnectAsync(
        WireProtocol protocol, EndpointAddress address, CancellationToken cancellationToken)
    {
        var peer = address.Id;
        if (_context.Termination.IsCancellationRequested)
            throw new NetworkClosedException();
        if (peer == Id)
            throw OpenFailed(peer, "it is this node itself");
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _context.Termination);
        using var deadline = new Deadline(_context.TimeProvider, ConnectDeadline, "Connecting", peer, null, stop.Token);
        try
        {
            var addresses = await ResolveAsync(address, deadline.Token).ConfigureAwait(false);
            await WaitForTurnAsync(peer, deadline.Token).ConfigureAwait(false);
            var connection = await Endpoint
                .ConnectAsync(peer, addresses, protocol.Alpn, deadline.Token).ConfigureAwait(false);
            NetworkLog.Connected(_context.Logger, peer, connection.RemoteEndPoint, protocol.Alpn);
            lock (_lock)
                _dials.OnSuccess(peer);
            WatchPath(connection);
            return connection;
        }
        catch (OperationCanceledException e)
        {
            if (deadline.IsExpired)
                throw deadline.ToException(e);
            if (cancellationToken.IsCancellationRequested)
                throw new OperationCanceledException("Connecting was cancelled.", e, cancellationToken);
            throw new NetworkClosedException(e);
        }
        catch (TransportException e)
        {
            NetworkLog.ConnectFailed(_context.Logger, peer, protocol.Alpn, e.Message);
            if (_context.Termination.IsCancellationRequested)
                throw new NetworkClosedException(e);
            throw new LinkException(
                LinkPhase.Open, LinkErrorKind.Io, peer, $"Cannot connect to {peer:S}: {e.Message}", e.CloseInfo?.RemoteCode, e);
        }
    }

    /// <summary>Changes the address book. Quick; under the node's lock.</summary>
    internal void UpdateAddresses(Action<AddressBook, TimeSpan> change)
    {
        var now = Now;
        lock (_lock)
            change(_book, now);
    }

    /// <summary>The addresses the book knows.</summary>
    internal IReadOnlyList<TransportAddress> ResolveKnown(PeerId peer)
    {
        var now = Now;
        lock (_lock)
            return _book.Resolve(peer, now);
    }

    /// <summary>
    /// The round-trip time to a peer as a connection knows it that is open anyway; null if there is none.
    /// </summary>
    internal TimeSpan? TryGetRtt(PeerId peer)
    {
        lock (_lock)
            return _live.RttOf(peer);
    }

    /// <summary>Adds a way to find addresses. Before accepting starts.</summary>
    internal void AddLookup(IAddressLookup lookup) => _lookups.Add(lookup);

    /// <summary>A part of the node cannot go on: the whole node stops with this cause.</summary>
    internal void Fail(string what, Exception cause) => _failed(what, cause);

    /// <summary>All protocols are installed and accepting has started.</summary>
    internal void OnInstalled()
    {
        lock (_lock)
        {
            _installed = true;
            _online.Set(_address.Addresses.Length > 0);
        }
    }

    /// <summary>Goodbyes are being said: public calls are refused from now on.</summary>
    internal void BeginLeaving()
    {
        Volatile.Write(ref _leaving, true);
        _online.Set(false);
    }

    /// <summary>Throws if the node is leaving or has stopped: the first line of public calls.</summary>
    internal void ThrowIfLeaving()
    {
        if (Volatile.Read(ref _leaving))
            throw new NetworkClosedException();
    }

    /// <summary>The node stops: tells everybody, ends what waits.</summary>
    internal void Terminate(Exception? cause)
    {
        Volatile.Write(ref _leaving, true);
        Endpoint.LocalAddressesChanged -= OnLocalAddressesChanged;
        _online.Set(false);
        _online.Fail(new NetworkClosedException(cause));
        try
        {
            _termination.Cancel();
        }
        catch (AggregateException e)
        {
            NetworkLog.StopFailed(_context.Logger, e, "a callback of the termination token");
        }
    }

    /// <summary>Waits for what the node has started. The transport is closed before.</summary>
    internal async ValueTask WhenEndedAsync()
    {
        await Router.DisposeAsync().ConfigureAwait(false);
        await _watches.WhenEmptyAsync().ConfigureAwait(false);
    }

    private static LinkException OpenFailed(PeerId peer, string problem) =>
        new(LinkPhase.Open, LinkErrorKind.Io, peer, $"Cannot connect to {peer:S}: {problem}.");

    private async ValueTask<IReadOnlyList<TransportAddress>> ResolveAsync(EndpointAddress address, CancellationToken token)
    {
        var known = ResolveKnown(address.Id);
        TransportAddress[] all = [.. known.Concat(address.Addresses).Distinct().Take(AddressBook.MaxResolved)];
        if (all.Length > 0)
            return all;
        if (_lookups.Count == 0)
            throw OpenFailed(address.Id, "no address is known");
        var answers = await Task.WhenAll(_lookups.Select(l => AskAsync(l, address.Id, token))).ConfigureAwait(false);
        all = [.. answers.SelectMany(static a => a).Distinct().Take(AddressBook.MaxResolved)];
        return all.Length > 0 ? all : throw OpenFailed(address.Id, "no address is known and none was found");
    }

    private async Task<IReadOnlyList<TransportAddress>> AskAsync(IAddressLookup lookup, PeerId peer, CancellationToken token)
    {
        try
        {
            return await lookup.LookupAsync(peer, token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            NetworkLog.LookupFailed(_context.Logger, e, peer);
            return [];
        }
    }

    private async ValueTask WaitForTurnAsync(PeerId peer, CancellationToken token)
    {
        TimeSpan? wait;
        var now = Now;
        lock (_lock)
            wait = _dials.Reserve(peer, now);
        if (wait is null)
        {
            _context.Metrics.OnRefused("dialled too often");
            throw OpenFailed(peer, "it was dialled too often without success");
        }

        if (wait > TimeSpan.Zero)
            await new Signal(_context.Scheduler, _context.TimeProvider).WaitAsync(wait.Value, token).ConfigureAwait(false);
    }

    /// <summary>The book learns that this path works, and when the connection ends.</summary>
    private void WatchPath(ITransportConnection connection)
    {
        var at = connection.RemoteEndPoint;
        OnOpened(connection, isDialler: true);
        _watches.Start(async () =>
        {
            await connection.WaitClosedAsync().ConfigureAwait(false);
            OnClosed(connection, at, isDialler: true);
        });
    }

    private void OnOpened(ITransportConnection connection, bool isDialler) => UpdateAddresses((book, now) =>
    {
        book.OnConnected(connection.RemoteId, connection.RemoteEndPoint, isDialler, now);
        _live.Add(connection);
    });

    /// <param name="connection">What has ended.</param>
    /// <param name="at">Where the peer was when it began.</param>
    /// <param name="isDialler">Who began it.</param>
    private void OnClosed(ITransportConnection connection, IPEndPoint at, bool isDialler)
    {
        UpdateAddresses((book, now) =>
        {
            book.OnDisconnected(connection.RemoteId, at, isDialler, now);
            _live.Remove(connection);
        });
        if (connection.CloseInfo?.Kind is TransportCloseKind.Reset or TransportCloseKind.TimedOut)
            ConnectionLost?.Invoke(connection.RemoteId);
    }

    private void OnLocalAddressesChanged(object? sender, EventArgs e)
    {
        EndpointAddress address;
        lock (_lock)
        {
            address = MakeAddress();
            if (address.Equals(_address))
                return;
            _address = address;
            if (_installed && !_leaving)
                _online.Set(address.Addresses.Length > 0);
        }

        NetworkLog.AddressesChanged(_context.Logger, string.Join(", ", address.Addresses));
        AddressChanged?.Invoke(address);
    }

    private EndpointAddress MakeAddress() => EndpointAddress.Publishable(
        Id, Endpoint.LocalAddresses.Select(static e => new TransportAddress.Ip(e)), _loopbackOnly);
}
