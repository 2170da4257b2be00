namespace Mosaik.Primitives;

/// <summary>RFC 4648 base32 without padding for 32-byte values: 52 characters. Reading ignores case.</summary>
internal static class Base32
{
    /// <summary>Characters of a 32-byte value.</summary>
    public const int TextLength = 52;

    private const string Alphabet = "abcdefghijklmnopqrstuvwxyz234567";

    /// <summary>Exactly 52 characters, whose 4 unused bits must be zero, so that every value has one text.</summary>
    public static bool TryDecode(ReadOnlySpan<char> text, Span<byte> destination)
    {
        if (text.Length != TextLength || destination.Length < Bytes32.Length)
            return false;
        int bits = 0, count = 0, at = 0;
        foreach (char c in text)
        {
            int digit = c switch
            {
                >= 'a' and <= 'z' => c - 'a',
                >= 'A' and <= 'Z' => c - 'A',
                >= '2' and <= '7' => c - '2' + 26,
                _ => -1,
            };
            if (digit < 0)
                return false;
            bits = ((bits << 5) | digit) & 0xfff;
            count += 5;
            if (count >= 8)
            {
                count -= 8;
                destination[at++] = (byte)(bits >> count);
            }
        }
        return (bits & ((1 << count) - 1)) == 0;
    }

    /// <summary>52 lower-case characters.</summary>
    public static string Encode(ReadOnlySpan<byte> bytes) => string.Create(TextLength, new Bytes32(bytes), static (text, value) =>
    {
        int bits = 0, count = 0, at = 0;
        foreach (byte b in value.AsSpan())
        {
            bits = ((bits << 8) | b) & 0xfff;
            for (count += 8; count >= 5;)
            {
                count -= 5;
                text[at++] = Alphabet[(bits >> count) & 31];
            }
        }
        text[at] = Alphabet[(bits << (5 - count)) & 31];
    });
}
