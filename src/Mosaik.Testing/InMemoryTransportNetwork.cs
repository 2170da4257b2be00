using System.Net;
using Mosaik.Networking.Transport;
using Mosaik.Quic;

namespace Mosaik.Testing;

/// <summary>
/// Connections between nodes without packets and cryptography: the transport contract in memory, with latency, loss,
/// partitions and crashes. A hundred times cheaper than QUIC, for everything above it.
/// </summary>
/// <remarks>
/// <para>Streams stay reliable: what the connection between two hosts loses arrives later, after one or more
/// retransmissions; what is sent into a cut waits for its healing. If a cut outlives <see cref="IdleTimeout"/>, each end
/// that hears nothing ends its connection, as with QUIC. A crashed node is noticed the same way. A close that is sent into
/// a cut is lost; who goes on sending then is told so, by the peer or its successor at the same address.</para>
/// <para>Flow control is that of the product: 1,250,000 unread bytes per stream, 256 KiB not yet under way. Identities
/// are compared, not proved. <see cref="CreateTransport"/> is what <c>NetworkOptions.TransportFactory</c> wants.</para>
/// </remarks>
public sealed class InMemoryTransportNetwork : IDisposable
{
    /// <summary>An end that hears nothing for so long ends its connection.</summary>
    public static readonly TimeSpan IdleTimeout = TimeSpan.FromSeconds(30);

    /// <summary>A handshake that takes longer has failed.</summary>
    public static readonly TimeSpan HandshakeTimeout = TimeSpan.FromSeconds(10);

    internal const int AcceptQueue = 1024;

    private static readonly TimeSpan ShortestRetransmission = TimeSpan.FromMilliseconds(200);

    // Of a connection that lives on: its peer is heard at least every idle timeout, and what follows a loss reveals it.
    private static readonly TimeSpan LongestRetransmission = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LongestProbe = TimeSpan.FromSeconds(1);

    private readonly Dictionary<IPEndPoint, InMemoryTransport> _transports = [];
    private readonly LinkedList<InMemoryConnection> _connections = [];
    private readonly List<Delivery> _parked = [];
    private readonly RandomSource _random;
    private int _hosts;
    private long _connectionIds;

    /// <summary>An empty network.</summary>
    /// <param name="timeProvider">The world's clock.</param>
    /// <param name="random">The stream <c>net</c> of the seed.</param>
    public InMemoryTransportNetwork(TimeProvider timeProvider, RandomSource random)
    {
        ArgumentNullException.ThrowIfNull(timeProvider);
        ArgumentNullException.ThrowIfNull(random);
        _random = random;
        Actions = new DelayedActions(timeProvider);
        Links = new SimulatedLinks(random) { Changed = OnLinksChanged };
    }

    /// <summary>Who reaches whom and how well. Duplication, reordering and sizes play no part here.</summary>
    public SimulatedLinks Links { get; }

    /// <summary>Largest piece in which stream data travels; 1 makes every byte arrive by itself.</summary>
    public int MaxChunkBytes { get; set; } = 64 * 1024;

    /// <summary>Unread bytes a stream may hold at the receiver, as flow control has it.</summary>
    public int StreamWindow { get; set; } = 1_250_000;

    /// <summary>Connections that are open at one end at least.</summary>
    public int OpenConnections
    {
        get
        {
            lock (Lock)
                return _connections.Count(static c => c.CloseInfo is null);
        }
    }

    /// <summary>Pieces of stream data sent so far by all nodes.</summary>
    public long SentMessages { get; private set; }

    /// <summary>Bytes of stream data sent so far by all nodes.</summary>
    public long SentBytes { get; private set; }

    /// <summary>All state of the network is behind this lock.</summary>
    internal Lock Lock { get; } = new();

    internal DelayedActions Actions { get; }

    /// <summary>A node's transport.</summary>
    /// <param name="options">Of the node. A bind address gives the host's address; 10.1.x.y in order otherwise.</param>
    /// <returns>The transport.</returns>
    public ITransport CreateTransport(TransportOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        lock (Lock)
        {
            var n = ++_hosts;
            var wanted = options.BindAddresses.Count > 0 ? options.BindAddresses[0] : new IPEndPoint(IPAddress.Any, 0);
            var address = wanted.Address.Equals(IPAddress.Any) || wanted.Address.Equals(IPAddress.IPv6Any)
                ? new IPAddress([10, 1, (byte)(n >> 8), (byte)n])
                : wanted.Address;
            var endPoint = new IPEndPoint(address, wanted.Port == 0 ? 10_000 + n : wanted.Port);
            var transport = new InMemoryTransport(this, options, endPoint);
            if (!_transports.TryAdd(endPoint, transport))
                throw new System.Net.Sockets.SocketException((int)System.Net.Sockets.SocketError.AddressAlreadyInUse);
            return transport;
        }
    }

