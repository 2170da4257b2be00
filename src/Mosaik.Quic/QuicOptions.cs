using System.Net;
using System.Text;
using Microsoft.Extensions.Logging;
using Mosaik.Quic.Connection;

namespace Mosaik.Quic;

/// <summary>
/// Settings of one <see cref="QuicEndpoint"/>. Immutable; defaults are those of spec/quic.md §5.1, §6.2 and §16, and
/// are what iroh peers are known to work with.
/// </summary>
public sealed record QuicOptions
{
    /// <summary>The length of an Ed25519 seed and of a public key.</summary>
    public const int KeyLength = 32;

    /// <summary>The 32-byte Ed25519 seed (RFC 8032) that is this endpoint's identity. Required.</summary>
    public required ReadOnlyMemory<byte> IdentitySeed { get; init; }

    /// <summary>
    /// Protocols accepted from clients, in order of preference; empty refuses every incoming connection. Can be changed
    /// later with <see cref="QuicEndpoint.SetAcceptedAlpn"/>.
    /// </summary>
    public IReadOnlyList<string> AcceptedAlpn { get; init; } = [];

    /// <summary>
    /// Local addresses, one socket each; port 0 lets the system choose. Default: any IPv4 address.
    /// An IPv6 wildcard socket is dual-stack unless an IPv4 address is listed as well.
    /// </summary>
    public IReadOnlyList<IPEndPoint> BindEndPoints { get; init; } = [new(IPAddress.Any, 0)];

