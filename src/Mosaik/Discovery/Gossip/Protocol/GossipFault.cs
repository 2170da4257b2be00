namespace Mosaik.Discovery.Gossip.Protocol;

/// <summary>Why something received was refused although it could be decoded.</summary>
internal enum GossipFault
{
    /// <summary>The id of a payload is not the hash of its content.</summary>
    BadId,

    /// <summary>Data of a peer are larger than anybody needs.</summary>
    BadPeerData,
}
