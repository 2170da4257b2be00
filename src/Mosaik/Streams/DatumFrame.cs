using System.Buffers;
using System.Buffers.Binary;
using System.Collections.Concurrent;

namespace Mosaik.Streams;

/// <summary>
/// One encoded datum behind its 4-byte length, shared by every subscription that was given it and returned to the
/// pool by the last one (spec/streams.md §4.2).
/// </summary>
/// <remarks>
/// Ownership: <see cref="Rent"/> gives one reference to the caller. Whoever hands the frame on calls
/// <see cref="Retain"/> first; whoever is done calls <see cref="Release"/>. A frame keeps its small buffer for life, so that
/// a small datum costs no buffer traffic at all; larger ones rent.
/// </remarks>
internal sealed class DatumFrame : IBufferWriter<byte>
{
    /// <summary>Bytes of the length prefix (spec/wire.md §6.2).</summary>
    public const int HeaderSize = 4;

    private const int SmallBuffer = 512;
    private const int PooledFrames = 8192;

    private static readonly ConcurrentQueue<DatumFrame> Pool = new();

    private readonly byte[] _small = new byte[SmallBuffer];
    private byte[] _buffer;
    private int _length;
    private int _references;

    private DatumFrame() => _buffer = _small;

    /// <summary>Header and payload, ready for the transport.</summary>
    public ReadOnlyMemory<byte> Bytes => _buffer.AsMemory(0, _length);

    /// <summary>Bytes of header and payload.</summary>
    public int Length => _length;

    /// <summary>Bytes of the payload alone: what statistics count.</summary>
    public int PayloadLength => _length - HeaderSize;

    /// <summary>A frame with room for a payload; write it through the buffer writer, then <see cref="Seal"/> it.</summary>
    public static DatumFrame Rent()
    {
        if (!Pool.TryDequeue(out var frame))
            frame = new DatumFrame();
        frame._length = HeaderSize;
        frame._references = 1;
        return frame;
    }

    /// <summary>Writes the length in front of the payload. No byte may be added afterwards.</summary>
    public void Seal() => BinaryPrimitives.WriteUInt32BigEndian(_buffer, (uint)PayloadLength);

    /// <summary>Adds a reference for a further holder.</summary>
    public void Retain() => Interlocked.Increment(ref _references);

    /// <summary>Gives up one reference; the last one returns the frame to the pool.</summary>
    public void Release()
    {
        if (Interlocked.Decrement(ref _references) != 0)
            return;
        if (_buffer != _small)
            ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = _small;
        if (Pool.Count < PooledFrames)
            Pool.Enqueue(this);
    }

    /// <inheritdoc/>
    public void Advance(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, _buffer.Length - _length);
        _length += count;
    }

    /// <inheritdoc/>
    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        EnsureRoom(Math.Max(sizeHint, 1));
        return _buffer.AsMemory(_length);
    }

    /// <inheritdoc/>
    public Span<byte> GetSpan(int sizeHint = 0)
    {
        EnsureRoom(Math.Max(sizeHint, 1));
        return _buffer.AsSpan(_length);
    }

    private void EnsureRoom(int size)
    {
        if (_buffer.Length - _length >= size)
            return;
        var wanted = Math.Max((long)_buffer.Length * 2, (long)_length + size);
        var larger = ArrayPool<byte>.Shared.Rent((int)Math.Min(wanted, Array.MaxLength));
        _buffer.AsSpan(0, _length).CopyTo(larger);
        if (_buffer != _small)
            ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = larger;
    }
}
