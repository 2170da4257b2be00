namespace Mosaik.Streams;

/// <summary>
/// The pure heart of a producer: which subscription is given which datum, who has room, who lags.
/// </summary>
/// <remarks>
/// <para>Each subscription has a ring of frames that it was given and that its transport has not yet accepted: its
/// backlog. A datum is published to all active subscriptions at once, by reference. Who sets the pace depends on the
/// policy: the sink has room while at least one subscription has room (the fastest, rules S1 and S6), or only while
/// all have (the slowest). A subscription whose backlog has reached twice the buffer size when a datum is published
/// for it is lagging: it is dropped, or the datum is skipped for it alone (L1–L3). When senders are kept waiting and
/// those who keep them hand nothing over for the stall timeout, these are lagging too (L4).</para>
/// <para>Order of calls per subscription: <see cref="Add"/>, then any number of
/// <see cref="Publish(DatumFrame, ref PublishEffects)"/>, <see cref="Take"/> and <see cref="HandedOver"/> (each taken
/// batch is handed over before the next is taken), then <see cref="Remove"/>. The caller serialises all calls; time is
/// passed in. Encoding, waiting senders, links and conditions are not its business. Source: spec/streams.md §4; slowing
/// the producer down is ours.</para>
/// <para>One at a time writes for a subscription: its writer, or a sender who found the writer asleep and stands in for
/// it (<see cref="TryLend"/> to <see cref="TryReturn"/>), which spares the way over another thread. The writer then
/// gets nothing to take, and sleeps until the sender returns the place or calls it.</para>
/// </remarks>
internal sealed class FanOutCore
{
    /// <summary>What <see cref="Take"/> returns while a sender is writing.</summary>
    public const int Lent = -1;

    /// <summary>A sender writes at most so many bytes for a subscription: what fits into a few packets.</summary>
    private const int MaxLentBytes = 4 * 1024;

    /// <summary>
    /// Datums that follow each other more closely are left to the writer: sealing and sending a packet takes about as
    /// long.
    /// </summary>
    private static readonly TimeSpan Lull = TimeSpan.FromMicroseconds(5);

    private readonly int _bufferSize;
    private readonly long _maxBufferedBytes;
    private readonly LagPolicy _policy;
    private readonly TimeSpan _stallTimeout;
    private readonly List<Backlog> _active = [];

    private TimeSpan? _blockedSince;
    private bool _stalled;

