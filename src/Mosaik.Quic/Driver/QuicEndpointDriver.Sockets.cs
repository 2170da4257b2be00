using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Mosaik.Quic.Connection;
using Mosaik.Quic.Paths;

namespace Mosaik.Quic.Driver;

// Sockets: what they deliver, and what leaves through them.
internal sealed partial class QuicEndpointDriver
{
    /// <summary>Batches that leave before received datagrams and posted work get their turn again.</summary>
    private const int BatchesPerRound = 8;

    /// <summary>A batch that found no room is offered again after this time, or with the next turn.</summary>
    private static readonly TimeSpan SendRetry = TimeSpan.FromMilliseconds(1);

    /// <summary>Paths that are too narrow are mentioned this often.</summary>
    private static readonly TimeSpan TooLargeMessageInterval = TimeSpan.FromSeconds(10);

    private readonly byte[] _sendBuffer = GC.AllocateUninitializedArray<byte>(ushort.MaxValue, pinned: true);
    private Transmit _blocked;
    private int _blockedOffset;
    private bool _isBlocked;
    private TimeSpan _retryAt;
    private TimeSpan _nextTooLargeMessage;

    /// <summary>Inside: this turn shall not end without transmitting.</summary>
    public void TransmitSoon() => _gate.RequestTurn();

    private SocketEntry[] OpenSockets()
    {
        var entries = new List<SocketEntry>();
        try
        {
            foreach (var local in _options.BindEndPoints)
            {
                entries.Add(new SocketEntry(this, OpenSocket(local, _logger), dialSocket: 0));
            }
        }
        catch
        {
            foreach (var entry in entries)
                entry.Socket.Dispose();
            throw;
        }
        return [.. entries];
    }

    private IDatagramSocket OpenSocket(IPEndPoint local, ILogger logger)
    {
        var hasIpv4 = _options.BindEndPoints.Any(static e => e.AddressFamily == AddressFamily.InterNetwork);
        return _options.SocketFactory?.Invoke(local) ?? UdpSocketDriver.Open(local, dualStack: !hasIpv4, logger);
    }

    /// <summary>Hands what the connections have to say to the sockets. True if there may be more.</summary>
    private bool Transmit()
    {
        if (_isBlocked && !TrySendBlocked())
            return false;
        for (var i = 0; i < BatchesPerRound; i++)
        {
            if (!_core.PollTransmit(Now, _sendBuffer, out var transmit))
            {
                OnAllTransmitted();
                return false;
            }
            if (!TrySend(transmit, 0))
                return false;
        }
        return true;
    }

    private bool TrySendBlocked()
    {
        if (Now < _retryAt)
            return false;
        if (!_closing.IsEmpty && Now >= _closeDeadline)
        {
            Finish();
            return false;
        }
        _isBlocked = false;
        return TrySend(_blocked, _blockedOffset);
    }

    /// <summary>Sends one batch in as few calls as the socket allows; false when it has to be offered again.</summary>
    private bool TrySend(in Transmit transmit, int offset)
    {
        if (SocketFor(transmit.Path) is not { } socket)
            return true; // the last words of a connection whose own socket is closed
        while (offset < transmit.Length)
        {
            var segments = _isWatched ? 1 : Math.Max(1, socket.MaxSegments);
            var length = Math.Min(transmit.Length - offset, segments * transmit.SegmentSize);
            var datagrams = new OutgoingDatagrams(
                _sendBuffer.AsSpan(offset, length), transmit.SegmentSize, transmit.Path.Remote, transmit.Ecn);
            switch (socket.Send(datagrams))
            {
                case DatagramSendResult.WouldBlock:
                    (_blocked, _blockedOffset, _isBlocked) = (transmit, offset, true);
                    _retryAt = Now + SendRetry;
                    return false;
                case DatagramSendResult.TooLarge when Now >= _nextTooLargeMessage:
                    // Datagrams have the size every path must carry (RFC 9000 §14): there is no smaller one to fall back to.
                    Log.DatagramTooLarge(_logger, transmit.Path.Remote, transmit.SegmentSize);
                    _nextTooLargeMessage = Now + TooLargeMessageInterval;
                    break;
            }
            offset += length;
        }
        return true;
    }

