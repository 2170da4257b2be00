using System.Buffers;
using System.Text;
using System.Text.Unicode;

namespace Mosaik.Postcard;

public ref partial struct PostcardWriter
{
    /// <summary>Writes a string: its length in UTF-8 and the UTF-8.</summary>
    /// <param name="value">The text.</param>
    /// <exception cref="PostcardEncodeException">The text holds a lone surrogate.</exception>
    public void WriteString(scoped ReadOnlySpan<char> value)
    {
        // Up to 42 characters the length fits one byte whatever they are, so it is written after the text.
        if (value.Length <= 42)
        {
            Reserve(1 + (3 * value.Length));
            var room = _buffer[_position..];
            if (Utf8.FromUtf16(value, room[1..], out _, out var written, replaceInvalidSequences: false)
                != OperationStatus.Done)
                RefuseText();
            room[0] = (byte)written;
            _position += 1 + written;
            return;
        }

        var length = Encoding.UTF8.GetByteCount(value);
        WriteCount(length);
        Reserve(length);
        if (Utf8.FromUtf16(value, _buffer.Slice(_position, length), out _, out _, replaceInvalidSequences: false)
            != OperationStatus.Done)
            RefuseText();
        _position += length;
    }

    /// <summary>Writes a string that is already UTF-8.</summary>
    /// <param name="utf8">Valid UTF-8.</param>
    /// <exception cref="PostcardEncodeException">The bytes are not valid UTF-8.</exception>
    public void WriteUtf8(scoped ReadOnlySpan<byte> utf8)
    {
        if (!Utf8.IsValid(utf8))
            Refuse("The text is not valid UTF-8.");
        WriteBytes(utf8);
    }

    /// <summary>Writes a char as a string of one scalar value.</summary>
    /// <param name="value">The scalar value.</param>
    public void WriteRune(Rune value)
    {
        Span<byte> utf8 = stackalloc byte[4];
        WriteBytes(utf8[..value.EncodeToUtf8(utf8)]);
    }

    private static void RefuseText() => Refuse("The text holds a lone surrogate, which UTF-8 cannot express.");
}