    /// <summary>
    /// A connection that hears nothing for this long is ended; the smaller value of both sides counts. Zero = never.
    /// </summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// A PING is sent after this long without traffic, so that connections outlive silence. Zero = never.
    /// </summary>
    public TimeSpan KeepAliveInterval { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>An incoming handshake that is not complete after this long is dropped; an outgoing one fails.</summary>
    public TimeSpan HandshakeTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Bytes a peer may have sent on all streams of a connection that the application has not yet read.
    /// </summary>
    public long ConnectionReceiveWindow { get; init; } = 16 * 1024 * 1024;

    /// <summary>Bytes a peer may have sent on one stream that the application has not yet read.</summary>
    public long StreamReceiveWindow { get; init; } = 1_250_000;

    /// <summary>Unacknowledged bytes one connection may hold; beyond it writers wait.</summary>
    public long SendWindow { get; init; } = 10_000_000;

    /// <summary>Bytes one stream may hold that are not yet in packets; beyond it writers wait.</summary>
    public int StreamSendBuffer { get; init; } = 256 * 1024;

    /// <summary>Bidirectional streams a peer may have open at once.</summary>
    public int MaxBidirectionalStreams { get; init; } = 100;

    /// <summary>Unidirectional streams a peer may have open at once.</summary>
    public int MaxUnidirectionalStreams { get; init; } = 100;

    /// <summary>
    /// Unfinished incoming handshakes of the endpoint; further Initials are dropped (spec/reliability.md E1).
    /// </summary>
    public int MaxUnfinishedHandshakes { get; init; } = 1024;

    /// <summary>
    /// Above so many unfinished handshakes, <see cref="MaxUnfinishedHandshakesPerSource"/> is enforced (E2).
    /// </summary>
    public int HandshakePressureThreshold { get; init; } = 256;

    /// <summary>Unfinished handshakes of one IPv4 address or IPv6 /64 under pressure (E2).</summary>
    public int MaxUnfinishedHandshakesPerSource { get; init; } = 64;

    /// <summary>
    /// Complete connections that wait for <see cref="QuicEndpoint.AcceptAsync"/>; further ones are refused (E1).
    /// </summary>
    public int AcceptQueueCapacity { get; init; } = 1024;

    /// <summary>Connections of the endpoint, incoming and outgoing (E19).</summary>
    public int MaxConnections { get; init; } = 16_384;

    /// <summary>Received, unread bytes of all connections; above it no peer gets more credit (E14).</summary>
    public long EndpointReceiveBudget { get; init; } = 256L * 1024 * 1024;

    /// <summary>
    /// Receives NSS key-log lines (without line end) for decrypting captures. Called on the endpoint's driver: it must
    /// be quick and must not call back. Null = off.
    /// </summary>
    /// <remarks>
    /// While secrets are logged, by this or by <see cref="AllowKeyLogFromEnvironment"/>, captures come first: datagrams
    /// are sent one by one, because a segmented send is captured as one giant packet; and each of the first 256 dialled
    /// connections leaves from a UDP socket of its own, bound to the address of the endpoint's socket and a port of the
    /// system's choice, because tools tell connections apart by addresses and ports. Such a socket accepts nobody, is
    /// not among <see cref="QuicEndpoint.LocalEndPoints"/> and is closed with its connection, so a peer that outlives
    /// this process notices at <see cref="IdleTimeout"/> instead of by a stateless reset of the next one. If it cannot
    /// be opened, the dial fails with <see cref="QuicErrorKind.ConnectFailed"/>.
    /// </remarks>
    public Action<string>? KeyLog { get; init; }

    /// <summary>
    /// Honours the environment variable SSLKEYLOGFILE, which names a file that key-log lines are appended to, on Linux
    /// also by several processes at once; what else changes then, see <see cref="KeyLog"/>.
    /// </summary>
    public bool AllowKeyLogFromEnvironment { get; init; }

    /// <summary>Clock and timers of the endpoint.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>
    /// Where continuations, callbacks and scheduled turns of the driver run. With a single-threaded scheduler, a
    /// virtual <see cref="TimeProvider"/> and an in-memory <see cref="SocketFactory"/> the endpoint is deterministic.
    /// </summary>
    public TaskScheduler Scheduler { get; init; } = TaskScheduler.Default;

    /// <summary>Source of keys, connection ids and skipped packet numbers.</summary>
    public RandomSource Random { get; init; } = RandomSource.Cryptographic;

    /// <summary>Where the endpoint logs; null = nowhere.</summary>
    public ILoggerFactory? LoggerFactory { get; init; }

    /// <summary>
    /// Opens the socket for one of <see cref="BindEndPoints"/>, or for a dialled connection while secrets are logged
    /// (<see cref="KeyLog"/>); null = UDP of the operating system. Tests supply an in-memory network here.
    /// </summary>
    public Func<IPEndPoint, IDatagramSocket>? SocketFactory { get; init; }

    /// <summary>TLS cipher suites by IANA code, in order of preference; spec/quic.md §3.1. A knob for tests.</summary>
    internal IReadOnlyList<ushort> CipherSuites { get; init; } = [0x1302, 0x1301, 0x1303];

    /// <summary>Key-exchange groups by IANA code; the client sends a share for the first. A knob for tests.</summary>
    internal IReadOnlyList<ushort> Groups { get; init; } = [0x001d, 0x0017];

    /// <summary>The version a client starts with. A knob for tests of version negotiation.</summary>
    internal uint InitialVersion { get; init; } = 1;

    /// <summary>
    /// The key of stateless reset tokens; null = derived from the identity seed, so that a restarted endpoint resets
    /// the connections of its predecessor (RFC 9000 §10.3.2).
    /// </summary>
    internal ReadOnlyMemory<byte>? StatelessResetKey { get; init; }

    /// <summary>
    /// Changes what connections are made with: traces, and ways to take rare paths on purpose. For tests.
    /// </summary>
    internal Func<ConnectionSettings, ConnectionSettings>? AdjustConnections { get; init; }

    /// <summary>Checks every value.</summary>
    /// <exception cref="ArgumentException">A value is out of range; the message names the property.</exception>
    public void Validate()
    {
        if (IdentitySeed.Length != KeyLength)
            throw Invalid(nameof(IdentitySeed), $"has {IdentitySeed.Length} bytes instead of {KeyLength}");
        ValidateAlpn(AcceptedAlpn, nameof(AcceptedAlpn));
        if (BindEndPoints is null or { Count: 0 })
            throw Invalid(nameof(BindEndPoints), "is empty");
        foreach (var endPoint in BindEndPoints)
        {
            if (endPoint is null)
                throw Invalid(nameof(BindEndPoints), "contains null");
        }
        NotNegative(IdleTimeout, nameof(IdleTimeout));
        NotNegative(KeepAliveInterval, nameof(KeepAliveInterval));
        if (HandshakeTimeout <= TimeSpan.Zero)
            throw Invalid(nameof(HandshakeTimeout), "is not positive");
        InRange(ConnectionReceiveWindow, 1, MaxVarInt, nameof(ConnectionReceiveWindow));
        InRange(StreamReceiveWindow, 1, MaxVarInt, nameof(StreamReceiveWindow));
        InRange(SendWindow, 1, MaxVarInt, nameof(SendWindow));
        InRange(StreamSendBuffer, 1, int.MaxValue, nameof(StreamSendBuffer));
        InRange(MaxBidirectionalStreams, 0, int.MaxValue, nameof(MaxBidirectionalStreams));
        InRange(MaxUnidirectionalStreams, 0, int.MaxValue, nameof(MaxUnidirectionalStreams));
        InRange(MaxUnfinishedHandshakes, 1, int.MaxValue, nameof(MaxUnfinishedHandshakes));
        InRange(HandshakePressureThreshold, 0, int.MaxValue, nameof(HandshakePressureThreshold));
        InRange(MaxUnfinishedHandshakesPerSource, 1, int.MaxValue, nameof(MaxUnfinishedHandshakesPerSource));
        InRange(AcceptQueueCapacity, 1, int.MaxValue, nameof(AcceptQueueCapacity));
        InRange(MaxConnections, 1, int.MaxValue, nameof(MaxConnections));
        InRange(EndpointReceiveBudget, 1, long.MaxValue, nameof(EndpointReceiveBudget));
        if (TimeProvider is null)
            throw Invalid(nameof(TimeProvider), "is null");
        if (Scheduler is null)
            throw Invalid(nameof(Scheduler), "is null");
        if (Random is null)
            throw Invalid(nameof(Random), "is null");
        if (CipherSuites is null or { Count: 0 })
            throw Invalid(nameof(CipherSuites), "is empty");
        if (Groups is null or { Count: 0 })
            throw Invalid(nameof(Groups), "is empty");
        if (StatelessResetKey is { Length: < KeyLength })
            throw Invalid(nameof(StatelessResetKey), $"has fewer than {KeyLength} bytes");
    }

    /// <summary>
    /// Checks a list of protocol names: 1 to 255 bytes of UTF-8 each (RFC 7301), together at most 65,535.
    /// </summary>
    internal static void ValidateAlpn(IReadOnlyList<string> names, string property)
    {
        if (names is null)
            throw Invalid(property, "is null");
        var total = 0;
        foreach (var name in names)
        {
            var length = name is null ? 0 : Encoding.UTF8.GetByteCount(name);
            if (length is 0 or > byte.MaxValue)
                throw Invalid(property, $"contains a name of {length} bytes; 1 to 255 are allowed");
            total += 1 + length;
        }
        if (total > ushort.MaxValue)
            throw Invalid(property, $"has {total} bytes in total; 65,535 are allowed");
    }

    private const long MaxVarInt = (1L << 62) - 1;

    private static ArgumentException Invalid(string property, string problem) => new($"{property} {problem}.", property);

    private static void NotNegative(TimeSpan value, string property)
    {
        if (value < TimeSpan.Zero)
            throw Invalid(property, "is negative");
    }

    private static void InRange(long value, long min, long max, string property)
    {
        if (value < min || value > max)
            throw Invalid(property, $"is {value}; {min} to {max} are allowed");
    }
}
