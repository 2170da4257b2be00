using Mosaik.Quic.Crypto;

namespace Mosaik.Quic.Tls;

/// <summary>The parts of a received ClientHello, as slices of the message.</summary>
internal ref struct ClientHello
{
    /// <summary>Everything before the extensions; a second ClientHello repeats it byte for byte.</summary>
    internal ReadOnlySpan<byte> Fixed { get; private set; }

    internal ReadOnlySpan<byte> Random { get; private set; }

    internal ReadOnlySpan<byte> SessionId { get; private set; }

    internal ReadOnlySpan<byte> CipherSuites { get; private set; }

    internal ReadOnlySpan<byte> CompressionMethods { get; private set; }

    internal ReadOnlySpan<byte> Extensions { get; private set; }

    /// <summary>Cuts the body into its parts; false when its structure is broken.</summary>
    internal static bool TryParse(ReadOnlySpan<byte> body, out ClientHello hello)
    {
        hello = default;
        var reader = new TlsReader(body);
        if (!reader.TryReadUInt16(out _)
            || !reader.TryReadBytes(TlsConstants.RandomLength, out var random)
            || !reader.TryReadVector8(out var sessionId)
            || !reader.TryReadVector16(out var suites)
            || !reader.TryReadVector8(out var compression)
            || !reader.TryReadVector16(out var extensions)
            || !reader.IsEmpty
            || suites.Length < 2
            || suites.Length % 2 != 0
            || compression.IsEmpty)
        {
            return false;
        }
        hello.Fixed = body[..^(extensions.Length + 2)];
        hello.Random = random;
        hello.SessionId = sessionId;
        hello.CipherSuites = suites;
        hello.CompressionMethods = compression;
        hello.Extensions = extensions;
        return true;
    }

    /// <summary>
    /// Whether <paramref name="second"/> differs from this hello only where an answer to HelloRetryRequest may: in
    /// key_share, cookie, pre_shared_key and early_data (RFC 8446 §4.1.2). Both blocks of extensions are checked.
    /// </summary>
    internal readonly bool IsRepeatedBy(ClientHello second) =>
        Fixed.SequenceEqual(second.Fixed) && SameExtensions(Extensions, second.Extensions);

    /// <summary>
    /// The list of a vector of 16-bit numbers with a length of two bytes; false when malformed or empty.
    /// </summary>
    internal static bool TryReadNumbers(ReadOnlySpan<byte> extension, out ReadOnlySpan<byte> numbers)
    {
        var reader = new TlsReader(extension);
        return reader.TryReadVector16(out numbers) && reader.IsEmpty && numbers.Length >= 2 && numbers.Length % 2 == 0;
    }

    /// <summary>Whether a list of 16-bit numbers contains one.</summary>
    internal static bool Contains(ReadOnlySpan<byte> numbers, ushort wanted)
    {
        for (var i = 0; i < numbers.Length; i += 2)
        {
            if (numbers[i] == wanted >> 8 && numbers[i + 1] == (byte)wanted)
                return true;
        }
        return false;
    }

    /// <summary>
    /// Reads the shares of a key_share extension for one group. Malformed → false; otherwise the share, empty when
    /// there is none, how often the group occurs and how many shares there are at all.
    /// </summary>
    internal static bool TryReadShare(
        ReadOnlySpan<byte> extension,
        NamedGroup wanted,
        out ReadOnlySpan<byte> share,
        out int occurrences,
        out int count)
    {
        share = default;
        occurrences = 0;
        count = 0;
        var outer = new TlsReader(extension);
        if (!outer.TryReadVector16(out var list) || !outer.IsEmpty)
            return false;
        var reader = new TlsReader(list);
        while (!reader.IsEmpty)
        {
            if (!reader.TryReadUInt16(out var group) || !reader.TryReadVector16(out var key) || key.IsEmpty)
                return false;
            count++;
            if (group != (ushort)wanted)
                continue;
            share = key;
            occurrences++;
        }
        return true;
    }

    // The order of extensions is free, and a hostile hello has thousands of them: sorted once and compared in one pass.
    private static bool SameExtensions(ReadOnlySpan<byte> one, ReadOnlySpan<byte> other)
    {
        var (left, right) = (Sort(one), Sort(other));
        if (left.Count != right.Count)
            return false;
        for (var i = 0; i < left.Count; i++)
        {
            var (a, b) = (left[i], right[i]);
            if (a.Type != b.Type || !one.Slice(a.Start, a.Length).SequenceEqual(other.Slice(b.Start, b.Length)))
                return false;
        }
        return true;
    }

    private static List<(ushort Type, int Start, int Length)> Sort(ReadOnlySpan<byte> block)
    {
        var list = new List<(ushort Type, int Start, int Length)>();
        var start = 0;
        var extensions = new TlsExtensions(block);
        while (extensions.TryNext(out var type, out var data))
        {
            start += 2 * sizeof(ushort);
            if (type is not (ExtensionType.KeyShare or ExtensionType.Cookie or ExtensionType.PreSharedKey
                or ExtensionType.EarlyData))
            {
                list.Add((type, start, data.Length));
            }
            start += data.Length;
        }
        // No type occurs twice in a checked block, so the order is total.
        list.Sort(static (a, b) => a.Type.CompareTo(b.Type));
        return list;
    }
}
