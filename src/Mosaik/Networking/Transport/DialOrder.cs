using System.Net;
using System.Net.Sockets;

namespace Mosaik.Networking.Transport;

/// <summary>
/// The order in which addresses of a peer are tried (spec/quic.md §8.1 rule 5): private networks we share, public IPv6,
/// public IPv4, other private. Within a group the order given is kept.
/// </summary>
internal static class DialOrder
{
    /// <summary>Sorts the addresses that a node with these networks can try at all.</summary>
    /// <param name="candidates">In order of preference.</param>
    /// <param name="local">The node's own addresses with their prefix lengths.</param>
    /// <param name="hasIpv4">Whether a socket reaches IPv4.</param>
    /// <param name="hasIpv6">Whether a socket reaches IPv6.</param>
    public static IPEndPoint[] Sort(
        IEnumerable<IPEndPoint> candidates,
        IReadOnlyList<(IPAddress Address, int PrefixLength)> local,
        bool hasIpv4,
        bool hasIpv6) =>
        [.. candidates
            .Select(static e => e.Address.IsIPv4MappedToIPv6 ? new IPEndPoint(e.Address.MapToIPv4(), e.Port) : e)
            .Where(e => e.AddressFamily == AddressFamily.InterNetwork ? hasIpv4 : hasIpv6)
            .Distinct()
            .OrderBy(e => Group(e.Address, local))];

    /// <summary>Whether strangers cannot reach the address.</summary>
    public static bool IsPrivate(IPAddress address)
    {
        if (IPAddress.IsLoopback(address) || address.IsIPv6LinkLocal || address.IsIPv6UniqueLocal)
            return true;
        if (address.AddressFamily != AddressFamily.InterNetwork)
            return false;
        Span<byte> o = stackalloc byte[4];
        address.TryWriteBytes(o, out _);
        return o[0] == 10
            || (o[0] == 172 && o[1] is >= 16 and < 32)
            || (o[0] == 192 && o[1] == 168)
            || (o[0] == 169 && o[1] == 254)
            || (o[0] == 100 && o[1] is >= 64 and < 128);
    }

    private static int Group(IPAddress address, IReadOnlyList<(IPAddress Address, int PrefixLength)> local)
    {
        if (!IsPrivate(address))
            return address.AddressFamily == AddressFamily.InterNetworkV6 ? 1 : 2;
        if (IPAddress.IsLoopback(address))
            return 0; // published only by a peer that has nothing else: it is on this machine
        foreach (var (own, prefixLength) in local)
        {
            if (SharesPrefix(address, own, prefixLength))
                return 0;
        }

        return 3;
    }

    private static bool SharesPrefix(IPAddress x, IPAddress y, int bits)
    {
        Span<byte> a = stackalloc byte[16], b = stackalloc byte[16];
        if (!x.TryWriteBytes(a, out var length) || !y.TryWriteBytes(b, out var other) || length != other)
            return false;
        bits = Math.Min(bits, 8 * length);
        var whole = bits / 8;
        if (!a[..whole].SequenceEqual(b[..whole]))
            return false;
        var rest = bits % 8;
        return rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0;
    }
}
