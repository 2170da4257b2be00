using System.Runtime.InteropServices;
using Mosaik.Primitives;

namespace Mosaik.Discovery;

/// <summary>
/// Successful verifications: exact triples (key, digest, signature), least recently used out. Failures are not
/// remembered
/// (spec/performance.md §4.10).
/// </summary>
/// <remarks>
/// A verification is a pure function, so one cache serves all networks of a process. For the same reason they may share the
/// entries, which do not change: the cache knows them as long as somebody holds them, and keeps none alive. Thread-safe.
/// </remarks>
internal sealed class SignatureCache
{
    public const int DefaultCapacity = 16_384;

    private readonly Lock _lock = new();
    private readonly int _capacity;
    private readonly Dictionary<Triple, LinkedListNode<Item>> _known = [];
    private readonly Dictionary<Signature, LinkedListNode<Item>> _bySignature = []; // of those with an entry
    private readonly LinkedList<Item> _recent = new();

    public SignatureCache(int capacity = DefaultCapacity)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(capacity, 1);
        _capacity = capacity;
    }

    /// <summary>The cache of the process.</summary>
    public static SignatureCache Shared { get; } = new();

    /// <summary>Whether the triple is known to verify.</summary>
    public bool Contains(PeerId key, UniqueId digest, Signature signature)
    {
        lock (_lock)
        {
            if (!_known.TryGetValue(new Triple(key, digest, signature), out LinkedListNode<Item>? node))
                return false;
            Touch(node);
            return true;
        }
    }

    /// <summary>Remembers a triple that verifies.</summary>
    public void Add(PeerId key, UniqueId digest, Signature signature)
    {
        var triple = new Triple(key, digest, signature);
        lock (_lock)
        {
            if (_known.ContainsKey(triple))
                return;
            if (_known.Count == _capacity)
                Forget(_recent.Last!); // not empty: the capacity is at least 1
            _known[triple] = _recent.AddFirst(new Item(triple));
        }
    }

    /// <summary>
    /// The entry that verified from exactly these bytes, which end with the signature; null when nobody holds it any more.
    /// </summary>
    public SignedPeerEntry? Recall(Signature signature, ReadOnlySpan<byte> bytes)
    {
        lock (_lock)
        {
            if (!_bySignature.TryGetValue(signature, out LinkedListNode<Item>? node)
                || node.Value.Entry is not { } reference
                || !reference.TryGetTarget(out SignedPeerEntry? entry)
                || !bytes.SequenceEqual(entry.Bytes.Span))
            {
                return null;
            }
            Touch(node);
            return entry;
        }
    }

    /// <summary>Makes an entry known whose triple is remembered.</summary>
    public void Keep(SignedPeerEntry entry)
    {
        lock (_lock)
        {
            if (_known.TryGetValue(new Triple(entry.Id, entry.Digest, entry.Signature), out LinkedListNode<Item>? node))
            {
                node.Value.Entry = new WeakReference<SignedPeerEntry>(entry);
                _bySignature[entry.Signature] = node;
            }
        }
    }

    private void Touch(LinkedListNode<Item> node)
    {
        _recent.Remove(node);
        _recent.AddFirst(node);
    }

    private void Forget(LinkedListNode<Item> node)
    {
        Triple triple = node.Value.Triple;
        _known.Remove(triple);
        if (_bySignature.TryGetValue(triple.Signature, out LinkedListNode<Item>? known) && known == node)
            _bySignature.Remove(triple.Signature);
        _recent.Remove(node);
    }

    private sealed class Item(Triple triple)
    {
        public Triple Triple { get; } = triple;

        public WeakReference<SignedPeerEntry>? Entry { get; set; }
    }

    // The hash is keyed per process, so that nobody can craft signatures that share a bucket.
    [StructLayout(LayoutKind.Auto)]
    private readonly record struct Triple(PeerId Key, UniqueId Digest, Signature Signature);
}
