using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Mosaik.Quic.Recovery;

/// <summary>
/// The frames of one sent packet. Up to <see cref="InlineCapacity"/> frames live in the struct; more are kept in an
/// array
/// rented from a pool, so recording a packet allocates nothing in steady state.
/// </summary>
/// <remarks>
/// The list is a mutable struct with one owner: pass it by <c>ref</c> while a packet is written, then
/// <see cref="MoveTo"/> the record of sent packets. Whoever holds it last calls <see cref="Release"/> exactly once; the
/// list is then empty and can be used again. Method order: Add…, read with <see cref="AsSpan"/>, Release.
/// </remarks>
internal struct SentFrameList
{
    /// <summary>Frames kept without a rented array; ACK, one window update and two streams fit.</summary>
    public const int InlineCapacity = 4;

    private InlineFrames _inline;
    private SentFrame[]? _overflow;   // when not null it holds all frames, the inline ones included
    private int _count;

    /// <summary>The number of frames.</summary>
    public readonly int Count => _count;

    /// <summary>The frame at a position, in the order of writing.</summary>
    public readonly SentFrame this[int index] => AsSpan()[index];

    /// <summary>Appends a frame.</summary>
    public void Add(in SentFrame frame)
    {
        if (_overflow is null && _count < InlineCapacity)
        {
            _inline[_count++] = frame;
            return;
        }
        if (_overflow is null || _count == _overflow.Length)
            Grow();
        _overflow![_count++] = frame;
    }

    /// <summary>The frames in the order of writing. The span is valid until the next Add or Release.</summary>
    [UnscopedRef]
    public readonly ReadOnlySpan<SentFrame> AsSpan() =>
        _overflow is null ? ((ReadOnlySpan<SentFrame>)_inline)[.._count] : _overflow.AsSpan(0, _count);

    /// <summary>
    /// Takes back frames written after the list had <paramref name="count"/> of them (a packet that did not fit).
    /// </summary>
    public void Truncate(int count)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, _count);
        _count = count;
    }

    /// <summary>
    /// Hands the frames over to a list that holds none, and is empty afterwards. Copies what is there, not the
    /// capacity.
    /// </summary>
    public void MoveTo(ref SentFrameList other)
    {
        if (_overflow is null)
            ((ReadOnlySpan<SentFrame>)_inline)[.._count].CopyTo(other._inline);
        other._overflow = _overflow;
        other._count = _count;
        _overflow = null;
        _count = 0;
    }

    /// <summary>Empties the list and gives a rented array back.</summary>
    public void Release()
    {
        if (_overflow is not null)
        {
            SentFramePool.Return(_overflow);
            _overflow = null;
        }
        _count = 0;
    }

    private void Grow()
    {
        SentFrame[] larger = SentFramePool.Rent(Math.Max(SentFramePool.ArrayLength, _count * 2));
        AsSpan().CopyTo(larger);
        if (_overflow is not null)
            SentFramePool.Return(_overflow);
        _overflow = larger;
    }

    [InlineArray(InlineCapacity)]
    private struct InlineFrames
    {
        private SentFrame _first;
    }
}
