using System.Buffers;

namespace Mosaik.Primitives;

/// <summary>
/// The text forms of 32-byte values (spec/wire.md §1.3): full and short hexadecimal into chars or UTF-8, and strict
/// parsing.
/// One place, because seven types print and parse the same way.
/// </summary>
internal static class IdText
{
    /// <summary>Bytes shown by format <c>"S"</c>.</summary>
    public const int ShortBytes = 5;

    private static readonly SearchValues<char> LowerHex = SearchValues.Create("0123456789abcdef");

    public static string ToString(ReadOnlySpan<byte> bytes, string? format) =>
        Convert.ToHexStringLower(Slice(bytes, format));

    public static bool TryFormat(
        ReadOnlySpan<byte> bytes, Span<char> destination, out int charsWritten, ReadOnlySpan<char> format) =>
        Convert.TryToHexStringLower(Slice(bytes, format), destination, out charsWritten);

    public static bool TryFormat(
        ReadOnlySpan<byte> bytes, Span<byte> utf8Destination, out int bytesWritten, ReadOnlySpan<char> format) =>
        Convert.TryToHexStringLower(Slice(bytes, format), utf8Destination, out bytesWritten);

    public static string Abbreviate(ReadOnlySpan<byte> bytes, int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        if (length >= bytes.Length)
            return Convert.ToHexStringLower(bytes);
        int half = length / 2;
        return $"{Convert.ToHexStringLower(bytes[..half])}..{Convert.ToHexStringLower(bytes[^half..])}";
    }

    /// <summary>Exactly 64 hexadecimal digits, in either case unless <paramref name="lowerOnly"/>.</summary>
    public static bool TryParseHex(ReadOnlySpan<char> text, Span<byte> destination, bool lowerOnly = false)
    {
        if (text.Length != UniqueId.Length * 2 || (lowerOnly && text.ContainsAnyExcept(LowerHex)))
            return false;
        return Convert.FromHexString(text, destination, out _, out int written) == OperationStatus.Done
            && written == UniqueId.Length;
    }

    /// <summary>Exactly 64 hexadecimal digits in UTF-8, in either case.</summary>
    public static bool TryParseHex(ReadOnlySpan<byte> utf8, Span<byte> destination) =>
        utf8.Length == UniqueId.Length * 2
        && Convert.FromHexString(utf8, destination, out _, out int written) == OperationStatus.Done
        && written == UniqueId.Length;

    private static ReadOnlySpan<byte> Slice(ReadOnlySpan<byte> bytes, ReadOnlySpan<char> format) => format switch
    {
        "" or "G" => bytes,
        "S" => bytes[..ShortBytes],
        _ => throw new FormatException($"Unknown format \"{format}\"; use \"G\" (full) or \"S\" (first 5 bytes)."),
    };
}
