using System.Runtime.InteropServices;

namespace Mosaik.Groups.Raft;

// The log and the machine: append, commit, truncate, rewind (spec/groups.md §6.9, §6.10).
internal sealed partial class RaftCore
{
    private const int MaxApplyRun = 4096;
    private const int MaxLostEntries = 10_000;

    private readonly List<ReadOnlyMemory<byte>> _run = [];

    /// <summary>Appends a leader's entry; false when it is about the roster and may not follow the one in force.</summary>
    private bool TryAppend(LogEntry entry)
    {
        if (_settings.IsMajority && RosterEntry.IsAboutRoster(entry.Bytes.Span)
            && (!RosterEntry.TryRead(entry.Bytes.Span, _settings.Voters, out RosterEntry? roster) || roster is null
                || !_rosters.TryAppend(_log.Last.Index.Value + 1, roster)))
            return false;
        _log.Append(entry.Term, entry.Bytes);
        return true;
    }

    private void CommitUpTo(ulong index)
    {
        index = Math.Min(index, _log.Last.Index.Value);
        if (index <= _committed.Index.Value)
            return;
        ApplyUpTo(index, isReplay: false);
        _pending.Commit(_log, _committed.Index, _effects);
        _provider.Committed(_committed);
        LogIndex prune = _provider.SafeToPrune;
        LogIndex most = _committed.Index.Previous;
        if (!prune.IsZero)
            _log.PrunePrefix(prune < most ? prune : most);
    }

    private void ApplyUpTo(ulong index, bool isReplay)
    {
        while (_committed.Index.Value < index)
        {
            ulong first = _committed.Index.Value + 1;
            Term term = TermOf(first);
            ulong next = Gather(first, index, term);
            if (_run.Count > 0)
            {
                var context = new RaftApplyContext(_committed, _log.Last, term);
                _machine.ApplyBatch(CollectionsMarshal.AsSpan(_run), context);
                _run.Clear();
                _committed = new LogCursor(term, new LogIndex(next - 1));
                continue;
            }

            // An entry of the protocol itself.
            _committed = new LogCursor(term, new LogIndex(first));
            if (!isReplay)
                OnProtocolEntryCommitted(first);
        }
    }

    /// <summary>Collects the commands of one run of equal terms; the result is the index behind it.</summary>
    private ulong Gather(ulong first, ulong last, Term term)
    {
        ulong index = first;
        while (index <= last && _run.Count < MaxApplyRun && TermOf(index) == term)
        {
            ReadOnlyMemory<byte> bytes = BytesOf(index);
            if (_settings.IsMajority)
            {
                if ((EntryKind)bytes.Span[0] != EntryKind.Command)
                    break;
                bytes = bytes[1..];
            }

            _run.Add(bytes);
            index++;
        }

        return index;
    }

    private Term TermOf(ulong index) => _log.TermAt(new LogIndex(index))
        ?? throw new InvalidOperationException($"The log store has no term for index {index}.");

    private ReadOnlyMemory<byte> BytesOf(ulong index) => _log.TryGet(new LogIndex(index), out LogEntry entry)
        ? entry.Bytes
        : throw new InvalidOperationException($"The log store has no entry {index}.");

    /// <summary>
    /// Removes the entries from an index on, because the leader has others; rewinds the machine if some were committed.
    /// False when the group cannot go on as before: it ended, diverged, or has to fetch the state.
    /// </summary>
    private bool TruncateFrom(ulong index, Primitives.PeerId leader)
    {
        if (index <= _committed.Index.Value)
        {
            if (_settings.IsMajority)
            {
                Terminate($"The entry {index}, which is committed here, differs from that of the leader {leader}: "
                    + "the group was founded twice under one key, or a majority lost its memory.");
                return false;
            }

            if (!_sync.KeepsHistory || !TryRewind(index, leader))
                return false;
        }

        if (_log.TermAt(new LogIndex(index)) == Term.One)
            ForgetSameFoundings();
        _pending.Truncate(index, _log, _effects);
        _log.Truncate(new LogIndex(index));
        _rosters.Truncate(index);
        if (index == 1)
            _lineage = null;
        return true;
    }

    private void ForgetSameFoundings()
    {
        foreach (BondView bond in _bonds)
            bond.HasSameFounding = false;
    }

    private bool TryRewind(ulong index, Primitives.PeerId leader)
    {
        LogCursor from = _committed;
        ulong lost = from.Index.Value - index + 1;
        ulong firstKept = from.Index.Value - Math.Min(lost, MaxLostEntries) + 1;
        IReadOnlyList<LogEntry> entries = _log.GetRange(new LogRange(new LogIndex(firstKept), from.Index));
        var to = new LogCursor(index == 1 ? Term.Zero : TermOf(index - 1), new LogIndex(index - 1));
        bool isRebuilt = _machine.TryReset();
        _effects.Divergences.Add(new RaftDivergence(from, to, leader, entries, isRebuilt));
        if (isRebuilt)
        {
            _committed = LogCursor.Zero;
            ApplyUpTo(index - 1, isReplay: true);
            return true;
        }

        EndCatchUp();
        State = RaftState.Diverged;
        _online = false;
        _pending.FailAll(_effects);
        return false;
    }
}
