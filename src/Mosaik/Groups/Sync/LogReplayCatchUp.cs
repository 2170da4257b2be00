using Mosaik.Groups.Raft;
using Mosaik.Primitives;

namespace Mosaik.Groups.Sync;

/// <summary>
/// Makes one member's log that of its leader: finds the last entry both have, removes what differs, fetches what is
/// missing, and appends what arrived meanwhile.
/// </summary>
/// <remarks>
/// <para>spec/groups.md §6.9. <b>Anchor</b>: one entry at a time is compared with the leader's, from the committed index back
/// by halves. <b>Walk</b>: from there, entries are fetched in chunks and compared with the own ones as far as there are any; at
/// the first difference the own tail goes (the machine is rewound if some of it was committed) and the chunks are appended.
/// Where the foundings of the two logs are not known to be the same, the walk starts at index 1 and compares bytes.</para>
/// <para>Own entries are compared with the leader's only. Behind them, chunks may come from any member that has
/// committed them. Every request starts one entry early, which ties it to the entry before; and when the walk has
/// reached the target, the term there must be the leader's. If anything does not fit, it starts again from the leader alone.</para>
/// <para>Bounded: one request in flight per member, two to the leader, <see cref="MaxRanges"/> chunks altogether.</para>
/// </remarks>
internal sealed partial class LogReplayCatchUp : ISyncCatchUp
{
    private const int MaxRanges = 16;
    private const int LeaderRequests = 2;
    private static readonly TimeSpan AskInterval = TimeSpan.FromMilliseconds(500);

    private readonly ISyncHost _host;
    private readonly BondView _leader;
    private readonly CatchUpBuffer _buffer;
    private readonly List<FetchRange> _ranges = [];
    private readonly SortedDictionary<PeerId, FetchSource> _sources = [];
    private UniqueId? _lineage;
    private ulong _probe;
    private ulong _next;
    private ulong _compareEnd;
    private ulong _comparedAt;
    private bool _byBytes;
    private bool _leaderOnly;
    private bool _isDone;
    private TimeSpan _nextAsk;
    private TimeSpan _leaderRestUntil;

    public LogReplayCatchUp(ISyncHost host, BondView leader, in AppendEntries first)
    {
        _host = host;
        _leader = leader;
        _buffer = new CatchUpBuffer(host.Settings.MaxBufferedBytes);
        _nextAsk = host.Now;
        Buffer(first);
        Restart();
    }

    /// <inheritdoc/>
    public TimeSpan NextDeadline
    {
        get
        {
            TimeSpan next = _nextAsk;
            foreach (FetchRange range in _ranges)
            {
                if (!range.HasArrived && range.Deadline < next)
                    next = range.Deadline;
            }

            return next;
        }
    }

    private ulong Target => _buffer.Target.Index.Value;

    /// <inheritdoc/>
    public void Buffer(in AppendEntries message)
    {
        _lineage = message.Tail.Lineage;
        _buffer.Add(message);
    }

    /// <inheritdoc/>
    public void BondUp(BondView bond) => _host.Send(bond.Peer, ReplayMessage.AvailabilityRequestFrame());

    /// <inheritdoc/>
    public void BondDown(BondView bond)
    {
        _sources.Remove(bond.Peer);
        _ranges.RemoveAll(r => r.Source == bond.Peer && !r.HasArrived);
        Request();
    }

    /// <inheritdoc/>
    public void Advance(TimeSpan now)
    {
        if (_isDone)
            return;
        ExpireRequests(now);
        if (now >= _nextAsk)
        {
            _nextAsk = now + AskInterval;
            if (!_ranges.Exists(r => !r.HasArrived))
                _host.Broadcast(ReplayMessage.AvailabilityRequestFrame());
        }

        Request();
    }

    /// <inheritdoc/>
    public SyncReception Receive(BondView sender, ReadOnlyMemory<byte> message)
    {
        switch (ReplayMessage.Read(message, sender.IsExtended))
        {
            case ReplayMessage.AvailabilityResponse available:
                if (sender.Peer != _leader.Peer)
                    SourceOf(sender.Peer).Available = available.Range;
                break;
            case ReplayMessage.FetchResponse fetched:
                if (!OnFetched(sender, fetched))
                    return SyncReception.Malformed;
                break;
            default:
                return SyncReception.Malformed;
        }

        if (!_isDone)
            Request();
        return SyncReception.Handled;
    }

