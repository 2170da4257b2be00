using Mosaik.Quic.Crypto;
using Mosaik.Quic.Streams;
using Mosaik.Quic.Tls;
using Mosaik.Quic.Wire;

namespace Mosaik.Quic.Connection;

/// <summary>
/// What every connection of an endpoint shares: limits, identity, randomness. Immutable; defaults are those of
/// spec/quic.md §5.1 and §6.2.
/// </summary>
internal sealed record ConnectionSettings
{
    /// <summary>The identity that signs handshakes; owned by the endpoint.</summary>
    public required Ed25519SigningKey Identity { get; init; }

    /// <summary>Connection ids, skipped packet numbers, TLS randoms.</summary>
    public required RandomSource Random { get; init; }

    /// <summary>TLS suites in order of preference.</summary>
    public IReadOnlyList<CipherSuite> CipherSuites { get; init; } = TlsSettings.DefaultCipherSuites;

    /// <summary>Key-exchange groups; a client sends a share for the first.</summary>
    public IReadOnlyList<NamedGroup> Groups { get; init; } = TlsSettings.DefaultGroups;

    /// <summary>max_idle_timeout; zero = none.</summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>A PING after this long without traffic; zero = never.</summary>
    public TimeSpan KeepAliveInterval { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>An incomplete handshake ends after this long (spec/reliability.md E4).</summary>
    public TimeSpan HandshakeTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The round-trip time assumed before the first sample.</summary>
    public TimeSpan InitialRtt { get; init; } = TimeSpan.FromMilliseconds(333);

    /// <summary>initial_max_data and the window kept open afterwards.</summary>
    public ulong ConnectionReceiveWindow { get; init; } = 16 * 1024 * 1024;

    /// <summary>initial_max_stream_data_* and the window kept open afterwards.</summary>
    public ulong StreamReceiveWindow { get; init; } = 1_250_000;

    /// <summary>Unacknowledged bytes a connection may hold.</summary>
    public long SendWindow { get; init; } = 10_000_000;

    /// <summary>Bytes of one stream that are not yet in packets.</summary>
    public int StreamSendBuffer { get; init; } = 256 * 1024;

    /// <summary>initial_max_streams_bidi.</summary>
    public ulong MaxBidirectionalStreams { get; init; } = 100;

    /// <summary>initial_max_streams_uni.</summary>
    public ulong MaxUnidirectionalStreams { get; init; } = 100;

    /// <summary>max_udp_payload_size: what we are ready to receive.</summary>
    public ulong MaxUdpPayloadSize { get; init; } = 1472;

    /// <summary>active_connection_id_limit.</summary>
    public int ActiveConnectionIdLimit { get; init; } = 5;

    /// <summary>
    /// Memory of send and receive buffers, shared by all connections of one endpoint and by nobody else.
    /// </summary>
    public BlockPool Buffers { get; init; } = new();

    /// <summary>Key-log lines; null = off.</summary>
    public Action<string>? KeyLog { get; init; }

    /// <summary>Makes the trace of a new connection (argument: true for clients); null = no traces.</summary>
    public Func<bool, ConnectionTrace?>? Trace { get; init; }

    /// <summary>Leave out packet numbers against optimistic acknowledgements (spec/quic.md §7.2).</summary>
    public bool SkipPacketNumbers { get; init; } = true;

    /// <summary>CUBIC (RFC 9438); false: NewReno (RFC 9002).</summary>
    public bool UseCubic { get; init; } = true;

    /// <summary>The version a client starts with.</summary>
    public uint InitialVersion { get; init; } = PacketHeader.Version1;

    /// <summary>Ways to take rare paths on purpose; never set in production (spec/reliability.md §4.4).</summary>
    public ConnectionKnobs Knobs { get; init; } = ConnectionKnobs.None;

    /// <summary>The part of <paramref name="options"/> that connections need.</summary>
    public static ConnectionSettings From(
        QuicOptions options, Ed25519SigningKey identity, Action<string>? keyLog) => new()
        {
            Identity = identity,
            Random = options.Random,
            CipherSuites = [.. options.CipherSuites.Select(static suite => (CipherSuite)suite)],
            Groups = [.. options.Groups.Select(static group => (NamedGroup)group)],
            IdleTimeout = options.IdleTimeout,
            KeepAliveInterval = options.KeepAliveInterval,
            HandshakeTimeout = options.HandshakeTimeout,
            ConnectionReceiveWindow = (ulong)options.ConnectionReceiveWindow,
            StreamReceiveWindow = (ulong)options.StreamReceiveWindow,
            SendWindow = options.SendWindow,
            StreamSendBuffer = options.StreamSendBuffer,
            MaxBidirectionalStreams = (ulong)options.MaxBidirectionalStreams,
            MaxUnidirectionalStreams = (ulong)options.MaxUnidirectionalStreams,
            InitialVersion = options.InitialVersion,
            KeyLog = keyLog,
        };
}
