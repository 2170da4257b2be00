using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Mosaik.Quic.Recovery;

/// <summary>
/// Remembers which of the newest <see cref="Size"/> packet numbers have been received; everything older counts as
/// received (RFC 9000 §12.3 allows such a minimum). spec/quic.md §6.2 asks for at least 128; one thousand costs 128
/// bytes
/// and survives the reordering of several coalesced batches.
/// </summary>
[StructLayout(LayoutKind.Auto)]
internal struct DuplicateWindow
{
    /// <summary>How many numbers, counted back from the largest, are told apart.</summary>
    public const int Size = 1024;

    private const int Words = Size / 64;

    private Bits _bits;      // bit (n mod Size) says whether n was received, for n in (_next - Size, _next)
    private ulong _next;     // largest received + 1; 0 = none

    /// <summary>Whether the number was received before, or is too old to know.</summary>
    public readonly bool IsDuplicate(ulong packetNumber)
    {
        if (packetNumber >= _next)
            return false;
        if (_next - packetNumber > Size)
            return true;
        return (_bits[Word(packetNumber)] & Bit(packetNumber)) != 0;
    }

    /// <summary>Marks a number as received; false when it was a duplicate.</summary>
    public bool TryAdd(ulong packetNumber)
    {
        if (IsDuplicate(packetNumber))
            return false;
        if (packetNumber >= _next)
        {
            Advance(packetNumber + 1);
        }
        _bits[Word(packetNumber)] |= Bit(packetNumber);
        return true;
    }

    private void Advance(ulong next)
    {
        if (next - _next >= Size)
        {
            ((Span<ulong>)_bits).Clear();
        }
        else
        {
            for (ulong n = _next; n < next; n++)
                _bits[Word(n)] &= ~Bit(n);
        }
        _next = next;
    }

    private static int Word(ulong packetNumber) => (int)(packetNumber / 64 % Words);

    private static ulong Bit(ulong packetNumber) => 1UL << (int)(packetNumber % 64);

    [InlineArray(Words)]
    private struct Bits
    {
        private ulong _first;
    }
}
