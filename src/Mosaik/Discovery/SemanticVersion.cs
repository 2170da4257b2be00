using System.Buffers;

namespace Mosaik.Discovery;

/// <summary>
/// Syntax of semver 2.0.0, which the protocol field of an entry must have (spec/wire.md §3.5). Never interpreted.
/// </summary>
internal static class SemanticVersion
{
    private static readonly SearchValues<byte> IdentifierBytes =
        SearchValues.Create("0123456789-ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"u8);

    public static bool IsValid(ReadOnlySpan<byte> text)
    {
        int plus = text.IndexOf((byte)'+');
        if (plus >= 0)
        {
            if (!AreIdentifiers(text[(plus + 1)..], leadingZeros: true))
                return false;
            text = text[..plus];
        }
        int minus = text.IndexOf((byte)'-');
        if (minus >= 0)
        {
            if (!AreIdentifiers(text[(minus + 1)..], leadingZeros: false))
                return false;
            text = text[..minus];
        }
        int parts = 0;
        foreach (Range range in text.Split((byte)'.'))
        {
            if (++parts > 3 || !IsNumber(text[range]))
                return false;
        }
        return parts == 3;
    }

    /// <summary>Digits without a leading zero that fit 64 bits, because Rust keeps them in that width.</summary>
    private static bool IsNumber(ReadOnlySpan<byte> digits) =>
        !digits.IsEmpty
        && !digits.ContainsAnyExceptInRange((byte)'0', (byte)'9')
        && (digits.Length == 1 || digits[0] != '0')
        && ulong.TryParse(digits, null, out _);

    private static bool AreIdentifiers(ReadOnlySpan<byte> text, bool leadingZeros)
    {
        foreach (Range range in text.Split((byte)'.'))
        {
            ReadOnlySpan<byte> identifier = text[range];
            if (identifier.IsEmpty || identifier.ContainsAnyExcept(IdentifierBytes))
                return false;
            bool numeric = !identifier.ContainsAnyExceptInRange((byte)'0', (byte)'9');
            if (numeric && !leadingZeros && identifier.Length > 1 && identifier[0] == '0')
                return false;
        }
        return true;
    }
}
