using System.Net;
using System.Security.Cryptography;
using Mosaik.Networking;
using Mosaik.Networking.Transport;
using Mosaik.Primitives;
using Mosaik.Waiting;

namespace Mosaik.Testing;

/// <summary>One end of a connection in memory.</summary>
internal sealed class InMemoryConnection : ITransportConnection
{
    private const int StreamsPerDirection = 100;

    private readonly InMemoryTransportNetwork _network;
    private readonly byte[] _secret;
    private readonly Completion<TransportCloseInfo> _closed;
    private readonly List<InMemoryStream> _streams = [];
    private readonly List<InMemoryStream> _incoming = [];
    private readonly List<Acceptor> _acceptors = [];
    private readonly List<(TransportStreamDirection Direction, Completion<bool> Turn)> _openers = [];
    private readonly int[] _openCount = new int[2];
    private long _nextStream;
    private bool _silent;
    private int _silence;

    internal InMemoryConnection(
        InMemoryTransportNetwork network,
        InMemoryTransport transport,
        InMemoryTransport remote,
        long id,
        string alpn,
        bool isDialler,
        byte[] secret)
    {
        _network = network;
        _secret = secret;
        Transport = transport;
        Remote = remote;
        Id = id;
        Alpn = alpn;
        IsDialler = isDialler;
        _closed = new Completion<TransportCloseInfo>(transport.Options.Scheduler);
        _nextStream = isDialler ? 0 : 1;
    }

    public long Id { get; }

    public PeerId RemoteId => Remote.LocalId;

    public string Alpn { get; }

    public bool IsDialler { get; }

    public IPEndPoint RemoteEndPoint => Remote.EndPoint;

    public TimeSpan? Rtt
    {
        get
        {
            var (near, far) = (Transport.EndPoint.Address, Remote.EndPoint.Address);
            return _network.Links.Get(near, far).MinLatency + _network.Links.Get(far, near).MinLatency;
        }
    }

    public TransportCloseInfo? CloseInfo { get; private set; }

    internal InMemoryTransportNetwork Network => _network;

    internal InMemoryTransport Transport { get; }

    internal InMemoryTransport Remote { get; }

    /// <summary>Its place in the network's list, which is long where many nodes are.</summary>
    internal LinkedListNode<InMemoryConnection>? Registration { get; set; }

    /// <summary>Its place in the list of its transport.</summary>
    internal LinkedListNode<InMemoryConnection>? OwnRegistration { get; set; }

    /// <summary>The end at the other node.</summary>
    internal InMemoryConnection Other { get; set; } = null!; // set by the network right after both ends are made

    public async ValueTask<ITransportStream> OpenStreamAsync(
        TransportStreamDirection direction, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        Completion<bool> turn;
        lock (_network.Lock)
        {
            ThrowIfClosed();
            if (_openCount[(int)direction] < StreamsPerDirection)
                return Open(direction);
            turn = new Completion<bool>(Transport.Options.Scheduler);
            _openers.Add((direction, turn));
        }

        try
        {
            await turn.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            lock (_network.Lock)
            {
                if (_openers.RemoveAll(o => ReferenceEquals(o.Turn, turn)) == 0)
                    LetNextOpen(direction); // the turn had come: pass it on
            }

            throw;
        }

        lock (_network.Lock)
        {
            ThrowIfClosed();
            return Open(direction);
        }
    }

    public async ValueTask<ITransportStream> AcceptStreamAsync(
        TransportStreamDirection direction, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        Acceptor acceptor;
        lock (_network.Lock)
        {
            var waiting = _incoming.Find(s => s.Direction == direction);
            if (waiting is not null)
            {
                _incoming.Remove(waiting);
                return waiting;
            }

            ThrowIfClosed();
            acceptor = new Acceptor(direction, new Completion<ITransportStream>(Transport.Options.Scheduler));
            _acceptors.Add(acceptor);
        }

        try
        {
            return await acceptor.Result.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            lock (_network.Lock)
            {
                _acceptors.Remove(acceptor);
                if (acceptor.Result.TryGetResult(out var stream))
                    Offer((InMemoryStream)stream!, first: true); // it came at the same moment: for the next one
            }

            throw;
        }
    }

    public ValueTask CloseAsync(CloseCode code, string reason)
    {
        Abort(code, reason);
        return ValueTask.CompletedTask;
    }

    public void Abort(CloseCode code, string reason)
    {
        lock (_network.Lock)
        {
            if (CloseInfo is not null)
                return;

            // Sent once: repeated only as answer to what the peer still sends, so a cut loses it.
            var far = Other;
            if (_network.TryPass(Transport.EndPoint.Address, Remote.EndPoint.Address, out var latency))
            {
                _network.Actions.After(latency, () =>
                {
                    lock (_network.Lock)
                    {
                        if (_network.Links.IsBlocked(Transport.EndPoint.Address, Remote.EndPoint.Address))
                            far.WatchSilence();
                        else
                            far.End(new TransportCloseInfo(TransportCloseKind.Application, true, code, reason));
                    }
                });
            }

            End(new TransportCloseInfo(TransportCloseKind.Application, false, code, reason));
            far.WatchSilence();
        }
    }

