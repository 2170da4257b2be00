using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Mosaik.Postcard;

namespace Mosaik.Primitives;

/// <summary>
/// A node and the known ways to reach it: its id and an ordered set of addresses (spec/wire.md §5.1).
/// </summary>
/// <remarks>
/// Immutable. A bare <see cref="PeerId"/> converts to it with an empty set; the addresses then come from the address
/// book
/// and the configured lookups. What an address claims is never trusted: the handshake proves the id.
/// </remarks>
[JsonConverter(typeof(EndpointAddressJsonConverter))]
[PostcardConverter(typeof(EndpointAddressPostcardConverter))]
public sealed partial class EndpointAddress : IEquatable<EndpointAddress>
{
    /// <summary>Creates the address; the set is sorted and freed of duplicates.</summary>
    /// <param name="id">The node.</param>
    /// <param name="addresses">Ways to reach it, in any order.</param>
    public EndpointAddress(PeerId id, params IEnumerable<TransportAddress> addresses)
        : this(id, Normalize(addresses))
    {
    }

    private EndpointAddress(PeerId id, ImmutableArray<TransportAddress> sorted)
    {
        Id = id;
        Addresses = sorted;
    }

    /// <summary>The node.</summary>
    public PeerId Id { get; }

    /// <summary>The ways to reach it, ascending, without duplicates.</summary>
    public ImmutableArray<TransportAddress> Addresses { get; }

    /// <summary>The relay URLs among the addresses.</summary>
    public IEnumerable<string> Relays => Addresses.OfType<TransportAddress.Relay>().Select(static a => a.Url);

    /// <summary>The UDP addresses.</summary>
    public IEnumerable<System.Net.IPEndPoint> EndPoints =>
        Addresses.OfType<TransportAddress.Ip>().Select(static a => a.ToEndPoint());

    /// <summary>A node without known addresses.</summary>
    /// <param name="id">The node.</param>
    public static implicit operator EndpointAddress(PeerId id) => new(id, ImmutableArray<TransportAddress>.Empty);

    /// <inheritdoc/>
    public bool Equals(EndpointAddress? other) =>
        other is not null && Id.Equals(other.Id) && Addresses.AsSpan().SequenceEqual(other.Addresses.AsSpan());

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as EndpointAddress);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = default(HashCode);
        hash.Add(Id);
        foreach (TransportAddress address in Addresses)
            hash.Add(address);
        return hash.ToHashCode();
    }

    private static ImmutableArray<TransportAddress> Normalize(IEnumerable<TransportAddress> addresses)
    {
        ArgumentNullException.ThrowIfNull(addresses);
        return [.. addresses.Order(TransportAddress.WireOrder).Distinct()];
    }
}
