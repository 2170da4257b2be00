using System.Buffers;
using System.Buffers.Binary;

namespace Mosaik.Streams;

/// <summary>
/// One encoded datum behind its 4-byte length, shared by every subscription that was given it and returned to its
/// pool by the last one (spec/streams.md §4.2).
/// </summary>
/// <remarks>
/// Ownership: <see cref="DatumFramePool.Rent"/> gives one reference to the caller. Whoever hands the frame on calls
/// <see cref="Retain"/> first; whoever is done calls <see cref="Release"/>. A frame keeps its small buffer for life, so
/// that a small datum costs no buffer traffic at all; larger ones rent.
/// </remarks>
internal sealed class DatumFrame : IBufferWriter<byte>
{
    /// <summary>Bytes of the length prefix (spec/wire.md §6.2).</summary>
    public const int HeaderSize = 4;

    private const int SmallBuffer = 512;

    private readonly DatumFramePool _pool;
    private readonly ArrayPool<byte> _largeBuffers;
    private readonly byte[] _small = new byte[SmallBuffer];
    private byte[] _buffer;
    private int _length;
    private int _references;

    /// <summary>A closed frame of a pool; its buffer grows with arrays of <paramref name="largeBuffers"/>.</summary>
    public DatumFrame(DatumFramePool pool, ArrayPool<byte> largeBuffers)
    {
        _pool = pool;
        _largeBuffers = largeBuffers;
        _buffer = _small;
    }

    /// <summary>Header and payload, ready for the transport.</summary>
    public ReadOnlyMemory<byte> Bytes => _buffer.AsMemory(0, _length);

    /// <summary>Bytes of header and payload.</summary>
    public int Length => _length;

    /// <summary>Bytes of the payload alone: what statistics count.</summary>
    public int PayloadLength => _length - HeaderSize;

    /// <summary>Begins a datum: empty, with one reference.</summary>
    public void Open()
    {
        _length = HeaderSize;
        _references = 1;
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
            _largeBuffers.Return(_buffer);
        _buffer = _small;
        _pool.Return(this);
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
        var larger = _largeBuffers.Rent((int)Math.Min(wanted, Array.MaxLength));
        _buffer.AsSpan(0, _length).CopyTo(larger);
        if (_buffer != _small)
            _largeBuffers.Return(_buffer);
        _buffer = larger;
    }
}
