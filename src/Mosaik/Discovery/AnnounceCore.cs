using Mosaik.Primitives;
using Mosaik.Quic;

namespace Mosaik.Discovery;

/// <summary>
/// When the own entry is broadcast, and how the node gets and keeps neighbours to broadcast to, as a pure state machine
/// (spec/discovery.md §8, spec/gossip.md §13).
/// </summary>
/// <remarks>
/// <para>Announcing: a published version that is newer than the last announced one is broadcast at once. A new
/// neighbour is sent the entry as it is, the same bytes, unless it is older than half the tolerated drift: then it is
/// refreshed first, so that no receiver takes it for a stale one. Neighbours that appear within 100 ms of an
/// announcement share one more at the end of that window. Without neighbours nothing waits but the fact that there is
/// something to say, and the first neighbour hears it: every new neighbour does.</para>
/// <para>Membership: while there is no neighbour, all bootstrap peers and up to 16 random known ones are joined, at
/// once and then with a backoff of 2 s … 60 s, which starts over when something has changed. Who loses its last
/// neighbour gives gossip 500 ms to find another one by itself.</para>
/// <para>An entry too large for gossip is not announced (<see cref="IsOversized"/>); neighbours are synced with
/// instead, and the sync table refreshes everybody else.</para>
/// <para>The set of neighbours is that of gossip, told by ups and downs and, after a lag, as a whole. The keep-alive
/// itself is <see cref="AnnounceClock"/>: its refresh is a publication like any other.</para>
/// </remarks>
internal sealed class AnnounceCore(DiscoveryOptions options, RandomSource random)
{
    /// <summary>Most catalog peers of one round of joining.</summary>
    public const int MaxJoins = 16;

    /// <summary>
    /// Most joins between two rounds. A first sync observes everybody at once, and each join costs the network a walk of news
    /// and a neighbour that has to make room.
    /// </summary>
    public const int MaxJoinsAtOnce = 3;

    /// <summary>Neighbours that appear so soon after an announcement share the next one.</summary>
    public static readonly TimeSpan Window = TimeSpan.FromMilliseconds(100);

    /// <summary>
    /// How long after the loss of the last neighbour nobody is joined: gossip asks peers it has in reserve first. A join makes
    /// others lose a neighbour, who would join in turn.
    /// </summary>
    public static readonly TimeSpan ReserveTime = TimeSpan.FromMilliseconds(500);

    private const double FirstBackoffSeconds = 2;
    private const double LastBackoffSeconds = 60;

    private readonly SortedSet<PeerId> _neighbours = [];
    private readonly HashSet<PeerId> _joined = [];
    private readonly HashSet<PeerId> _missed = [];
    private PeerVersion _published;
    private PeerVersion? _announced;
    private TimeSpan? _announcedAt;
    private TimeSpan? _shareAt;
    private TimeSpan _rejoinAt;
    private double _backoffSeconds = FirstBackoffSeconds;
    private bool _started;
    private bool _restamping;
    private bool _left;

    /// <summary>What the owner has to do now.</summary>
    public AnnounceEffects Effects { get; } = new();

    /// <summary>How many neighbours there are.</summary>
    public int NeighbourCount => _neighbours.Count;

    /// <summary>Whether nobody would hear a broadcast.</summary>
    public bool IsAlone => _neighbours.Count == 0;

    /// <summary>Whether the entry published last is too large for gossip (spec/discovery.md §8.6).</summary>
    public bool IsOversized { get; private set; }

    /// <summary>When <see cref="HandleTimeout"/> has something to do next; null for never by itself.</summary>
    public TimeSpan? NextDue => _left ? null : IsAlone ? (_started ? _rejoinAt : null) : _shareAt;

    /// <summary>
    /// The node is online and the topic subscribed, for the first time or anew after it had ended: joining begins, and
    /// the neighbours there are follow.
    /// </summary>
    public void OnSubscribed(DiscoveryTime now)
    {
        _started = true;
        _neighbours.Clear();
        RestartBackoff(now.Monotonic);
    }

    /// <summary>The own entry was published.</summary>
    /// <param name="version">Its version.</param>
    /// <param name="isOversized">Whether it is too large for gossip.</param>
    /// <param name="now">Both clocks.</param>
    public void OnPublished(PeerVersion version, bool isOversized, DiscoveryTime now)
    {
        _published = version;
        IsOversized = isOversized;
        _restamping = false;
        if (!IsAlone && (_announced is not { } announced || version.IsNewerThan(announced)))
            Announce(now);
    }

    /// <summary>Gossip has a new direct neighbour.</summary>
    /// <param name="id">The neighbour.</param>
    /// <param name="isKnown">Whether the catalog holds a fresh signed entry of it.</param>
    /// <param name="now">Both clocks.</param>
    public void OnNeighbourUp(PeerId id, bool isKnown, DiscoveryTime now)
    {
        if (!_neighbours.Add(id))
            return;
        _shareAt ??= _announcedAt is { } last && now.Monotonic - last < Window ? last + Window : now.Monotonic;
        if (IsOversized)
            Effects.Refreshes.Add(id);
        else if (!isKnown)
            Effects.Observed.Add(id);
        ShareIfDue(now);
    }

    /// <summary>Gossip has lost a neighbour.</summary>
    public void OnNeighbourDown(PeerId id, DiscoveryTime now)
    {
        if (_neighbours.Remove(id) && IsAlone)
            RestartBackoff(now.Monotonic + ReserveTime);
    }

