using System.Collections.Concurrent;
using System.Net;
using Microsoft.Extensions.Logging.Abstractions;
using Mosaik.Quic.Connection;
using Mosaik.Quic.Driver;

namespace Mosaik.Quic.Peer;

/// <summary>The endpoint behind a command: options, traces, a bad network if one was asked for.</summary>
internal sealed class PeerEndpoint : IAsyncDisposable
{
    private readonly PeerOptions _options;
    private readonly ConcurrentDictionary<long, PeerTrace> _traces = new();
    private long _lastNumber;
    private ImpairedSocket? _socket;

    public PeerEndpoint(PeerOptions options, Action<QuicCloseInfo> onClosed)
    {
        _options = options;
        var quic = new QuicOptions
        {
            IdentitySeed = options.Seed,
            AcceptedAlpn = options.IsServer ? options.Alpn : [],
            BindEndPoints = [options.IsServer ? options.Address : new IPEndPoint(AnyAddressFor(options.Address), 0)],
            IdleTimeout = options.Idle,
            KeepAliveInterval = options.Work == Work.Ping ? TimeSpan.FromMilliseconds(20)
                : options.Idle < TimeSpan.FromSeconds(30) ? TimeSpan.Zero
                : TimeSpan.FromSeconds(5),
            MaxBidirectionalStreams = options.MaxStreams,
            MaxUnidirectionalStreams = options.MaxStreams,
            AllowKeyLogFromEnvironment = true,
            SocketFactory = OpenSocket,
            InitialVersion = options.Version,
            AdjustConnections = settings => Adjust(settings, onClosed),
        };
        if (options.MaxData is { } maxData)
            quic = quic with { ConnectionReceiveWindow = maxData };
        if (options.MaxStreamData is { } maxStreamData)
            quic = quic with { StreamReceiveWindow = maxStreamData };
        if (options.Suites is { } suites)
            quic = quic with { CipherSuites = suites };
        if (options.Groups is { } groups)
            quic = quic with { Groups = groups };
        Endpoint = QuicEndpoint.Bind(quic);
    }

    public QuicEndpoint Endpoint { get; }

    /// <summary>The number of a connection in events; that of its trace, which is made in the same order.</summary>
    public static long NumberOf(QuicConnection connection) => (long)connection.Driver.Core.Id;

    public PeerTrace TraceOf(QuicConnection connection) => _traces[NumberOf(connection)];

    /// <summary>Goes on with a new local port, without telling QUIC.</summary>
    public void Rebind(QuicConnection connection)
    {
        _socket!.Rebind(); // opened when the endpoint was bound
        JsonLine.Event("rebind", NumberOf(connection)).Print();
    }

    /// <summary>From now on nothing is lost any more: a lost close is not repeated once this process has ended.</summary>
    public void EndImpairment() => _socket!.EndImpairment();

    public void PrintHandshake(QuicConnection connection)
    {
        var line = JsonLine.Event("handshake", NumberOf(connection))
            .With("role", _options.IsServer ? "server" : "client")
            .With("alpn", connection.Alpn)
            .With("peer_public_key", connection.PeerKey.Span);
        if (_options.Exporter is { } exporter)
        {
            var secret = new byte[exporter.Length];
            connection.ExportKeyingMaterial(
                System.Text.Encoding.UTF8.GetBytes(exporter.Label), exporter.Context, secret);
            line.With("exporter", secret);
        }
        line.Print();
    }

    public async ValueTask DisposeAsync()
    {
        await Endpoint.DisposeAsync();
        _socket?.Report();
    }

    private ImpairedSocket OpenSocket(IPEndPoint local) => _socket = new ImpairedSocket(
        _options, () => UdpSocketDriver.Open(local, dualStack: true, NullLogger.Instance, _options.Portable));

    private ConnectionSettings Adjust(ConnectionSettings settings, Action<QuicCloseInfo> onClosed) => settings with
    {
        Trace = _ =>
        {
            var number = Interlocked.Increment(ref _lastNumber);
            return _traces[number] = new PeerTrace(number, _options.Verbose, onClosed);
        },
        Knobs = settings.Knobs with
        {
            KeyUpdateAfterPackets = _options.KeyUpdateCount == 0
                ? 0
                : (ulong)Math.Max(1, _options.KeyUpdateAfter / BytesPerPacket),
        },
    };

    /// <summary>What a full packet carries, for turning bytes into packets.</summary>
    private const int BytesPerPacket = 1150;

    private static IPAddress AnyAddressFor(IPEndPoint remote) =>
        remote.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6 ? IPAddress.IPv6Any : IPAddress.Any;
}
