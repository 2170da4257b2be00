using Mosaik.Primitives;

namespace Mosaik.Cli;

/// <summary>A node's own address as others give it to <c>--peer</c>: <c>ID@IP:PORT</c>.</summary>
internal static class PeerText
{
    /// <summary>One address is enough to paste; IPv4 first, because it needs no brackets.</summary>
    public static string Of(EndpointAddress address)
    {
        var endPoint = address.EndPoints.OrderBy(e => e.AddressFamily).FirstOrDefault();
        return endPoint is null ? address.Id.ToString() : $"{address.Id}@{endPoint}";
    }
}
