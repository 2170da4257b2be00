using Mosaik.Primitives;

namespace Mosaik.Networking;

/// <summary>A way to find the addresses of a peer that the address book does not know (DNS, mDNS, DHT).</summary>
internal interface IAddressLookup
{
    /// <summary>Asks; empty if it does not know. Bounded by the token.</summary>
    ValueTask<IReadOnlyList<TransportAddress>> LookupAsync(PeerId peer, CancellationToken cancellationToken);
}
