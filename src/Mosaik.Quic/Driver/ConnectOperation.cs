using System.Net;

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
        try
        {
            _connection = Driver.Connect(remote, peerKey, alpn);
        }
        catch (QuicException e)
        {
            EndWith(e);
            return;
        }
        _connection.Connecting = this;
        BeginWaiting();
        Driver.TransmitSoon();
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
