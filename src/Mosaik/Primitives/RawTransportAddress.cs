using System.Net;
using System.Text;
using System.Text.Unicode;
using Mosaik.Postcard;

namespace Mosaik.Primitives;

/// <summary>
/// One address as it stands in the input, not yet an object: enough to compare it with its neighbour, to judge whether
/// it
/// is canonical, and to make the object if somebody wants it. Walking a signed entry allocates nothing this way.
/// </summary>
internal ref struct RawTransportAddress
{
    /// <summary>The fewest bytes an address takes: a relay with an empty text.</summary>
    public const int MinimumSize = 2;

    private const int Relay = 0, Ip = 1, Custom = 2, Kinds = 3;
    private const int Families = 2, Forms = 2;

    private uint _kind;
    private uint _form; // the family of an ip, inline or heap of a custom address
    private ulong _transport;
    private int _number; // the port of an ip, the size of an inline custom address
    private ReadOnlySpan<byte> _bytes;

    /// <summary>Walks one address: lengths and variant tags only; texts are taken as they are.</summary>
    public static bool TryRead(scoped ref PostcardReader reader, out RawTransportAddress address)
    {
        address = default;
        if (!reader.TryReadVariant(Kinds, out address._kind))
            return false;
        switch (address._kind)
        {
            case Relay:
                return reader.TryReadBytes(out address._bytes);
            case Ip:
                if (!reader.TryReadVariant(Families, out address._form)
                    || !reader.TryReadRaw(address._form == 0 ? 4 : 16, out address._bytes)
                    || !reader.TryReadUInt16(out ushort port))
                {
                    return false;
                }
                address._number = port;
                return true;
            default:
                if (!reader.TryReadUInt64(out address._transport) || !reader.TryReadVariant(Forms, out address._form))
                    return false;
                return address._form == 1
                    ? reader.TryReadBytes(out address._bytes)
                    : TryReadInline(ref reader, out address._number, out address._bytes);
        }
    }

    /// <summary>
    /// The order of the set: relay &lt; ip &lt; custom, then as spec/wire.md §5.1 has it. Not the order of the
    /// encodings.
    /// </summary>
    public readonly int Order(in RawTransportAddress other)
    {
        if (_kind != other._kind)
            return _kind.CompareTo(other._kind);
        int order = _transport.CompareTo(other._transport);
        if (order == 0)
            order = _form.CompareTo(other._form);
        if (order != 0)
            return order;
        int byBytes = _bytes.SequenceCompareTo(other._bytes);
        int byNumber = _number.CompareTo(other._number);
        // A port decides after the address, the size of an inline custom address before its bytes.
        return _kind == Custom ? (byNumber != 0 ? byNumber : byBytes) : byBytes != 0 ? byBytes : byNumber;
    }

    /// <summary>Whether the text of a relay is canonical; everything else already is by its encoding.</summary>
    public readonly bool IsCanonical
    {
        get
        {
            if (_kind != Relay)
                return true;
            // A canonical URL is ASCII, so its Latin-1 image is the text.
            return Ascii.IsValid(_bytes) && RelayUrl.IsCanonical(Encoding.Latin1.GetString(_bytes));
        }
    }

    /// <summary>The address as an object; null when the text of a relay is not a URL.</summary>
    public readonly TransportAddress? ToAddress() => _kind switch
    {
        Relay => Utf8.IsValid(_bytes) && ToUrl(Encoding.UTF8.GetString(_bytes)) is { } url
            ? new TransportAddress.Relay(url)
            : null,
        Ip => new TransportAddress.Ip(new IPAddress(_bytes), _number),
        _ => new TransportAddress.Custom(_transport, _form == 0, _bytes, _form == 0 ? _number : _bytes.Length),
    };

    private static string? ToUrl(string text) =>
        RelayUrl.IsCanonical(text) || Uri.TryCreate(text, UriKind.Absolute, out _) ? text : null;

    private static bool TryReadInline(scoped ref PostcardReader reader, out int size, out ReadOnlySpan<byte> bytes)
    {
        int start = reader.Position;
        bool read = reader.TryReadByte(out byte raw);
        size = raw;
        bytes = default;
        return read
            && (size <= TransportAddress.Custom.InlineCapacity || reader.Fail(PostcardError.InvalidValue, start))
            && reader.TryReadRaw(TransportAddress.Custom.InlineCapacity, out bytes);
    }
}
