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
        // One more for the block counter.
        Span<byte> info = stackalloc byte[2 + 1 + byte.MaxValue + 1 + byte.MaxValue + 1];
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
        var isSha384 = hash == HashAlgorithmName.SHA384;
        if (output.Length > (isSha384 ? HMACSHA384.HashSizeInBytes : HMACSHA256.HashSizeInBytes))
        {
            HKDF.Expand(hash, secret, output, info[..length]);
            return;
        }
        // RFC 5869 §2.3 with a single block, which is every use but long exports: T(1) = HMAC(secret, info ‖ 1). In one
        // call, for the general routine makes an object that it uses once.
        info[length++] = 1;
        Span<byte> block = stackalloc byte[HMACSHA384.HashSizeInBytes];
        if (isSha384)
            HMACSHA384.HashData(secret, info[..length], block);
        else
            HMACSHA256.HashData(secret, info[..length], block);
        block[..output.Length].CopyTo(output);
        CryptographicOperations.ZeroMemory(block);
    }
}
