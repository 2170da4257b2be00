using AesInstructions = System.Runtime.Intrinsics.X86.Aes;

namespace Mosaik.Quic.Crypto;

/// <summary>
/// Header protection of one level and direction (RFC 9001 §5.4): a mask computed from a sample of the ciphertext.
/// </summary>
/// <remarks>
/// Three implementations (spec/performance.md §4.4): AES by processor instructions over round keys expanded once, AES
/// by one reused ECB transform where the instructions do not exist, and ChaCha20 by one reused block function.
/// </remarks>
internal abstract class HeaderProtection : IDisposable
{
    /// <summary>Bytes of ciphertext that are sampled.</summary>
    internal const int SampleLength = 16;

    /// <summary>Bytes of mask: one for the first byte, up to four for the packet number.</summary>
    internal const int MaskLength = 5;

    /// <summary>The implementation for the suite on this processor.</summary>
    internal static HeaderProtection Create(CipherSuite suite, ReadOnlySpan<byte> key)
    {
        if (suite == CipherSuite.ChaCha20Poly1305Sha256)
            return new ChaCha20HeaderProtection(key);
        return AesInstructions.IsSupported
            ? new AesInstructionsHeaderProtection(key)
            : new AesTransformHeaderProtection(key);
    }

    /// <summary>
    /// Writes the five bytes of mask for the 16 bytes of <paramref name="sample"/>.
    /// </summary>
    internal abstract void ComputeMask(ReadOnlySpan<byte> sample, Span<byte> mask);

    /// <inheritdoc/>
    public abstract void Dispose();
}
