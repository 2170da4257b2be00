using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;

namespace Mosaik.Postcard.Converters;

/// <summary>IPAddress as IpAddr: 0 and 4 octets, or 1 and 16 octets. The scope id is not encoded.</summary>
internal readonly struct IPAddressCodec : IValueCodec<IPAddress>
{
    private const byte V4 = 0;
    private const byte V6 = 1;

    public static int MinimumSize => 5;

    public static void Write(ref PostcardWriter writer, IPAddress value)
    {
        if (value is null)
            Null.Refuse<IPAddress>();
        var isV4 = value.AddressFamily == AddressFamily.InterNetwork;
        writer.WriteByte(isV4 ? V4 : V6);
        value.TryWriteBytes(writer.Take(isV4 ? 4 : 16), out _);
    }

    public static bool TryRead(ref PostcardReader reader, [MaybeNullWhen(false)] out IPAddress value)
    {
        value = null;
        if (!reader.TryReadVariant(2, out var family) || !reader.TryReadRaw(family == V4 ? 4 : 16, out var octets))
            return false;
        value = new IPAddress(octets);
        return true;
    }
}

/// <summary>IPEndPoint as SocketAddr: the address and a varint port.</summary>
internal readonly struct IPEndPointCodec : IValueCodec<IPEndPoint>
{
    public static int MinimumSize => 6;

    public static void Write(ref PostcardWriter writer, IPEndPoint value)
    {
        if (value is null)
            Null.Refuse<IPEndPoint>();
        IPAddressCodec.Write(ref writer, value.Address);
        writer.WriteUInt16((ushort)value.Port);
    }

    public static bool TryRead(ref PostcardReader reader, [MaybeNullWhen(false)] out IPEndPoint value)
    {
        value = null;
        if (!IPAddressCodec.TryRead(ref reader, out var address) || !reader.TryReadUInt16(out var port))
            return false;
        value = new IPEndPoint(address, port);
        return true;
    }
}
