using System.Runtime.InteropServices;
using Mosaik.Primitives;
using Mosaik.Quic.Crypto;

namespace Mosaik.Discovery;

/// <summary>
/// Strict verification that remembers its successes: the same entry arrives from many neighbours, and a verification is the
/// most expensive thing a node does in steady state (spec/performance.md §4.10).
/// </summary>
/// <remarks>
/// The cache holds 16,384 exact triples (key, digest, signature), least recently used out; failures are not remembered. A
/// verification is a pure function, so one cache may serve all networks of a process. Thread-safe; nothing is computed
/// while the lock is held.
/// </remarks>
internal sealed class SignatureVerifier
{
    public const int DefaultCapacity = 16_384;

    private readonly Lock _lock = new();
    private readonly int _capacity;
    private readonly Dictionary<Triple, LinkedListNode<Triple>> _known = [];
    private readonly LinkedList<Triple> _recent = new();
    private long _computed;

    public SignatureVerifier(int capacity = DefaultCapacity)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(capacity, 1);
        _capacity = capacity;
    }

    /// <summary>The cache of the process.</summary>
    public static SignatureVerifier Shared { get; } = new();

    /// <summary>How many verifications were really computed.</summary>
    public long Computed => Volatile.Read(ref _computed);

    /// <summary>Whether the signature over the digest is the key's.</summary>
    public bool Verify(PeerId key, UniqueId digest, Signature signature)
    {
        var triple = new Triple(key, digest, signature);
        lock (_lock)
        {
            if (_known.TryGetValue(triple, out LinkedListNode<Triple>? node))
            {
                _recent.Remove(node);
                _recent.AddFirst(node);
                return true;
            }
        }
        Interlocked.Increment(ref _computed);
        Span<byte> raw = stackalloc byte[Signature.Length];
        signature.CopyTo(raw);
        if (!Ed25519Strict.Verify(key.AsSpan(), digest.AsSpan(), raw))
            return false;
        Remember(triple);
        return true;
    }

    private void Remember(in Triple triple)
    {
        lock (_lock)
        {
            if (_known.ContainsKey(triple))
                return;
            if (_known.Count == _capacity)
            {
                _known.Remove(_recent.Last!.Value); // not empty: the capacity is at least 1
                _recent.RemoveLast();
            }
            _known[triple] = _recent.AddFirst(triple);
        }
    }

    // The hash is keyed per process, so that nobody can craft signatures that share a bucket.
    [StructLayout(LayoutKind.Auto)]
    private readonly record struct Triple(PeerId Key, UniqueId Digest, Signature Signature);
}
