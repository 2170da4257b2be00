using Mosaik.Primitives;
using Mosaik.Quic;

namespace Mosaik.Discovery;

/// <summary>
/// The line of peers learnt second-hand that wait for a sync: taken in random order, as fast as a bucket of tokens
/// allows (spec/discovery.md §11.2).
/// </summary>
/// <remarks>
/// While the own entry is announced, a sync only repairs what announcing has missed: about 32 newcomers are drawn by
/// lot however large the catalog is, a sync takes as many tokens as the catalog has portions of 32 entries, and after
/// three in a row that brought nobody new the line is dissolved. The first one comes 300 ms after the first newcomer, and
/// with more than 32 entries 1 s to 3 s after it: where many start together announcements bring nearly all of them in that
/// time, and what was missed is there to be found.
/// </remarks>
internal sealed class LearntPeers(RandomSource random)
{
    /// <summary>Entries of a snapshot that are worth one token, and newcomers that are drawn.</summary>
    public const int EntriesPerToken = 32;

    /// <summary>Syncs in a row without news until the line is dissolved.</summary>
    public const int FruitlessUntilSettled = 3;

    private const int Burst = 16;
    private const double TokensPerSecond = 2;

    private const double ShortestPatienceSeconds = 1;
    private const double LongestPatienceSeconds = 3;

    private static readonly TimeSpan ShortPatience = TimeSpan.FromMilliseconds(300);
    private static readonly TimeSpan OneTick = TimeSpan.FromTicks(1);

    private readonly List<PeerId> _line = [];
    private readonly HashSet<PeerId> _inLine = [];
    private double _tokens = Burst;
    private TimeSpan _tokensAt;
    private TimeSpan? _firstAt;
    private TimeSpan _longPatience;
    private int _fruitless;

    /// <summary>How many entries a snapshot has about now.</summary>
    public int CatalogSize { get; set; }

    private TimeSpan PatientUntil =>
        _firstAt.GetValueOrDefault() + (CatalogSize > EntriesPerToken ? _longPatience : ShortPatience);

    /// <summary>Whether nobody waits.</summary>
    public bool IsEmpty => _line.Count == 0;

    /// <summary>Whether a newcomer is worth a sync: about 32 of all are.</summary>
    public bool IsDrawn() => CatalogSize <= EntriesPerToken || random.NextBelow(CatalogSize) < EntriesPerToken;

    /// <summary>Puts a peer into the line; an old place in it serves as well.</summary>
    public void Add(PeerId id)
    {
        if (_inLine.Add(id))
            _line.Add(id);
    }

    /// <summary>Takes the next one if there is a token; who no longer waits costs none.</summary>
    /// <param name="isWaiting">Whether a peer in the line still waits.</param>
    /// <param name="isAnnounced">Whether announcing keeps the own entry alive.</param>
    /// <param name="next">The peer.</param>
    public bool TryTake(Predicate<PeerId> isWaiting, bool isAnnounced, out PeerId next)
    {
        while (_line.Count > 0 && _tokens >= 1 && (!isAnnounced || _tokensAt >= PatientUntil))
        {
            int at = random.NextBelow(_line.Count);
            next = _line[at];
            _line[at] = _line[^1];
            _line.RemoveAt(_line.Count - 1);
            _inLine.Remove(next);
            if (!isWaiting(next))
                continue;
            // May end in debt: the next one waits until it is paid.
            _tokens -= isAnnounced ? Math.Max(1, (double)CatalogSize / EntriesPerToken) : 1;
            return true;
        }
        next = default;
        return false;
    }

    /// <summary>When there is a token for the next one.</summary>
    public TimeSpan NextToken(TimeSpan now, bool isAnnounced)
    {
        Refill(now);
        if (isAnnounced && now < PatientUntil)
            return PatientUntil;
        // Never too early, for that would be again and again: what is missing may be less than a tick of the clock.
        return _tokens >= 1 ? now : now + TimeSpan.FromSeconds((1 - _tokens) / TokensPerSecond) + OneTick;
    }

    /// <summary>Time has passed.</summary>
    public void Refill(TimeSpan now)
    {
        if (_firstAt is null && !IsEmpty)
        {
            _firstAt = now;
            _longPatience = TimeSpan.FromSeconds(
                ShortestPatienceSeconds + (random.NextDouble() * (LongestPatienceSeconds - ShortestPatienceSeconds)));
        }

        if (now <= _tokensAt)
            return;
        _tokens = Math.Min(Burst, _tokens + ((now - _tokensAt).TotalSeconds * TokensPerSecond));
        _tokensAt = now;
    }

    /// <summary>Somebody new was heard of: there may be more.</summary>
    public void OnNews() => _fruitless = 0;

    /// <summary>A sync has brought nobody; true if what is left of the line would not either.</summary>
    public bool OnFruitless() => ++_fruitless >= FruitlessUntilSettled;

    /// <summary>Dissolves the line; returns who was in it.</summary>
    public PeerId[] Clear()
    {
        PeerId[] waiting = [.. _line];
        _line.Clear();
        _inLine.Clear();
        return waiting;
    }
}