    public ValueTask<TransportCloseInfo> WaitClosedAsync(CancellationToken cancellationToken = default) =>
        _closed.WaitAsync(cancellationToken);

    public void ExportKeyingMaterial(ReadOnlySpan<byte> label, ReadOnlySpan<byte> context, Span<byte> output)
    {
        if (label.Length is 0 or > 249)
            throw new ArgumentException("A label has 1 to 249 bytes.", nameof(label));
        byte[] info = [(byte)label.Length, .. label, .. context];
        HKDF.Expand(HashAlgorithmName.SHA256, _secret, output, info);
    }

    /// <summary>Ends this end without telling the other: a crash.</summary>
    internal void EndSilently()
    {
        lock (_network.Lock)
        {
            End(new TransportCloseInfo(TransportCloseKind.Local, false, CloseCode.None, "the transport was aborted"));
            Other.WatchSilence();
        }
    }

    /// <summary>
    /// Starts or stops counting towards the idle timeout: nothing can be heard while the way from the peer is cut or the
    /// peer has gone. Under the network's lock.
    /// </summary>
    internal void WatchSilence()
    {
        if (CloseInfo is not null)
            return;
        var silent = Other.CloseInfo is not null
            || _network.Links.IsBlocked(Remote.EndPoint.Address, Transport.EndPoint.Address);
        if (silent == _silent)
            return;
        _silent = silent;
        var silence = ++_silence;
        if (!silent)
            return;
        _network.Actions.After(InMemoryTransportNetwork.IdleTimeout, () =>
        {
            lock (_network.Lock)
            {
                if (silence != _silence || CloseInfo is not null)
                    return;
                End(new TransportCloseInfo(TransportCloseKind.TimedOut, false, CloseCode.None, "nothing was heard"));
                Other.WatchSilence();
            }
        });
    }

    /// <summary>
    /// Something has arrived for an end that is no more: its node says so, if it or its successor is there, as with a
    /// stateless reset. Under the network's lock.
    /// </summary>
    internal void AnswerWithReset()
    {
        var (near, far) = (Transport.EndPoint.Address, Remote.EndPoint.Address);
        if (Other.CloseInfo is not null || _network.Find(Transport.EndPoint)?.LocalId != Transport.LocalId
            || !_network.TryPass(near, far, out var latency))
            return;
        _network.Actions.After(latency, () =>
        {
            lock (_network.Lock)
            {
                if (!_network.Links.IsBlocked(near, far))
                    Other.End(new TransportCloseInfo(TransportCloseKind.Reset, true, CloseCode.None, ""));
            }
        });
    }

    /// <summary>The first message of a stream of the peer has arrived.</summary>
    internal void Announce(InMemoryStream stream) => Offer(stream, first: false);

    /// <summary>Both directions of a stream have ended.</summary>
    internal void OnStreamEnded(InMemoryStream stream)
    {
        _streams.Remove(stream);
        if (!stream.IsLocal || CloseInfo is not null)
            return;
        _openCount[(int)stream.Direction]--;
        LetNextOpen(stream.Direction);
    }

    internal TransportException Closed() => new(
        CloseInfo is { Kind: TransportCloseKind.Local } ? TransportErrorKind.TransportClosed : TransportErrorKind.ConnectionClosed,
        $"The connection to {RemoteId:S} was {CloseInfo}.",
        CloseInfo);

    private void End(TransportCloseInfo info)
    {
        if (CloseInfo is not null)
            return;
        CloseInfo = info;
        _silence++;
        _network.Forget(this);
        foreach (var stream in _streams)
            stream.OnConnectionEnded();
        foreach (var acceptor in _acceptors)
            acceptor.Result.TrySetException(Closed());
        _acceptors.Clear();
        foreach (var (_, turn) in _openers)
            turn.TrySetResult(false); // OpenStreamAsync looks again and throws
        _openers.Clear();
        _closed.TrySetResult(info);
    }

    private InMemoryStream Open(TransportStreamDirection direction)
    {
        _openCount[(int)direction]++;
        var stream = new InMemoryStream(_network, this, _nextStream, direction, isLocal: true);
        var far = new InMemoryStream(_network, Other, _nextStream, direction, isLocal: false) { Other = stream };
        stream.Other = far;
        _nextStream += 2;
        _streams.Add(stream);
        Other._streams.Add(far);
        return stream;
    }

    private void LetNextOpen(TransportStreamDirection direction)
    {
        if (_openCount[(int)direction] >= StreamsPerDirection)
            return;
        var next = _openers.FindIndex(o => o.Direction == direction);
        if (next < 0)
            return;
        var turn = _openers[next].Turn;
        _openers.RemoveAt(next);
        turn.TrySetResult(true);
    }

    private void Offer(InMemoryStream stream, bool first)
    {
        var acceptor = _acceptors.Find(a => a.Direction == stream.Direction);
        if (acceptor is not null)
        {
            _acceptors.Remove(acceptor);
            acceptor.Result.TrySetResult(stream);
        }
        else
        {
            _incoming.Insert(first ? 0 : _incoming.Count, stream);
        }
    }

    private void ThrowIfClosed()
    {
        if (CloseInfo is not null)
            throw Closed();
    }

    private sealed record Acceptor(TransportStreamDirection Direction, Completion<ITransportStream> Result);
}
