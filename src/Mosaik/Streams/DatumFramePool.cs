using System.Buffers;

namespace Mosaik.Streams;

/// <summary>The frames of one node that no subscription holds at the moment; at most a given number is kept.</summary>
/// <remarks>
/// Thread-safe. The last frame returned is the first one rented, since its bytes are the likeliest to be in a cache.
/// Once the pool has held as many frames as are ever in use at a time, neither renting nor returning allocates.
/// </remarks>
internal sealed class DatumFramePool
{
    /// <summary>Frames kept unless said otherwise: about 5 MB.</summary>
    private const int DefaultMaxFrames = 8192;

    private readonly Lock _lock = new();
    private readonly Stack<DatumFrame> _free = new();
    private readonly ArrayPool<byte> _largeBuffers;
    private readonly int _maxFrames;

    /// <summary>
    /// An empty pool; buffers of large datums come from <paramref name="largeBuffers"/>, null = the shared ones.
    /// </summary>
    public DatumFramePool(ArrayPool<byte>? largeBuffers = null, int maxFrames = DefaultMaxFrames)
    {
        _largeBuffers = largeBuffers ?? ArrayPool<byte>.Shared;
        _maxFrames = maxFrames;
    }

    /// <summary>
    /// A frame with room for a payload and one reference; write it, then <see cref="DatumFrame.Seal"/> it.
    /// </summary>
    public DatumFrame Rent()
    {
        DatumFrame? frame;
        lock (_lock)
            _free.TryPop(out frame);
        frame ??= new DatumFrame(this, _largeBuffers);
        frame.Open();
        return frame;
    }

    /// <summary>Takes back a frame that nobody holds any more.</summary>
    public void Return(DatumFrame frame)
    {
        lock (_lock)
        {
            if (_free.Count < _maxFrames)
                _free.Push(frame);
        }
    }
}
