using System.Net;
using Microsoft.Extensions.Logging.Abstractions;
using Mosaik.Quic.Paths;

namespace Mosaik.Quic.Driver;

// Sockets of single connections. While secrets are logged, every connection is dialled from a port of its own, so that
// no two connections share their addresses and ports: two endpoints that dial each other from their one socket have
// handshakes that cross on it, and tshark and Wireshark then give packets to the connection that began last. A socket of
// this kind ends with its connection, when that is drained; nobody is accepted on it, and nobody is told of its address.
internal sealed partial class QuicEndpointDriver
{
    /// <summary>Sockets of single connections at a time: each has a thread and buffers. More dials share one.</summary>
    private const int MaxDialSockets = 256;

    private readonly Dictionary<int, SocketEntry> _dialSockets = [];
    private int _lastDialSocket;
    private bool _hasSharedDials;

    /// <summary>The path on which a peer is dialled, with a socket of its own where that is wanted.</summary>
    /// <exception cref="QuicException">The socket cannot be opened.</exception>
    private PathAddress OpenPath(IPEndPoint remote)
    {
        var path = new PathAddress(remote);
        if (!_isWatched)
            return path;
        if (_dialSockets.Count >= MaxDialSockets)
        {
            if (!_hasSharedDials)
                Log.DialsShareSocket(_logger, MaxDialSockets);
            _hasSharedDials = true;
            return path;
        }

        var local = new IPEndPoint(SharedSocketFor(path).LocalEndPoint.Address, 0);
        IDatagramSocket socket;
        try
        {
            // What the system lacks was told when the endpoint opened its own sockets.
            socket = OpenSocket(local, NullLogger.Instance);
        }
        catch (Exception e) // a factory may throw anything, and this connection alone is concerned
        {
            throw new QuicException(
                QuicErrorKind.ConnectFailed,
                $"No socket could be opened at {local.Address} for the connection with {remote}: {e.Message} While TLS "
                + "secrets are logged, every dialled connection has a socket of its own; raise the limit of open files, "
                + "or log no secrets.",
                e);
        }

        var entry = new SocketEntry(this, socket, ++_lastDialSocket);
        _dialSockets.Add(_lastDialSocket, entry);
        socket.Start(entry);
        return new PathAddress(remote, null, _lastDialSocket);
    }

    private void CloseDialSocket(int number)
    {
        if (_dialSockets.Remove(number, out var entry))
            entry.Socket.Dispose();
    }

    /// <summary>A socket of the endpoint takes it along; one of a connection only that.</summary>
    private void OnSocketFailed(int dialSocket, Exception exception)
    {
        if (dialSocket == 0)
        {
            Collapse(new QuicException(QuicErrorKind.EndpointClosed, "The socket can receive no more.", exception));
            return;
        }

        foreach (var core in _core.Connections)
        {
            if (core.IsClient && core.Path.DialSocket == dialSocket)
            {
                core.Abort(Now);
                return;
            }
        }
    }
}
