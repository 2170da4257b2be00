using System.Security.Cryptography;

namespace Mosaik.Quic.Crypto;

/// <summary>The integrity tag at the end of a Retry packet (RFC 9001 §5.8).</summary>
internal static class RetryIntegrityTag
{
    /// <summary>Length of the tag.</summary>
    internal const int Length = 16;

    private const int MaxConnectionIdLength = 20;

    private static ReadOnlySpan<byte> Key =>
    [
        0xbe, 0x0c, 0x69, 0x0b, 0x9f, 0x66, 0x57, 0x5a, 0x1d, 0x76, 0x6b, 0x54, 0xe3, 0x68, 0xc8, 0x4e,
    ];

    private static ReadOnlySpan<byte> Nonce =>
    [
        0x46, 0x15, 0x99, 0xd3, 0x5d, 0x63, 0x2b, 0xf2, 0x23, 0x98, 0x25, 0xbb,
    ];

    /// <summary>
    /// Computes the tag of a Retry packet without its tag, sent in answer to an Initial for
    /// <paramref name="originalDestination"/>.
    /// </summary>
    internal static void Compute(
        ReadOnlySpan<byte> originalDestination,
        ReadOnlySpan<byte> retryWithoutTag,
        Span<byte> tag)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(
            originalDestination.Length, MaxConnectionIdLength, nameof(originalDestination));
        var pseudo = new byte[1 + originalDestination.Length + retryWithoutTag.Length];
        pseudo[0] = (byte)originalDestination.Length;
        originalDestination.CopyTo(pseudo.AsSpan(1));
        retryWithoutTag.CopyTo(pseudo.AsSpan(1 + originalDestination.Length));
        // A Retry is rare and outside every hot path: an AEAD object per packet is fine here.
        using var aes = new AesGcm(Key, Length);
        aes.Encrypt(Nonce, default, default, tag[..Length], pseudo);
    }

    /// <summary>Whether a whole Retry packet ends in the right tag.</summary>
    internal static bool Verify(ReadOnlySpan<byte> originalDestination, ReadOnlySpan<byte> retry)
    {
        if (retry.Length < Length || originalDestination.Length > MaxConnectionIdLength)
            return false;
        Span<byte> tag = stackalloc byte[Length];
        Compute(originalDestination, retry[..^Length], tag);
        return CryptographicOperations.FixedTimeEquals(tag, retry[^Length..]);
    }
}
