using System.Net;
using Mosaik.Networking;
using Mosaik.Networking.Transport;
using Mosaik.Primitives;

namespace Mosaik.Simulation.Streams;

/// <summary>A transport whose connections can be broken from outside.</summary>
internal sealed class TransportTap(ITransport inner) : ITransport
{
    private readonly List<ITransportConnection> _dialled = [];

    public event EventHandler? LocalAddressesChanged
    {
        add => inner.LocalAddressesChanged += value;
        remove => inner.LocalAddressesChanged -= value;
    }

    public PeerId LocalId => inner.LocalId;

    public IReadOnlyList<IPEndPoint> LocalEndPoints => inner.LocalEndPoints;

    public IReadOnlyList<IPEndPoint> LocalAddresses => inner.LocalAddresses;

    /// <summary>Breaks the connections of one protocol that this node has dialled to a peer.</summary>
    public void Break(PeerId peer, string alpn)
    {
        foreach (ITransportConnection connection in _dialled.Where(c => c.RemoteId == peer && c.Alpn == alpn).ToArray())
            connection.Abort(CloseCode.UnexpectedClose, "");
    }

    public void SetAcceptedAlpn(IReadOnlyList<string> protocols) => inner.SetAcceptedAlpn(protocols);

    public async ValueTask<ITransportConnection> ConnectAsync(
        PeerId peer, IReadOnlyList<TransportAddress> addresses, string alpn,
        CancellationToken cancellationToken = default)
    {
        ITransportConnection connection = await inner.ConnectAsync(peer, addresses, alpn, cancellationToken);
        _dialled.RemoveAll(static c => c.CloseInfo is not null);
        _dialled.Add(connection);
        return connection;
    }

    public ValueTask<ITransportConnection> AcceptAsync(CancellationToken cancellationToken = default) =>
        inner.AcceptAsync(cancellationToken);

    public void Abort() => inner.Abort();

    public ValueTask DisposeAsync() => inner.DisposeAsync();
}
