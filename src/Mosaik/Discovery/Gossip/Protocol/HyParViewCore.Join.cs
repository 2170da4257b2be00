using Mosaik.Primitives;

namespace Mosaik.Discovery.Gossip.Protocol;

// A newcomer: Join, and the news of it.
internal sealed partial class HyParViewCore
{
    private void OnJoin(PeerId newcomer, JoinMessage message)
    {
        if (newcomer == _me && !_upstreamExact)
            return;
        // A neighbour that joins has started anew and waits for an answer, even if it owes us one from its former life.
        if (_active.Contains(newcomer) && !_upstreamExact)
        {
            _pending.Remove(newcomer);
            _answered.Remove(newcomer);
        }

        PeerData? data = Accept(newcomer, message.Data);
        AddActive(newcomer, data, NeighborPriority.High, Reply.ToJoin);
        var news = new ForwardJoinMessage(new GossipPeerInfo(newcomer, data), (ushort)_options.ActiveRandomWalkLength);
        foreach (PeerId peer in _active.Items)
        {
            if (peer != newcomer)
                _effects.Send(peer, news);
        }
    }

    private void OnForwardJoin(PeerId from, ForwardJoinMessage message)
    {
        PeerId newcomer = message.Peer.Id;
        if (newcomer == _me && !_upstreamExact)
            return;
        PeerData? data = Accept(from, message.Peer.Data);
        int ttl = Math.Min(message.Ttl, _options.ActiveRandomWalkLength);
        if (_active.Contains(newcomer) || ttl == 0 || _active.Count <= 1)
        {
            // Not a neighbour yet: it becomes one when it answers, so that only peers that can be reached do.
            StoreData(newcomer, data);
            SendNeighbor(newcomer, NeighborPriority.High);
            return;
        }

        if (ttl == _options.PassiveRandomWalkLength)
            AddPassive(newcomer, data);
        if (_pending.Contains(newcomer))
            return;
        if (_active.Pick(_random, peer => peer != from) is { } next)
            _effects.Send(next, new ForwardJoinMessage(new GossipPeerInfo(newcomer, data), (ushort)(ttl - 1)));
    }
}
