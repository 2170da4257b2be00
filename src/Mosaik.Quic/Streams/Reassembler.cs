using System.Runtime.InteropServices;

namespace Mosaik.Quic.Streams;

/// <summary>
/// Puts the bytes of one direction of a stream (or of CRYPTO data) into order.
/// </summary>
/// <remarks>
/// <para>
/// Bytes that arrive in order go, with one copy, to the end of a queue of pooled blocks from which the application
/// reads. Bytes beyond a gap become <em>pieces</em>: disjoint, ascending, each in a pooled array of its own that
/// doubles while data is appended to it, so that memory held stays within twice the payload. When a gap is filled the
/// pieces behind it are copied to the queue. Bytes that are already present are ignored, whatever the duplicate says,
/// so that nothing changes under a reader.
/// </para>
/// <para>
/// Limits (spec/reliability.md E8): more than <see cref="MaxRanges"/> disjoint ranges, counted after joining
/// neighbours, is an error. Neighbouring pieces stay separate until there are <see cref="CopyTogetherAt"/> more of them
/// than ranges, or until pieces hold more than twice their payload (plus a small constant), and are then copied
/// together: contiguous data in tiny pieces is never an error, costs at most one copy per 512 pieces, and holds no more
/// memory than it is worth.
/// </para>
/// <para>Method order: <see cref="TryInsert"/> per frame, <see cref="Read"/> whenever the application asks.</para>
/// </remarks>
internal sealed class Reassembler(BlockPool pool)
{
    /// <summary>The most disjoint ranges beyond the readable bytes.</summary>
    public const int MaxRanges = 1024;

    /// <summary>Neighbouring pieces are copied together at this number.</summary>
    public const int CopyTogetherAt = 512;

    private const int LargestPiece = ByteQueue.LargestBlock;
    private const int ToleratedSlack = 16 * 1024;   // memory beyond twice the payload that is not worth a copy

    private readonly ByteQueue _ready = new(pool);
    private Piece[] _pieces = [];
    private int _head;
    private int _count;
    private int _pieceMemory;
    private int _piecePayload;
    private int _copyAt = CopyTogetherAt;

    /// <summary>The offset of the next byte to read.</summary>
    public ulong ReadOffset => _ready.Start;

    /// <summary>The offset behind the last byte that can be read.</summary>
    public ulong ReadyEnd => _ready.End;

    /// <summary>How many bytes can be read.</summary>
    public int Readable => _ready.Length;

    /// <summary>The first readable bytes (one block of them).</summary>
    public ReadOnlySpan<byte> First => _ready.First;

    /// <summary>The disjoint ranges beyond a gap.</summary>
    public int Ranges { get; private set; }

    /// <summary>The bytes held beyond a gap.</summary>
    public int BytesBeyondGap => _piecePayload;

    /// <summary>All memory held.</summary>
    public int MemoryHeld => _ready.MemoryHeld + _pieceMemory;

    /// <summary>Takes over the new ones among these bytes; false when there are too many disjoint ranges.</summary>
    public bool TryInsert(ulong offset, ReadOnlySpan<byte> data)
    {
        ulong end = offset + (ulong)data.Length;
        if (end <= ReadyEnd)
            return true;
        if (offset < ReadyEnd)
        {
            data = data[(int)(ReadyEnd - offset)..];
            offset = ReadyEnd;
        }
        if (_count == 0 && offset == ReadyEnd)
        {
            _ready.Append(data);
            return true;
        }
        return offset == ReadyEnd ? InsertInOrder(offset, data) : InsertBeyondGap(offset, data);
    }

    /// <summary>Copies readable bytes out and returns how many.</summary>
    public int Read(Span<byte> destination) => _ready.Read(destination);

    /// <summary>Drops readable bytes that were used in place.</summary>
    public void Advance(int count) => _ready.DropTo(_ready.Start + (ulong)Math.Min(count, Readable));

    /// <summary>Drops everything.</summary>
    public void Clear()
    {
        _ready.Clear();
        for (int i = 0; i < _count; i++)
            pool.Return(At(i).Buffer);
        _head = 0;
        _count = 0;
        _pieces = [];
        _pieceMemory = 0;
        _piecePayload = 0;
        Ranges = 0;
    }

    private bool InsertInOrder(ulong offset, ReadOnlySpan<byte> data)
    {
        while (!data.IsEmpty)
        {
            int gap = _count == 0 ? data.Length : (int)Math.Min(At(0).Offset - offset, (ulong)data.Length);
            _ready.Append(data[..gap]);
            data = data[gap..];
            MoveReadyPieces();
            int known = (int)Math.Min(ReadyEnd - offset - (ulong)gap, (ulong)data.Length);
            data = data[known..];
            offset += (ulong)(gap + known);
        }
        return true;
    }

    /// <summary>Moves the pieces that now follow the queue into it.</summary>
    private void MoveReadyPieces()
    {
        if (_count == 0 || At(0).Offset != ReadyEnd)
            return;
        Ranges--;   // pieces that touch are one range
        while (_count > 0 && At(0).Offset == ReadyEnd)
        {
            ref Piece piece = ref At(0);
            _pieceMemory -= piece.Buffer.Length;
            _piecePayload -= piece.Length;
            _ready.Append(piece.Buffer.AsSpan(0, piece.Length));
            pool.Return(piece.Buffer);
            piece.Buffer = null!;   // the slot is outside the list from here on
            _head++;
            _count--;
        }
        if (_count > 0)
            return;
        _head = 0;
        _copyAt = CopyTogetherAt;
    }

