using System.Net;
using System.Net.Sockets;
using Mosaik.Quic;

namespace Mosaik.Testing;

/// <summary>A machine on an <see cref="InMemoryDatagramNetwork"/>.</summary>
public sealed class InMemoryHost
{
    private const int FirstPort = 40_000;

    private readonly InMemoryDatagramNetwork _network;
    private readonly List<InMemorySocket> _sockets = [];
    private int _lastPort = FirstPort;

    internal InMemoryHost(InMemoryDatagramNetwork network, IPAddress address)
    {
        _network = network;
        Address = address;
    }

    /// <summary>Its address.</summary>
    public IPAddress Address { get; }

    /// <summary>Opens a socket: what a node takes as its socket factory.</summary>
    /// <param name="endPoint">A wildcard or the host's own address; port 0 = any.</param>
    /// <returns>The socket.</returns>
    /// <exception cref="SocketException">The address is another host's, or the port is taken.</exception>
    public IDatagramSocket OpenSocket(IPEndPoint endPoint)
    {
        ArgumentNullException.ThrowIfNull(endPoint);
        var isWildcard = endPoint.Address.Equals(IPAddress.Any) || endPoint.Address.Equals(IPAddress.IPv6Any);
        if (!isWildcard && !endPoint.Address.Equals(Address))
            throw new SocketException((int)SocketError.AddressNotAvailable);
        while (true)
        {
            var bound = new IPEndPoint(Address, endPoint.Port == 0 ? _lastPort++ : endPoint.Port);
            var socket = new InMemorySocket(_network, bound);
            if (_network.TryBind(bound, socket))
            {
                _sockets.Add(socket);
                return socket;
            }

            if (endPoint.Port != 0)
                throw new SocketException((int)SocketError.AddressAlreadyInUse);
        }
    }

    /// <summary>The power fails: nothing is sent or received any more. Nobody is told.</summary>
    public void Crash()
    {
        foreach (var socket in _sockets)
            socket.Dispose();
        _sockets.Clear();
    }

    /// <summary>The address translator in front of the host forgets its mappings: all sockets appear under new ports.</summary>
    public void Rebind()
    {
        foreach (var socket in _sockets)
            socket.MoveTo(new IPEndPoint(Address, _lastPort++));
    }
}
