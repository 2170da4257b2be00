using Mosaik.Groups.Raft;

namespace Mosaik.Groups.Bonds;

/// <summary>What waits to be written on one bond, and how much of it may (spec/groups.md §4.9). Thread-safe.</summary>
internal sealed class BondQueue
{
    /// <summary>Above this AppendEntries with entries are skipped: the peer repairs the gap by catching up.</summary>
    internal const long SkipAboveBytes = 16L * 1024 * 1024;

    /// <summary>Above this the bond is given up.</summary>
    internal const long MaxBytes = 64L * 1024 * 1024;

    /// <summary>As above, in messages.</summary>
    internal const int MaxMessages = 65_536;

    private readonly Lock _lock = new();
    private readonly Queue<SharedFrame> _frames = [];
    private long _bytes;
    private bool _closed;

    /// <summary>What became of a frame.</summary>
    internal enum Result
    {
        /// <summary>It will be written.</summary>
        Queued,

        /// <summary>The bond is too far behind for entries.</summary>
        Skipped,

        /// <summary>The bond is too far behind for anything.</summary>
        Full,

        /// <summary>The bond has ended.</summary>
        Closed,
    }

    /// <summary>Whether nothing waits.</summary>
    public bool IsEmpty
    {
        get
        {
            lock (_lock)
                return _frames.Count == 0;
        }
    }

    /// <summary>Adds a frame and, if it is queued, a reference of its own to it.</summary>
    public Result Add(SharedFrame frame, FrameKind kind)
    {
        lock (_lock)
        {
            if (_closed)
                return Result.Closed;
            var isTooMuch = _bytes > 0 && _bytes + frame.Bytes.Length > MaxBytes;
            if (kind == FrameKind.Entries && (_bytes > SkipAboveBytes || isTooMuch))
                return Result.Skipped;
            if (_frames.Count >= MaxMessages || isTooMuch)
                return Result.Full;
            frame.AddReference();
            _frames.Enqueue(frame);
            _bytes += frame.Bytes.Length;
            return Result.Queued;
        }
    }

    /// <summary>Takes frames until a write is full; the first one whatever its size.</summary>
    /// <returns>Their bytes in all.</returns>
    public int Take(List<SharedFrame> batch, int maxBytes)
    {
        var taken = 0;
        lock (_lock)
        {
            while (_frames.TryPeek(out var next) && (batch.Count == 0 || taken + next.Bytes.Length <= maxBytes))
            {
                batch.Add(_frames.Dequeue());
                taken += next.Bytes.Length;
            }

            _bytes -= taken;
        }

        return taken;
    }

    /// <summary>Takes nothing more, and gives back what waits.</summary>
    public void Close()
    {
        lock (_lock)
        {
            _closed = true;
            while (_frames.TryDequeue(out var frame))
                frame.Release();
            _bytes = 0;
        }
    }
}
