using System.Net;
using Mosaik.Networking;
using Mosaik.Networking.Transport;
using Mosaik.Primitives;
using Mosaik.Waiting;

namespace Mosaik.Testing;

/// <summary>One node's end of an <see cref="InMemoryTransportNetwork"/>.</summary>
internal sealed class InMemoryTransport : ITransport
{
    private const ulong NoApplicationProtocol = 0x178;
    private const ulong ConnectionRefused = 0x02;
    private const ulong BadCertificate = 0x12a;

    private static readonly TimeSpan AttemptInterval = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan FirstProbe = TimeSpan.FromSeconds(1);

    private readonly InMemoryTransportNetwork _network;
    private readonly Mailbox<ITransportConnection> _accepted;
    private string[] _alpn = [];
    private bool _closed;

    internal InMemoryTransport(InMemoryTransportNetwork network, TransportOptions options, IPEndPoint endPoint)
    {
        _network = network;
        Options = options;
        EndPoint = endPoint;
        LocalId = options.SecretKey.PeerId;
        _accepted = new Mailbox<ITransportConnection>(InMemoryTransportNetwork.AcceptQueue, options.Scheduler);
    }

    /// <inheritdoc/>
    public event EventHandler? LocalAddressesChanged
    {
        add { }
        remove { }
    }

    public PeerId LocalId { get; }

    public IReadOnlyList<IPEndPoint> LocalEndPoints => [EndPoint];

    public IReadOnlyList<IPEndPoint> LocalAddresses => [EndPoint];

    internal TransportOptions Options { get; }

    internal IPEndPoint EndPoint { get; }

    /// <summary>Its connections in the order in which they were made; of all in the network there may be very many.</summary>
    internal LinkedList<InMemoryConnection> Connections { get; } = [];

    public void SetAcceptedAlpn(IReadOnlyList<string> protocols)
    {
        lock (_network.Lock)
            _alpn = [.. protocols];
    }

    public async ValueTask<ITransportConnection> ConnectAsync(
        PeerId peer,
        IReadOnlyList<TransportAddress> addresses,
        string alpn,
        CancellationToken cancellationToken = default)
    {
        var targets = addresses.OfType<TransportAddress.Ip>().Select(static a => a.ToEndPoint()).Distinct().ToArray();
        if (targets.Length == 0)
            throw new TransportException(TransportErrorKind.ConnectFailed, $"No usable address of {peer:S}.");
        var dial = new Dial(peer, alpn, targets.Length, Options.Scheduler);
        lock (_network.Lock)
        {
            ThrowIfClosed();
            for (var i = 0; i < targets.Length; i++)
            {
                var target = targets[i];
                _network.Actions.After(AttemptInterval * i, () => Attempt(dial, target, FirstProbe));
            }

            _network.Actions.After(InMemoryTransportNetwork.HandshakeTimeout, () => dial.Fail(new TransportCloseInfo(
                TransportCloseKind.TimedOut, false, CloseCode.None, "the handshake was not complete in time")));
        }

        try
        {
            return await dial.Result.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            dial.Result.TrySetCanceled(cancellationToken);
            if (dial.Result.TryGetResult(out var late))
                late!.Abort(CloseCode.None, ""); // a result that is there is not null
            throw;
        }
    }

    public ValueTask<ITransportConnection> AcceptAsync(CancellationToken cancellationToken = default) =>
        AcceptCore(_accepted.ReadAsync(cancellationToken));

    public void Abort()
    {
        foreach (var connection in Close())
            connection.EndSilently();
    }

    public ValueTask DisposeAsync()
    {
        foreach (var connection in Close())
            connection.Abort(CloseCode.None, "");
        return ValueTask.CompletedTask;
    }

