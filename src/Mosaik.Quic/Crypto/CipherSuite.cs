using System.Security.Cryptography;

namespace Mosaik.Quic.Crypto;

/// <summary>The TLS 1.3 cipher suites of the profile (spec/quic.md §3.1), with their numbers on the wire.</summary>
internal enum CipherSuite : ushort
{
    /// <summary>AES-128-GCM with SHA-256; also the suite of Initial packets.</summary>
    Aes128GcmSha256 = 0x1301,

    /// <summary>AES-256-GCM with SHA-384; what two default endpoints negotiate.</summary>
    Aes256GcmSha384 = 0x1302,

    /// <summary>ChaCha20-Poly1305 with SHA-256.</summary>
    ChaCha20Poly1305Sha256 = 0x1303,
}

/// <summary>Sizes, hash and packet limits that follow from a cipher suite.</summary>
internal static class CipherSuiteExtensions
{
    // RFC 9001 §6.6, spec/quic.md §3.11.
    private const ulong AesGcmConfidentialityLimit = 1UL << 23;
    private const ulong AesGcmIntegrityLimit = 1UL << 52;
    private const ulong ChaCha20IntegrityLimit = 1UL << 36;

    extension(CipherSuite suite)
    {
        /// <summary>Whether the number is one of the three suites of the profile.</summary>
        internal bool IsKnown => suite is >= CipherSuite.Aes128GcmSha256 and <= CipherSuite.ChaCha20Poly1305Sha256;

        /// <summary>Length of the packet key and of the header-protection key in bytes.</summary>
        internal int KeyLength => suite == CipherSuite.Aes128GcmSha256 ? 16 : 32;

        /// <summary>Length of the hash and of every secret of the key schedule in bytes.</summary>
        internal int HashLength => suite == CipherSuite.Aes256GcmSha384 ? 48 : 32;

        /// <summary>The hash of the suite.</summary>
        internal HashAlgorithmName Hash =>
            suite == CipherSuite.Aes256GcmSha384 ? HashAlgorithmName.SHA384 : HashAlgorithmName.SHA256;

        /// <summary>How many packets may be sealed with one key.</summary>
        internal ulong ConfidentialityLimit =>
            suite == CipherSuite.ChaCha20Poly1305Sha256 ? ulong.MaxValue : AesGcmConfidentialityLimit;

        /// <summary>How many packets may fail to open before the connection must end.</summary>
        internal ulong IntegrityLimit =>
            suite == CipherSuite.ChaCha20Poly1305Sha256 ? ChaCha20IntegrityLimit : AesGcmIntegrityLimit;
    }
}
