using System.Runtime.InteropServices;

namespace Mosaik.Quic.Streams;

/// <summary>
/// Bytes of a stream between two offsets, kept in pooled blocks: appended at the back, dropped from the
/// front, copied from anywhere between. Both the sender (written, not yet acknowledged) and the receiver (received in
/// order, not yet read) are built on it.
/// </summary>
/// <remarks>
/// A block is never moved: appending costs one copy, and dropping gives a block back once all of it is behind
/// <see cref="Start"/>. Block sizes follow the amount held (1 to 32 KiB), so that a stream with a few bytes holds
/// little and a bulk stream pays for the pool once per 27 packets. All blocks but the last are full. An empty queue
/// holds no block. The ring of blocks grows and stays; with the pool warm nothing is allocated.
/// </remarks>
internal sealed class ByteQueue(BlockPool pool)
{
    /// <summary>The smallest block.</summary>
    public const int SmallestBlock = 1024;

    /// <summary>The largest block.</summary>
    public const int LargestBlock = BlockPool.Largest;

    private Block[] _blocks = [];
    private int _head;
    private int _count;

    /// <summary>The offset of the first byte held.</summary>
    public ulong Start { get; private set; }

    /// <summary>The offset behind the last byte held.</summary>
    public ulong End { get; private set; }

    /// <summary>The number of bytes held.</summary>
    public int Length => (int)(End - Start);

    /// <summary>The memory held, unused parts of blocks included.</summary>
    public int MemoryHeld { get; private set; }

    /// <summary>The readable bytes of the first block.</summary>
    public ReadOnlySpan<byte> First
    {
        get
        {
            if (_count == 0)
                return default;
            ref Block block = ref BlockAt(0);
            int skip = (int)(Start - block.Offset);
            return block.Buffer.AsSpan(skip, block.Used - skip);
        }
    }

    /// <summary>Copies bytes to the end.</summary>
    public void Append(ReadOnlySpan<byte> data)
    {
        End += (ulong)data.Length;
        while (!data.IsEmpty)
        {
            if (_count == 0 || BlockAt(_count - 1).Free == 0)
                AddBlock(Math.Clamp(Math.Max(MemoryHeld, data.Length), SmallestBlock, LargestBlock), End - (ulong)data.Length);
            ref Block block = ref BlockAt(_count - 1);
            int length = Math.Min(block.Free, data.Length);
            data[..length].CopyTo(block.Buffer.AsSpan(block.Used));
            block.Used += length;
            data = data[length..];
        }
    }

    /// <summary>Copies bytes from <paramref name="offset"/> on, all of which are held.</summary>
    public void CopyTo(ulong offset, Span<byte> destination)
    {
        for (int index = IndexOf(offset); !destination.IsEmpty; index++)
        {
            ref Block block = ref BlockAt(index);
            int skip = (int)(offset - block.Offset);
            int length = Math.Min(block.Used - skip, destination.Length);
            block.Buffer.AsSpan(skip, length).CopyTo(destination);
            destination = destination[length..];
            offset += (ulong)length;
        }
    }

    /// <summary>Copies bytes from the front, drops them, and returns how many.</summary>
    public int Read(Span<byte> destination)
    {
        int length = Math.Min(Length, destination.Length);
        if (length == 0)
            return 0;
        CopyTo(Start, destination[..length]);
        DropTo(Start + (ulong)length);
        return length;
    }

    /// <summary>Drops everything before <paramref name="offset"/>.</summary>
    public void DropTo(ulong offset)
    {
        Start = offset;
        while (_count > 0)
        {
            ref Block block = ref BlockAt(0);
            if (block.End > offset)
                break;
            MemoryHeld -= block.Buffer.Length;
            pool.Return(block.Buffer);
            block.Buffer = null!;   // the slot is outside the ring from here on
            _head = (_head + 1) & (_blocks.Length - 1);
            _count--;
        }
    }

    /// <summary>Drops everything that is held; the offsets go on from the end.</summary>
    public void Clear() => DropTo(End);

    private void AddBlock(int size, ulong offset) =>
        Push(new Block { Buffer = pool.Rent(size), Offset = offset });

    private void Push(in Block block)
    {
        if (_count == _blocks.Length)
        {
            var larger = new Block[Math.Max(2, _blocks.Length * 2)];
            for (int i = 0; i < _count; i++)
                larger[i] = BlockAt(i);
            _blocks = larger;
            _head = 0;
        }
        _blocks[(_head + _count++) & (_blocks.Length - 1)] = block;
        MemoryHeld += block.Buffer.Length;
    }

    private ref Block BlockAt(int index) => ref _blocks[(_head + index) & (_blocks.Length - 1)];

    /// <summary>
    /// The block that holds an offset: nearly always one of the last two (new data) or the first, else by bisection.
    /// </summary>
    private int IndexOf(ulong offset)
    {
        int low = 0;
        int high = _count - 1;
        if (offset < BlockAt(0).End)
            return 0;
        if (offset >= BlockAt(high).Offset)
            return high;
        while (low < high)
        {
            int middle = (low + high + 1) >> 1;
            if (BlockAt(middle).Offset <= offset)
                low = middle;
            else
                high = middle - 1;
        }
        return low;
    }

    [StructLayout(LayoutKind.Auto)]
    private struct Block
    {
        public byte[] Buffer;
        public ulong Offset;
        public int Used;

        public readonly int Free => Buffer.Length - Used;

        public readonly ulong End => Offset + (ulong)Used;
    }
}
