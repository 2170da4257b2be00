namespace Mosaik.Streams;

/// <summary>
/// When the rules for a peer have to be looked at again: which of many peers, and not before.
/// </summary>
/// <remarks>
/// <para>Three causes (spec/streams.md §4.6, §8.2): something was said about the peer (<see cref="Mark"/>: at once),
/// its round-trip time changed and the rules asked for it (<see cref="OnRttChanged"/>: at most once per second and
/// peer), a ticket expires (at the time given to <see cref="Judged"/>). Nothing is due for a peer that was never
/// judged.</para>
/// <para>Pure: time is passed in. Calls: <see cref="Judged"/> after each judgement, the causes in between,
/// <see cref="TryTakeDue"/> until it is false, then a wait until <see cref="NextDue"/>. Costs O(log n) per call. It
/// judges nothing itself.</para>
/// </remarks>
internal sealed class ReevaluationCore<TKey>
    where TKey : notnull
{
    private static readonly TimeSpan RttInterval = TimeSpan.FromSeconds(1);

    private readonly Dictionary<TKey, Peer> _peers = [];
    private readonly SortedSet<(TimeSpan At, long Order, TKey Key)> _timed = new(ByTime.Instance);
    private readonly Queue<TKey> _marked = new();
    private long _order;

    /// <summary>When <see cref="TryTakeDue"/> will have something; null for never.</summary>
    public TimeSpan? NextDue => _marked.Count > 0 ? TimeSpan.MinValue : _timed.Count > 0 ? _timed.Min.At : null;

    /// <summary>A peer was judged now; what was due for it before is settled.</summary>
    /// <param name="key">The peer.</param>
    /// <param name="now">Monotonic time.</param>
    /// <param name="askedForRtt">Whether a change of the round-trip time matters.</param>
    /// <param name="expiresAt">When a ticket ends, in the same time.</param>
    public void Judged(TKey key, TimeSpan now, bool askedForRtt, TimeSpan? expiresAt)
    {
        if (!_peers.TryGetValue(key, out var peer))
            _peers[key] = peer = new Peer();
        peer.JudgedAt = now;
        peer.AskedForRtt = askedForRtt;
        peer.IsMarked = false; // its place among the marked, if it has one, is passed over
        Schedule(key, peer, expiresAt);
    }

    /// <summary>Forgets a peer.</summary>
    public void Forget(TKey key)
    {
        if (_peers.Remove(key, out var peer))
            Unschedule(key, peer);
    }

    /// <summary>Something was said about the peer: it is due at once.</summary>
    public void Mark(TKey key)
    {
        if (!_peers.TryGetValue(key, out var peer) || peer.IsMarked)
            return;
        peer.IsMarked = true;
        _marked.Enqueue(key);
    }

    /// <summary>All peers are due at once.</summary>
    public void MarkAll()
    {
        foreach (var key in _peers.Keys)
            Mark(key);
    }

    /// <summary>The peer's round-trip time has changed.</summary>
    public void OnRttChanged(TKey key)
    {
        if (!_peers.TryGetValue(key, out var peer) || !peer.AskedForRtt || peer.IsMarked)
            return;
        var at = peer.JudgedAt + RttInterval;
        if (peer.Scheduled is not { } scheduled || at < scheduled.At)
            Schedule(key, peer, at);
    }

    /// <summary>Takes a peer that is due. The caller judges it, or forgets it.</summary>
    public bool TryTakeDue(TimeSpan now, out TKey key)
    {
        while (_marked.TryDequeue(out var marked))
        {
            if (!_peers.TryGetValue(marked, out var peer) || !peer.IsMarked)
                continue;
            peer.IsMarked = false;
            key = marked;
            return true;
        }

        if (_timed.Count > 0 && _timed.Min is var first && first.At <= now)
        {
            Unschedule(first.Key, _peers[first.Key]); // what is scheduled is known
            key = first.Key;
            return true;
        }

        key = default!; // not read when false
        return false;
    }

    private void Schedule(TKey key, Peer peer, TimeSpan? at)
    {
        Unschedule(key, peer);
        if (at is not { } time)
            return;
        peer.Scheduled = (time, _order++);
        _timed.Add((time, peer.Scheduled.Value.Order, key));
    }

    private void Unschedule(TKey key, Peer peer)
    {
        if (peer.Scheduled is { } scheduled)
            _timed.Remove((scheduled.At, scheduled.Order, key));
        peer.Scheduled = null;
    }

    private sealed class Peer
    {
        public TimeSpan JudgedAt { get; set; }

        public bool AskedForRtt { get; set; }

        public bool IsMarked { get; set; }

        public (TimeSpan At, long Order)? Scheduled { get; set; }
    }

    private sealed class ByTime : IComparer<(TimeSpan At, long Order, TKey Key)>
    {
        public static readonly ByTime Instance = new();

        public int Compare((TimeSpan At, long Order, TKey Key) x, (TimeSpan At, long Order, TKey Key) y) =>
            x.At != y.At ? x.At.CompareTo(y.At) : x.Order.CompareTo(y.Order);
    }
}
