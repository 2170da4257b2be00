using System.Diagnostics.CodeAnalysis;
using System.Net;
using Mosaik.Postcard;

namespace Mosaik.Primitives;

// Postcard form: id (32 raw) ‖ varint count ‖ addresses ascending (spec/wire.md §5.1).
public sealed partial class EndpointAddress
{
    /// <summary>The postcard image.</summary>
    /// <returns>A new array.</returns>
    public byte[] Encode()
    {
        var writer = new PostcardWriter(stackalloc byte[512]);
        try
        {
            Write(ref writer);
            return writer.Written.ToArray();
        }
        finally
        {
            writer.Dispose();
        }
    }

    /// <summary>Decodes a postcard image; bytes after it are ignored.</summary>
    /// <param name="bytes">The image, possibly from a stranger.</param>
    /// <param name="address">The address.</param>
    /// <returns>False when the bytes are malformed, the id is no key or a relay is no URL.</returns>
    public static bool TryDecode(ReadOnlySpan<byte> bytes, [NotNullWhen(true)] out EndpointAddress? address)
    {
        var reader = new PostcardReader(bytes);
        return TryRead(ref reader, out address);
    }

    internal void Write(ref PostcardWriter writer)
    {
        Id.CopyTo(writer.Take(PeerId.Length));
        // Addresses that differ only in what the wire cannot express (the scope) are neighbours in the order.
        int count = 0;
        for (int i = 0; i < Addresses.Length; i++)
            count += IsSameOnWireAsPrevious(i) ? 0 : 1;
        writer.WriteCount(count);
        for (int i = 0; i < Addresses.Length; i++)
        {
            if (!IsSameOnWireAsPrevious(i))
                Write(ref writer, Addresses[i]);
        }
    }

    internal static bool TryRead(ref PostcardReader reader, [NotNullWhen(true)] out EndpointAddress? value)
    {
        value = null;
        int start = reader.Position;
        if (!reader.TryReadRaw(PeerId.Length, out ReadOnlySpan<byte> raw))
            return false;
        if (!PeerId.TryFromRaw(raw, out PeerId id))
            return reader.Fail(PostcardError.InvalidValue, start);
        var addresses = new List<TransportAddress>();
        if (!TryWalk(ref reader, addresses))
            return false;
        value = new EndpointAddress(id, addresses);
        return true;
    }

    /// <summary>
    /// Walks the set of addresses. A canonical reader also demands strict order and canonical relays; objects are made
    /// only
    /// when somebody collects them.
    /// </summary>
    internal static bool TryWalk(scoped ref PostcardReader reader, List<TransportAddress>? collected)
    {
        if (!reader.TryReadCount(RawTransportAddress.MinimumSize, out int count))
            return false;
        RawTransportAddress previous = default;
        for (int i = 0; i < count; i++)
        {
            int start = reader.Position;
            if (!RawTransportAddress.TryRead(ref reader, out RawTransportAddress address))
                return false;
            if (reader.IsCanonical && ((i > 0 && previous.Order(address) >= 0) || !address.IsCanonical))
                return reader.Fail(PostcardError.NotCanonical, start);
            if (collected is not null)
            {
                if (address.ToAddress() is not { } made)
                    return reader.Fail(PostcardError.InvalidValue, start);
                collected.Add(made);
            }
            previous = address;
        }
        return true;
    }

    private bool IsSameOnWireAsPrevious(int index) =>
        index > 0
        && Addresses[index] is TransportAddress.Ip ip
        && Addresses[index - 1] is TransportAddress.Ip before
        && ip.Port == before.Port
        && WithoutScope(ip.Address).Equals(WithoutScope(before.Address));

    private static IPAddress WithoutScope(IPAddress address) =>
        address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6 && address.ScopeId != 0
            ? new IPAddress(address.GetAddressBytes())
            : address;

    private static void Write(ref PostcardWriter writer, TransportAddress address)
    {
        writer.WriteVariant((uint)address.Kind);
        switch (address)
        {
            case TransportAddress.Relay relay:
                writer.WriteString(relay.Url);
                break;
            case TransportAddress.Ip ip:
                Span<byte> octets = stackalloc byte[16];
                ip.Address.TryWriteBytes(octets, out int length);
                writer.WriteVariant(length == 4 ? 0u : 1u);
                writer.WriteRaw(octets[..length]);
                writer.WriteUInt16((ushort)ip.Port);
                break;
            case TransportAddress.Custom custom:
                writer.WriteUInt64(custom.Transport);
                writer.WriteVariant(custom.IsInline ? 0u : 1u);
                if (custom.IsInline)
                {
                    writer.WriteByte((byte)custom.Data.Length);
                    writer.WriteRaw(custom.Raw);
                }
                else
                {
                    writer.WriteBytes(custom.Raw);
                }
                break;
        }
    }
}
