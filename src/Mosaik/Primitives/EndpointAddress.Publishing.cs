using System.Net;

namespace Mosaik.Primitives;

// What may be signed or sent about oneself (spec/wire.md §5.2).
public sealed partial class EndpointAddress
{
    /// <summary>Largest number of UDP addresses a node publishes.</summary>
    internal const int MaxPublishedEndPoints = 16;

    /// <summary>
    /// The address set a node may publish about itself: at most one relay (the first canonical one) and 16 UDP
    /// addresses,
    /// public before private; without scoped, unspecified, duplicate and custom addresses, without port 0, and without
    /// loopback unless <paramref name="keepLoopback"/> or nothing else remains.
    /// </summary>
    /// <param name="id">The node.</param>
    /// <param name="candidates">Home relay and local addresses.</param>
    /// <param name="keepLoopback">The node is bound to loopback only.</param>
    /// <returns>The address to publish.</returns>
    internal static EndpointAddress Publishable(PeerId id, IEnumerable<TransportAddress> candidates, bool keepLoopback)
    {
        TransportAddress? relay = null;
        var usable = new List<TransportAddress.Ip>();
        foreach (TransportAddress candidate in candidates)
        {
            if (candidate is TransportAddress.Relay { Url: var url } && relay is null && RelayUrl.IsCanonical(url))
                relay = candidate;
            else if (candidate is TransportAddress.Ip ip && Sanitize(ip) is { } clean)
                usable.Add(clean);
        }
        if (!keepLoopback && usable.Exists(static a => !IPAddress.IsLoopback(a.Address)))
            usable.RemoveAll(static a => IPAddress.IsLoopback(a.Address));
        IEnumerable<TransportAddress> chosen = usable
            .Distinct()
            .OrderBy(static a => IsPrivate(a.Address))
            .ThenBy(static a => a, TransportAddress.WireOrder)
            .Take(MaxPublishedEndPoints);
        return new EndpointAddress(id, relay is null ? chosen : chosen.Append(relay));
    }

    private static TransportAddress.Ip? Sanitize(TransportAddress.Ip ip)
    {
        IPAddress address = ip.Address.IsIPv4MappedToIPv6 ? ip.Address.MapToIPv4() : ip.Address;
        if (ip.Port == 0 || address.IsIPv6LinkLocal || address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any))
            return null;
        Span<byte> octets = stackalloc byte[16];
        address.TryWriteBytes(octets, out int length);
        return new TransportAddress.Ip(new IPAddress(octets[..length]), ip.Port); // without the scope
    }

    /// <summary>
    /// Addresses that strangers cannot reach: RFC 1918, RFC 6598, link-local, unique local, loopback.
    /// </summary>
    private static bool IsPrivate(IPAddress address)
    {
        if (IPAddress.IsLoopback(address))
            return true;
        Span<byte> o = stackalloc byte[16];
        address.TryWriteBytes(o, out int length);
        if (length == 16)
            return address.IsIPv6UniqueLocal;
        return o[0] == 10
            || (o[0] == 172 && o[1] is >= 16 and < 32)
            || (o[0] == 192 && o[1] == 168)
            || (o[0] == 169 && o[1] == 254)
            || (o[0] == 100 && o[1] is >= 64 and < 128);
    }
}
