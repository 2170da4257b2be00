using System.Security.Cryptography;
using Mosaik.Quic.Connection;
using Mosaik.Quic.Paths;
using Mosaik.Quic.Wire;

namespace Mosaik.Quic.Endpoint;

/// <summary>
/// All connections behind one or more sockets, without input or output of its own (spec/quic.md §8.2, §15, §16).
/// </summary>
/// <remarks>
/// <para>
/// Algorithm: a datagram is routed by its destination connection id: one of ours (eight random bytes, a key of a
/// table), or the
/// random id of a client's first Initial, which stays in a second table for the life of the connection, because iroh
/// clients send every Initial from and to several addresses. What routes nowhere is a new connection (an Initial of at
/// least 1200 bytes within the limits), a stateless reset of the peer (its token is the end of the datagram), or is
/// answered without state: Version Negotiation, Retry under pressure, CONNECTION_REFUSED when the accept queue is full,
/// a
/// stateless reset.
/// </para>
/// <para>
/// A connection that may have work queues itself. Polling for output serves established connections in turn before
/// handshakes (spec/reliability.md E3); when a connection has nothing more to send, its deadline moves in the timer
/// heap.
/// Idle connections therefore cost nothing.
/// </para>
/// <para>
/// Method order, per turn of the owner's loop: <see cref="HandleDatagram"/> for everything received,
/// <see cref="HandleTimeouts"/>, operations on connections; then <see cref="PollTransmit"/> until false,
/// <see cref="TryPollEvent"/> until false (whose handling may make output due again), and wait until
/// <see cref="NextTimeout"/>. <see cref="OnAccepted"/> when the application takes an incoming connection.
/// </para>
/// <para>Not done: NEW_TOKEN. Not thread-safe.</para>
/// </remarks>
internal sealed partial class QuicEndpointCore : IConnectionOwner
{
    private const int SecretLength = 32;

    private readonly EndpointSettings _settings;
    private readonly RandomSource _random;
    private readonly Dictionary<ulong, QuicConnectionCore> _byId = [];
    private readonly Dictionary<ConnectionId, QuicConnectionCore> _byFirstDestination = [];
    private readonly Dictionary<ulong, List<QuicConnectionCore>> _byResetToken = [];
    private readonly Dictionary<SourceKey, int> _unfinishedBySource = [];
    private readonly SortedDictionary<ulong, QuicConnectionCore> _connections = [];
    private readonly TimerHeap _timers = new();
    private readonly Queue<QuicConnectionCore> _established = new();
    private readonly Queue<QuicConnectionCore> _handshaking = new();
    private readonly Queue<QuicConnectionCore> _withEvents = new();
    private readonly List<QuicConnectionCore> _frozen = [];
    private readonly byte[] _tokenTableKey = new byte[SecretLength];
    private readonly byte[] _retryKey = new byte[SecretLength];
    private ulong _lastConnectionNumber;
    private long _bufferedBytes;

    /// <summary>An endpoint without connections.</summary>
    public QuicEndpointCore(EndpointSettings settings)
    {
        _settings = settings;
        _random = settings.Connection.Random;
        AcceptedAlpn = settings.AcceptedAlpn;
        _random.Fill(_tokenTableKey);
        _random.Fill(_retryKey);
    }

    /// <summary>
    /// Protocols accepted from clients by preference; empty drops every new connection. Takes effect for later
    /// handshakes.
    /// </summary>
    public IReadOnlyList<string> AcceptedAlpn { get; set; }

    /// <summary>Live connections.</summary>
    public int ConnectionCount => _connections.Count;

    /// <summary>Incoming handshakes that are not complete.</summary>
    public int UnfinishedHandshakes { get; private set; }

    /// <summary>Complete incoming connections that were not accepted yet.</summary>
    public int AwaitingAccept { get; private set; }

    /// <summary>Received, unread bytes of all connections, as of their last turn.</summary>
    public long BufferedReceiveBytes => _bufferedBytes;

    /// <summary>Counters.</summary>
    public EndpointStatistics Statistics { get; } = new();

    /// <summary>True when <see cref="PollTransmit"/> or <see cref="TryPollEvent"/> may have something.</summary>
    public bool HasWork => _established.Count > 0 || _handshaking.Count > 0 || _withEvents.Count > 0 || _replies.Count > 0;

