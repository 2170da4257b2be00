using Mosaik.Primitives;
using Mosaik.Quic;

namespace Mosaik.Discovery;

/// <summary>
/// Which peers to ping for their round-trip time, and when (spec/discovery.md §10.3): those that somebody needs it of
/// and
/// that had no sample for an interval, at most 8 at once, spread over the interval.
/// </summary>
/// <remarks>
/// One round per interval collects the peers that need a probe and gives each a time of its own within the round. A
/// sample that
/// arrives meanwhile makes its probe superfluous. A failed probe is tried again in the next round and has no other
/// effect.
/// </remarks>
internal sealed class RttProber(DiscoveryOptions options, RandomSource random)
{
    public const int MaxRunning = 8;

    private readonly Dictionary<PeerId, TimeSpan> _sampled = [];
    private readonly Dictionary<PeerId, int> _interest = [];
    private readonly PriorityQueue<PeerId, TimeSpan> _planned = new();
    private readonly HashSet<PeerId> _running = [];
    private TimeSpan _nextRound;

    /// <summary>When <see cref="TakeDue"/> has something to do next.</summary>
    public TimeSpan? NextDue => options.RttProbe == RttProbe.Never ? null
        : _running.Count < MaxRunning && _planned.TryPeek(out _, out TimeSpan planned) && planned < _nextRound ? planned
        : _nextRound;

    public void Start(TimeSpan now) => _nextRound = now + Interval();

    /// <summary>Somebody needs the round-trip time of a peer; counted.</summary>
    public void AddInterest(PeerId id) => _interest[id] = _interest.GetValueOrDefault(id) + 1;

    /// <summary>Ends one <see cref="AddInterest"/>.</summary>
    public void RemoveInterest(PeerId id)
    {
        if (!_interest.TryGetValue(id, out int count))
            return;
        if (count > 1)
            _interest[id] = count - 1;
        else
            _interest.Remove(id);
    }

    public void OnSample(PeerId id, TimeSpan now) => _sampled[id] = now;

    public void Forget(PeerId id) => _sampled.Remove(id);

    public void OnProbeFinished(PeerId id) => _running.Remove(id);

    /// <summary>The peers to ping now.</summary>
    /// <param name="now">Monotonic time.</param>
    /// <param name="freshSigned">The fresh signed peers, ascending.</param>
    /// <param name="isFresh">Whether a peer still is one of them.</param>
    /// <param name="probes">Receives the peers.</param>
    public void TakeDue(
        TimeSpan now, Func<IEnumerable<PeerId>> freshSigned, Predicate<PeerId> isFresh, List<PeerId> probes)
    {
        if (options.RttProbe == RttProbe.Never)
            return;
        if (now >= _nextRound)
        {
            TimeSpan interval = Interval();
            _nextRound = now + interval;
            _planned.Clear(); // what could not be started in its round is collected anew
            foreach (PeerId id in freshSigned())
            {
                if (IsNeeded(id) && !_running.Contains(id) && !HasRecentSample(id, now))
                    _planned.Enqueue(id, now + (interval * random.NextDouble()));
            }
        }
        while (_running.Count < MaxRunning && _planned.TryPeek(out PeerId next, out TimeSpan at) && at <= now)
        {
            _planned.Dequeue();
            if (!isFresh(next) || HasRecentSample(next, now) || !_running.Add(next))
                continue;
            probes.Add(next);
        }
    }

    private bool IsNeeded(PeerId id) =>
        options.RttProbe == RttProbe.Always || options.MaxRtt is not null || _interest.ContainsKey(id);

    private bool HasRecentSample(PeerId id, TimeSpan now) =>
        _sampled.TryGetValue(id, out TimeSpan at) && now - at < options.RttProbeInterval;

    private TimeSpan Interval() => AnnounceClock.Delay(options.RttProbeInterval, 0.5, random.NextDouble());
}
