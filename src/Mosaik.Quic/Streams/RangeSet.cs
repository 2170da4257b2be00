using System.Runtime.InteropServices;

namespace Mosaik.Quic.Streams;

/// <summary>Bytes from <paramref name="Start"/> up to, not including, <paramref name="End"/>.</summary>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct ByteRange(ulong Start, ulong End)
{
    /// <summary>The number of bytes.</summary>
    public ulong Length => End - Start;
}

/// <summary>
/// A set of offsets as ascending disjoint ranges that never touch each other. Taking from the front is O(1), everything
/// else a bisection and a move of the ranges behind; sets stay small (one range per hole that loss has torn).
/// </summary>
internal sealed class RangeSet
{
    private ByteRange[] _ranges = [];
    private int _head;

    /// <summary>The number of ranges.</summary>
    public int Count { get; private set; }

    /// <summary>The range at a position, ascending.</summary>
    public ByteRange this[int index] => _ranges[_head + index];

    /// <summary>Adds the offsets from start up to end.</summary>
    public void Add(ulong start, ulong end)
    {
        if (start >= end)
            return;
        int first = FirstEndingAtOrAfter(start);   // the first range that touches or follows
        int last = first;
        while (last < Count && this[last].Start <= end)
        {
            start = Math.Min(start, this[last].Start);
            end = Math.Max(end, this[last].End);
            last++;
        }
        Replace(first, last - first, new ByteRange(start, end));
    }

    /// <summary>Removes the offsets from start up to end.</summary>
    public void Remove(ulong start, ulong end)
    {
        if (start >= end || Count == 0)
            return;
        int index = FirstEndingAtOrAfter(start + 1);
        while (index < Count && this[index].Start < end)
        {
            ByteRange range = this[index];
            if (range.Start < start && range.End > end)
            {
                _ranges[_head + index] = new ByteRange(range.Start, start);
                Replace(index + 1, 0, new ByteRange(end, range.End));
                return;
            }
            if (range.Start < start)
                _ranges[_head + index++] = new ByteRange(range.Start, start);
            else if (range.End > end)
                _ranges[_head + index] = new ByteRange(end, range.End);
            else
                RemoveAt(index);
            if (range.End >= end)
                return;
        }
    }

    /// <summary>Removes the first range.</summary>
    public void RemoveFirst() => RemoveAt(0);

    /// <summary>Removes everything.</summary>
    public void Clear()
    {
        _head = 0;
        Count = 0;
    }

    /// <summary>The position of the first range whose end is at least <paramref name="offset"/>.</summary>
    public int FirstEndingAtOrAfter(ulong offset)
    {
        int low = 0;
        int high = Count;
        while (low < high)
        {
            int middle = (low + high) >> 1;
            if (this[middle].End >= offset)
                high = middle;
            else
                low = middle + 1;
        }
        return low;
    }

    private void RemoveAt(int index)
    {
        if (index == 0)
        {
            _head++;
        }
        else
        {
            Array.Copy(_ranges, _head + index + 1, _ranges, _head + index, Count - index - 1);
        }
        Count--;
        if (Count == 0)
            _head = 0;
    }

    /// <summary>Puts one range in the place of <paramref name="removed"/> (possibly none).</summary>
    private void Replace(int index, int removed, ByteRange range)
    {
        if (removed == 0)
        {
            MakeRoom();
            Array.Copy(_ranges, _head + index, _ranges, _head + index + 1, Count - index);
            Count++;
        }
        else if (removed > 1)
        {
            Array.Copy(_ranges, _head + index + removed, _ranges, _head + index + 1, Count - index - removed);
            Count -= removed - 1;
        }
        _ranges[_head + index] = range;
    }

    private void MakeRoom()
    {
        if (_head + Count < _ranges.Length)
            return;
        ByteRange[] target = _head >= Math.Max(1, _ranges.Length / 2) ? _ranges : new ByteRange[Math.Max(4, _ranges.Length * 2)];
        Array.Copy(_ranges, _head, target, 0, Count);
        _ranges = target;
        _head = 0;
    }
}
