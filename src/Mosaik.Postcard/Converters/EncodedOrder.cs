using System.Buffers;
using System.Runtime.InteropServices;

namespace Mosaik.Postcard.Converters;

/// <summary>
/// Brings the entries of an unordered set or map into ascending order of their encoded elements or keys, so that equal
/// values give equal bytes (spec/wire.md §3.2).
/// </summary>
/// <remarks>
/// Entries are written where they belong, in whatever order the collection has them, and marked with
/// <see cref="Mark"/>. <see cref="Apply"/> then sorts the marks (heap sort: in place, no allocation, no worst case) and
/// rearranges the bytes through one pooled copy. Already ordered entries are left alone.
/// </remarks>
internal ref struct EncodedOrder(int count)
{
    private readonly Entry[] _entries = ArrayPool<Entry>.Shared.Rent(count);
    private int _count;

    [StructLayout(LayoutKind.Auto)]
    private readonly record struct Entry(int Start, int KeyLength, int Length);

    /// <summary>Marks the entry that was just written.</summary>
    public void Mark(int start, int keyEnd, int end)
    {
        if (_count == count)
            PostcardWriter.Refuse("The collection changed while it was written.");
        _entries[_count++] = new Entry(start, keyEnd - start, end - start);
    }

    /// <summary>Orders everything that was written since <paramref name="start"/>, unless the collection's own order is
    /// to be kept, and gives the pooled memory back.</summary>
    public readonly void Apply(ref PostcardWriter writer, int start, bool keepOrder = false)
    {
        if (_count != count)
            PostcardWriter.Refuse("The collection changed while it was written.");
        var written = writer.WrittenMutable[start..];
        if (!keepOrder && !IsAscending(written, start))
        {
            var copy = ArrayPool<byte>.Shared.Rent(written.Length);
            written.CopyTo(copy);
            Sort(copy, start);
            foreach (var entry in _entries.AsSpan(0, _count))
            {
                copy.AsSpan(entry.Start - start, entry.Length).CopyTo(written);
                written = written[entry.Length..];
            }

            ArrayPool<byte>.Shared.Return(copy);
        }

        ArrayPool<Entry>.Shared.Return(_entries);
    }

    private readonly bool IsAscending(ReadOnlySpan<byte> bytes, int origin)
    {
        for (var i = 1; i < _count; i++)
        {
            if (Compare(bytes, origin, _entries[i - 1], _entries[i]) > 0)
                return false;
        }

        return true;
    }

    private readonly void Sort(ReadOnlySpan<byte> bytes, int origin)
    {
        for (var root = (_count / 2) - 1; root >= 0; root--)
            SiftDown(bytes, origin, root, _count);
        for (var last = _count - 1; last > 0; last--)
        {
            (_entries[0], _entries[last]) = (_entries[last], _entries[0]);
            SiftDown(bytes, origin, 0, last);
        }
    }

    private readonly void SiftDown(ReadOnlySpan<byte> bytes, int origin, int root, int end)
    {
        while ((2 * root) + 1 < end)
        {
            var child = (2 * root) + 1;
            if (child + 1 < end && Compare(bytes, origin, _entries[child], _entries[child + 1]) < 0)
                child++;
            if (Compare(bytes, origin, _entries[root], _entries[child]) >= 0)
                return;
            (_entries[root], _entries[child]) = (_entries[child], _entries[root]);
            root = child;
        }
    }

    private static int Compare(ReadOnlySpan<byte> bytes, int origin, in Entry a, in Entry b) =>
        bytes.Slice(a.Start - origin, a.KeyLength).SequenceCompareTo(bytes.Slice(b.Start - origin, b.KeyLength));
}
