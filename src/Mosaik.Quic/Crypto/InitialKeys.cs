using System.Security.Cryptography;

namespace Mosaik.Quic.Crypto;

/// <summary>
/// The keys of Initial packets, which anyone can derive from the first destination connection ID of the client, or
/// from the source connection ID of a Retry (RFC 9001 §5.2).
/// </summary>
internal static class InitialKeys
{
    private const int SecretLength = 32;

    // RFC 9001 §5.2, QUIC version 1.
    private static ReadOnlySpan<byte> Salt =>
    [
        0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17,
        0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a,
    ];

    /// <summary>Derives what the client seals with and what the server seals with.</summary>
    internal static (PacketKeys Client, PacketKeys Server) Derive(ReadOnlySpan<byte> destinationConnectionId)
    {
        Span<byte> initial = stackalloc byte[SecretLength];
        Span<byte> secret = stackalloc byte[SecretLength];
        HKDF.Extract(HashAlgorithmName.SHA256, destinationConnectionId, Salt, initial);
        HkdfLabel.Expand(HashAlgorithmName.SHA256, initial, "client in"u8, default, secret);
        var client = PacketKeys.FromSecret(CipherSuite.Aes128GcmSha256, secret);
        HkdfLabel.Expand(HashAlgorithmName.SHA256, initial, "server in"u8, default, secret);
        var server = PacketKeys.FromSecret(CipherSuite.Aes128GcmSha256, secret);
        return (client, server);
    }
}
