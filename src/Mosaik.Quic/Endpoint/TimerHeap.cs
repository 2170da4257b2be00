using Mosaik.Quic.Connection;

namespace Mosaik.Quic.Endpoint;

/// <summary>
/// The deadlines of all connections of an endpoint: a binary heap whose entries know their place, so that moving a
/// deadline
/// costs O(log n) and nothing is allocated (spec/performance.md §4.9). Equal deadlines are ordered by connection
/// number.
/// </summary>
internal sealed class TimerHeap
{
    private QuicConnectionCore[] _heap = new QuicConnectionCore[16];
    private int _count;

    /// <summary>Connections with a deadline.</summary>
    public int Count => _count;

    /// <summary>The earliest deadline, or null.</summary>
    public TimeSpan? Next => _count == 0 ? null : _heap[0].Hooks.Deadline;

    /// <summary>The connection with the earliest deadline. Only when <see cref="Count"/> is not 0.</summary>
    public QuicConnectionCore First => _count > 0 ? _heap[0] : throw new InvalidOperationException("the heap is empty");

    /// <summary>Inserts, moves or (with null) removes a connection.</summary>
    public void Set(QuicConnectionCore connection, TimeSpan? deadline)
    {
        if (connection.Hooks.Deadline == deadline)
            return;
        if (deadline is null)
        {
            Remove(connection);
            return;
        }
        if (connection.Hooks.Deadline is null)
        {
            if (_count == _heap.Length)
                Array.Resize(ref _heap, _count * 2);
            connection.Hooks.Deadline = deadline;
            Place(connection, _count++);
            SiftUp(connection.Hooks.HeapIndex);
            return;
        }
        connection.Hooks.Deadline = deadline;
        SiftUp(connection.Hooks.HeapIndex);
        SiftDown(connection.Hooks.HeapIndex);
    }

    private void Remove(QuicConnectionCore connection)
    {
        int index = connection.Hooks.HeapIndex;
        connection.Hooks.Deadline = null;
        QuicConnectionCore last = _heap[--_count];
        _heap[_count] = null!;      // beyond the count nothing is read
        if (ReferenceEquals(last, connection))
            return;
        Place(last, index);
        SiftUp(index);
        SiftDown(last.Hooks.HeapIndex);
    }

    private void SiftUp(int index)
    {
        QuicConnectionCore moving = _heap[index];
        while (index > 0)
        {
            int parent = (index - 1) / 2;
            if (!IsBefore(moving, _heap[parent]))
                break;
            Place(_heap[parent], index);
            index = parent;
        }
        Place(moving, index);
    }

    private void SiftDown(int index)
    {
        QuicConnectionCore moving = _heap[index];
        while (true)
        {
            int child = 2 * index + 1;
            if (child >= _count)
                break;
            if (child + 1 < _count && IsBefore(_heap[child + 1], _heap[child]))
                child++;
            if (!IsBefore(_heap[child], moving))
                break;
            Place(_heap[child], index);
            index = child;
        }
        Place(moving, index);
    }

    private void Place(QuicConnectionCore connection, int index)
    {
        _heap[index] = connection;
        connection.Hooks.HeapIndex = index;
    }

    private static bool IsBefore(QuicConnectionCore left, QuicConnectionCore right)
    {
        TimeSpan a = left.Hooks.Deadline.GetValueOrDefault();
        TimeSpan b = right.Hooks.Deadline.GetValueOrDefault();
        return a < b || (a == b && left.Id < right.Id);
    }
}
