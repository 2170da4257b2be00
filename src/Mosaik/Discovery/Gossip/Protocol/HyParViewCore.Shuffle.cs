using Mosaik.Primitives;

namespace Mosaik.Discovery.Gossip.Protocol;

// Mixing the reserves.
internal sealed partial class HyParViewCore
{
    private void DoShuffle()
    {
        _refused.Clear(); // by now there may be room
        _late.Clear();
        _parted.Clear();
        if (_active.Pick(_random) is { } target)
        {
            List<GossipPeerInfo> nodes =
            [
                .. _active.Sample(_random, _options.ShuffleActiveCount, target).Select(InfoOf),
                .. _passive.Sample(_random, _options.ShufflePassiveCount, target).Select(InfoOf),
                new GossipPeerInfo(_me, _myData),
            ];
            SendShuffle(target, _me, nodes, _options.ShuffleRandomWalkLength);
        }

        _effects.Schedule(_options.ShuffleInterval, new GossipTimer.DoShuffle());
    }

    private void OnShuffle(PeerId from, ShuffleMessage message)
    {
        if (message.Origin == _me && !_upstreamExact)
            return; // ours never comes back on an honest walk
        List<GossipPeerInfo> nodes = Accept(from, message.Nodes);
        int ttl = Math.Min(message.Ttl, _options.ShuffleRandomWalkLength);
        if (ttl == 0 || _active.Count <= 1)
        {
            foreach (GossipPeerInfo node in nodes)
                AddPassive(node.Id, node.Data);
            SendShuffleReply(message.Origin, nodes.Count);
        }
        else if (_active.Pick(_random, peer => peer != from && peer != message.Origin) is { } next)
        {
            SendShuffle(next, message.Origin, nodes, ttl - 1);
        }
    }

    private void OnShuffleReply(PeerId from, ShuffleReplyMessage message)
    {
        foreach (GossipPeerInfo node in Accept(from, message.Nodes))
            AddPassive(node.Id, node.Data);
        Refill(null);
    }

    private void SendShuffle(PeerId to, PeerId origin, List<GossipPeerInfo> nodes, int ttl) =>
        _effects.Send(to, new ShuffleMessage(origin, Fit(nodes, fixedSize: 2 + PeerId.Length + 3), (ushort)ttl));

    private void SendShuffleReply(PeerId to, int count)
    {
        List<PeerId> peers = [.. _passive.Sample(_random, count)];
        if (peers.Count < count)
            peers.AddRange(_active.Sample(_random, count - peers.Count));
        _effects.Send(to, new ShuffleReplyMessage(Fit([.. peers.Select(InfoOf)], fixedSize: 2)));
    }

    /// <summary>
    /// As much of a list as fits one frame: all ids before any data, and data from the end, where a shuffle has the
    /// sender itself.
    /// </summary>
    private List<GossipPeerInfo> Fit(List<GossipPeerInfo> nodes, int fixedSize)
    {
        int room = _options.MaxMessageSize - 1 - fixedSize - 1; // a count below 128 takes one byte
        int fitting = Math.Min(nodes.Count, room / GossipPeerInfo.MinimumSize);
        if (fitting < nodes.Count)
            nodes.RemoveRange(0, nodes.Count - fitting);
        room -= fitting * GossipPeerInfo.MinimumSize;
        for (int i = fitting - 1; i >= 0; i--)
        {
            if (nodes[i].Data is not { } data)
                continue;
            room -= data.Length + 2; // stored data are at most 1024 bytes, so the length takes two
            if (room < 0)
            {
                room += data.Length + 2;
                nodes[i] = nodes[i] with { Data = null };
            }
        }

        return nodes;
    }

    private List<GossipPeerInfo> Accept(PeerId from, IReadOnlyList<GossipPeerInfo> nodes) =>
        [.. nodes.Take(GossipPeerInfo.MaxPerMessage).Select(n => n with { Data = Accept(from, n.Data) })];

    /// <summary>Data as they are taken from a peer: nothing, if they are too large.</summary>
    private PeerData? Accept(PeerId from, PeerData? data)
    {
        if (data is null || data.Length <= _maxPeerData)
            return data;
        _effects.Refuse(from, GossipFault.BadPeerData);
        return null;
    }

    private GossipPeerInfo InfoOf(PeerId peer) => new(peer, _peerData.GetValueOrDefault(peer));
}