    /// <summary>An empty fan-out.</summary>
    public FanOutCore(int bufferSize, long maxBufferedBytes, LagPolicy policy, TimeSpan stallTimeout)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bufferSize, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(maxBufferedBytes, 1);
        _bufferSize = bufferSize;
        _maxBufferedBytes = maxBufferedBytes;
        _policy = policy;
        _stallTimeout = stallTimeout;
    }

    /// <summary>Number of subscriptions that are given datums now.</summary>
    public int ActiveCount => _active.Count;

    /// <summary>
    /// Rule S1: nobody is subscribed, or who sets the pace has room, or a stall lets senders pass (L4).
    /// </summary>
    public bool HasRoom
    {
        get
        {
            if (_active.Count == 0 || _stalled)
                return true;
            var slowest = _policy == LagPolicy.SlowProducer;
            foreach (var backlog in _active)
                if (RoomFor(backlog) != slowest)
                    return !slowest;
            return slowest;
        }
    }

    /// <summary>When <see cref="OnStallCheck"/> is due, or null while no sender is kept waiting.</summary>
    public TimeSpan? StallDeadline
    {
        get
        {
            if (_blockedSince is not { } since || _stallTimeout < TimeSpan.Zero) // infinite, as Timeout.InfiniteTimeSpan says it
                return null;
            TimeSpan? deadline = null;
            foreach (var backlog in _active)
            {
                if (RoomFor(backlog))
                    continue;
                var own = StalledAt(backlog, since);

                // The slowest sets the pace: each is judged by itself. Otherwise one that moves speaks for all.
                if (deadline is null || (_policy == LagPolicy.SlowProducer ? own < deadline : own > deadline))
                    deadline = own;
            }

            return deadline;
        }
    }

    /// <summary>A new active subscription. It is given what is published from now on.</summary>
    /// <param name="owner">Whom to wake or drop.</param>
    /// <param name="filter">Which of the results given to
    /// <see cref="Publish(DatumFrame, ReadOnlySpan{bool}, ref PublishEffects)"/> is its own.</param>
    public Backlog Add(IBacklogOwner owner, int filter = Backlog.Everything)
    {
        var backlog = new Backlog(_bufferSize, owner, filter);
        _active.Add(backlog);
        NoteRoom();
        return backlog;
    }

    /// <summary>
    /// Takes a subscription out, if <see cref="Publish(DatumFrame, ref PublishEffects)"/> has not done so already, and
    /// releases the frames that wait in it. Returns how many datums it had pending; a batch that was taken belongs to
    /// its writer.
    /// </summary>
    public int Remove(Backlog backlog)
    {
        _active.Remove(backlog);
        NoteRoom();
        var pending = backlog.Count;
        backlog.ReleaseWaiting();
        return pending;
    }

    /// <summary>
    /// Gives the frame to every active subscription, adding one reference for each. A lagging subscription leaves the
    /// active set, or misses this datum. Whom to wake and whom to drop is put into <paramref name="effects"/>.
    /// </summary>
    /// <returns>How many subscriptions the datum was meant for; 0 = undelivered.</returns>
    public int Publish(DatumFrame frame, ref PublishEffects effects) => Publish(frame, [], ref effects);

    /// <summary>The same where consumers have criteria.</summary>
    /// <param name="frame">The datum.</param>
    /// <param name="matches">Which criteria it fulfils, at the places that <see cref="Add"/> was given.</param>
    /// <param name="effects">Whom to wake and whom to drop.</param>
    /// <returns>How many subscriptions the datum was meant for; 0 = undelivered.</returns>
    public int Publish(DatumFrame frame, ReadOnlySpan<bool> matches, ref PublishEffects effects)
    {
        var matched = 0;
        for (var i = _active.Count - 1; i >= 0; i--)
        {
            var backlog = _active[i];
            if (backlog.Filter != Backlog.Everything && !matches[backlog.Filter])
                continue;
            matched++;
            if (IsLagging(backlog) || (_stalled && !RoomFor(backlog)))
            {
                backlog.Dropped++;
                if (_policy == LagPolicy.Disconnect)
                {
                    _active.RemoveAt(i);
                    effects.Drop(backlog.Owner);
                }
                else
                {
                    effects.Skipped++;
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
    /// is woken by the next publish. <see cref="Lent"/> = a sender is writing, who will wake the owner if it is needed.
    /// </summary>
    public static int Take(Backlog backlog, Span<DatumFrame> batch, int maxBytes)
    {
        if (backlog.IsLent)
            return Lent;
        var count = backlog.Take(batch, maxBytes);
        backlog.IsIdle = count == 0;
        return count;
    }

    /// <summary>
    /// A sender who was told to wake the writer would rather write itself: moves what waits into
    /// <paramref name="batch"/> and lends the writer's place. 0 = no: the writer is at work or has ended, more waits
    /// than a sender should have to write, or the last batch left less than <see cref="Lull"/> ago, so that datums are
    /// coming in a row and are better written together.
    /// </summary>
    public static int TryLend(Backlog backlog, Span<DatumFrame> batch, TimeSpan now)
    {
        if (backlog.IsLent || backlog.IsRetired || backlog.HasTaken || backlog.WaitingBytes > MaxLentBytes
            || now - backlog.LastProgress < Lull)
            return 0;
        var count = backlog.Take(batch, MaxLentBytes);
        backlog.IsLent = count > 0;
        return count;
    }

    /// <summary>
    /// The sender has handed over what it took, or failed to. True if nothing has come meanwhile and the next publish
    /// finds the place free; false if the writer is to be woken.
    /// </summary>
    public static bool TryReturn(Backlog backlog)
    {
        backlog.IsLent = false;
        backlog.IsIdle = backlog.WaitingBytes == 0;
        return backlog.IsIdle;
    }

    /// <summary>The writer ends. False while a sender is writing, who will wake it.</summary>
    public static bool TryRetire(Backlog backlog) => backlog.IsRetired = !backlog.IsLent;

    /// <summary>
    /// The transport has accepted everything that was taken; the references are released by the caller.
    /// </summary>
    public void HandedOver(Backlog backlog, TimeSpan now)
    {
        backlog.CompleteTaken();
        backlog.LastProgress = now;
        _stalled = false;
        NoteRoom();
    }

    /// <summary>A sender waits, or was told that there is no room: the stall clock runs (rule L4).</summary>
    public void NoteBlocked(TimeSpan now)
    {
        if (!HasRoom)
            _blockedSince ??= now;
    }

    /// <summary>
    /// At <see cref="StallDeadline"/>: drops those who keep the senders waiting; where lagging ones are skipped,
    /// senders pass from now on until the next hand-over.
    /// </summary>
    public void OnStallCheck(TimeSpan now, ref PublishEffects effects)
    {
        if (StallDeadline is not { } deadline || now < deadline || _blockedSince is not { } since)
            return;
        if (_policy == LagPolicy.Skip)
        {
            _stalled = true;
        }
        else
        {
            for (var i = _active.Count - 1; i >= 0; i--)
            {
                var backlog = _active[i];
                var holdsUp = _policy == LagPolicy.Disconnect
                    || (!RoomFor(backlog) && now >= StalledAt(backlog, since));
                if (!holdsUp)
                    continue;
                _active.RemoveAt(i);
                effects.Drop(backlog.Owner);
            }
        }

        NoteRoom();
    }

    private TimeSpan StalledAt(Backlog backlog, TimeSpan blockedSince) =>
        (backlog.LastProgress > blockedSince ? backlog.LastProgress : blockedSince) + _stallTimeout;

    private void NoteRoom()
    {
        if (HasRoom)
            _blockedSince = null;
    }

    private bool RoomFor(Backlog backlog) =>
        backlog.Count == 0 || (backlog.Count < _bufferSize && backlog.Bytes < _maxBufferedBytes);

    private bool IsLagging(Backlog backlog) =>
        backlog.Count >= 2L * _bufferSize || (backlog.Count > 0 && backlog.Bytes >= 2 * _maxBufferedBytes);
}
