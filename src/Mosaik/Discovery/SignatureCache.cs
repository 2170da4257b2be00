using System.Runtime.InteropServices;
using Mosaik.Primitives;

namespace Mosaik.Discovery;

/// <summary>
/// Successful verifications: exact triples (key, digest, signature), least recently used out. Failures are not
/// remembered
/// (spec/performance.md §4.10).
/// </summary>
/// <remarks>A verification is a pure function, so one cache serves all networks of a process. Thread-safe.</remarks>
internal sealed class SignatureCache
{
    public const int DefaultCapacity = 16_384;

    private readonly Lock _lock = new();
    private readonly int _capacity;
    private readonly Dictionary<Triple, LinkedListNode<Triple>> _known = [];
    private readonly LinkedList<Triple> _recent = new();

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
            if (!_known.TryGetValue(new Triple(key, digest, signature), out LinkedListNode<Triple>? node))
                return false;
            _recent.Remove(node);
            _recent.AddFirst(node);
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
