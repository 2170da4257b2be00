using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Unicode;

namespace Mosaik.Postcard;

public ref partial struct PostcardReader
{
    /// <summary>Reads a string. UTF-8 is checked strictly.</summary>
    /// <param name="value">The string.</param>
    /// <returns>False when it is cut off or not valid UTF-8.</returns>
    public bool TryReadString([MaybeNullWhen(false)] out string value)
    {
        var start = _position;
        value = null;
        if (!TryReadBytes(out var utf8))
            return false;
        if (Ascii.IsValid(utf8))
        {
            value = Encoding.Latin1.GetString(utf8);
            return true;
        }

        if (!Utf8.IsValid(utf8))
            return Fail(PostcardError.InvalidUtf8, start);
        value = Encoding.UTF8.GetString(utf8);
        return true;
    }

    /// <summary>Reads a string without making one.</summary>
    /// <param name="utf8">A slice of the input that is valid UTF-8.</param>
    /// <returns>False when it is cut off or not valid UTF-8.</returns>
    public bool TryReadUtf8(out ReadOnlySpan<byte> utf8)
    {
        var start = _position;
        if (!TryReadBytes(out utf8))
            return false;
        return Utf8.IsValid(utf8) || Fail(PostcardError.InvalidUtf8, start);
    }

    /// <summary>Reads a char: a string that holds exactly one scalar value.</summary>
    /// <param name="value">The scalar value.</param>
    /// <returns>False for anything else.</returns>
    public bool TryReadRune(out Rune value)
    {
        var start = _position;
        value = default;
        if (!TryReadBytes(out var utf8))
            return false;
        return (Rune.DecodeFromUtf8(utf8, out value, out var consumed) == System.Buffers.OperationStatus.Done
                && consumed == utf8.Length)
            || Fail(PostcardError.InvalidChar, start);
    }

    /// <summary>
    /// Reads a UTC timestamp: an RFC 3339 string; an offset is converted, digits below 100 ns are cut off.
    /// </summary>
    /// <param name="value">The instant.</param>
    /// <returns>False for anything else.</returns>
    public bool TryReadTimestamp(out DateTimeOffset value)
    {
        var read = Converters.Rfc3339.TryRead(ref this, out var ticks);
        value = new DateTimeOffset(ticks, TimeSpan.Zero);
        return read;
    }
}
