using System.Runtime.CompilerServices;

namespace Mosaik.Postcard;

/// <summary>
/// Reads postcard values from bytes that may come from anyone.
/// </summary>
/// <remarks>
/// Every method returns false when the input is malformed, and then <see cref="Error"/> and <see cref="ErrorOffset"/>
/// say why and where; the first failure is kept. Nothing throws, nothing is allocated on the word of a length that the
/// input does not cover (spec/reliability.md §12.2). After a failure the reader's position has no meaning. The reader
/// does not know types: what to read next is the caller's business.
/// </remarks>
public ref partial struct PostcardReader
{
    /// <summary>The deepest nesting of structs, variants and collections that is read or written (LEN-5).</summary>
    public const int MaxDepth = 64;

    /// <summary>The most elements a collection may have when an element takes no bytes (LEN-3).</summary>
    public const int MaxEmptyElements = 65_536;

    /// <summary>
    /// The most memory, in bytes, that is taken for elements before the first of them is read (LEN-4).
    /// </summary>
    public const int MaxPreallocation = 1 << 20;

    private readonly ReadOnlySpan<byte> _input;
    private readonly bool _canonical;
    private int _position;
    private int _depth;
    private PostcardError _error;
    private int _errorOffset;

    /// <summary>Starts at the first byte of the input.</summary>
    /// <param name="input">The bytes to read; never changed.</param>
    /// <param name="form">Whether only canonical bytes are accepted.</param>
    public PostcardReader(ReadOnlySpan<byte> input, PostcardForm form = PostcardForm.Lenient)
    {
        _input = input;
        _canonical = form == PostcardForm.Canonical;
    }

    /// <summary>Whether only canonical bytes are accepted.</summary>
    public readonly bool IsCanonical => _canonical;

    /// <summary>How many bytes were read.</summary>
    public readonly int Position => _position;

    /// <summary>How many bytes are left.</summary>
    public readonly int Remaining => _input.Length - _position;

    /// <summary>Whether every byte was read.</summary>
    public readonly bool IsAtEnd => _position == _input.Length;

    /// <summary>The bytes that are left.</summary>
    public readonly ReadOnlySpan<byte> Unread => _input[_position..];

    /// <summary>Why reading failed, or <see cref="PostcardError.None"/>.</summary>
    public readonly PostcardError Error => _error;

    /// <summary>Where the refused item starts.</summary>
    public readonly int ErrorOffset => _errorOffset;

    /// <summary>The bytes between two positions, for signatures over a part of what was read.</summary>
    /// <param name="start">A position noted earlier.</param>
    /// <param name="end">A later position.</param>
    /// <returns>The bytes from <paramref name="start"/> up to <paramref name="end"/>.</returns>
    public readonly ReadOnlySpan<byte> Slice(int start, int end) => _input[start..end];

    /// <summary>Records a failure at the current position. The first one counts.</summary>
    /// <param name="error">The reason.</param>
    /// <returns>Always false, so that a parser can return it.</returns>
    public bool Fail(PostcardError error) => Fail(error, _position);

    /// <summary>Records a failure. The first one counts.</summary>
    /// <param name="error">The reason.</param>
    /// <param name="offset">Where the refused item starts.</param>
    /// <returns>Always false, so that a parser can return it.</returns>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public bool Fail(PostcardError error, int offset)
    {
        if (_error == PostcardError.None)
        {
            _error = error;
            _errorOffset = offset;
        }

        return false;
    }

    /// <summary>Goes one level deeper; paired with <see cref="Leave"/>.</summary>
    /// <returns>False when the nesting is too deep.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryEnter() => ++_depth <= MaxDepth || Fail(PostcardError.TooDeep);

    /// <summary>Comes back from a level.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Leave() => _depth--;

    /// <summary>Demands that every byte was read, for structures that end where their last field ends.</summary>
    /// <returns>False when bytes are left.</returns>
    public bool TryReadEnd() => IsAtEnd || Fail(PostcardError.NotCanonical);

    /// <summary>Reads one raw byte.</summary>
    /// <param name="value">The byte.</param>
    /// <returns>False at the end of the input.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryReadByte(out byte value)
    {
        var position = _position;
        if ((uint)position < (uint)_input.Length)
        {
            value = _input[position];
            _position = position + 1;
            return true;
        }

        value = 0;
        return Fail(PostcardError.EndOfInput);
    }

    /// <summary>Reads a signed byte: one raw byte, not zigzag.</summary>
    /// <param name="value">The value.</param>
    /// <returns>False at the end of the input.</returns>
    public bool TryReadSByte(out sbyte value)
    {
        var read = TryReadByte(out var raw);
        value = (sbyte)raw;
        return read;
    }

    /// <summary>Reads a bool, which is 0 or 1.</summary>
    /// <param name="value">The value.</param>
    /// <returns>False for any other byte.</returns>
    public bool TryReadBool(out bool value) => TryReadFlag(PostcardError.InvalidBool, out value);

    /// <summary>Reads the tag of an option.</summary>
    /// <param name="isSome">Whether a value follows.</param>
    /// <returns>False for a tag other than 0 and 1.</returns>
    public bool TryReadOption(out bool isSome) => TryReadFlag(PostcardError.InvalidOption, out isSome);

    /// <summary>Takes a fixed number of raw bytes without copying them.</summary>
    /// <param name="length">How many.</param>
    /// <param name="bytes">A slice of the input.</param>
    /// <returns>False when fewer are left.</returns>
    public bool TryReadRaw(int length, out ReadOnlySpan<byte> bytes)
    {
        if ((uint)length > (uint)(_input.Length - _position))
        {
            bytes = default;
            return Fail(PostcardError.EndOfInput);
        }

        bytes = _input.Slice(_position, length);
        _position += length;
        return true;
    }

    /// <summary>Copies a fixed number of raw bytes.</summary>
    /// <param name="destination">Filled completely.</param>
    /// <returns>False when fewer bytes are left.</returns>
    public bool TryReadRaw(scoped Span<byte> destination)
    {
        if (!TryReadRaw(destination.Length, out var bytes))
            return false;
        bytes.CopyTo(destination);
        return true;
    }

    /// <summary>Reads a byte buffer (length and bytes) without copying it.</summary>
    /// <param name="bytes">A slice of the input.</param>
    /// <returns>False when the length runs past the end.</returns>
    public bool TryReadBytes(out ReadOnlySpan<byte> bytes)
    {
        var start = _position;
        bytes = default;
        if (!TryReadUInt64(out var length))
            return false;
        if (length > (uint)Remaining)
            return Fail(PostcardError.EndOfInput, start);
        bytes = _input.Slice(_position, (int)length);
        _position += (int)length;
        return true;
    }

    /// <summary>Reads a byte buffer that may not be longer than a limit.</summary>
    /// <param name="maxLength">The most bytes accepted.</param>
    /// <param name="bytes">A slice of the input.</param>
    /// <returns>False when it is longer or runs past the end.</returns>
    public bool TryReadBytes(int maxLength, out ReadOnlySpan<byte> bytes)
    {
        var start = _position;
        if (!TryReadBytes(out bytes))
            return false;
        return bytes.Length <= maxLength || Fail(PostcardError.TooLarge, start);
    }

    /// <summary>
    /// Reads the element count of a collection and checks it against what is left of the input (LEN-3).
    /// </summary>
    /// <param name="minimumElementSize">The fewest bytes one element (or entry) can take.</param>
    /// <param name="count">The number of elements.</param>
    /// <returns>False when the input cannot hold so many.</returns>
    public bool TryReadCount(int minimumElementSize, out int count)
    {
        var start = _position;
        count = 0;
        if (!TryReadUInt64(out var claimed))
            return false;
        if (minimumElementSize == 0)
        {
            if (claimed > MaxEmptyElements)
                return Fail(PostcardError.TooLarge, start);
        }
        else if (claimed > (uint)Remaining / (uint)minimumElementSize)
        {
            return Fail(PostcardError.EndOfInput, start);
        }

        count = (int)claimed;
        return true;
    }

    /// <summary>
    /// Like <see cref="TryReadCount(int, out int)"/>, and also refuses a count of content-free elements whose memory
    /// the input does not justify (LEN-9).
    /// </summary>
    internal bool TryReadCount(int minimumElementSize, int elementMemory, out int count)
    {
        var start = _position;
        if (!TryReadCount(minimumElementSize, out count))
            return false;
        return minimumElementSize > 0
            || (long)count * elementMemory <= (64L * _input.Length) + MaxEmptyElements
            || Fail(PostcardError.TooLarge, start);
    }

    /// <summary>Skips bytes of <see cref="Unread"/> that were read by other means.</summary>
    internal void Advance(int length) => _position += length;

    /// <summary>How many elements may be allocated before any was read (LEN-4).</summary>
    /// <param name="count">The count returned by <see cref="TryReadCount(int, out int)"/>.</param>
    /// <param name="elementMemory">The size of one element in memory.</param>
    /// <returns>The capacity to start with.</returns>
    public static int InitialCapacity(int count, int elementMemory) =>
        Math.Min(count, Math.Max(1, MaxPreallocation / Math.Max(1, elementMemory)));

    /// <summary>
    /// In canonical form, checks that the element between two positions is greater than the one before it; otherwise
    /// does nothing.
    /// </summary>
    /// <param name="previousStart">Where the element (or key) before it starts, or −1 for the first one.</param>
    /// <param name="previousEnd">Where the element (or key) before it ends.</param>
    /// <param name="start">Where the element (or key) starts.</param>
    /// <param name="end">Where it ends.</param>
    /// <returns>False when canonical form is demanded and the order is not strictly ascending.</returns>
    public bool TryCheckAscending(int previousStart, int previousEnd, int start, int end)
    {
        if (!_canonical || previousStart < 0)
            return true;
        return Slice(previousStart, previousEnd).SequenceCompareTo(Slice(start, end)) < 0
            || Fail(PostcardError.NotCanonical, start);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryReadFlag(PostcardError error, out bool value)
    {
        var position = _position;
        if ((uint)position < (uint)_input.Length)
        {
            var raw = _input[position];
            if (raw <= 1)
            {
                value = raw != 0;
                _position = position + 1;
                return true;
            }
        }

        value = false;
        return Fail((uint)position < (uint)_input.Length ? error : PostcardError.EndOfInput);
    }
}
