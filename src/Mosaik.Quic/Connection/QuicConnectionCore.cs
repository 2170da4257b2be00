using Mosaik.Quic.Congestion;
using Mosaik.Quic.Paths;
using Mosaik.Quic.Recovery;
using Mosaik.Quic.Streams;
using Mosaik.Quic.Tls;
using Mosaik.Quic.Wire;

namespace Mosaik.Quic.Connection;

/// <summary>
/// One QUIC version 1 connection of either role, without input or output of its own (spec/quic.md §6, §15).
/// </summary>
/// <remarks>
/// <para>
/// Algorithm: datagrams go in through <see cref="HandleDatagram"/>, are cut into packets, opened in place and handed
/// frame by
/// frame to their owners: CRYPTO to TLS, STREAM to the streams, ACK to loss detection. What has to be said in answer
/// waits in those owners until <see cref="PollTransmit"/> packs it, once for all datagrams of a receive drain, into as
/// few
/// datagrams as possible. All deadlines hide behind <see cref="NextTimeout"/>. Life: Handshaking → Open → (Closing or
/// Draining)
/// → Drained; see <see cref="ConnectionState"/>.
/// </para>
/// <para>
/// Method order, per turn of the loop that owns the connection: any number of HandleDatagram, <see
/// cref="HandleTimeout"/> when
/// NextTimeout has passed, stream operations and <see cref="Close"/> in any order; then PollTransmit until false,
/// <see cref="TryPollEvent"/> until false, and at last NextTimeout. The endpoint core does all of this for its
/// connections.
/// </para>
/// <para>
/// Not done: 0-RTT, session resumption, client migration, ECN marking, path MTU discovery, DATAGRAM frames, every
/// extension.
/// Not thread-safe.
/// </para>
/// <para>Parts: Receive, Frames, Handshake, ConnectionIds, Paths, Transmit, Close, Timers, StreamsApi.</para>
/// </remarks>
internal sealed partial class QuicConnectionCore : ISentFrameHandler, IDisposable
{
    private readonly ConnectionSettings _settings;
    private readonly IConnectionOwner _owner;
    private readonly bool _isClient;
    private readonly IReadOnlyList<string> _alpn;
    private readonly ReadOnlyMemory<byte> _expectedPeerKey;
    private readonly string? _serverName;
    private readonly ConnectionTrace? _trace;
    private readonly LossDetector _loss;
    private readonly LevelState[] _levels;
    private readonly OneRttKeys _oneRtt;
    private readonly StreamSet _streams;

    private QuicConnectionCore(
        ConnectionSettings settings, IConnectionOwner owner, ulong id, TimeSpan now, in PathAddress path, bool isClient,
        IReadOnlyList<string> alpn, ReadOnlyMemory<byte> expectedPeerKey, string? serverName,
        in ConnectionId originalDestination, ConnectionId? retrySource)
    {
        _settings = settings;
        _owner = owner;
        Id = id;
        _isClient = isClient;
        _alpn = alpn;
        _expectedPeerKey = expectedPeerKey;
        _serverName = serverName;
        _originalDestination = originalDestination;
        _retrySource = retrySource;
        _trace = settings.Trace?.Invoke(isClient);
        var initialPath = new PathState(path, validated: isClient || retrySource is not null, settings.Random,
            new RttEstimator(), NewCongestionController(PathState.MinDatagramSize));
        _migration = new PathMigration(initialPath, settings.Random, NewCongestionController);
        _loss = new LossDetector(!isClient, initialPath.Rtt, initialPath.Congestion, this,
            settings.SkipPacketNumbers ? settings.Random : null);
        _levels =
        [
            new LevelState(EncryptionLevel.Initial, _loss[PacketSpaceId.Initial], settings.Buffers),
            new LevelState(EncryptionLevel.Handshake, _loss[PacketSpaceId.Handshake], settings.Buffers),
            new LevelState(EncryptionLevel.OneRtt, _loss[PacketSpaceId.Application], settings.Buffers),
        ];
        _oneRtt = new OneRttKeys(settings.Knobs.KeyUpdateAfterPackets);
        _streams = new StreamSet(!isClient, LocalStreamLimits(), settings.Buffers, settings.StreamSendBuffer,
            (int)Math.Min(settings.SendWindow, int.MaxValue));
        _localInitialId = ConnectionId.FromUInt64(owner.IssueConnectionId(this));
        _localIds = new LocalConnectionIds(_localInitialId);
        _remoteIds = new RemoteConnectionIds(isClient ? originalDestination : ConnectionId.Empty);
        _idleTimeout = settings.IdleTimeout;
        _handshakeDeadline = now + settings.HandshakeTimeout;
        RestartIdlePeriod(now);
        _trace?.Started(now, isClient, path);
    }

    /// <summary>Unique among the connections of the endpoint; ascending in the order of creation.</summary>
    public ulong Id { get; }

    /// <summary>True when we dialled.</summary>
    public bool IsClient => _isClient;

    /// <summary>Where in its life the connection is.</summary>
    public ConnectionState State { get; private set; }

    /// <summary>True once the TLS handshake is complete; stays true after the end.</summary>
    public bool IsHandshakeComplete { get; private set; }

    /// <summary>True once the handshake is confirmed (RFC 9001 §4.1.2); stays true after the end.</summary>
    public bool IsHandshakeConfirmed { get; private set; }

