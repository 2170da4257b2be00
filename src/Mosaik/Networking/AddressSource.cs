namespace Mosaik.Networking;

/// <summary>Where an address was learnt (spec/wire.md §5.4), in the order in which addresses are tried.</summary>
internal enum AddressSource
{
    /// <summary>Bootstrap configuration and explicit dials. Lives until the node stops.</summary>
    Explicit,

    /// <summary>Entries of the catalog. Lives while there, then 5 minutes.</summary>
    Signed,

    /// <summary>Remote address of a connection that the peer has opened. Lives while open, then 10 minutes.</summary>
    Inbound,

    /// <summary>Announcements on the local network, for as long as announced, at most 5 minutes.</summary>
    Mdns,

    /// <summary>Hints in gossip messages. 5 minutes since the last one.</summary>
    Gossip,

    /// <summary>Records of the distributed hash table. 600 s.</summary>
    Dht,
}