    /// <summary>Messages and ups and downs were missed: this is the exact set of neighbours.</summary>
    public void OnLagged(IReadOnlyCollection<PeerId> neighbours, Predicate<PeerId> isKnown, DiscoveryTime now)
    {
        foreach (PeerId gone in _neighbours.Except(neighbours).ToArray())
            OnNeighbourDown(gone, now);
        foreach (PeerId id in neighbours.Order())
            OnNeighbourUp(id, isKnown(id), now);
        if (IsAlone)
            RestartBackoff(now.Monotonic);
        else
            Effects.Refreshes.Add(_neighbours.ElementAt(random.NextBelow(_neighbours.Count)));
    }

    /// <summary>A peer was newly observed, or proved to be there: it is joined while nobody else is.</summary>
    public void OnObserved(PeerId id, DiscoveryTime now)
    {
        if (!_started || _left || !IsAlone)
            return;
        // What does not find room is among the candidates of the next round.
        if (_joined.Count < MaxJoinsAtOnce && _joined.Add(id))
            Effects.Joins.Add(id);
        // This join was the one at once; the next round comes after the first interval.
        _rejoinAt = Min(_rejoinAt, now.Monotonic + Jittered(FirstBackoffSeconds));
        _backoffSeconds = 2 * FirstBackoffSeconds;
    }

    /// <summary>The peer could not be reached, or is gone from the catalog. Remembered of bootstrap peers only.</summary>
    public void OnMissed(PeerId id)
    {
        if (options.BootstrapPeers.Any(p => p.Id == id))
            _missed.Add(id);
    }

    /// <summary>
    /// A sync with the peer has succeeded. A bootstrap peer that was missed before is joined although there are
    /// neighbours: the network may have been split, and it is the way to the other part.
    /// </summary>
    public void OnReached(PeerId id, DiscoveryTime now)
    {
        bool wasMissed = _missed.Remove(id);
        if (IsAlone)
            OnObserved(id, now);
        else if (wasMissed && _started && !_left && !_neighbours.Contains(id))
            Effects.Joins.Add(id);
    }

    /// <summary>
    /// A peer that was missed has answered: it is joined although there are neighbours, for it may be in another part of a
    /// network that was split.
    /// </summary>
    public void OnFound(PeerId id)
    {
        if (_started && !_left && !IsAlone && !_neighbours.Contains(id))
            Effects.Joins.Add(id);
    }

    /// <summary>The user wants to know these peers: gossip joins them, whatever neighbours there are.</summary>
    public void OnDialled(IEnumerable<PeerId> peers)
    {
        if (_started && !_left)
            Effects.Joins.AddRange(peers);
    }

    /// <summary>The own address has changed, or the clock was put right: what failed before may work now.</summary>
    public void OnCircumstancesChanged(DiscoveryTime now)
    {
        if (IsAlone)
            RestartBackoff(now.Monotonic);
    }

    /// <summary>The node leaves: from now on nothing is announced, and nobody joined.</summary>
    public void Leave() => _left = true;

    /// <summary>Time has passed.</summary>
    /// <param name="now">Both clocks.</param>
    /// <param name="freshPeers">The peers of the catalog, asked for when they are needed.</param>
    public void HandleTimeout(DiscoveryTime now, Func<List<PeerId>> freshPeers)
    {
        if (!IsAlone)
            ShareIfDue(now);
        else if (_started && !_left && now.Monotonic >= _rejoinAt)
            Rejoin(now.Monotonic, freshPeers());
    }

    /// <summary>New neighbours are told, at once or at the end of the window.</summary>
    private void ShareIfDue(DiscoveryTime now)
    {
        if (_left || _shareAt is not { } at || now.Monotonic < at)
            return;
        if (IsOversized)
        {
            _shareAt = null; // they are synced with
        }
        else if (Saturating.Subtract(now.WallMs, _published.Update) <= options.MaxTimeDriftMs / 2)
        {
            Announce(now);
        }
        else
        {
            _shareAt = null;
            Effects.Restamp |= !_restamping;
            _restamping = true;
        }
    }

    private void Announce(DiscoveryTime now)
    {
        _shareAt = null;
        if (_left)
            return;
        if (IsOversized)
        {
            Effects.Refreshes.AddRange(_neighbours);
            return;
        }
        Effects.Announce = true;
        _announced = _published;
        _announcedAt = now.Monotonic;
    }

    private void RestartBackoff(TimeSpan now)
    {
        _shareAt = null;
        _backoffSeconds = FirstBackoffSeconds;
        _rejoinAt = now;
    }

    private void Rejoin(TimeSpan now, List<PeerId> candidates)
    {
        _joined.Clear();
        foreach (EndpointAddress peer in options.BootstrapPeers)
            _joined.Add(peer.Id);
        for (int i = 0; i < MaxJoins && candidates.Count > 0; i++)
        {
            int at = random.NextBelow(candidates.Count);
            _joined.Add(candidates[at]);
            candidates[at] = candidates[^1];
            candidates.RemoveAt(candidates.Count - 1);
        }
        Effects.Joins.AddRange(_joined.Order()); // no order of a hash table on the wire
        _joined.Clear();
        _rejoinAt = now + Jittered(_backoffSeconds);
        _backoffSeconds = Math.Min(LastBackoffSeconds, _backoffSeconds * 2);
    }

    private TimeSpan Jittered(double seconds) => TimeSpan.FromSeconds(seconds * (0.8 + (0.4 * random.NextDouble())));

    private static TimeSpan Min(TimeSpan x, TimeSpan y) => x < y ? x : y;
}