    /// <summary>
    /// When <see cref="HandleTimeouts"/> must be called; valid when <see cref="PollTransmit"/> has returned false.
    /// </summary>
    public TimeSpan? NextTimeout => _timers.Next;

    /// <summary>The live connections in the order of their creation.</summary>
    public IReadOnlyCollection<QuicConnectionCore> Connections => _connections.Values;

    /// <summary>Starts a connection; null when the endpoint has as many as it may.</summary>
    /// <param name="now">The time.</param>
    /// <param name="path">The peer's address and, if it matters, ours.</param>
    /// <param name="peerKey">The 32-byte public key the peer must own.</param>
    /// <param name="serverName">SNI, or null.</param>
    /// <param name="alpn">Offered protocols by preference.</param>
    public QuicConnectionCore? Connect(
        TimeSpan now, in PathAddress path, ReadOnlyMemory<byte> peerKey, string? serverName, IReadOnlyList<string> alpn)
    {
        if (_connections.Count >= _settings.MaxConnections)
            return null;
        var connection = QuicConnectionCore.Connect(
            _settings.Connection, this, ++_lastConnectionNumber, now, path, peerKey, serverName, alpn);
        Register(connection);
        return connection;
    }

    /// <summary>The application has taken an incoming connection.</summary>
    public void OnAccepted(QuicConnectionCore connection)
    {
        if (!connection.Hooks.IsAwaitingAccept)
            return;
        connection.Hooks.IsAwaitingAccept = false;
        AwaitingAccept--;
    }

    /// <summary>
    /// Fills the buffer with datagrams for one address; false when nothing is to be sent now. See
    /// <see cref="QuicConnectionCore.PollTransmit"/>.
    /// </summary>
    public bool PollTransmit(TimeSpan now, Span<byte> buffer, out Transmit transmit)
    {
        if (TryTakeReply(buffer, out transmit))
            return true;
        while (TryTakeWork(out QuicConnectionCore? connection))
        {
            if (connection.PollTransmit(now, buffer, out transmit))
            {
                // Back to the end of the line: the others get their turn between two batches.
                Requeue(connection);
                return true;
            }
            connection.Hooks.IsQueued = false;
            Settle(connection);
        }
        transmit = default;
        return false;
    }

    /// <summary>Handles every deadline that has passed.</summary>
    public void HandleTimeouts(TimeSpan now)
    {
        while (_timers.Next is { } next && next <= now)
        {
            QuicConnectionCore connection = _timers.First;
            // It comes back with a new deadline when it has sent what is due, and not before: no deadline is handled
            // twice.
            _timers.Set(connection, null);
            connection.HandleTimeout(now);
        }
    }

    /// <summary>The next event of any connection.</summary>
    public bool TryPollEvent(out QuicConnectionCore connection, out ConnectionEvent e)
    {
        while (_withEvents.TryPeek(out QuicConnectionCore? first))
        {
            if (first.TryPollEvent(out e))
            {
                connection = first;
                return true;
            }
            _withEvents.Dequeue();
            first.Hooks.IsEventQueued = false;
        }
        connection = null!;     // never looked at together with false
        e = default;
        return false;
    }

    void IConnectionOwner.OnWork(QuicConnectionCore connection)
    {
        if (!connection.Hooks.IsQueued)
            Requeue(connection);
        if (connection.Hooks.IsEventQueued)
            return;
        connection.Hooks.IsEventQueued = true;
        _withEvents.Enqueue(connection);
    }

    ulong IConnectionOwner.IssueConnectionId(QuicConnectionCore connection)
    {
        ulong id;
        do
            id = _random.NextUInt64();
        while (!_byId.TryAdd(id, connection));
        return id;
    }

    void IConnectionOwner.RetireConnectionId(ulong connectionId) => _byId.Remove(connectionId);

    StatelessResetToken IConnectionOwner.GetResetToken(ulong connectionId) =>
        StatelessResetToken.Create(_settings.StatelessResetKey.Span, ConnectionId.FromUInt64(connectionId));

    void IConnectionOwner.AddPeerResetToken(QuicConnectionCore connection, in StatelessResetToken token)
    {
        ulong key = TokenTableKey(token);
        if (!_byResetToken.TryGetValue(key, out List<QuicConnectionCore>? list))
            _byResetToken.Add(key, list = new List<QuicConnectionCore>(1));
        list.Add(connection);
    }