    /// <summary>One message to one address, repeated while nothing comes back.</summary>
    private void Attempt(Dial dial, IPEndPoint target, TimeSpan probe)
    {
        lock (_network.Lock)
        {
            if (_closed || dial.Result.IsCompleted)
                return;
            if (_network.TryPass(EndPoint.Address, target.Address, out var latency)
                && !_network.Loses(EndPoint.Address, target.Address))
                _network.Actions.After(latency, () => Arrive(dial, target));
            _network.Actions.After(probe, () => Attempt(dial, target, probe * 2));
        }
    }

    private void Arrive(Dial dial, IPEndPoint target)
    {
        lock (_network.Lock)
        {
            // An address without a node answers as little as a real one; a repeated first message changes nothing.
            if (_network.Find(target) is not { } remote || dial.Result.IsCompleted || !dial.TryReach(target))
                return;
            if (!_network.TryPass(target.Address, EndPoint.Address, out var back))
            {
                dial.Unreach(target);
                return;
            }

            var refusal = remote.LocalId != dial.Peer ? Refusal(BadCertificate, "the peer proved another key")
                : !remote._alpn.Contains(dial.Alpn, StringComparer.Ordinal) ? Refusal(NoApplicationProtocol, "no common protocol")
                : remote._accepted.Count >= InMemoryTransportNetwork.AcceptQueue ? Refusal(ConnectionRefused, "accept queue full")
                : null;
            if (refusal is not null)
            {
                _network.Actions.After(back, () => dial.FailOne(refusal));
                return;
            }

            _network.Actions.After(back, () => Complete(dial, remote));
        }
    }

    private void Complete(Dial dial, InMemoryTransport remote)
    {
        lock (_network.Lock)
        {
            if (_closed || remote._closed || dial.Result.IsCompleted)
                return;
            var (near, far) = _network.Join(this, remote, dial.Alpn);
            near.WatchSilence();
            far.WatchSilence();

            // Our last handshake message: the peer accepts when it has arrived.
            _network.Deliver(near, () =>
            {
                if (far.CloseInfo is null && !remote._accepted.TryPost(far))
                    far.Abort(CloseCode.None, "");
            });
            if (!dial.Result.TrySetResult(near))
                near.Abort(CloseCode.None, "");
        }
    }

    private InMemoryConnection[] Close()
    {
        lock (_network.Lock)
        {
            if (_closed)
                return [];
            _closed = true;
            _network.Remove(this);
            _accepted.Complete();
            return [.. Connections];
        }
    }

    private void ThrowIfClosed()
    {
        if (_closed)
            throw new TransportException(TransportErrorKind.TransportClosed, "The transport is closed.");
    }

    private static async ValueTask<ITransportConnection> AcceptCore(ValueTask<ITransportConnection> read)
    {
        try
        {
            return await read.ConfigureAwait(false);
        }
        catch (MailboxCompletedException e)
        {
            throw new TransportException(TransportErrorKind.TransportClosed, "The transport is closed.", null, e);
        }
    }

    private static TransportCloseInfo Refusal(ulong code, string reason) =>
        new(TransportCloseKind.Protocol, true, new CloseCode(code), reason);

    /// <summary>One call to connect, with all its attempts.</summary>
    private sealed class Dial(PeerId peer, string alpn, int attempts, TaskScheduler scheduler)
    {
        private readonly HashSet<IPEndPoint> _reached = [];
        private int _left = attempts;

        public PeerId Peer { get; } = peer;

        public string Alpn { get; } = alpn;

        public Completion<ITransportConnection> Result { get; } = new(scheduler);

        public bool TryReach(IPEndPoint target) => _reached.Add(target);

        public void Unreach(IPEndPoint target) => _reached.Remove(target);

        /// <summary>One address refused; the last one decides.</summary>
        public void FailOne(TransportCloseInfo info)
        {
            if (--_left == 0)
                Fail(info);
        }

        public void Fail(TransportCloseInfo info) => Result.TrySetException(new TransportException(
            TransportErrorKind.ConnectFailed, $"Cannot connect to {Peer:S}: {info}.", info));
    }
}
