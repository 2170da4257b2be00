using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Mosaik.Quic.Crypto;

/// <summary>
/// The packet-protection keys of one direction, one encryption level and one key generation (RFC 9001 §5).
/// </summary>
/// <remarks>
/// The AEAD object is made once and reused for every packet (spec/performance.md §4.5); sealing and opening happen in
/// place, the nonce is on the stack. Header-protection keys do not change in a key update (RFC 9001 §6), so all
/// generations share one <see cref="HeaderProtection"/>; it is disposed with the last generation that uses it.
/// Not thread-safe: the keys belong to the loop of their connection. What it does not do: count packets. The connection
/// compares its counters with <see cref="ConfidentialityLimit"/> and <see cref="IntegrityLimit"/>.
/// </remarks>
internal sealed class PacketKeys : IDisposable
{
    private const int NonceLength = 12;

    private readonly CipherSuite _suite;
    private readonly byte[] _secret;
    private readonly AesGcm? _aes;
    private readonly ChaCha20Poly1305? _chaCha;
    private readonly SharedHeaderProtection _shared;
    private NonceBase _iv;
    private bool _disposed;

    private PacketKeys(CipherSuite suite, ReadOnlySpan<byte> secret, SharedHeaderProtection? shared)
    {
        _suite = suite;
        _secret = secret.ToArray();
        var hash = suite.Hash;
        Span<byte> key = stackalloc byte[32];
        key = key[..suite.KeyLength];
        HkdfLabel.Expand(hash, secret, "quic iv"u8, default, _iv);
        HkdfLabel.Expand(hash, secret, "quic key"u8, default, key);
        if (suite == CipherSuite.ChaCha20Poly1305Sha256)
            _chaCha = new ChaCha20Poly1305(key);
        else
            _aes = new AesGcm(key, PacketProtection.TagLength);
        if (shared is null)
        {
            HkdfLabel.Expand(hash, secret, "quic hp"u8, default, key);
            _shared = new SharedHeaderProtection(HeaderProtection.Create(suite, key));
        }
        else
        {
            _shared = shared;
            _shared.Users++;
        }
        CryptographicOperations.ZeroMemory(key);
    }

    /// <summary>Derives key, iv and header-protection key from a traffic secret of the suite's hash length.</summary>
    internal static PacketKeys FromSecret(CipherSuite suite, ReadOnlySpan<byte> secret)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(secret.Length, suite.HashLength, nameof(secret));
        return new PacketKeys(suite, secret, shared: null);
    }

    /// <summary>The next generation ("quic ku", RFC 9001 §6.1); it shares the header protection.</summary>
    internal PacketKeys NextGeneration()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        Span<byte> next = stackalloc byte[48];
        next = next[.._secret.Length];
        HkdfLabel.Expand(_suite.Hash, _secret, "quic ku"u8, default, next);
        var keys = new PacketKeys(_suite, next, _shared);
        CryptographicOperations.ZeroMemory(next);
        return keys;
    }

    /// <summary>The suite these keys belong to.</summary>
    internal CipherSuite Suite => _suite;

    /// <summary>The header protection of this level and direction, the same for every generation.</summary>
    internal HeaderProtection HeaderProtection => _shared.Protection;

    /// <summary>How many packets may be sealed with this key (RFC 9001 §6.6).</summary>
    internal ulong ConfidentialityLimit => _suite.ConfidentialityLimit;

    /// <summary>How many packets may fail to open, over all generations, before the connection ends.</summary>
    internal ulong IntegrityLimit => _suite.IntegrityLimit;

    /// <summary>
    /// Encrypts in place: all but the last 16 bytes of <paramref name="payloadAndTag"/> are plaintext on entry, and the
    /// last 16 bytes become the tag.
    /// </summary>
    internal void Seal(ulong packetNumber, ReadOnlySpan<byte> header, Span<byte> payloadAndTag)
    {
        var payload = payloadAndTag[..^PacketProtection.TagLength];
        var tag = payloadAndTag[^PacketProtection.TagLength..];
        Span<byte> nonce = stackalloc byte[NonceLength];
        WriteNonce(packetNumber, nonce);
        if (_aes is not null)
            _aes.Encrypt(nonce, payload, payload, tag, header);
        else
            ChaCha.Encrypt(nonce, payload, payload, tag, header);
    }

    /// <summary>
    /// Decrypts in place; the plaintext is all but the last 16 bytes. False on a wrong tag or fewer than 16 bytes; the
    /// buffer is then of no use.
    /// </summary>
    internal bool TryOpen(ulong packetNumber, ReadOnlySpan<byte> header, Span<byte> ciphertextAndTag)
    {
        if (ciphertextAndTag.Length < PacketProtection.TagLength)
            return false;
        var payload = ciphertextAndTag[..^PacketProtection.TagLength];
        var tag = ciphertextAndTag[^PacketProtection.TagLength..];
        Span<byte> nonce = stackalloc byte[NonceLength];
        WriteNonce(packetNumber, nonce);
        try
        {
            if (_aes is not null)
                _aes.Decrypt(nonce, payload, tag, payload, header);
            else
                ChaCha.Decrypt(nonce, payload, tag, payload, header);
            return true;
        }
        catch (AuthenticationTagMismatchException)
        {
            // The one place where the base class library reports a forged packet by an exception; above it is a value.
            return false;
        }
    }

    /// <summary>Disposes the AEAD, zeroes the secret and releases the header protection.</summary>
    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        CryptographicOperations.ZeroMemory(_secret);
        CryptographicOperations.ZeroMemory(_iv);
        _aes?.Dispose();
        _chaCha?.Dispose();
        if (--_shared.Users == 0)
            _shared.Protection.Dispose();
    }

    // One of the two AEADs is always set by the constructor.
    private ChaCha20Poly1305 ChaCha => _chaCha!;

    // RFC 9001 §5.3: the packet number, left-padded to the length of the iv, xor the iv.
    private void WriteNonce(ulong packetNumber, Span<byte> nonce)
    {
        ReadOnlySpan<byte> iv = _iv;
        iv.CopyTo(nonce);
        var low = nonce[4..];
        BinaryPrimitives.WriteUInt64BigEndian(low, BinaryPrimitives.ReadUInt64BigEndian(low) ^ packetNumber);
    }

    [System.Runtime.CompilerServices.InlineArray(NonceLength)]
    private struct NonceBase
    {
        private byte _first;
    }

    /// <summary>The header protection and how many generations still use it.</summary>
    private sealed class SharedHeaderProtection(HeaderProtection protection)
    {
        internal HeaderProtection Protection { get; } = protection;

        internal int Users { get; set; } = 1;
    }
}
