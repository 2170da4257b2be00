using Mosaik.Discovery.Gossip;
using Mosaik.Discovery.Gossip.Protocol;
using Mosaik.Primitives;
using Mosaik.Quic;

namespace Mosaik.Tests.Discovery.Gossip;

/// <summary>Any message, from a seed.</summary>
internal static class RandomMessages
{
    public static GossipMessage Next(RandomSource random) => random.NextBelow(10) switch
    {
        0 => new JoinMessage(Data(random)),
        1 => new ForwardJoinMessage(Info(random), UInt16(random)),
        2 => new ShuffleMessage(Peers.Of(random.NextBelow(100)), Infos(random), UInt16(random)),
        3 => new ShuffleReplyMessage(Infos(random)),
        4 => new NeighborMessage((NeighborPriority)random.NextBelow(2), Data(random)),
        5 => new DisconnectMessage(random.NextBelow(2) == 0),
        6 => Broadcast(random),
        7 => PruneMessage.Instance,
        8 => new GraftMessage(random.NextBelow(2) == 0 ? null : Id(random), UInt16(random)),
        _ => new IHaveMessage([.. Enumerable.Range(0, random.NextBelow(200)).Select(_ => new Announced(Id(random), UInt16(random)))]),
    };

    private static BroadcastMessage Broadcast(RandomSource random)
    {
        byte[] content = Bytes(random, 300);
        return new BroadcastMessage(
            MessageId.Of(content), content, random.NextBelow(3) == 0 ? GossipScope.Neighbours : GossipScope.SwarmAt(UInt16(random)));
    }

    private static GossipPeerInfo[] Infos(RandomSource random) =>
        [.. Enumerable.Range(0, random.NextBelow(33)).Select(_ => Info(random))];

    private static GossipPeerInfo Info(RandomSource random) => new(Peers.Of(random.NextBelow(100)), Data(random));

    private static PeerData? Data(RandomSource random) => random.NextBelow(3) == 0 ? null : new PeerData(Bytes(random, 200));

    private static MessageId Id(RandomSource random) => new(UniqueId.Random(random));

    private static ushort UInt16(RandomSource random) =>
        (ushort)(random.NextBelow(2) == 0 ? random.NextBelow(8) : random.NextBelow(65_536));

    private static byte[] Bytes(RandomSource random, int limit)
    {
        byte[] bytes = new byte[random.NextBelow(limit)];
        random.Fill(bytes);
        return bytes;
    }
}
