using Mosaik.Primitives;

namespace Mosaik.Discovery.Gossip.Protocol;

// The procedures of spec/gossip.md §7.
internal sealed partial class HyParViewCore
{
    /// <summary>Peers told to somebody who is sent away, so that it does not starve.</summary>
    private const int NodesInParting = 7;

    /// <summary>What a new neighbour gets to hear.</summary>
    private enum Reply
    {
        /// <summary>Nothing, for it has answered us.</summary>
        None,

        /// <summary>An answer that is answered in turn.</summary>
        ToJoin,

        /// <summary>An answer that ends the exchange, unless the peer has forgotten that it asked.</summary>
        ToRequest,
    }

    private bool AddActive(PeerId peer, PeerData? data, NeighborPriority priority, Reply reply)
    {
        if (peer == _me)
            return false;
        StoreData(peer, data);
        if (!_active.Contains(peer))
        {
            if (_active.Count >= _options.ActiveViewCapacity)
            {
                if (priority == NeighborPriority.Low || _active.Pick(_random) is not { } victim)
                    return false;
                RemoveCore(victim, Leaving.Random);
            }

            Touch(peer);
            _passive.Remove(peer);
            _aliveMarks.Remove(peer);
            _late.Remove(peer);
            _parted.Remove(peer);
            _active.Add(peer);
            _effects.Emit(new GossipEvent.NeighborUp(peer));
        }

        if (reply == Reply.None)
            return true;
        SendNeighbor(peer, priority);
        if (reply == Reply.ToRequest)
            _answered.Add(peer);
        return true;
    }

    private void SendNeighbor(PeerId peer, NeighborPriority priority)
    {
        if (peer == _me && !_upstreamExact)
            return;
        Touch(peer);
        if (_pending.Add(peer))
            _effects.Send(peer, new NeighborMessage(priority, _myData));
    }

    private void AddPassive(PeerId peer, PeerData? data)
    {
        if (peer == _me)
            return;
        StoreData(peer, data);
        if (_active.Contains(peer) || _passive.Contains(peer))
            return;
        if (_passive.Count >= _options.PassiveViewCapacity && _passive.Pick(_random) is { } evicted)
        {
            _passive.Remove(evicted);
            Touch(evicted);
        }

        _passive.Add(peer);
    }

    private void StoreData(PeerId peer, PeerData? data)
    {
        if (peer == _me)
            return; // nothing that others say about this node is of use to it
        Touch(peer);
        if (data is null)
            return;
        bool isSame = _peerData.TryGetValue(peer, out PeerData? known) && known.Equals(data);
        if (!isSame && data.Length > 0)
            _effects.PeerDataSeen(peer, data);
        _peerData[peer] = data;
    }

    private void RemoveActive(PeerId peer, Leaving reason)
    {
        RemoveCore(peer, reason);
        Refill(peer);
    }

    private void RemoveCore(PeerId peer, Leaving reason)
    {
        Touch(peer);
        _active.Remove(peer);
        _effects.Emit(new GossipEvent.NeighborDown(peer));
        if (!_upstreamExact)
            CloseExchange(peer, reason);
        if (reason == Leaving.Random)
            SendDisconnect(peer, isAlive: true);
        else
            _effects.DisconnectPeer(peer);
        bool isKept = reason is Leaving.Random or Leaving.SaidAlive
            || (reason == Leaving.ConnectionClosed && _aliveMarks.Remove(peer));
        if (!isKept)
            return;
        AddPassive(peer, _peerData.GetValueOrDefault(peer));
        if (reason != Leaving.ConnectionClosed)
            _aliveMarks.Add(peer); // the connection is about to end, and that says nothing about the peer
    }

    /// <summary>
    /// What was open with a neighbour ends with it: its next message is a request, and not the answer to one of ours. Only an
    /// answer that must be on its way is still taken for what it is.
    /// </summary>
    private void CloseExchange(PeerId peer, Leaving reason)
    {
        bool owesAnswer = _pending.Remove(peer) && !_answered.Contains(peer);
        _answered.Remove(peer);
        if (owesAnswer && reason == Leaving.Random)
            Remember(_late, peer);
    }

    private void SendDisconnect(PeerId peer, bool isAlive)
    {
        Remember(_parted, peer);
        SendShuffleReply(peer, NodesInParting);
        _effects.Send(peer, new DisconnectMessage(isAlive));
        _effects.DisconnectPeer(peer);
    }

    /// <summary>Asks one peer of the reserve if there is room for a neighbour.</summary>
    private void Refill(PeerId? skip)
    {
        int load = _active.Count + (_upstreamExact ? _pending.Count : _pending.Count(p => !_active.Contains(p)));
        if (load >= _options.ActiveViewCapacity)
            return;
        if (_passive.Pick(_random, p => p != skip && !_pending.Contains(p) && !HasRefused(p)) is not { } candidate)
            return;
        SendNeighbor(candidate, _active.Count == 0 ? NeighborPriority.High : NeighborPriority.Low);
        _effects.Schedule(_options.NeighborRequestTimeout, new GossipTimer.PendingNeighbor(candidate));
    }

    /// <summary>
    /// A refusal holds until the next shuffle, for every one brings a shuffle reply that has us ask again: among a few peers
    /// that are all full that would go on as fast as the links carry it. Who has no neighbour is refused by nobody.
    /// </summary>
    private bool HasRefused(PeerId peer) => !_upstreamExact && _active.Count > 0 && _refused.Contains(peer);
}
