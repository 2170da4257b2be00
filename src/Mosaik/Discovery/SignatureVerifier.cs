using Mosaik.Primitives;
using Mosaik.Quic.Crypto;

namespace Mosaik.Discovery;

/// <summary>
/// Strict verification in front of which stands the cache: the same entry arrives from many neighbours, and a
/// verification is
/// the most expensive thing a node does in steady state (spec/performance.md §4.10). Thread-safe.
/// </summary>
internal sealed class SignatureVerifier(SignatureCache cache)
{
    private long _requested;

    /// <summary>For callers that belong to no network.</summary>
    public static SignatureVerifier Shared { get; } = new(SignatureCache.Shared);

    /// <summary>How many verifications were asked for, computed or remembered.</summary>
    public long Requested => Volatile.Read(ref _requested);

    /// <summary>Whether the signature over the digest is the key's.</summary>
    public bool Verify(PeerId key, UniqueId digest, Signature signature)
    {
        Interlocked.Increment(ref _requested);
        if (cache.Contains(key, digest, signature))
            return true;
        Span<byte> raw = stackalloc byte[Signature.Length];
        signature.CopyTo(raw);
        if (!Ed25519Strict.Verify(key.AsSpan(), digest.AsSpan(), raw))
            return false;
        cache.Add(key, digest, signature);
        return true;
    }
}
