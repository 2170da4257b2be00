using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using Mosaik.Primitives;
using Mosaik.Quic;

namespace Mosaik.Networking.Transport;

/// <summary>The transport of the product: QUIC over UDP, identities as raw public keys.</summary>
public sealed class QuicTransport : ITransport
{
    private const int MaxAttempts = 32;
    private const int HostPrefix = 24;

    private readonly TransportOptions _options;
    private readonly QuicEndpoint _endpoint;
    private readonly bool _watchesInterfaces;
    private readonly Lock _lock = new();
    private IReadOnlyList<(IPAddress Address, int PrefixLength)> _networks = [];
    private IReadOnlyList<IPEndPoint> _addresses = [];

    private QuicTransport(TransportOptions options, QuicEndpoint endpoint)
    {
        _options = options;
        _endpoint = endpoint;
        _watchesInterfaces = options.SocketFactory is null;
        ReadAddresses();
        if (_watchesInterfaces)
            NetworkChange.NetworkAddressChanged += OnNetworkAddressChanged;
    }

    /// <inheritdoc/>
    public event EventHandler? LocalAddressesChanged;

    /// <inheritdoc/>
    public PeerId LocalId => _options.SecretKey.PeerId;

    /// <inheritdoc/>
    public IReadOnlyList<IPEndPoint> LocalEndPoints => _endpoint.LocalEndPoints;

    /// <inheritdoc/>
    public IReadOnlyList<IPEndPoint> LocalAddresses
    {
        get
        {
            lock (_lock)
                return _addresses;
        }
    }

    /// <summary>Opens the sockets. Nothing is accepted before <see cref="SetAcceptedAlpn"/>.</summary>
    /// <param name="options">Of the node.</param>
    /// <returns>The transport.</returns>
    /// <exception cref="NetworkBindException">An address cannot be bound.</exception>
    public static QuicTransport Bind(TransportOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.BindAddresses.Count > 0)
            return Bind(options, options.BindAddresses);
        try
        {
            return Bind(options, [new IPEndPoint(IPAddress.IPv6Any, 0)]); // dual-stack
        }
        catch (NetworkBindException)
        {
            return Bind(options, [new IPEndPoint(IPAddress.Any, 0)]); // a machine without IPv6
        }
    }

    /// <inheritdoc/>
    public void SetAcceptedAlpn(IReadOnlyList<string> protocols) => _endpoint.SetAcceptedAlpn(protocols);

    /// <inheritdoc/>
    public async ValueTask<ITransportConnection> ConnectAsync(
        PeerId peer,
        IReadOnlyList<TransportAddress> addresses,
        string alpn,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(addresses);
        IReadOnlyList<(IPAddress, int)> networks;
        lock (_lock)
            networks = _networks;
        var hasIpv6 = LocalEndPoints.Any(static e => e.AddressFamily == AddressFamily.InterNetworkV6);
        var hasIpv4 = LocalEndPoints.Any(static e => e.AddressFamily == AddressFamily.InterNetwork)
            || LocalEndPoints.Any(static e => e.Address.Equals(IPAddress.IPv6Any));
        var candidates = DialOrder.Sort(
            addresses.OfType<TransportAddress.Ip>().Take(MaxAttempts).Select(static a => a.ToEndPoint()),
            networks,
            hasIpv4,
            hasIpv6);
        if (candidates.Length == 0)
            throw new TransportException(TransportErrorKind.ConnectFailed, $"No usable address of {peer:S}.");
        var key = peer.ToByteArray();
        var race = new AddressRace(
            (endPoint, token) => _endpoint.ConnectAsync(endPoint, key, [alpn], token),
            _options.TimeProvider,
            _options.Scheduler);
        try
        {
            return new QuicTransportConnection(await race.RunAsync(candidates, cancellationToken).ConfigureAwait(false));
        }
        catch (QuicException e)
        {
            throw QuicErrors.Translate(e);
        }
    }

    /// <inheritdoc/>
    public async ValueTask<ITransportConnection> AcceptAsync(CancellationToken cancellationToken = default)
    {
        try
        {
            return new QuicTransportConnection(await _endpoint.AcceptAsync(cancellationToken).ConfigureAwait(false));
        }
        catch (QuicException e)
        {
            throw QuicErrors.Translate(e);
        }
    }

    /// <inheritdoc/>
    public void Abort()
    {
        StopWatching();
        _endpoint.Abort();
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        StopWatching();
        return _endpoint.DisposeAsync();
    }

    private static QuicTransport Bind(TransportOptions options, IReadOnlyList<IPEndPoint> endPoints)
    {
        try
        {
            return new QuicTransport(options, QuicEndpoint.Bind(OptionsFor(options, endPoints)));
        }
        catch (SocketException e)
        {
            throw new NetworkBindException(FindCulprit(options, endPoints), e);
        }
    }

    /// <summary>Which of several addresses cannot be bound: tries them one by one.</summary>
    private static IPEndPoint FindCulprit(TransportOptions options, IReadOnlyList<IPEndPoint> endPoints)
    {
        foreach (var endPoint in endPoints)
        {
            try
            {
                QuicEndpoint.Bind(OptionsFor(options, [endPoint])).Abort();
            }
            catch (SocketException)
            {
                return endPoint;
            }
        }

        return endPoints[0];
    }

    private static QuicOptions OptionsFor(TransportOptions options, IReadOnlyList<IPEndPoint> endPoints) => new()
    {
        IdentitySeed = options.SecretKey.Seed,
        BindEndPoints = endPoints,
        TimeProvider = options.TimeProvider,
        Scheduler = options.Scheduler,
        Random = options.Random,
        LoggerFactory = options.LoggerFactory,
        SocketFactory = options.SocketFactory,
        AllowKeyLogFromEnvironment = options.AllowKeyLogFromEnvironment,
    };

    private void StopWatching()
    {
        if (_watchesInterfaces)
            NetworkChange.NetworkAddressChanged -= OnNetworkAddressChanged;
    }

    private void OnNetworkAddressChanged(object? sender, EventArgs e)
    {
        ReadAddresses();
        LocalAddressesChanged?.Invoke(this, EventArgs.Empty);
    }

    private void ReadAddresses()
    {
        var bound = LocalEndPoints;
        var isWild = bound.Any(IsWildcard);
        var networks = _watchesInterfaces
            ? LocalInterfaces.Read()
            : [.. bound.Select(static e => (e.Address, HostPrefix))];
        IPEndPoint[] addresses = isWild
            ? [.. bound.SelectMany(e => Expand(e, networks)).Distinct()]
            : [.. bound];
        lock (_lock)
        {
            _networks = networks;
            _addresses = addresses;
        }
    }

    private static IEnumerable<IPEndPoint> Expand(
        IPEndPoint bound, IReadOnlyList<(IPAddress Address, int PrefixLength)> networks)
    {
        if (!IsWildcard(bound))
            return [bound];
        var both = bound.Address.Equals(IPAddress.IPv6Any);
        return networks
            .Where(n => both || n.Address.AddressFamily == AddressFamily.InterNetwork)
            .Select(n => new IPEndPoint(n.Address, bound.Port));
    }

    private static bool IsWildcard(IPEndPoint endPoint) =>
        endPoint.Address.Equals(IPAddress.Any) || endPoint.Address.Equals(IPAddress.IPv6Any);
}
