using Mosaik.Quic.Crypto;

namespace Mosaik.Quic.Tls;

/// <summary>
/// The SubjectPublicKeyInfo of an Ed25519 key: twelve constant bytes and the key (spec/quic.md §2.1).
/// </summary>
internal static class RawPublicKey
{
    /// <summary>Length of the structure.</summary>
    internal const int Length = 44;

    // SEQUENCE { SEQUENCE { OID 1.3.101.112 }, BIT STRING of 32 bytes without unused bits }
    internal static ReadOnlySpan<byte> Prefix =>
    [
        0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
    ];

    /// <summary>Takes the key out of the structure; false for anything but the exact form.</summary>
    internal static bool TryParse(ReadOnlySpan<byte> structure, out ReadOnlySpan<byte> publicKey)
    {
        if (structure.Length != Length || !structure.StartsWith(Prefix))
        {
            publicKey = default;
            return false;
        }
        publicKey = structure[^Ed25519Strict.PublicKeyLength..];
        return true;
    }

    /// <summary>Appends the structure of a key.</summary>
    internal static void Write(TlsWriter writer, ReadOnlySpan<byte> publicKey)
    {
        writer.Bytes(Prefix);
        writer.Bytes(publicKey);
    }
}
