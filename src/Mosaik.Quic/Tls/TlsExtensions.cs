namespace Mosaik.Quic.Tls;

/// <summary>
/// Walks a block of extensions. <see cref="Check"/> comes first: it makes sure that the structure is sound and that no
/// extension occurs twice, in one pass and with a fixed amount of stack.
/// </summary>
internal ref struct TlsExtensions(ReadOnlySpan<byte> block)
{
    private const int BitsPerWord = 64;
    private const int TypeCount = ushort.MaxValue + 1;

    private TlsReader _reader = new(block);

    /// <summary>Null when the block is well-formed; decode_error, or illegal_parameter for a repetition.</summary>
    internal static TlsAlert? Check(ReadOnlySpan<byte> block)
    {
        // One bit per number: 8 KiB, whatever the peer sends.
        Span<ulong> seen = stackalloc ulong[TypeCount / BitsPerWord];
        seen.Clear();
        var reader = new TlsReader(block);
        while (!reader.IsEmpty)
        {
            if (!reader.TryReadUInt16(out var type) || !reader.TryReadVector16(out _))
                return TlsAlert.DecodeError;
            var bit = 1UL << (type % BitsPerWord);
            if ((seen[type / BitsPerWord] & bit) != 0)
                return TlsAlert.IllegalParameter;
            seen[type / BitsPerWord] |= bit;
        }
        return null;
    }

    /// <summary>The next extension of a checked block.</summary>
    internal bool TryNext(out ushort type, out ReadOnlySpan<byte> data)
    {
        data = default;
        return _reader.TryReadUInt16(out type) && _reader.TryReadVector16(out data);
    }

    /// <summary>Looks an extension up in a checked block.</summary>
    internal static bool TryFind(ReadOnlySpan<byte> block, ushort wanted, out ReadOnlySpan<byte> data)
    {
        var extensions = new TlsExtensions(block);
        while (extensions.TryNext(out var type, out data))
        {
            if (type == wanted)
                return true;
        }
        data = default;
        return false;
    }
}