    /// <summary>The power of a node fails: its peers hear silence, the node itself sees everything end.</summary>
    /// <param name="address">The host.</param>
    public void Crash(IPAddress address)
    {
        InMemoryTransport[] victims;
        lock (Lock)
            victims = [.. _transports.Values.Where(t => t.EndPoint.Address.Equals(address))];
        foreach (var victim in victims)
            victim.Abort();
    }

    /// <summary>Forgets everything that is under way.</summary>
    public void Dispose() => Actions.Dispose();

    internal InMemoryTransport? Find(IPEndPoint endPoint) => _transports.GetValueOrDefault(endPoint);

    internal void Remove(InMemoryTransport transport)
    {
        if (_transports.TryGetValue(transport.EndPoint, out var found) && ReferenceEquals(found, transport))
            _transports.Remove(transport.EndPoint);
    }

    /// <summary>Both ends of a new connection.</summary>
    internal (InMemoryConnection Dialler, InMemoryConnection Acceptor) Join(
        InMemoryTransport dialler, InMemoryTransport acceptor, string alpn)
    {
        var secret = new byte[32];
        _random.Fill(secret);
        var near = new InMemoryConnection(this, dialler, acceptor, ++_connectionIds, alpn, true, secret);
        var far = new InMemoryConnection(this, acceptor, dialler, ++_connectionIds, alpn, false, secret);
        near.Other = far;
        far.Other = near;
        near.Registration = _connections.AddLast(near);
        far.Registration = _connections.AddLast(far);
        near.OwnRegistration = dialler.Connections.AddLast(near);
        far.OwnRegistration = acceptor.Connections.AddLast(far);
        return (near, far);
    }

    internal void Forget(InMemoryConnection connection)
    {
        if (connection.Registration is { List: not null } registration)
            _connections.Remove(registration);
        if (connection.OwnRegistration is { List: not null } own)
            connection.Transport.Connections.Remove(own);
        if (_parked.Count > 0)
            _parked.RemoveAll(p => ReferenceEquals(p.Owner, connection));
    }

    /// <summary>Does something at the other host once it has got there.</summary>
    internal void Deliver(InMemoryConnection owner, Action arrive) => Deliver(new Message(owner, arrive));

    /// <summary>
    /// Brings something to the other host: after the latency, plus a retransmission for every loss; a cut keeps it back until
    /// it heals.
    /// </summary>
    internal void Deliver(Delivery delivery)
    {
        if (delivery.Bytes > 0)
        {
            SentMessages++;
            SentBytes += delivery.Bytes;
        }

        var (from, to) = (delivery.Owner.Transport.EndPoint.Address, delivery.Owner.Remote.EndPoint.Address);
        if (Links.Arrival(from, to, Actions.Now, delivery.Bytes, ShortestRetransmission, LongestRetransmission) is { } arrival)
            Actions.At(arrival, delivery);
        else
            _parked.Add(delivery);
    }

    /// <summary>A delivery is about to arrive.</summary>
    internal void Arrive(Delivery delivery)
    {
        lock (Lock)
        {
            if (Links.IsBlocked(delivery.Owner.Transport.EndPoint.Address, delivery.Owner.Remote.EndPoint.Address))
                _parked.Add(delivery); // cut while it was under way
            else
                delivery.Arrive();
        }
    }

    /// <summary>The time one message takes now, for what is sent once and not repeated.</summary>
    internal bool TryPass(IPAddress from, IPAddress to, out TimeSpan latency)
    {
        latency = Links.Latency(Links.Get(from, to));
        return !Links.IsBlocked(from, to);
    }

    internal bool Loses(IPAddress from, IPAddress to) => Links.Happens(Links.Get(from, to).Loss);

    private void OnLinksChanged()
    {
        lock (Lock)
        {
            var waiting = _parked.ToArray();
            _parked.Clear();
            foreach (var message in waiting)
            {
                var (from, to) = (message.Owner.Transport.EndPoint.Address, message.Owner.Remote.EndPoint.Address);
                if (Links.IsBlocked(from, to))
                {
                    _parked.Add(message);
                    continue;
                }

                // The sender finds out with its next probe.
                var probe = LongestProbe * (Links.Below(1000) / 1000.0);
                Actions.After(probe, () =>
                {
                    lock (Lock)
                    {
                        if (message.Owner.CloseInfo is null)
                            Deliver(message);
                    }
                });
            }

            foreach (var connection in _connections.ToArray())
                connection.WatchSilence();
        }
    }

    private sealed class Message(InMemoryConnection owner, Action arrive) : Delivery(owner, 0)
    {
        public override void Arrive() => arrive();
    }
}
