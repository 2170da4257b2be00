namespace Mosaik.Discovery.Gossip.Protocol;

/// <summary>The messages of both layers; the value is layer tag and message tag (spec/gossip.md §4).</summary>
internal enum GossipMessageKind
{
    Join = 0x0000,
    ForwardJoin = 0x0001,
    Shuffle = 0x0002,
    ShuffleReply = 0x0003,
    Neighbor = 0x0004,
    Disconnect = 0x0005,
    Gossip = 0x0100,
    Prune = 0x0101,
    Graft = 0x0102,
    IHave = 0x0103,
}
