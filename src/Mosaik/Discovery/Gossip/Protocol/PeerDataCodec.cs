using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Text;
using System.Text.Unicode;
using Mosaik.Postcard;
using Mosaik.Primitives;

namespace Mosaik.Discovery.Gossip.Protocol;

/// <summary>The content of <see cref="PeerData"/>: one relay and UDP addresses (spec/gossip.md §4.1).</summary>
internal static class PeerDataCodec
{
    private const uint V4 = 0, Families = 2;
    private const int MinimumAddressSize = 1 + 4 + 1;

    /// <summary>
    /// What a node tells of its own published address, which holds 16 UDP addresses at most; the last ones, then the
    /// relay, are left out if it would be too long.
    /// </summary>
    public static PeerData Encode(EndpointAddress address, int maxLength = PeerData.MaxStored)
    {
        TransportAddress.Ip[] addresses =
        [
            .. address.Addresses // in the order of the wire
                .OfType<TransportAddress.Ip>()
                .Take(EndpointAddress.MaxPublishedEndPoints),
        ];
        string? relay = address.Relays.FirstOrDefault();
        for (int count = addresses.Length; count > 0; count--)
        {
            PeerData data = Encode(relay, addresses.AsSpan(0, count));
            if (data.Length <= maxLength)
                return data;
        }

        PeerData relayAlone = Encode(relay, []);
        return relayAlone.Length <= maxLength ? relayAlone : Encode(null, []);
    }

    private static PeerData Encode(string? relay, ReadOnlySpan<TransportAddress.Ip> addresses)
    {
        var writer = new PostcardWriter(stackalloc byte[512]);
        try
        {
            writer.WriteOption(relay is not null);
            if (relay is not null)
                writer.WriteString(relay);
            writer.WriteCount(addresses.Length);
            foreach (TransportAddress.Ip ip in addresses)
                Write(ref writer, ip);
            return new PeerData(writer.Written.ToArray());
        }
        finally
        {
            writer.Dispose();
        }
    }

    /// <summary>Decodes what a peer told, or was told, of somebody. Empty data mean that nothing is known.</summary>
    public static bool TryDecode(PeerData data, [NotNullWhen(true)] out IReadOnlyList<TransportAddress>? addresses)
    {
        addresses = null;
        if (data.Length == 0)
        {
            addresses = [];
            return true;
        }

        var found = new List<TransportAddress>();
        var reader = new PostcardReader(data.Span);
        if (!TryReadRelay(ref reader, found) || !reader.TryReadCount(MinimumAddressSize, out int count))
            return false;
        for (int i = 0; i < count; i++)
        {
            if (!reader.TryReadVariant(Families, out uint family)
                || !reader.TryReadRaw(family == V4 ? 4 : 16, out ReadOnlySpan<byte> octets)
                || !reader.TryReadUInt16(out ushort port))
            {
                return false;
            }

            found.Add(new TransportAddress.Ip(new IPAddress(octets), port));
        }

        addresses = found;
        return true;
    }

    private static bool TryReadRelay(ref PostcardReader reader, List<TransportAddress> found)
    {
        if (!reader.TryReadOption(out bool isSome))
            return false;
        if (!isSome)
            return true;
        if (!reader.TryReadBytes(out ReadOnlySpan<byte> text) || !Utf8.IsValid(text))
            return false;
        string url = Encoding.UTF8.GetString(text);
        if (!Uri.TryCreate(url, UriKind.Absolute, out _))
            return false;
        found.Add(new TransportAddress.Relay(url));
        return true;
    }

    private static void Write(ref PostcardWriter writer, TransportAddress.Ip ip)
    {
        Span<byte> octets = stackalloc byte[16];
        ip.Address.TryWriteBytes(octets, out int length);
        writer.WriteVariant(length == 4 ? V4 : 1);
        writer.WriteRaw(octets[..length]);
        writer.WriteUInt16((ushort)ip.Port);
    }
}
