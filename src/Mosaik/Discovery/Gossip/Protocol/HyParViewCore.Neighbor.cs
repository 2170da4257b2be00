using Mosaik.Primitives;

namespace Mosaik.Discovery.Gossip.Protocol;

// Becoming neighbours, and no longer being neighbours.
internal sealed partial class HyParViewCore
{
    private void OnNeighbor(PeerId from, NeighborMessage message)
    {
        Touch(from);
        bool isReply = _pending.Remove(from);
        _answered.Remove(from);
        // It has answered before it heard that it was dropped again, and hears that next: it will not take us for a neighbour.
        bool isLate = _late.Remove(from) && !isReply && !_active.Contains(from);
        PeerData? data = Accept(from, message.Data);
        if (isLate || !AddActive(from, data, message.Priority, isReply ? Reply.None : Reply.ToRequest))
            SendDisconnect(from, isAlive: true);
    }

    private void OnDisconnect(PeerId from, DisconnectMessage message)
    {
        Touch(from);
        bool isRefusal = _pending.Remove(from);
        _answered.Remove(from);
        _late.Remove(from);
        if (_active.Contains(from))
        {
            RemoveActive(from, message.IsAlive ? Leaving.SaidAlive : Leaving.SaidGone);
        }
        else if (message.IsAlive && _passive.Contains(from))
        {
            _aliveMarks.Add(from);
            if (isRefusal)
                _refused.Add(from);
        }
    }

    /// <summary>
    /// Somebody who is no neighbour sends what only neighbours get: it has not heard that it was dropped, or took a late
    /// answer for consent. It is told once until the next shuffle.
    /// </summary>
    private void SetRight(PeerId peer)
    {
        if (_upstreamExact || _active.Contains(peer) || _pending.Contains(peer) || _parted.Contains(peer))
            return;
        Remember(_parted, peer);
        _effects.Send(peer, new DisconnectMessage(true));
        _effects.DisconnectPeer(peer);
    }

    private static void Remember(HashSet<PeerId> peers, PeerId peer)
    {
        if (peers.Count < MaxRemembered)
            peers.Add(peer);
    }
}
