using System.Diagnostics.CodeAnalysis;
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

    /// <summary>An entry of the process that was verified from these bytes, if somebody still holds it.</summary>
    public bool TryRecall(Signature signature, ReadOnlySpan<byte> bytes, [NotNullWhen(true)] out SignedPeerEntry? entry)
    {
        entry = cache.Recall(signature, bytes);
        if (entry is not null)
            Interlocked.Increment(ref _requested);
        return entry is not null;
    }

    /// <summary>Lets others have a verified entry instead of one of their own.</summary>
    public void Keep(SignedPeerEntry entry) => cache.Keep(entry);

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
