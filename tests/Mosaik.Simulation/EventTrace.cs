using System.Buffers.Binary;
using Mosaik.Testing;

namespace Mosaik.Simulation;

/// <summary>
/// The fingerprint of a run: XXH3-64 over (step, virtual time, node, event, bytes of the event), chained, and the last
/// events of each node for the message of a failure (spec/reliability.md §3.5).
/// </summary>
internal sealed class EventTrace
{
    private const int KeptPerNode = 10_000;
    private readonly List<Ring> _rings = [];

    /// <summary>The hash so far.</summary>
    public ulong Hash { get; private set; }

    /// <summary>Takes an event in.</summary>
    public void Add(long step, TimeSpan now, int node, string kind, ulong argument, ReadOnlySpan<byte> bytes)
    {
        Span<byte> block = stackalloc byte[6 * sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(block, Hash);
        BinaryPrimitives.WriteInt64LittleEndian(block[8..], step);
        BinaryPrimitives.WriteInt64LittleEndian(block[16..], now.Ticks);
        BinaryPrimitives.WriteInt64LittleEndian(
            block[24..], ((long)node << 32) | (uint)(kind[0] << 16 | kind[^1] << 8 | kind.Length));
        BinaryPrimitives.WriteUInt64LittleEndian(block[32..], argument);
        BinaryPrimitives.WriteUInt64LittleEndian(block[40..], HashBytes(bytes));
        Hash = XxHash3.Hash(block);
        while (_rings.Count <= node)
            _rings.Add(new Ring());
        _rings[node].Add(new Entry(step, now, kind, argument, bytes.Length));
    }

    /// <summary>The last events of all nodes, oldest first.</summary>
    public IReadOnlyList<string> Recent(int count) =>
    [
        .. _rings.SelectMany(static (ring, node) => ring.All().Select(entry => (entry, node)))
            .OrderBy(static item => item.entry.Step)
            .TakeLast(count)
            .Select(static item => $"{item.entry.Step} t={item.entry.At.TotalSeconds:f6} n{item.node} {item.entry.Kind} "
                + $"{item.entry.Argument:x} ({item.entry.Length} B)"),
    ];

    private static ulong HashBytes(ReadOnlySpan<byte> bytes)
    {
        const int Piece = XxHash3.MaxLength - sizeof(ulong);
        if (bytes.Length <= XxHash3.MaxLength)
            return XxHash3.Hash(bytes);
        Span<byte> block = stackalloc byte[XxHash3.MaxLength];
        ulong hash = (ulong)bytes.Length;
        while (!bytes.IsEmpty)
        {
            int length = Math.Min(Piece, bytes.Length);
            BinaryPrimitives.WriteUInt64LittleEndian(block, hash);
            bytes[..length].CopyTo(block[sizeof(ulong)..]);
            hash = XxHash3.Hash(block[..(sizeof(ulong) + length)]);
            bytes = bytes[length..];
        }
        return hash;
    }

    private readonly record struct Entry(long Step, TimeSpan At, string Kind, ulong Argument, int Length);

    private sealed class Ring
    {
        private readonly List<Entry> _entries = [];
        private int _next;

        public void Add(in Entry entry)
        {
            if (_entries.Count < KeptPerNode)
                _entries.Add(entry);
            else
                _entries[_next] = entry;
            _next = (_next + 1) % KeptPerNode;
        }

        public List<Entry> All() => _entries;
    }
}
