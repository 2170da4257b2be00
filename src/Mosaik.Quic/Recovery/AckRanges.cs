namespace Mosaik.Quic.Recovery;

/// <summary>The packet numbers received in one space, as ranges from which ACK frames are written.</summary>
/// <remarks>
/// <para>
/// Algorithm: disjoint, non-adjacent ranges in ascending order in a fixed array of <see cref="MaxRanges"/>. Packets mostly
/// arrive in order, so an insertion looks at the newest range first and usually ends there. When the array is full the
/// oldest range is given up (spec/reliability.md §11, E9): the peer then repeats those packets at worst.
/// Duplicates are recognised by a separate window, so giving up or forgetting a range never lets a packet be processed twice.
/// </para>
/// <para>
/// Method order: <see cref="IsDuplicate"/> before the packet is opened is allowed but not needed; <see cref="TryAdd"/> after
/// it was authenticated and before its frames are processed; the indexer (newest first) when an ACK frame is written;
/// <see cref="ForgetThrough"/> when the peer has acknowledged a packet with an ACK frame (RFC 9000 §13.2.4).
/// </para>
/// </remarks>
internal sealed class AckRanges
{
    /// <summary>Ranges kept at most (spec/quic.md §16).</summary>
    public const int MaxRanges = 64;

    private readonly PacketNumberRange[] _ascending = new PacketNumberRange[MaxRanges];
    private DuplicateWindow _window;
    private int _count;

    /// <summary>The number of ranges.</summary>
    public int Count => _count;

    /// <summary>The largest number ever received, or null. Forgetting ranges does not change it.</summary>
    public ulong? Largest { get; private set; }

    /// <summary>A range, the newest first: index 0 opens an ACK frame.</summary>
    public PacketNumberRange this[int newestFirst]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)newestFirst, (uint)_count, nameof(newestFirst));
            return _ascending[_count - 1 - newestFirst];
        }
    }

    /// <summary>Whether a packet with this number was received before or is too old to tell.</summary>
    public bool IsDuplicate(ulong packetNumber) => _window.IsDuplicate(packetNumber);

    /// <summary>Records a received packet; false when it is a duplicate and must be dropped unread.</summary>
    public bool TryAdd(ulong packetNumber)
    {
        if (!_window.TryAdd(packetNumber))
            return false;
        if (Largest is null || packetNumber > Largest)
            Largest = packetNumber;
        Insert(packetNumber);
        return true;
    }

    /// <summary>Forgets all numbers up to and including the given one.</summary>
    public void ForgetThrough(ulong packetNumber)
    {
        int gone = 0;
        while (gone < _count && _ascending[gone].Largest <= packetNumber)
            gone++;
        if (gone > 0)
            RemoveOldest(gone);
        if (_count > 0 && _ascending[0].Smallest <= packetNumber)
            _ascending[0] = _ascending[0] with { Smallest = packetNumber + 1 };
    }

    private void Insert(ulong packetNumber)
    {
        int at = _count;    // the position behind the last range that begins at or below the number
        while (at > 0 && _ascending[at - 1].Smallest > packetNumber)
            at--;

        bool joinsLower = at > 0 && _ascending[at - 1].Largest + 1 >= packetNumber;
        bool joinsUpper = at < _count && _ascending[at].Smallest == packetNumber + 1;
        if (joinsLower && joinsUpper)
        {
            _ascending[at - 1] = new(_ascending[at - 1].Smallest, _ascending[at].Largest);
            _ascending.AsSpan((at + 1).._count).CopyTo(_ascending.AsSpan(at));
            _count--;
        }
        else if (joinsLower)
        {
            // Inside the range only after a forgotten number was received once more; the window excludes that.
            _ascending[at - 1] = _ascending[at - 1] with { Largest = Math.Max(_ascending[at - 1].Largest, packetNumber) };
        }
        else if (joinsUpper)
        {
            _ascending[at] = _ascending[at] with { Smallest = packetNumber };
        }
        else
        {
            if (_count == MaxRanges)
            {
                if (at == 0)
                    return;     // older than everything kept: it would be the first to go
                RemoveOldest(1);
                at--;
            }
            _ascending.AsSpan(at.._count).CopyTo(_ascending.AsSpan(at + 1));
            _ascending[at] = new(packetNumber, packetNumber);
            _count++;
        }
    }

    private void RemoveOldest(int count)
    {
        _ascending.AsSpan(count.._count).CopyTo(_ascending);
        _count -= count;
    }
}
