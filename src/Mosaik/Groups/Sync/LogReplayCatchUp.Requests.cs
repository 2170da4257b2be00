using Mosaik.Primitives;

namespace Mosaik.Groups.Sync;

// Whom to ask for what (spec/groups.md §6.9, rules 5, 6, 8).
internal sealed partial class LogReplayCatchUp
{
    private void Request()
    {
        if (_isDone)
            return;
        if (_probe > 0)
        {
            if (_ranges.Count == 0 && MayAskLeader)
                Ask(new FetchRange(_leader.Peer, _probe, _probe, hasOverlap: false, isProbe: true, Deadline));
            return;
        }

        while (_ranges.Count < MaxRanges && NextGap(out ulong start, out ulong end))
        {
            if (ChooseSource(start, ref end) is not { } source)
                return;
            Ask(new FetchRange(source, start, end, HasOverlap(start), isProbe: false, Deadline));
        }
    }

    // A request of one entry has no room for a second one.
    private bool HasOverlap(ulong start) => start > 1 && start != _comparedAt && _host.Settings.ReplayBatchSize > 1;

    private TimeSpan Deadline => _host.Now + _host.Settings.ReplayFetchTimeout;

    private bool MayAskLeader => _host.Now >= _leaderRestUntil && InFlight(_leader.Peer) < LeaderRequests;

    private int InFlight(PeerId peer) => _ranges.Count(r => r.Source == peer && !r.HasArrived);

    /// <summary>The first indices nobody was asked for.</summary>
    private bool NextGap(out ulong start, out ulong end)
    {
        start = _next;
        end = Target;
        foreach (FetchRange range in _ranges.OrderBy(r => r.Start))
        {
            if (range.Start > start)
            {
                end = range.Start - 1;
                break;
            }

            start = Math.Max(start, range.End + 1);
        }

        ulong length = (ulong)_host.Settings.ReplayBatchSize - (HasOverlap(start) ? 1UL : 0);
        end = Math.Min(end, start + length - 1);
        return start <= Target;
    }

    /// <summary>
    /// Own entries are compared with the leader's only, and the first entry has none before it to tie it to. The rest comes
    /// from members that have nothing else to do; from the leader only what nobody else has, or cannot be tied.
    /// </summary>
    private PeerId? ChooseSource(ulong start, ref ulong end)
    {
        bool isAnyBusy = false;
        if (!_leaderOnly && start > _compareEnd && HasOverlap(start))
        {
            foreach ((PeerId peer, FetchSource source) in _sources)
            {
                if (!source.Covers(start) || _host.Now < source.SuspendedUntil || !_host.Bonds.Contains(peer))
                    continue;
                if (InFlight(peer) > 0)
                {
                    isAnyBusy = true;
                    continue;
                }

                end = Math.Min(end, source.Available.End.Value);
                return peer;
            }
        }

        return !isAnyBusy && MayAskLeader ? _leader.Peer : null;
    }

    private void Ask(FetchRange range)
    {
        _ranges.Add(range);
        _host.Send(range.Source, ReplayMessage.FetchRequestFrame(range.Asked));
    }

    private void ExpireRequests(TimeSpan now)
    {
        for (int i = _ranges.Count - 1; i >= 0; i--)
        {
            FetchRange range = _ranges[i];
            if (range.HasArrived || range.Deadline > now)
                continue;
            _ranges.RemoveAt(i);
            if (range.Source != _leader.Peer)
                SourceOf(range.Source).Fail(now, _host.Settings.ReplayFetchTimeout);
        }
    }
}
