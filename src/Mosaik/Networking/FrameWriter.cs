using System.Buffers;
using System.Buffers.Binary;

namespace Mosaik.Networking;

/// <summary>
/// Collects frames for one write: each is encoded directly behind its reserved header (spec/wire.md §13.1).
/// </summary>
/// <remarks>
/// <see cref="Begin"/>, encode into the writer, <see cref="TryEnd"/>; any number of times; then <see cref="Written"/>
/// is handed to the stream and <see cref="Clear"/> makes room. A frame that fails or is too large leaves no trace.
/// </remarks>
internal sealed class FrameWriter : IBufferWriter<byte>, IDisposable
{
    /// <summary>A buffer up to this size is kept between writes.</summary>
    internal const int KeptCapacity = 64 * 1024;

    private const int SmallestBuffer = 256;

    private readonly ArrayPool<byte> _pool;
    private byte[] _buffer = [];
    private int _end;
    private int _frame;

    /// <summary>An empty writer, which takes no memory before it is used.</summary>
    public FrameWriter(ArrayPool<byte>? pool = null) => _pool = pool ?? ArrayPool<byte>.Shared;

    /// <summary>The complete frames.</summary>
    public ReadOnlyMemory<byte> Written => _buffer.AsMemory(0, _end);

    /// <summary>Starts a frame.</summary>
    public void Begin()
    {
        _frame = _end;
        Reserve(FrameBuffer.HeaderLength);
        _end += FrameBuffer.HeaderLength;
    }

    /// <summary>Completes the frame that was started, or removes it if it is above the limit.</summary>
    /// <param name="limit">Largest payload.</param>
    /// <param name="length">The length of the payload, also of one that is too large.</param>
    public bool TryEnd(int limit, out int length)
    {
        length = _end - _frame - FrameBuffer.HeaderLength;
        if (length > limit)
        {
            Cancel();
            return false;
        }

        BinaryPrimitives.WriteUInt32BigEndian(_buffer.AsSpan(_frame), (uint)length);
        return true;
    }

    /// <summary>Removes the frame that was started.</summary>
    public void Cancel() => _end = _frame;

    /// <summary>Forgets what was written; a large buffer is given back.</summary>
    public void Clear()
    {
        _end = _frame = 0;
        if (_buffer.Length > KeptCapacity)
            Dispose();
    }

    /// <inheritdoc/>
    public void Advance(int count)
    {
        if ((uint)count > (uint)(_buffer.Length - _end))
            throw new ArgumentOutOfRangeException(nameof(count));
        _end += count;
    }

    /// <inheritdoc/>
    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Reserve(Math.Max(sizeHint, 1));
        return _buffer.AsMemory(_end);
    }

    /// <inheritdoc/>
    public Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

    /// <summary>Gives the memory back.</summary>
    public void Dispose()
    {
        var buffer = _buffer;
        _buffer = [];
        _end = _frame = 0;
        if (buffer.Length > 0)
            _pool.Return(buffer);
    }

    private void Reserve(int count)
    {
        if (count <= _buffer.Length - _end)
            return;
        var larger = _pool.Rent((int)Math.Min(
            Array.MaxLength, Math.Max(Math.Max(SmallestBuffer, checked((long)_end + count)), 2L * _buffer.Length)));
        _buffer.AsSpan(0, _end).CopyTo(larger);
        if (_buffer.Length > 0)
            _pool.Return(_buffer);
        _buffer = larger;
    }
}
