using System.Runtime.InteropServices;

namespace Mosaik.Quic.Wire;

/// <summary>Consecutive packet numbers, both ends included: one range of an ACK frame.</summary>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct PacketNumberRange(ulong Smallest, ulong Largest);

/// <summary>
/// The ranges of an ACK frame, newest first, decoded while they are walked: nothing is stored, however many there are.
/// The reader has already checked the bytes, so that walking them cannot fail.
/// </summary>
internal ref struct AckRangeEnumerator
{
    private readonly ReadOnlySpan<byte> _ranges;
    private ulong _smallest;
    private ulong _nextLargest;
    private ulong _nextLength;
    private int _position;
    private bool _hasNext;

    /// <summary>Walks a first range [largest − first, largest] and the (gap, length) pairs behind it.</summary>
    internal AckRangeEnumerator(ulong largest, ulong firstLength, ReadOnlySpan<byte> ranges)
    {
        _ranges = ranges;
        _nextLargest = largest;
        _nextLength = firstLength;
        _hasNext = true;
    }

    /// <summary>The range.</summary>
    public readonly PacketNumberRange Current => new(_smallest, _nextLargest);

    /// <summary>Moves to the next older range.</summary>
    public bool MoveNext()
    {
        if (!_hasNext)
        {
            if (_position >= _ranges.Length || !VarInt.TryRead(_ranges, ref _position, out ulong gap)
                || !VarInt.TryRead(_ranges, ref _position, out _nextLength))
            {
                return false;
            }
            _nextLargest = _smallest - gap - 2;   // RFC 9000 §19.3.1
        }
        _hasNext = false;
        _smallest = _nextLargest - _nextLength;
        return true;
    }

    /// <summary>For foreach.</summary>
    public readonly AckRangeEnumerator GetEnumerator() => this;
}
