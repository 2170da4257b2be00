using Mosaik.Groups.Raft;
using Mosaik.Primitives;

namespace Mosaik.Groups.Sync;

// What came back (spec/groups.md §6.9, rules 2, 5 and 8).
internal sealed partial class LogReplayCatchUp
{
    private bool OnFetched(BondView sender, ReplayMessage.FetchResponse answer)
    {
        if (!_host.IsWellFormed(answer.Entries))
            return false;
        FetchRange? range = _ranges.Find(r => r.Source == sender.Peer && !r.HasArrived && r.Asked.Start == answer.Range.Start);
        if (answer.Entries.Count == 0)
        {
            OnNothing(sender);
            return true;
        }

        // What was not asked for, or contradicts itself, is dropped.
        if (range is null || answer.Range.End > range.Asked.End || answer.Range.Count != (ulong)answer.Entries.Count)
            return true;
        if (IsOfLaterTerm(answer.Entries))
        {
            _ranges.Remove(range);
            Rest(sender);
            return true;
        }

        bool isFromLeader = sender.Peer == _leader.Peer;
        if (!isFromLeader)
            SourceOf(sender.Peer).Succeed();
        if (HasFoundingEntries(answer.Entries) && !SharesFounding(sender, answer.Lineage))
        {
            _ranges.Remove(range);
            if (isFromLeader)
                Rest(sender);
            else
                SourceOf(sender.Peer).IsDistrusted = true;
            return true;
        }

        if (range.IsProbe)
            return OnProbed(range, answer.Entries);
        range.End = answer.Range.End.Value;
        if (range.End < range.Start)
        {
            OnOnlyOverlap(sender, range, answer.Entries);
            return true;
        }

        range.Entries = answer.Entries;
        range.HasArrived = true;
        return Consume();
    }

    private void OnNothing(BondView sender)
    {
        if (_ranges.RemoveAll(r => r.Source == sender.Peer && !r.HasArrived) > 0)
            Rest(sender);
    }

    // The entry for comparison alone filled the answer: once it is compared, the rest is asked for without it.
    private void OnOnlyOverlap(BondView sender, FetchRange range, EntryBlock entries)
    {
        _ranges.Remove(range);
        if (range.Start != _next || sender.Peer != _leader.Peer)
        {
            Rest(sender);
            return;
        }

        foreach (LogEntry entry in entries)
        {
            if (IsOwn(range.Start - 1, entry))
                _comparedAt = range.Start;
            else
                _ = Refuse(range);
        }
    }

    private void Rest(BondView sender)
    {
        if (sender.Peer == _leader.Peer)
            _leaderRestUntil = _host.Now + AskInterval;
        else
            SourceOf(sender.Peer).Available = default;
    }

    // Terms ascend along a log: what is later than the target is of a leader that this node does not know yet. The sender may
    // be that leader.
    private bool IsOfLaterTerm(EntryBlock entries)
    {
        foreach (LogEntry entry in entries)
        {
            if (entry.Term > _buffer.Target.Term)
                return true;
        }

        return false;
    }

    private static bool HasFoundingEntries(EntryBlock entries)
    {
        foreach (LogEntry entry in entries)
        {
            if (entry.Term == Term.One)
                return true;
        }

        return false;
    }

    // The leader itself may have lost the lead since it sent what is followed here, and have taken over another founding.
    private bool SharesFounding(BondView sender, UniqueId? lineage)
    {
        if (_host.Settings.IsMajority)
            return true;
        if (sender.Peer == _leader.Peer)
            return !sender.IsExtended || lineage == _lineage;
        return sender.IsExtended && _leader.IsExtended && lineage is not null && lineage == _lineage;
    }

    private bool OnProbed(FetchRange range, EntryBlock entries)
    {
        _ranges.Remove(range);
        foreach (LogEntry entry in entries)
        {
            if (IsOwn(_probe, entry))
            {
                _next = _probe + 1;
                _probe = 0;
                return TryFinish();
            }
        }

        _probe = _probe / 2 <= 1 ? 0 : _probe / 2;
        return true;
    }
}