    void IConnectionOwner.RemovePeerResetToken(QuicConnectionCore connection, in StatelessResetToken token)
    {
        ulong key = TokenTableKey(token);
        if (!_byResetToken.TryGetValue(key, out List<QuicConnectionCore>? list))
            return;
        list.Remove(connection);
        if (list.Count == 0)
            _byResetToken.Remove(key);
    }

    /// <summary>
    /// Tokens are found by a keyed hash, so that the time of a lookup says nothing about the tokens themselves; the
    /// connection then compares in constant time (RFC 9000 §10.3.1).
    /// </summary>
    private ulong TokenTableKey(in StatelessResetToken token)
    {
        Span<byte> bytes = stackalloc byte[StatelessResetToken.Length];
        token.CopyTo(bytes);
        return TokenTableKey(bytes);
    }

    private ulong TokenTableKey(ReadOnlySpan<byte> token)
    {
        Span<byte> hash = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(_tokenTableKey, token, hash);
        return System.Buffers.Binary.BinaryPrimitives.ReadUInt64LittleEndian(hash);
    }

    private void Register(QuicConnectionCore connection)
    {
        connection.Hooks.IsRegistered = true;
        _connections.Add(connection.Id, connection);
    }

    private bool TryTakeWork([System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out QuicConnectionCore? connection) =>
        _established.TryDequeue(out connection) || _handshaking.TryDequeue(out connection);

    private void Requeue(QuicConnectionCore connection)
    {
        connection.Hooks.IsQueued = true;
        (connection.IsHandshakeComplete ? _established : _handshaking).Enqueue(connection);
    }

    /// <summary>A connection has nothing more to do for now: brings the books up to date.</summary>
    private void Settle(QuicConnectionCore connection)
    {
        if (!connection.Hooks.IsRegistered)
            return;
        CountHandshake(connection);
        CountBufferedBytes(connection);
        if (connection.State == ConnectionState.Drained)
            Forget(connection);
        else
            _timers.Set(connection, connection.NextTimeout);
    }

    private void CountHandshake(QuicConnectionCore connection)
    {
        ref EndpointHooks hooks = ref connection.Hooks;
        if (!hooks.IsUnfinishedHandshake
            || connection is { IsHandshakeComplete: false, State: ConnectionState.Handshaking })
        {
            return;
        }
        hooks.IsUnfinishedHandshake = false;
        UnfinishedHandshakes--;
        if (_unfinishedBySource[hooks.Source] == 1)
            _unfinishedBySource.Remove(hooks.Source);
        else
            _unfinishedBySource[hooks.Source]--;
        if (!connection.IsHandshakeComplete)
            return;
        hooks.IsAwaitingAccept = true;
        AwaitingAccept++;
    }

    private void CountBufferedBytes(QuicConnectionCore connection)
    {
        ulong buffered = connection.State == ConnectionState.Drained ? 0 : connection.BufferedReceiveBytes;
        bool wasOver = _bufferedBytes > _settings.ReceiveBudget;
        _bufferedBytes += (long)buffered - (long)connection.Hooks.BufferedBytes;
        connection.Hooks.BufferedBytes = buffered;
        bool isOver = _bufferedBytes > _settings.ReceiveBudget;
        connection.SetWindowsFrozen(isOver);
        if (isOver && !connection.Hooks.IsFrozen)
        {
            connection.Hooks.IsFrozen = true;
            _frozen.Add(connection);
        }
        if (!wasOver || isOver)
            return;
        foreach (QuicConnectionCore frozen in _frozen)
        {
            frozen.Hooks.IsFrozen = false;
            frozen.SetWindowsFrozen(false);
            ((IConnectionOwner)this).OnWork(frozen);
        }
        _frozen.Clear();
    }

    private void Forget(QuicConnectionCore connection)
    {
        connection.Hooks.IsRegistered = false;
        _timers.Set(connection, null);
        _connections.Remove(connection.Id);
        for (int i = 0; i < connection.LocalIds.Count; i++)
            _byId.Remove(connection.LocalIds[i].AsUInt64);
        if (!connection.Hooks.FirstDestination.IsEmpty)
            _byFirstDestination.Remove(connection.Hooks.FirstDestination);
        OnAccepted(connection);
        connection.OnForgotten();
    }
}
