using System.Security.Cryptography;
using Mosaik.Quic.Crypto;

namespace Mosaik.Quic.Tls;

/// <summary>
/// The key schedule of RFC 8446 §7.1 without pre-shared keys: early secret → handshake secret → master secret, and the
/// traffic and exporter secrets that hang from them.
/// </summary>
/// <remarks>
/// Order: construct, <see cref="EnterHandshake"/> with the hash through ServerHello, <see cref="EnterApplication"/>
/// with the hash through the server's Finished. Everything is zeroed on dispose; the handshake secret is overwritten by
/// the master secret. There is no resumption secret: nothing is resumed (spec/quic.md §3.9).
/// </remarks>
internal sealed class TlsKeySchedule : IDisposable
{
    /// <summary>The longest hash of the profile, SHA-384.</summary>
    internal const int MaxHashLength = 48;

    // Secrets that do not depend on the handshake are derived once per process (RFC 8446 §7.1, PSK = 0).
    private static readonly byte[] DerivedEarlySha256 = DeriveFromEarly(HashAlgorithmName.SHA256, 32);
    private static readonly byte[] DerivedEarlySha384 = DeriveFromEarly(HashAlgorithmName.SHA384, 48);
    private static readonly byte[] EmptyHashSha256 = SHA256.HashData([]);
    private static readonly byte[] EmptyHashSha384 = SHA384.HashData([]);

    private readonly HashAlgorithmName _hash;
    private readonly int _length;

    // current | client handshake | server handshake | client application | server application | exporter
    private readonly byte[] _secrets;

    internal TlsKeySchedule(CipherSuite suite)
    {
        _hash = suite.Hash;
        _length = suite.HashLength;
        _secrets = new byte[6 * _length];
    }

    /// <summary>The handshake secret, and after <see cref="EnterApplication"/> the master secret.</summary>
    internal ReadOnlySpan<byte> Current => Secret(0);

    internal ReadOnlySpan<byte> ClientHandshakeTraffic => Secret(1);

    internal ReadOnlySpan<byte> ServerHandshakeTraffic => Secret(2);

    internal ReadOnlySpan<byte> ClientApplicationTraffic => Secret(3);

    internal ReadOnlySpan<byte> ServerApplicationTraffic => Secret(4);

    internal ReadOnlySpan<byte> ExporterMaster => Secret(5);

    private ReadOnlySpan<byte> EmptyHash => _length == MaxHashLength ? EmptyHashSha384 : EmptyHashSha256;

    /// <summary>Mixes in the agreed secret and derives the handshake traffic secrets.</summary>
    internal void EnterHandshake(ReadOnlySpan<byte> sharedSecret, ReadOnlySpan<byte> transcriptHash)
    {
        var salt = _length == MaxHashLength ? DerivedEarlySha384 : DerivedEarlySha256;
        HKDF.Extract(_hash, sharedSecret, salt, Secret(0));
        Derive("c hs traffic"u8, transcriptHash, Secret(1));
        Derive("s hs traffic"u8, transcriptHash, Secret(2));
    }

    /// <summary>
    /// Derives the master secret, the first application traffic secrets and the exporter master secret.
    /// </summary>
    internal void EnterApplication(ReadOnlySpan<byte> transcriptHash)
    {
        Span<byte> salt = stackalloc byte[MaxHashLength];
        salt = salt[.._length];
        Span<byte> zeros = stackalloc byte[MaxHashLength];
        zeros = zeros[.._length];
        zeros.Clear();
        Derive("derived"u8, EmptyHash, salt);
        HKDF.Extract(_hash, zeros, salt, Secret(0));
        CryptographicOperations.ZeroMemory(salt);
        Derive("c ap traffic"u8, transcriptHash, Secret(3));
        Derive("s ap traffic"u8, transcriptHash, Secret(4));
        // RFC 8446 §7.1: the exporter master secret ends at the server's Finished, like the traffic secrets.
        Derive("exp master"u8, transcriptHash, Secret(5));
    }

    /// <summary>The verify data of a Finished (RFC 8446 §4.4.4) under a handshake traffic secret.</summary>
    internal ReadOnlySpan<byte> ComputeFinished(
        ReadOnlySpan<byte> trafficSecret,
        ReadOnlySpan<byte> transcriptHash,
        Span<byte> destination)
    {
        Span<byte> key = stackalloc byte[MaxHashLength];
        key = key[.._length];
        HkdfLabel.Expand(_hash, trafficSecret, "finished"u8, default, key);
        var length = _length == MaxHashLength
            ? HMACSHA384.HashData(key, transcriptHash, destination)
            : HMACSHA256.HashData(key, transcriptHash, destination);
        CryptographicOperations.ZeroMemory(key);
        return destination[..length];
    }

    /// <summary>Exported keying material (RFC 8446 §7.5, spec/quic.md §3.10).</summary>
    internal void Export(ReadOnlySpan<byte> label, ReadOnlySpan<byte> context, Span<byte> output) =>
        Export(_hash, ExporterMaster, label, context, output);

    /// <summary>Exported keying material from a given exporter master secret.</summary>
    internal static void Export(
        HashAlgorithmName hash,
        ReadOnlySpan<byte> exporterMaster,
        ReadOnlySpan<byte> label,
        ReadOnlySpan<byte> context,
        Span<byte> output)
    {
        var length = exporterMaster.Length;
        var isSha384 = length == MaxHashLength;
        Span<byte> secret = stackalloc byte[MaxHashLength];
        secret = secret[..length];
        Span<byte> contextHash = stackalloc byte[MaxHashLength];
        contextHash = contextHash[..length];
        if (isSha384)
            SHA384.HashData(context, contextHash);
        else
            SHA256.HashData(context, contextHash);
        HkdfLabel.Expand(hash, exporterMaster, label, isSha384 ? EmptyHashSha384 : EmptyHashSha256, secret);
        HkdfLabel.Expand(hash, secret, "exporter"u8, contextHash, output);
        CryptographicOperations.ZeroMemory(secret);
    }

    /// <inheritdoc/>
    public void Dispose() => CryptographicOperations.ZeroMemory(_secrets);

    private Span<byte> Secret(int index) => _secrets.AsSpan(index * _length, _length);

    private void Derive(ReadOnlySpan<byte> label, ReadOnlySpan<byte> transcriptHash, Span<byte> destination) =>
        HkdfLabel.Expand(_hash, Secret(0), label, transcriptHash, destination);

    private static byte[] DeriveFromEarly(HashAlgorithmName hash, int length)
    {
        var zeros = new byte[length];
        var early = new byte[length];
        var derived = new byte[length];
        HKDF.Extract(hash, zeros, zeros, early);
        var empty = length == MaxHashLength ? SHA384.HashData([]) : SHA256.HashData([]);
        HkdfLabel.Expand(hash, early, "derived"u8, empty, derived);
        return derived;
    }
}
