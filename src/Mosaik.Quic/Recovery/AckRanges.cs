using Mosaik.Quic.Wire;

namespace Mosaik.Quic.Recovery;

/// <summary>The packet numbers received in one space, as ranges from which ACK frames are written.</summary>
/// <remarks>
/// <para>
/// Algorithm: disjoint, non-adjacent ranges, the newest first as ACK frames want them, in a fixed array of
/// <see cref="MaxRanges"/>. Packets mostly arrive in order, so an insertion usually ends at the first range. When the
/// array is full the
/// oldest range is given up (spec/reliability.md §11, E9): the peer then repeats those packets at worst.
/// Duplicates are recognised by a separate window, so giving up or forgetting a range never lets a packet be processed
/// twice.
/// </para>
/// <para>
/// Method order: <see cref="IsDuplicate"/> before the packet is opened is allowed but not needed; <see cref="TryAdd"/>
/// after
/// it was authenticated and before its frames are processed; <see cref="NewestFirst"/> when an ACK frame is written;
/// <see cref="ForgetThrough"/> when the peer has acknowledged a packet with an ACK frame (RFC 9000 §13.2.4).
/// </para>
/// </remarks>
internal sealed class AckRanges
{
    /// <summary>Ranges kept at most (spec/quic.md §16).</summary>
    public const int MaxRanges = 64;

    private readonly PacketNumberRange[] _ranges = new PacketNumberRange[MaxRanges];
    private DuplicateWindow _window;
    private int _count;

    /// <summary>The number of ranges.</summary>
    public int Count => _count;

    /// <summary>The largest number ever received, or null. Forgetting ranges does not change it.</summary>
    public ulong? Largest { get; private set; }

    /// <summary>The ranges, newest first; valid until the next change.</summary>
    public ReadOnlySpan<PacketNumberRange> NewestFirst => _ranges.AsSpan(0, _count);

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
        while (_count > 0 && _ranges[_count - 1].Largest <= packetNumber)
            _count--;
        if (_count > 0 && _ranges[_count - 1].Smallest <= packetNumber)
            _ranges[_count - 1] = _ranges[_count - 1] with { Smallest = packetNumber + 1 };
    }

    private void Insert(ulong packetNumber)
    {
        int at = 0;     // the first range that begins at or below the number; those before it lie above
        while (at < _count && _ranges[at].Smallest > packetNumber)
            at++;

        bool joinsLower = at < _count && _ranges[at].Largest + 1 >= packetNumber;
        bool joinsUpper = at > 0 && _ranges[at - 1].Smallest == packetNumber + 1;
        if (joinsLower && joinsUpper)
        {
            _ranges[at - 1] = new(_ranges[at].Smallest, _ranges[at - 1].Largest);
            _ranges.AsSpan((at + 1).._count).CopyTo(_ranges.AsSpan(at));
            _count--;
        }
        else if (joinsLower)
        {
            _ranges[at] = _ranges[at] with { Largest = packetNumber };
        }
        else if (joinsUpper)
        {
            _ranges[at - 1] = _ranges[at - 1] with { Smallest = packetNumber };
        }
        else
        {
            if (at == MaxRanges)
                return;     // older than everything kept: it would be the first to go
            int kept = Math.Min(_count, MaxRanges - 1);
            _ranges.AsSpan(at..kept).CopyTo(_ranges.AsSpan(at + 1));
            _ranges[at] = new(packetNumber, packetNumber);
            _count = kept + 1;
        }
    }
}
