using System.Net;

namespace Mosaik.Quic.Peer;

/// <summary>
/// A socket in a bad network: loses and reorders datagrams in both directions, and can change its local port without a word,
/// like a NAT that lost its table.
/// </summary>
internal sealed class ImpairedSocket : IDatagramSocket, IDatagramReceiver
{
    private readonly Lock _inLock = new();
    private readonly Lock _outLock = new();
    private readonly Func<IDatagramSocket> _open;
    private readonly ImpairedLane _in;
    private readonly ImpairedLane _out;
    private volatile bool _outImpaired;
    private readonly bool _impaired;
    private readonly ITimer _timer;
    private readonly List<IDatagramSocket> _retired = [];
    private IDatagramSocket _inner;
    private IDatagramReceiver? _receiver;

    public ImpairedSocket(PeerOptions options, Func<IDatagramSocket> open)
    {
        var seeds = options.RandomSeed;
        _open = open;
        _inner = open();
        _impaired = options.IsImpaired;
        _outImpaired = _impaired;
        _in = new ImpairedLane(ImpairedLane.Next(ref seeds), options.LossIn, options.Reorder, TimeProvider.System, Deliver);
        _out = new ImpairedLane(ImpairedLane.Next(ref seeds), options.LossOut, options.Reorder, TimeProvider.System, SendNow);
        _timer = TimeProvider.System.CreateTimer(
            static socket => ((ImpairedSocket)socket!).OnTimer(), this,
            TimeSpan.FromMilliseconds(10), TimeSpan.FromMilliseconds(10));
    }

    public IPEndPoint LocalEndPoint => _inner.LocalEndPoint;

    public int MaxSegments => _impaired ? 1 : _inner.MaxSegments;

    public void Start(IDatagramReceiver receiver)
    {
        _receiver = receiver;
        _inner.Start(this);
    }

    public DatagramSendResult Send(in OutgoingDatagrams datagrams)
    {
        lock (_outLock)
        {
            if (!_outImpaired)
                return _inner.Send(datagrams);
            for (var at = 0; at < datagrams.Payload.Length; at += datagrams.SegmentSize)
            {
                var length = Math.Min(datagrams.SegmentSize, datagrams.Payload.Length - at);
                _out.Push(new HeldDatagram(
                    datagrams.Payload.Slice(at, length).ToArray(), datagrams.Remote, null, datagrams.Ecn));
            }
            return DatagramSendResult.Sent;
        }
    }

    /// <summary>From now on everything that is sent leaves.</summary>
    public void EndImpairment() => _outImpaired = false;

    /// <summary>Goes on with a new local port.</summary>
    public void Rebind()
    {
        lock (_outLock)
        {
            _retired.Add(_inner);
            _inner = _open();
            _inner.Start(this);
        }
    }

    void IDatagramReceiver.OnReceived(ReceivedDatagrams datagrams)
    {
        lock (_inLock)
        {
            if (!_impaired)
            {
                _receiver!.OnReceived(datagrams); // set by Start
                return;
            }
            var segment = Math.Max(1, datagrams.SegmentSize);
            for (var at = 0; at < datagrams.Length; at += segment)
            {
                var length = Math.Min(segment, datagrams.Length - at);
                _in.Push(new HeldDatagram(
                    datagrams.Buffer.AsSpan(at, length).ToArray(), datagrams.Remote, datagrams.LocalAddress, datagrams.Ecn));
            }
        }
        datagrams.Release();
    }

    void IDatagramReceiver.OnDrained() => _receiver!.OnDrained();

    void IDatagramReceiver.OnFailed(Exception exception) => _receiver!.OnFailed(exception);

    /// <summary>Prints what happened, if anything could.</summary>
    public void Report()
    {
        if (!_impaired)
            return;
        JsonLine.Event("link")
            .With("in", _in.Seen).With("in_dropped", _in.Dropped).With("in_delayed", _in.Delayed)
            .With("out", _out.Seen).With("out_dropped", _out.Dropped).With("out_delayed", _out.Delayed)
            .Print();
    }

    public void Dispose()
    {
        _timer.Dispose();
        foreach (var socket in _retired)
            socket.Dispose();
        _inner.Dispose();
    }

    private void OnTimer()
    {
        lock (_outLock)
            _out.Release();
        bool holding;
        lock (_inLock)
        {
            holding = _in.IsHolding;
            _in.Release();
        }
        if (holding)
            _receiver?.OnDrained();
    }

    private void SendNow(HeldDatagram datagram) =>
        _inner.Send(new OutgoingDatagrams(datagram.Bytes, datagram.Bytes.Length, datagram.Remote, datagram.Ecn));

    private void Deliver(HeldDatagram datagram) => _receiver!.OnReceived(new ReceivedDatagrams(datagram.Bytes)
    {
        Length = datagram.Bytes.Length,
        SegmentSize = datagram.Bytes.Length,
        Remote = datagram.Remote,
        LocalAddress = datagram.Local,
        Ecn = datagram.Ecn,
    });
}