    private bool InsertBeyondGap(ulong offset, ReadOnlySpan<byte> data)
    {
        int index = FirstEndingAfter(offset);
        while (!data.IsEmpty)
        {
            if (index < _count && At(index).Offset <= offset)
            {
                int known = (int)Math.Min(At(index).End - offset, (ulong)data.Length);
                data = data[known..];
                offset += (ulong)known;
                index++;
                continue;
            }
            int gap = index < _count ? (int)Math.Min(At(index).Offset - offset, (ulong)data.Length) : data.Length;
            index = Fill(index, offset, data[..gap]);
            data = data[gap..];
            offset += (ulong)gap;
        }
        if (_count - Ranges >= _copyAt || _pieceMemory > 2 * _piecePayload + ToleratedSlack)
            CopyTogether();
        return Ranges <= MaxRanges;
    }

    /// <summary>
    /// Stores bytes none of which is present, between the pieces <paramref name="index"/> − 1 and
    /// <paramref name="index"/>; returns the position of the piece that follows them.
    /// </summary>
    private int Fill(int index, ulong offset, ReadOnlySpan<byte> data)
    {
        bool touchesLeft = index > 0 && At(index - 1).End == offset;
        bool touchesRight = index < _count && At(index).Offset == offset + (ulong)data.Length;
        Ranges += 1 - (touchesLeft ? 1 : 0) - (touchesRight ? 1 : 0);
        _piecePayload += data.Length;
        if (touchesLeft)
            data = data[Extend(ref At(index - 1), data)..];
        while (!data.IsEmpty)
        {
            int length = Math.Min(data.Length, LargestPiece);
            byte[] buffer = pool.Rent(length);
            data[..length].CopyTo(buffer);
            ulong at = touchesLeft ? At(index - 1).End : offset;
            InsertPiece(index++, new Piece { Offset = at, Length = length, Buffer = buffer });
            _pieceMemory += buffer.Length;
            data = data[length..];
            touchesLeft = true;
        }
        return index;
    }

    /// <summary>Appends what fits to a piece, whose array doubles up to the largest size; returns how much.</summary>
    private int Extend(ref Piece piece, ReadOnlySpan<byte> data)
    {
        int wanted = Math.Min(piece.Length + data.Length, LargestPiece);
        if (wanted > piece.Buffer.Length)
        {
            byte[] larger = pool.Rent(Math.Min(Math.Max(wanted, piece.Length * 2), LargestPiece));
            piece.Buffer.AsSpan(0, piece.Length).CopyTo(larger);
            _pieceMemory += larger.Length - piece.Buffer.Length;
            pool.Return(piece.Buffer);
            piece.Buffer = larger;
        }
        int length = Math.Min(data.Length, Math.Max(0, piece.Buffer.Length - piece.Length));
        data[..length].CopyTo(piece.Buffer.AsSpan(piece.Length));
        piece.Length += length;
        return length;
    }

    /// <summary>Copies pieces that touch into common arrays of at most <see cref="LargestPiece"/> bytes.</summary>
    private void CopyTogether()
    {
        int target = 0;
        for (int source = 0; source < _count;)
        {
            int next = source + 1;
            int length = At(source).Length;
            while (next < _count && At(next).Offset == At(next - 1).End && length + At(next).Length <= LargestPiece)
                length += At(next++).Length;
            Piece joined = At(source);
            if (next > source + 1 || joined.Buffer.Length > Math.Max(16, 2 * length))
                joined = Join(source, next, length);
            source = next;
            At(target++) = joined;
        }
        for (int i = target; i < _count; i++)
            At(i).Buffer = null!;   // moved to a common array; the slot is outside the list from here on
        _count = target;
        // Full pieces stay apart for good; counting from here keeps the cost at one copy per 512 arrivals.
        _copyAt = _count - Ranges + CopyTogetherAt;
    }

    private Piece Join(int from, int to, int length)
    {
        byte[] buffer = pool.Rent(length);
        ulong offset = At(from).Offset;
        _pieceMemory += buffer.Length;
        for (int i = from, position = 0; i < to; i++)
        {
            ref Piece piece = ref At(i);
            piece.Buffer.AsSpan(0, piece.Length).CopyTo(buffer.AsSpan(position));
            position += piece.Length;
            _pieceMemory -= piece.Buffer.Length;
            pool.Return(piece.Buffer);
        }
        return new Piece { Offset = offset, Length = length, Buffer = buffer };
    }

    /// <summary>
    /// The position of the first piece that ends after an offset; the common case is behind all of them.
    /// </summary>
    private int FirstEndingAfter(ulong offset)
    {
        if (_count == 0 || At(_count - 1).End <= offset)
            return _count;
        int low = 0;
        int high = _count;
        while (low < high)
        {
            int middle = (low + high) >> 1;
            if (At(middle).End > offset)
                high = middle;
            else
                low = middle + 1;
        }
        return low;
    }

    private void InsertPiece(int index, in Piece piece)
    {
        if (_head + _count == _pieces.Length)
        {
            Piece[] target = _head > _pieces.Length / 2 ? _pieces : new Piece[Math.Max(8, _pieces.Length * 2)];
            Array.Copy(_pieces, _head, target, 0, _count);
            _pieces = target;
            _head = 0;
        }
        Array.Copy(_pieces, _head + index, _pieces, _head + index + 1, _count - index);
        _pieces[_head + index] = piece;
        _count++;
    }

    private ref Piece At(int index) => ref _pieces[_head + index];

    [StructLayout(LayoutKind.Auto)]
    private struct Piece
    {
        public ulong Offset;
        public int Length;
        public byte[] Buffer;

        public readonly ulong End => Offset + (ulong)Length;
    }
}
