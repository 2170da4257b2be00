using System.Net;
using Mosaik.Quic.Paths;

namespace Mosaik.Quic.Driver;

/// <summary>One dial: a connection attempt to one address (spec/quic.md §8.1).</summary>
internal sealed class ConnectOperation(
    QuicEndpointDriver driver, IPEndPoint remote, ReadOnlyMemory<byte> peerKey, IReadOnlyList<string> alpn)
    : DriverOperation<QuicConnection>(driver)
{
    private ConnectionDriver? _connection;

    protected override void Attempt()
    {
        if (Driver.ClosedError is { } error)
        {
            EndWith(error);
            return;
        }
        if (Driver.TryConnect(new PathAddress(remote), peerKey, alpn, out _connection))
        {
            _connection.Connecting = this;
            BeginWaiting();
            Driver.TransmitSoon();
        }
        else
        {
            EndWith(new QuicException(
                QuicErrorKind.ConnectFailed,
                "The endpoint has as many connections as its options allow.",
                new QuicCloseInfo(QuicCloseKind.Transport, IsRemote: false, (ulong)QuicError.ConnectionRefused, "")));
        }
    }

    /// <summary>The attempt was cancelled: the peer, which may have half a connection, is told.</summary>
    protected override void Withdraw()
    {
        if (_connection is null)
            return;
        _connection.Connecting = null;
        _connection.Core.Close(Driver.Now, 0, "");
        Driver.TransmitSoon();
    }
}
