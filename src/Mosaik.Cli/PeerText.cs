using System.Net;
using Mosaik.Primitives;

namespace Mosaik.Cli;

/// <summary>Peers on the command line: <c>ID@IP:PORT[,IP:PORT…]</c>, or a bare id (spec/cli-metrics.md §1.1).</summary>
internal static class PeerText
{
    /// <summary>Reads a peer; <paramref name="problem"/> says what is wrong with it.</summary>
    public static EndpointAddress? TryParse(string text, out string problem)
    {
        var at = text.IndexOf('@', StringComparison.Ordinal);
        var idText = at < 0 ? text : text[..at];
        if (!PeerId.TryParse(idText, null, out var id))
        {
            problem = $"'{text}': '{idText}' is not a peer id (64 hexadecimal digits of an Ed25519 public key)";
            return null;
        }

        var addresses = new List<TransportAddress>();
        foreach (var part in at < 0 ? [] : text[(at + 1)..].Split(','))
        {
            if (!IPEndPoint.TryParse(part, out var endPoint) || endPoint.Port == 0)
            {
                problem = $"'{text}': '{part}' is not IP:PORT";
                return null;
            }

            addresses.Add(new TransportAddress.Ip(endPoint));
        }

        problem = "";
        return new EndpointAddress(id, addresses);
    }

    /// <summary>A node's own address as others give it to <c>--peer</c>.</summary>
    public static string Of(EndpointAddress address)
    {
        // IPv4 first: it is what most shells and people can paste everywhere.
        var endPoint = address.EndPoints.OrderBy(e => e.AddressFamily).FirstOrDefault();
        return endPoint is null ? address.Id.ToString() : $"{address.Id}@{endPoint}";
    }
}
