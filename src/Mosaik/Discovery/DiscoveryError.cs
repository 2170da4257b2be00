namespace Mosaik.Discovery;

/// <summary>What a <see cref="DiscoveryException"/> tells.</summary>
public enum DiscoveryError
{
    /// <summary>The key does not belong to the id in the entry.</summary>
    InvalidSecretKey,

    /// <summary>The other node belongs to another network.</summary>
    DifferentNetwork,

    /// <summary>An entry was not signed by the node it speaks of.</summary>
    InvalidSignature,

    /// <summary>The id of an entry cannot change.</summary>
    PeerIdChanged,

    /// <summary>The link to the peer failed; the inner exception tells how.</summary>
    Link,
}
