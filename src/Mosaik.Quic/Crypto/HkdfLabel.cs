using System.Security.Cryptography;

namespace Mosaik.Quic.Crypto;

/// <summary>HKDF-Expand-Label of TLS 1.3 (RFC 8446 §7.1) over spans, without allocation.</summary>
internal static class HkdfLabel
{
    /// <summary>The longest label without its prefix: the length field is one byte and counts the prefix.</summary>
    internal const int MaxLabelLength = byte.MaxValue - PrefixLength;

    private const int PrefixLength = 6;

    private static ReadOnlySpan<byte> Prefix => "tls13 "u8;

    /// <summary>
    /// Fills <paramref name="output"/> with HKDF-Expand-Label(secret, label, context, output length).
    /// </summary>
    internal static void Expand(
        HashAlgorithmName hash,
        ReadOnlySpan<byte> secret,
        ReadOnlySpan<byte> label,
        ReadOnlySpan<byte> context,
        Span<byte> output)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(label.Length, MaxLabelLength, nameof(label));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(context.Length, byte.MaxValue, nameof(context));
        Span<byte> info = stackalloc byte[2 + 1 + byte.MaxValue + 1 + byte.MaxValue];
        info[0] = (byte)(output.Length >> 8);
        info[1] = (byte)output.Length;
        info[2] = (byte)(PrefixLength + label.Length);
        Prefix.CopyTo(info[3..]);
        var length = 3 + PrefixLength;
        label.CopyTo(info[length..]);
        length += label.Length;
        info[length++] = (byte)context.Length;
        context.CopyTo(info[length..]);
        length += context.Length;
        HKDF.Expand(hash, secret, output, info[..length]);
    }
}