    /// <summary>The socket of the path; null if it was a connection's own and is closed.</summary>
    private IDatagramSocket? SocketFor(in PathAddress path) =>
        path.DialSocket == 0 ? SharedSocketFor(path) : _dialSockets.GetValueOrDefault(path.DialSocket)?.Socket;

    /// <summary>The socket that owns our address of the path, or else one of the peer's address family.</summary>
    private IDatagramSocket SharedSocketFor(in PathAddress path)
    {
        if (_sockets.Length == 1)
            return _sockets[0].Socket;
        foreach (var entry in _sockets)
        {
            if (path.Local is { } local && entry.Socket.LocalEndPoint.Address.Equals(local))
                return entry.Socket;
        }
        foreach (var entry in _sockets)
        {
            if (entry.Socket.LocalEndPoint.AddressFamily == path.Remote.AddressFamily)
                return entry.Socket;
        }
        // A dual-stack socket serves IPv4, too.
        return _sockets[0].Socket;
    }

    private void Receive(ReceivedDatagrams datagrams, int dialSocket)
    {
        if (_isGone)
        {
            datagrams.Release();
            return;
        }
        var path = new PathAddress(datagrams.Remote, datagrams.LocalAddress, dialSocket);
        QuicConnectionCore? connection = null;
        var segment = datagrams.SegmentSize is > 0 and var size && size < datagrams.Length ? size : datagrams.Length;
        try
        {
            for (var at = 0; at < datagrams.Length; at += segment)
            {
                var length = Math.Min(segment, datagrams.Length - at);
                _core.HandleDatagram(Now, path, datagrams.Ecn, datagrams.Buffer.AsSpan(at, length), out connection);
            }
        }
        catch (Exception e)
        {
            // A bug that a peer has found. It costs the peer its connection, and nobody else anything.
            Log.DatagramFailed(_logger, datagrams.Remote, e);
            connection?.Abort(Now);
        }
        datagrams.Release();
        // The datagrams of one batch have one sender, and nearly always one connection.
        (connection?.UserState as ConnectionDriver)?.Publish(Now);
    }

    /// <summary>One socket of the endpoint, and its side of the driver.</summary>
    private sealed class SocketEntry(QuicEndpointDriver driver, IDatagramSocket socket, int dialSocket)
        : IDatagramReceiver
    {
        public IDatagramSocket Socket { get; } = socket;

        public void OnReceived(ReceivedDatagrams datagrams) => OnReceivedTogether(new(in datagrams));

        /// <summary>
        /// Entered once for all of them, so that a read which was posted meanwhile ends once with the bytes of all.
        /// </summary>
        public void OnReceivedTogether(ReadOnlySpan<ReceivedDatagrams> batch)
        {
            if (!driver.TryEnter())
            {
                // Kept with the buffer, which comes back again and again.
                foreach (var datagrams in batch)
                    driver.Post(datagrams.Work ??= new ReceiveWork(driver, datagrams, dialSocket));
                return;
            }

            try
            {
                foreach (var datagrams in batch)
                    driver.Receive(datagrams, dialSocket);
                driver.DispatchReceived();
            }
            finally
            {
                driver._gate.Leave();
            }
        }

        public void OnDrained() => driver._gate.RequestTurn();

        public void OnFailed(Exception exception)
        {
            Log.ReceiveFailed(driver._logger, Socket.LocalEndPoint, exception);
            driver.Run(
                static state => state.Driver.OnSocketFailed(state.DialSocket, state.Exception),
                (Driver: driver, DialSocket: dialSocket, Exception: exception));
        }
    }

    private sealed class ReceiveWork(QuicEndpointDriver driver, ReceivedDatagrams datagrams, int dialSocket) : IWork
    {
        public IWork? Next { get; set; }

        public void Run() => driver.Receive(datagrams, dialSocket);
    }
}
