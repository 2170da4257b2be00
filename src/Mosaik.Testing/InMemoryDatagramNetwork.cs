using System.Net;
using Mosaik.Quic;

namespace Mosaik.Testing;

/// <summary>
/// UDP in memory, for whole nodes with real QUIC: latency, loss, duplication, reordering, bandwidth, partitions
/// (spec/reliability.md §3.3). Contents are opaque bytes, bit flips aside.
/// </summary>
/// <remarks>
/// Every node gets a host with an address of its own; <see cref="InMemoryHost.OpenSocket"/> is what
/// <c>NetworkOptions.SocketFactory</c> wants. With the time provider of a <see cref="SimulationScheduler"/> everything is
/// delivered on the world's thread and a run is a function of the seed.
/// </remarks>
public sealed class InMemoryDatagramNetwork : IDisposable
{
    private readonly Lock _lock = new();
    private readonly DelayedActions _actions;
    private readonly Dictionary<IPEndPoint, InMemorySocket> _sockets = [];
    private int _hosts;

    /// <summary>An empty network.</summary>
    /// <param name="timeProvider">The world's clock.</param>
    /// <param name="random">The stream <c>net</c> of the seed.</param>
    public InMemoryDatagramNetwork(TimeProvider timeProvider, RandomSource random)
    {
        ArgumentNullException.ThrowIfNull(timeProvider);
        ArgumentNullException.ThrowIfNull(random);
        _actions = new DelayedActions(timeProvider);
        Links = new SimulatedLinks(random);
    }

    /// <summary>Who reaches whom and how well.</summary>
    public SimulatedLinks Links { get; }

    /// <summary>Datagrams handed to the network.</summary>
    public long Sent { get; private set; }

    /// <summary>Datagrams that reached a socket, copies included.</summary>
    public long Delivered { get; private set; }

    /// <summary>Datagrams lost by chance, by a cut, by a full queue, by their size, or for want of a receiver.</summary>
    public long Lost { get; private set; }

    /// <summary>Sees every datagram when it is handed to the network: sender, receiver, bytes. For tests that look inside.</summary>
    public Action<IPEndPoint, IPEndPoint, ReadOnlyMemory<byte>>? Tap { get; set; }

    /// <summary>A machine of its own.</summary>
    /// <param name="address">Its address; 10.0.x.y in order if not given.</param>
    /// <returns>The machine.</returns>
    public InMemoryHost AddHost(IPAddress? address = null)
    {
        lock (_lock)
        {
            var n = ++_hosts;
            return new InMemoryHost(this, address ?? new IPAddress([10, 0, (byte)(n >> 8), (byte)n]));
        }
    }

    /// <summary>Forgets everything that is under way.</summary>
    public void Dispose() => _actions.Dispose();

    internal bool TryBind(IPEndPoint endPoint, InMemorySocket socket)
    {
        lock (_lock)
            return _sockets.TryAdd(endPoint, socket);
    }

    internal void Unbind(IPEndPoint endPoint, InMemorySocket socket)
    {
        lock (_lock)
        {
            if (_sockets.TryGetValue(endPoint, out var bound) && ReferenceEquals(bound, socket))
                _sockets.Remove(endPoint);
        }
    }

    internal DatagramSendResult Send(InMemorySocket socket, in OutgoingDatagrams datagrams)
    {
        var (from, to) = (socket.LocalEndPoint, datagrams.Remote);
        var conditions = Links.Get(from.Address, to.Address);
        for (var at = 0; at < datagrams.Payload.Length; at += datagrams.SegmentSize)
        {
            var length = Math.Min(datagrams.SegmentSize, datagrams.Payload.Length - at);
            SendOne(from, to, datagrams.Payload.Slice(at, length).ToArray(), datagrams.Ecn, conditions);
        }

        return DatagramSendResult.Sent;
    }

    private void SendOne(IPEndPoint from, IPEndPoint to, byte[] payload, Ecn ecn, LinkConditions conditions)
    {
        Sent++;
        Tap?.Invoke(from, to, payload);
        if (payload.Length > conditions.MaxDatagramSize
            || Links.IsBlocked(from.Address, to.Address)
            || Links.Happens(conditions.Loss)
            || Links.PassQueue(from.Address, to.Address, conditions, _actions.Now, payload.Length) is not { } sent)
        {
            Lost++;
            return;
        }

        if (ecn is Ecn.Ect0 or Ecn.Ect1 && Links.Happens(conditions.EcnMarking))
            ecn = Ecn.Ce;
        if (payload.Length > 0 && Links.Happens(conditions.Corruption))
            payload[Links.Below(payload.Length)] ^= (byte)(1 << Links.Below(8));
        var latency = Links.Latency(conditions);
        var arrival = Links.Happens(conditions.Reordering)
            ? sent + latency + (Links.Latency(conditions) * (1 + (2 * (Links.Below(1000) / 1000.0))))
            : Links.InOrder(from.Address, to.Address, sent + latency);
        _actions.At(arrival, () => Deliver(from, to, payload, ecn));
        if (Links.Happens(conditions.Duplication))
        {
            var copy = payload.AsSpan().ToArray();
            _actions.At(sent + Links.Latency(conditions), () => Deliver(from, to, copy, ecn));
        }
    }

    private void Deliver(IPEndPoint from, IPEndPoint to, byte[] payload, Ecn ecn)
    {
        InMemorySocket? socket;
        lock (_lock)
            _sockets.TryGetValue(to, out socket);

        // Cut while it was under way: what is in the air is lost too.
        if (socket?.Receiver is not { } receiver || Links.IsBlocked(from.Address, to.Address))
        {
            Lost++;
            return;
        }

        Delivered++;
        receiver.OnReceived(new ReceivedDatagrams(payload)
        {
            Length = payload.Length,
            SegmentSize = payload.Length,
            Remote = from,
            LocalAddress = to.Address,
            Ecn = ecn,
        });
        receiver.OnDrained();
    }
}
