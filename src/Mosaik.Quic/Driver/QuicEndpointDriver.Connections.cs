using System.Net;
using Mosaik.Quic.Connection;

namespace Mosaik.Quic.Driver;

// Connections: how they come and go, and how the endpoint itself ends.
internal sealed partial class QuicEndpointDriver
{
    /// <summary>Closing waits at most so long for a socket that has no room for the close packets.</summary>
    private static readonly TimeSpan CloseTime = TimeSpan.FromSeconds(1);

    private readonly LinkedList<ConnectionDriver> _connections = new();
    private readonly LinkedList<ConnectionDriver> _ready = new();
    private readonly WaitingLine<QuicConnection> _accepting = new();
    private readonly WaitingLine<bool> _closing = new();
    private readonly List<ConnectionDriver> _sayingGoodbye = [];
    private TimeSpan _closeDeadline;
    private bool _isGone;

    /// <summary>See <see cref="QuicEndpoint.ConnectAsync"/>; arguments are checked and copied.</summary>
    public ValueTask<QuicConnection> ConnectAsync(
        IPEndPoint remote, ReadOnlyMemory<byte> peerKey, IReadOnlyList<string> alpn, CancellationToken cancellationToken) =>
        cancellationToken.IsCancellationRequested
            ? ValueTask.FromCanceled<QuicConnection>(cancellationToken)
            : Start(new ConnectOperation(this, remote, peerKey, alpn), cancellationToken);

    /// <summary>See <see cref="QuicEndpoint.AcceptAsync"/>.</summary>
    public ValueTask<QuicConnection> AcceptAsync(CancellationToken cancellationToken) =>
        cancellationToken.IsCancellationRequested
            ? ValueTask.FromCanceled<QuicConnection>(cancellationToken)
            : Start(new AcceptOperation(this), cancellationToken);

    /// <summary>See <see cref="QuicEndpoint.SetAcceptedAlpn"/>.</summary>
    public void SetAcceptedAlpn(IReadOnlyList<string> alpn) =>
        Run(static state => state.Driver._core.AcceptedAlpn = state.Alpn, (Driver: this, Alpn: alpn));

    /// <summary>See <see cref="QuicEndpoint.DisposeAsync"/>.</summary>
    public ValueTask CloseAsync() => StartUntyped(new EndpointCloseOperation(this), CancellationToken.None);

    /// <summary>See <see cref="QuicEndpoint.Abort"/>.</summary>
    public void Abort() => Run(
        static driver => driver.Collapse(new QuicException(QuicErrorKind.EndpointClosed, "The endpoint was aborted.")), this);

    /// <summary>Inside: begins an attempt.</summary>
    /// <exception cref="QuicException">The endpoint has as many connections as it may, or a socket is missing.</exception>
    public ConnectionDriver Connect(IPEndPoint remote, ReadOnlyMemory<byte> peerKey, IReadOnlyList<string> alpn)
    {
        var path = OpenPath(remote);
        if (_core.Connect(Now, path, peerKey, ServerNames.Of(peerKey.Span), alpn) is { } core)
            return Adopt(core);
        CloseDialSocket(path.DialSocket);
        throw new QuicException(
            QuicErrorKind.ConnectFailed,
            "The endpoint has as many connections as its options allow.",
            new QuicCloseInfo(QuicCloseKind.Transport, IsRemote: false, (ulong)QuicError.ConnectionRefused, ""));
    }

    /// <summary>Inside: the connection was closed, and somebody waits until the close packet has left.</summary>
    public void TransmitClose(ConnectionDriver connection)
    {
        _sayingGoodbye.Add(connection);
        TransmitSoon();
    }

    /// <summary>Inside: a handshake is complete.</summary>
    public void OnConnected(ConnectionDriver connection)
    {
        Log.Connected(
            _logger, connection.Id, connection.RemoteEndPoint, connection.IsClient ? "client" : "server", connection.Alpn);
        if (connection.IsClient)
            return;
        if (_accepting.TryTake(out var operation))
        {
            _core.OnAccepted(connection.Core);
            operation.End(connection.Connection);
        }
        else
        {
            _ready.AddLast(connection);
        }
    }

