namespace Mosaik.Streams;

/// <summary>
/// The pure heart of a producer: which subscription is given which datum, who has room, who lags.
/// </summary>
/// <remarks>
/// <para>Each subscription has a ring of frames that it was given and that its transport has not yet accepted: its
/// backlog. A datum is published to all active subscriptions at once, by reference. The sink has room while at least
/// one active subscription has room, so the fastest consumer sets the pace (rules S1, S6). A subscription whose
/// backlog has reached twice the buffer size when a datum is published for it is lagging: it is dropped, or the datum
/// is skipped for it alone (L1–L3). When nobody has room and nobody hands anything over for the stall timeout, all
/// are lagging (L4).</para>
/// <para>Order of calls per subscription: <see cref="Add"/>, then any number of <see cref="Publish"/>,
/// <see cref="Take"/> and <see cref="HandedOver"/> (each taken batch is handed over before the next is taken), then
/// <see cref="Remove"/>. The caller serialises all calls; time is passed in. Encoding, waiting senders, links and
/// conditions are not its business. Source: spec/streams.md §4.</para>
/// </remarks>
internal sealed class FanOutCore
{
    private readonly int _bufferSize;
    private readonly long _maxBufferedBytes;
    private readonly bool _disconnectLagging;
    private readonly TimeSpan _stallTimeout;
    private readonly List<Backlog> _active = [];

    private TimeSpan? _blockedSince;
    private bool _stalled;

    /// <summary>An empty fan-out.</summary>
    public FanOutCore(int bufferSize, long maxBufferedBytes, bool disconnectLagging, TimeSpan stallTimeout)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bufferSize, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(maxBufferedBytes, 1);
        _bufferSize = bufferSize;
        _maxBufferedBytes = maxBufferedBytes;
        _disconnectLagging = disconnectLagging;
        _stallTimeout = stallTimeout;
    }

    /// <summary>Number of subscriptions that are given datums now.</summary>
    public int ActiveCount => _active.Count;

    /// <summary>Rule S1: nobody is subscribed, or somebody has room, or a stall lets senders pass (L4).</summary>
    public bool HasRoom
    {
        get
        {
            if (_active.Count == 0 || _stalled)
                return true;
            foreach (var backlog in _active)
                if (RoomFor(backlog))
                    return true;
            return false;
        }
    }

    /// <summary>When <see cref="OnStallCheck"/> is due, or null while no sender is kept waiting.</summary>
    public TimeSpan? StallDeadline =>
        _blockedSince is { } since && _stallTimeout != Timeout.InfiniteTimeSpan ? since + _stallTimeout : null;

    /// <summary>A new active subscription. It is given what is published from now on.</summary>
    public Backlog Add(IBacklogOwner owner)
    {
        var backlog = new Backlog(_bufferSize, owner);
        _active.Add(backlog);
        return backlog;
    }

    /// <summary>
    /// Takes a subscription out, if <see cref="Publish"/> has not done so already, and releases the frames that wait
    /// in it. Returns how many datums it had pending; a batch that was taken belongs to its writer.
    /// </summary>
    public int Remove(Backlog backlog)
    {
        if (_active.Remove(backlog))
            NoteProgress();
        var pending = backlog.Count;
        backlog.ReleaseWaiting();
        return pending;
    }

    /// <summary>
    /// Gives the frame to every active subscription, adding one reference for each. A lagging subscription leaves the
    /// active set, or misses this datum. Whom to wake and whom to drop is put into <paramref name="effects"/>.
    /// </summary>
    /// <returns>How many subscriptions the datum was meant for; 0 = undelivered.</returns>
    public int Publish(DatumFrame frame, ref PublishEffects effects)
    {
        var matched = _active.Count;
        for (var i = _active.Count - 1; i >= 0; i--)
        {
            var backlog = _active[i];
            if (IsLagging(backlog) || (_stalled && !RoomFor(backlog)))
            {
                backlog.Dropped++;
                if (_disconnectLagging)
                {
                    _active.RemoveAt(i);
                    effects.Drop(backlog.Owner);
                }

                continue;
            }

            frame.Retain();
            backlog.Push(frame);
            if (backlog.IsIdle)
            {
                backlog.IsIdle = false;
                effects.Wake(backlog.Owner);
            }
        }

        return matched;
    }

    /// <summary>
    /// Moves waiting frames into <paramref name="batch"/>: at least one, at most its length, at most
    /// <paramref name="maxBytes"/>. They stay in the backlog until <see cref="HandedOver"/>. 0 = none waits; the owner
    /// is woken by the next publish.
    /// </summary>
    public static int Take(Backlog backlog, Span<DatumFrame> batch, int maxBytes)
    {
        var count = backlog.Take(batch, maxBytes);
        backlog.IsIdle = count == 0;
        return count;
    }

    /// <summary>The transport has accepted everything that was taken; the references are released by the caller.</summary>
    public void HandedOver(Backlog backlog)
    {
        backlog.CompleteTaken();
        NoteProgress();
    }

    /// <summary>A sender waits, or was told that there is no room: the stall clock runs from now (rule L4).</summary>
    public void NoteBlocked(TimeSpan now)
    {
        if (!HasRoom)
            _blockedSince ??= now;
    }

    /// <summary>
    /// At <see cref="StallDeadline"/>: drops every subscription; where lagging ones are kept, senders pass from now on
    /// until the next hand-over.
    /// </summary>
    public void OnStallCheck(TimeSpan now, ref PublishEffects effects)
    {
        if (StallDeadline is not { } deadline || now < deadline)
            return;
        _blockedSince = null;
        if (HasRoom)
            return;
        if (_disconnectLagging)
        {
            foreach (var backlog in _active)
                effects.Drop(backlog.Owner);
            _active.Clear();
        }
        else
        {
            _stalled = true;
        }
    }

    private void NoteProgress()
    {
        _blockedSince = null;
        _stalled = false;
    }

    private bool RoomFor(Backlog backlog) =>
        backlog.Count == 0 || (backlog.Count < _bufferSize && backlog.Bytes < _maxBufferedBytes);

    private bool IsLagging(Backlog backlog) =>
        backlog.Count >= 2L * _bufferSize || (backlog.Count > 0 && backlog.Bytes >= 2 * _maxBufferedBytes);
}