    /// <summary>From the anchor again, with what the log is now.</summary>
    private void Restart()
    {
        _ranges.Clear();
        LogIndex last = _host.Log.Last.Index;
        bool beginsWithFounding = !_host.Settings.IsMajority && _host.Log.TermAt(LogIndex.One) == Term.One;
        _byBytes = beginsWithFounding && !_host.AgreesOnFounding(_leader, _lineage);
        _compareEnd = last.Value;
        ulong lowest = Math.Min(Math.Min(_host.Committed.Index.Value, Target), last.Value);
        _comparedAt = 0;
        _probe = _byBytes || lowest <= 1 ? 0 : lowest;
        _next = 1;
    }

    private FetchSource SourceOf(PeerId peer)
    {
        if (!_sources.TryGetValue(peer, out FetchSource? source))
            _sources.Add(peer, source = new FetchSource());
        return source;
    }

    private bool IsOwn(ulong index, LogEntry entry)
    {
        if (!_host.Log.TryGet(new LogIndex(index), out LogEntry own) || own.Term != entry.Term)
            return false;
        bool compares = _host.Settings.VerifyEntryBytes || (_byBytes && entry.Term == Term.One);
        return !compares || own.Bytes.Span.SequenceEqual(entry.Bytes.Span);
    }

    /// <summary>Works off the chunks that follow what is done; false when the leader sent what may not stand there.</summary>
    private bool Consume()
    {
        while (!_isDone && _ranges.Find(r => r.HasArrived && r.Start == _next) is { } range)
        {
            _ranges.Remove(range);
            if (!Take(range, out bool isGood))
                return isGood;
        }

        return _isDone || TryFinish();
    }

    /// <summary>Compares or appends the entries of one chunk; false = stop, good or not.</summary>
    private bool Take(FetchRange range, out bool isGood)
    {
        isGood = true;
        ulong index = range.Asked.Start.Value;
        foreach (LogEntry entry in range.Entries)
        {
            if (index < range.Start)
            {
                if (!IsOwn(index++, entry))
                    return Refuse(range);
                continue;
            }

            if (index > _compareEnd || !IsOwn(index, entry))
            {
                if (index <= _host.Log.Last.Index.Value && !Cut(index))
                    return false;

                // What is left was compared byte by byte: with what follows now it is the leader's founding, and no other.
                if (_byBytes && index > 1)
                    _host.AdoptFounding(_leader, _lineage);
                if (!_host.TryAppend(entry))
                {
                    isGood = range.Source != _leader.Peer;
                    return Refuse(range);
                }
            }

            _next = ++index;
        }

        return true;
    }

    private bool Cut(ulong from)
    {
        _compareEnd = from - 1;
        if (_host.TryTruncate(new LogIndex(from), _leader.Peer))
            return true;
        _isDone = true;
        return false;
    }

    // The chunk does not follow the entry before it. From the leader: then that entry is wrong. From others: then they are.
    private bool Refuse(FetchRange range)
    {
        if (range.Source == _leader.Peer)
        {
            _leaderOnly = true;
            Restart();
        }
        else
        {
            SourceOf(range.Source).IsDistrusted = true;
        }

        return false;
    }

    private bool TryFinish()
    {
        if (_probe > 0 || _next <= Target)
            return true;
        if (_host.Log.TermAt(_buffer.Target.Index) != _buffer.Target.Term)
        {
            _leaderOnly = true;
            _leaderRestUntil = _host.Now + AskInterval;
            Restart();
            return true;
        }

        if (_byBytes && _host.Log.Last.Index.Value > Target && !Cut(Target + 1))
            return true;
        if (!_host.Settings.IsMajority && _host.Log.TermAt(LogIndex.One) == Term.One
            && !_host.AgreesOnFounding(_leader, _lineage))
            _host.AdoptFounding(_leader, _lineage);
        _isDone = true;
        return _host.TryComplete(_leader, _buffer.Target.Index, _buffer.Messages, _buffer.LeaderCommit);
    }
}
