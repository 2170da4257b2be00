using System.Buffers;
using System.Buffers.Binary;

namespace Mosaik.Networking;

/// <summary>
/// Cuts received bytes into frames: 4 bytes of big-endian length, then the payload (spec/wire.md §6.2).
/// </summary>
/// <remarks>
/// <para>Bytes are received straight into <see cref="GetMemory"/>, counted with <see cref="Advance"/>, and taken out
/// with <see cref="TryRead"/> until it says Incomplete. A payload is a slice of the buffer and lives until the next
/// <see cref="GetMemory"/>.</para>
/// <para>Memory follows received bytes, never a claim (spec/reliability.md LEN-1, LEN-2): the claim is compared with
/// the limit as soon as the header is complete; the buffer starts small, doubles when it is full of bytes that did
/// arrive, and is given back after a large frame. It knows no stream and no deadline.</para>
/// </remarks>
internal sealed class FrameBuffer : IDisposable
{
    /// <summary>Length of a header.</summary>
    internal const int HeaderLength = 4;

    /// <summary>Size of the first buffer.</summary>
    internal const int InitialCapacity = 4 * 1024;

    /// <summary>
    /// A buffer up to this size is kept while nothing is pending; reads of this size take whole batches.
    /// </summary>
    internal const int KeptCapacity = 64 * 1024;

    private readonly ArrayPool<byte> _pool;
    private readonly int _initialCapacity;
    private readonly int _keptCapacity;
    private byte[] _buffer = [];
    private int _start;
    private int _end;
    private bool _wasFilled;

    /// <summary>An empty buffer, which takes no memory before it is used.</summary>
    /// <param name="pool">Where its memory comes from.</param>
    /// <param name="initialCapacity">Size of the first buffer.</param>
    /// <param name="keptCapacity">Up to this size it is kept, and grows when a read has filled it.</param>
    public FrameBuffer(
        ArrayPool<byte>? pool = null, int initialCapacity = InitialCapacity, int keptCapacity = KeptCapacity)
    {
        _pool = pool ?? ArrayPool<byte>.Shared;
        _initialCapacity = initialCapacity;
        _keptCapacity = keptCapacity;
    }

    /// <summary>Bytes received and not taken.</summary>
    public int Buffered => _end - _start;

    /// <summary>Bytes of memory held.</summary>
    public int Capacity => _buffer.Length;

    /// <summary>The length the frame at the front claims; null while its header is incomplete.</summary>
    public uint? Claim => Buffered < HeaderLength
        ? null
        : BinaryPrimitives.ReadUInt32BigEndian(_buffer.AsSpan(_start));

    /// <summary>Takes the frame at the front if it is complete.</summary>
    /// <param name="limit">Largest payload.</param>
    /// <param name="payload">Valid until the next <see cref="GetMemory"/>.</param>
    public FrameStatus TryRead(int limit, out ReadOnlyMemory<byte> payload)
    {
        payload = default;
        if (Claim is not { } claim)
            return FrameStatus.Incomplete;
        if (claim > (uint)limit)
            return FrameStatus.TooLarge;
        var length = (int)claim;
        if (length > Buffered - HeaderLength)
            return FrameStatus.Incomplete;
        payload = _buffer.AsMemory(_start + HeaderLength, length);
        _start += HeaderLength + length;
        return FrameStatus.Complete;
    }

    /// <summary>Room for at least one more byte. Ends the life of payloads taken before.</summary>
    public Memory<byte> GetMemory()
    {
        var pending = Buffered;
        if (pending == 0)
        {
            _start = _end = 0;
            if (_buffer.Length > _keptCapacity)
                Replace(_keptCapacity);
            else if (_buffer.Length == 0)
                Replace(_initialCapacity);
            else if (_wasFilled && _buffer.Length < _keptCapacity)
                Replace(2 * _buffer.Length); // the last read filled it: the next one may take more at once
            _wasFilled = false;
        }
        else if (_buffer.Length - _end < _buffer.Length / 4 && pending <= _buffer.Length / 2)
        {
            Compact(); // consumed frames left room at the front
        }
        else if (_end == _buffer.Length)
        {
            Replace((int)Math.Min(Array.MaxLength, 2L * _buffer.Length)); // full of bytes that have arrived
        }

        return _buffer.AsMemory(_end);
    }

    /// <summary>Counts bytes received into the last <see cref="GetMemory"/>.</summary>
    public void Advance(int count)
    {
        if ((uint)count > (uint)(_buffer.Length - _end))
            throw new ArgumentOutOfRangeException(nameof(count));
        _end += count;
        _wasFilled = _end == _buffer.Length;
    }

    /// <summary>Gives the memory back.</summary>
    public void Dispose()
    {
        var buffer = _buffer;
        _buffer = [];
        _start = _end = 0;
        if (buffer.Length > 0)
            _pool.Return(buffer);
    }

    private void Compact()
    {
        _buffer.AsSpan(_start, Buffered).CopyTo(_buffer);
        _end = Buffered;
        _start = 0;
    }

    private void Replace(int capacity)
    {
        var larger = _pool.Rent(capacity);
        _buffer.AsSpan(_start, Buffered).CopyTo(larger);
        _end = Buffered;
        _start = 0;
        if (_buffer.Length > 0)
            _pool.Return(_buffer);
        _buffer = larger;
    }
}