    /// <summary>True once any packet was authentic; a server connection without one is forgotten at once.</summary>
    public bool HasReceivedAuthenticPacket { get; private set; }

    /// <summary>Where the peer is now.</summary>
    public PathAddress Path => _path.Address;

    /// <summary>The smoothed round-trip time of the path in use.</summary>
    public TimeSpan SmoothedRtt => _loss.Rtt.Smoothed;

    /// <summary>The authenticated key of the peer; empty before the handshake is complete.</summary>
    public ReadOnlyMemory<byte> PeerPublicKey => IsHandshakeComplete && _tls is not null ? _tls.PeerPublicKey : default;

    /// <summary>On a client that was answered by another key than the dialled one: that key.</summary>
    public ReadOnlyMemory<byte> UnexpectedPeerKey => _tls is null ? default : _tls.UnexpectedPeerKey;

    /// <summary>The application protocol agreed on; empty before the handshake is complete.</summary>
    public string Alpn => IsHandshakeComplete ? _tls?.Alpn ?? "" : "";

    /// <summary>Counters.</summary>
    public ConnectionStatistics Statistics { get; } = new();

    /// <summary>Recovery state, for tests and traces.</summary>
    public LossDetector Recovery => _loss;

    /// <summary>The keys of the 1-RTT level, for tests.</summary>
    public OneRttKeys OneRttKeys => _oneRtt;

    /// <summary>Keys, CRYPTO data and packet numbers of a level, for tests.</summary>
    public LevelState Level(EncryptionLevel level) => _levels[(int)level];

    /// <summary>Whatever the layer above wants to find again; not touched here.</summary>
    public object? UserState { get; set; }

    /// <summary>Place in the endpoint's queues and timer heap; belongs to the endpoint.</summary>
    internal EndpointHooks Hooks;

    /// <summary>Starts a connection to the peer that owns <paramref name="peerKey"/>.</summary>
    public static QuicConnectionCore Connect(
        ConnectionSettings settings, IConnectionOwner owner, ulong id, TimeSpan now, in PathAddress path,
        ReadOnlyMemory<byte> peerKey, string? serverName, IReadOnlyList<string> alpn)
    {
        Span<byte> destination = stackalloc byte[ConnectionId.MaxLength];
        if (settings.Knobs.OriginalDestination.IsEmpty)
            settings.Random.Fill(destination);
        else
            destination = destination[..settings.Knobs.OriginalDestination.Length];
        settings.Knobs.OriginalDestination.Span.CopyTo(destination);
        var core = new QuicConnectionCore(settings, owner, id, now, path, isClient: true, alpn, peerKey, serverName,
            new ConnectionId(destination), retrySource: null);
        core.InstallInitialKeys(core._originalDestination);
        core.StartTls();
        core.DrainTlsEvents(now);
        owner.OnWork(core);
        return core;
    }

    /// <summary>Makes the server side for a client's first Initial, which is then handed to HandleDatagram.</summary>
    /// <param name="settings">What all connections share.</param>
    /// <param name="owner">The endpoint.</param>
    /// <param name="id">Unique number.</param>
    /// <param name="now">The time.</param>
    /// <param name="path">Where the Initial came from.</param>
    /// <param name="alpn">Accepted protocols by preference.</param>
    /// <param name="destination">The destination id of that packet: the keys follow from it.</param>
    /// <param name="originalDestination">The destination id of the client's very first Initial, the same without
    /// Retry.</param>
    /// <param name="retrySource">The source id of our Retry whose token the Initial carries, which validates the
    /// address.</param>
    public static QuicConnectionCore Accept(
        ConnectionSettings settings, IConnectionOwner owner, ulong id, TimeSpan now, in PathAddress path,
        IReadOnlyList<string> alpn, in ConnectionId destination, in ConnectionId originalDestination,
        ConnectionId? retrySource = null)
    {
        var core = new QuicConnectionCore(settings, owner, id, now, path, isClient: false, alpn, default, null,
            originalDestination, retrySource);
        core.InstallInitialKeys(destination);
        return core;
    }

    /// <summary>
    /// Gives buffers, keys and TLS state back. To be called by the owner of the handle after the Drained event, when
    /// nothing
    /// will be read or exported any more; nothing else may be called afterwards.
    /// </summary>
    public void Dispose()
    {
        ReleaseAll();
        _streams.Dispose();
        foreach (LevelState state in _levels)
            state.Crypto.Dispose();
        _tls?.Dispose();
    }

    private TransportParameters LocalStreamLimits() => new()
    {
        InitialMaxData = _settings.ConnectionReceiveWindow,
        InitialMaxStreamDataBidiLocal = _settings.StreamReceiveWindow,
        InitialMaxStreamDataBidiRemote = _settings.StreamReceiveWindow,
        InitialMaxStreamDataUni = _settings.StreamReceiveWindow,
        InitialMaxStreamsBidi = _settings.MaxBidirectionalStreams,
        InitialMaxStreamsUni = _settings.MaxUnidirectionalStreams,
    };

    private CongestionController NewCongestionController(int datagramSize) =>
        _settings.UseCubic ? new Cubic(datagramSize) : new NewReno(datagramSize);

    private void SetState(TimeSpan now, ConnectionState state)
    {
        State = state;
        _trace?.StateChanged(now, state, CloseInfo);
    }
}
