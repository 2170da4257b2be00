using Mosaik.Networking.Transport;
using Mosaik.Primitives;

namespace Mosaik.Networking;

/// <summary>
/// The connections a node has open, by peer, whatever they are for: what one of them knows of the path needs no
/// connection more (spec/discovery.md §10.3). Not thread-safe: the owner locks.
/// </summary>
internal sealed class LiveConnections
{
    private readonly Dictionary<PeerId, List<ITransportConnection>> _byPeer = [];

    /// <summary>The connection is open.</summary>
    public void Add(ITransportConnection connection)
    {
        if (_byPeer.TryGetValue(connection.RemoteId, out var connections))
            connections.Add(connection);
        else
            _byPeer[connection.RemoteId] = [connection];
    }

    /// <summary>The connection has ended.</summary>
    public void Remove(ITransportConnection connection)
    {
        if (!_byPeer.TryGetValue(connection.RemoteId, out var connections))
            return;
        connections.Remove(connection);
        if (connections.Count == 0)
            _byPeer.Remove(connection.RemoteId);
    }

    /// <summary>The round-trip time as the youngest connection knows it; null if none does.</summary>
    public TimeSpan? RttOf(PeerId peer) => _byPeer.TryGetValue(peer, out var connections)
        ? connections.Select(static c => c.Rtt).LastOrDefault(static rtt => rtt is not null)
        : null;
}
