namespace Mosaik.Streams;

/// <summary>
/// What one subscription was given and its transport has not yet accepted: a ring of frames that grows up to twice
/// the buffer size, and the batch that is being written.
/// </summary>
internal sealed class Backlog
{
    /// <summary>The <see cref="Filter"/> of a subscription without criteria.</summary>
    public const int Everything = -1;

    private const int InitialRing = 64;

    private readonly int _maxRing;
    private DatumFrame?[] _ring;
    private int _head;
    private int _waiting;
    private int _taken;
    private long _takenBytes;
    private long _waitingBytes;

    public Backlog(int bufferSize, IBacklogOwner owner, int filter = Everything)
    {
        Owner = owner;
        Filter = filter;
        _maxRing = (int)Math.Min(2L * bufferSize, Array.MaxLength);
        _ring = new DatumFrame?[Math.Min(InitialRing, _maxRing)];
    }

    /// <summary>The writer that empties this backlog.</summary>
    public IBacklogOwner Owner { get; }

    /// <summary>Which of the results of a datum's matching decides about this subscription.</summary>
    public int Filter { get; }

    /// <summary>Whether the writer found nothing to take and sleeps until it is woken.</summary>
    public bool IsIdle { get; set; }

    /// <summary>Whether a sender is writing in the writer's place.</summary>
    public bool IsLent { get; set; }

    /// <summary>Whether the writer has ended: nobody writes any more.</summary>
    public bool IsRetired { get; set; }

    /// <summary>Bytes that no writer has taken yet, headers included.</summary>
    public long WaitingBytes => _waitingBytes;

    /// <summary>Whether a batch was taken and not handed over.</summary>
    public bool HasTaken => _taken > 0;

    /// <summary>Datums given and not handed over.</summary>
    public int Count => _waiting + _taken;

    /// <summary>Their bytes, headers included.</summary>
    public long Bytes => _waitingBytes + _takenBytes;

    /// <summary>Datums given since the beginning; what was handed over is this minus <see cref="Count"/>.</summary>
    public long Given { get; private set; }

    /// <summary>When a batch was last handed over; the beginning of time before that.</summary>
    public TimeSpan LastProgress { get; set; }

    /// <summary>Datums this subscription missed for lag.</summary>
    public long Dropped { get; set; }

    /// <summary>Appends a frame, whose reference now belongs to the ring.</summary>
    public void Push(DatumFrame frame)
    {
        if (_waiting == _ring.Length)
            Grow();
        _ring[(_head + _waiting) % _ring.Length] = frame;
        _waiting++;
        Given++;
        _waitingBytes += frame.Length;
    }

    /// <summary>Moves frames out of the ring, with their references.</summary>
    public int Take(Span<DatumFrame> batch, int maxBytes)
    {
        var count = 0;
        long bytes = 0;
        while (_waiting > 0 && count < batch.Length)
        {
            var frame = _ring[_head]!; // the first _waiting slots from _head are filled
            if (count > 0 && bytes + frame.Length > maxBytes)
                break;
            _ring[_head] = null;
            _head = _head + 1 == _ring.Length ? 0 : _head + 1;
            _waiting--;
            batch[count++] = frame;
            bytes += frame.Length;
        }

        _taken += count;
        _takenBytes += bytes;
        _waitingBytes -= bytes;
        return count;
    }

    /// <summary>The batch that was taken has been accepted by the transport.</summary>
    public void CompleteTaken() => (_taken, _takenBytes) = (0, 0);

    /// <summary>Releases the frames that still wait.</summary>
    public void ReleaseWaiting()
    {
        while (_waiting > 0)
        {
            _ring[_head]!.Release(); // the first _waiting slots from _head are filled
            _ring[_head] = null;
            _head = (_head + 1) % _ring.Length;
            _waiting--;
        }

        _waitingBytes = 0;
    }

    private void Grow()
    {
        var larger = new DatumFrame?[(int)Math.Min((long)_ring.Length * 2, Math.Max(_maxRing, _ring.Length + 1L))];
        for (var i = 0; i < _waiting; i++)
            larger[i] = _ring[(_head + i) % _ring.Length];
        (_ring, _head) = (larger, 0);
    }
}
