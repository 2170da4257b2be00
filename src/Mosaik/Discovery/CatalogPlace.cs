using Mosaik.Primitives;

namespace Mosaik.Discovery;

/// <summary>
/// All that the owner of the catalog has of one peer, in one object: there are as many as peers, in each of many nodes of a
/// process.
/// </summary>
internal sealed class CatalogPlace(PeerId id)
{
    public PeerId Id { get; } = id;

    /// <summary>Its signed entry; at most one of the two.</summary>
    public SignedPeerEntry? Signed { get; set; }

    /// <summary>Its unsigned entry.</summary>
    public UnsignedPeer? Unsigned { get; set; }

    /// <summary>The entry, signed or not; null when there is none and the place is only still watched.</summary>
    public PeerEntry? Entry => Signed?.Entry ?? Unsigned?.Entry;

    /// <summary>When the entry was last received. Belongs to <see cref="ReceiptOrder"/>, as the next two do.</summary>
    public long ReceivedMs { get; set; }

    public CatalogPlace? Previous { get; set; }

    public CatalogPlace? Next { get; set; }

    /// <summary>When it is looked at; <see cref="long.MaxValue"/> for never. Belongs to <see cref="ExpiryHeap"/>.</summary>
    public long WatchedMs { get; set; } = long.MaxValue;
}