    /// <summary>Inside: a connection has ended.</summary>
    public void OnClosed(ConnectionDriver connection, QuicCloseInfo info) =>
        Log.Closed(_logger, connection.Id, connection.RemoteEndPoint, info);

    /// <summary>
    /// Inside: the core has forgotten a connection. If it was never accepted it never will be, so that nobody can pile up
    /// dead connections.
    /// </summary>
    public void OnDrained(ConnectionDriver connection)
    {
        if (connection.Place is { } place)
            _connections.Remove(place);
        connection.Place = null;
        _ready.Remove(connection);
        if (connection.IsClient)
            CloseDialSocket(connection.Core.Path.DialSocket);
    }

    private ConnectionDriver Adopt(QuicConnectionCore core)
    {
        var connection = new ConnectionDriver(this, core);
        core.UserState = connection;
        connection.Place = _connections.AddLast(connection);
        return connection;
    }

    private bool DispatchEvents()
    {
        var any = false;
        while (_core.TryPollEvent(out var core, out var e))
        {
            any = true;
            var connection = core.UserState as ConnectionDriver;
            // Incoming connections get their handles when they are worth one.
            if (connection is null && e.Kind == ConnectionEventKind.Connected)
                connection = Adopt(core);
            connection?.OnEvent(e);
        }
        return any;
    }

    /// <summary>Nothing is left to send.</summary>
    private void OnAllTransmitted()
    {
        if (_sayingGoodbye.Count > 0)
        {
            foreach (var connection in _sayingGoodbye)
                connection.OnCloseSent();
            _sayingGoodbye.Clear();
        }
        if (!_closing.IsEmpty)
            Finish();
    }

    /// <summary>Closes all connections politely; what follows happens when their packets have left.</summary>
    private void BeginClosing()
    {
        ClosedError = new QuicException(QuicErrorKind.EndpointClosed, "The endpoint is closed.");
        _closeDeadline = Now + CloseTime;
        _core.AcceptedAlpn = [];
        _accepting.EndAllWith(ClosedError);
        foreach (var core in _core.Connections)
            core.Close(Now, 0, "");
        TransmitSoon();
    }

    /// <summary>Ends without a word.</summary>
    private void Collapse(QuicException error)
    {
        if (_isGone)
            return;
        ClosedError ??= error;
        _accepting.EndAllWith(ClosedError);
        Finish();
    }

    /// <summary>The end: nothing is received or sent any more, and nobody waits any more.</summary>
    private void Finish()
    {
        _isGone = true;
        _timer.Dispose();
        foreach (var entry in _sockets)
            entry.Socket.Dispose();
        foreach (var number in _dialSockets.Keys.ToArray())
            CloseDialSocket(number);
        // Whoever finishes has set it.
        var error = ClosedError!;
        for (var node = _connections.First; node is not null; node = node.Next)
        {
            node.Value.OnEndpointGone(error);
            node.Value.Place = null; // the core may have forgotten it in this same turn, and its event still be on the way
        }
        _connections.Clear();
        _ready.Clear();
        _sayingGoodbye.Clear();
        foreach (var core in _core.Connections.ToArray())
            core.Abort(Now);
        _identity.Dispose();
        _keyLogFile?.Dispose();
        while (_closing.TryTake(out var operation))
            operation.End(true);
    }

    private sealed class AcceptOperation(QuicEndpointDriver driver) : DriverOperation<QuicConnection>(driver)
    {
        protected override void Attempt()
        {
            if (Driver.ClosedError is { } error)
            {
                EndWith(error);
            }
            else if (Driver._ready.First is { } first)
            {
                Driver._ready.RemoveFirst();
                Driver._core.OnAccepted(first.Value.Core);
                End(first.Value.Connection);
            }
            else
            {
                Driver._accepting.Add(this);
            }
        }

        protected override void Withdraw() => Driver._accepting.Remove(this);
    }

    private sealed class EndpointCloseOperation(QuicEndpointDriver driver) : DriverOperation<bool>(driver)
    {
        protected override void Attempt()
        {
            if (Driver._isGone)
            {
                End(true);
                return;
            }
            Driver._closing.Add(this);
            if (Driver.ClosedError is null)
                Driver.BeginClosing();
        }

        protected override void Withdraw() => Driver._closing.Remove(this);
    }
}
