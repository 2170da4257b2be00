using System.Buffers;
using System.Buffers.Binary;
using System.Collections.Concurrent;

namespace Mosaik.Groups;

/// <summary>
/// One serialized frame, its 4-byte length in front, shared by all bonds it is sent on; the last holder gives the memory
/// back (spec/groups.md §15.2).
/// </summary>
/// <remarks>
/// <see cref="Rent"/> gives one reference to the caller. Whoever hands the frame on adds one first; whoever is done
/// calls <see cref="Release"/>. References are counted from any thread; the bytes are written by the one who rented.
/// </remarks>
internal sealed class SharedFrame
{
    /// <summary>Bytes of the length prefix (spec/wire.md §6.2).</summary>
    public const int HeaderLength = 4;

    private const int SmallBuffer = 512;
    private const int PooledFrames = 1024;

    private static readonly ConcurrentQueue<SharedFrame> Pool = new();

    // For life, so that heartbeats and answers cost no buffer traffic; larger frames rent.
    private readonly byte[] _small = new byte[SmallBuffer];
    private byte[] _buffer;
    private int _length;
    private int _references;

    private SharedFrame() => _buffer = _small;

    /// <summary>The whole frame, header included, ready for the transport.</summary>
    public ReadOnlyMemory<byte> Bytes => _buffer.AsMemory(0, _length);

    /// <summary>The payload, which starts with the tag of the bond message.</summary>
    public ReadOnlyMemory<byte> Payload => Bytes[HeaderLength..];

    /// <summary>Where the payload is written before <see cref="Seal"/>.</summary>
    public Span<byte> Room => _buffer.AsSpan(HeaderLength);

    /// <summary>A frame with room for a payload.</summary>
    /// <param name="maxPayload">The most bytes the payload will have.</param>
    public static SharedFrame Rent(int maxPayload)
    {
        if (!Pool.TryDequeue(out var frame))
            frame = new SharedFrame();
        frame._length = 0;
        frame._references = 1;
        if (HeaderLength + maxPayload > SmallBuffer)
            frame._buffer = ArrayPool<byte>.Shared.Rent(HeaderLength + maxPayload);
        return frame;
    }

    /// <summary>Fixes the length of the payload.</summary>
    /// <param name="payloadLength">How many bytes of <see cref="Room"/> were written.</param>
    public void Seal(int payloadLength)
    {
        BinaryPrimitives.WriteUInt32BigEndian(_buffer, (uint)payloadLength);
        _length = HeaderLength + payloadLength;
    }

    /// <summary>Adds a reference for a further holder.</summary>
    public void AddReference() => Interlocked.Increment(ref _references);

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
}
