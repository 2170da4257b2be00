using System.Runtime.InteropServices;
using Mosaik.Primitives;

namespace Mosaik.Groups.Raft;

// What a member does with the leader's entries (spec/groups.md §6.2, §6.8).
internal sealed partial class RaftCore
{
    private TimeSpan _leaderHeardAt = TimeSpan.MinValue;
    private PendingAnswer? _answer;
    private ulong _highestRound;

    private bool OnAppendEntries(BondView bond, in AppendEntries message)
    {
        if (message.Leader != bond.Peer || !RaftWire.IsSane(message.EndIndex) || !HasGoodEntries(message.Entries))
            return false;
        bond.HasLog |= !message.EndIndex.IsZero;
        if (message.Term < _term)
        {
            Send(bond.Peer, RaftFrames.AppendEntriesResponse(_term, _log.Last.Index, Vote.Denied, default));
            return true;
        }

        bool isAccepted = message.Term == _term && Role == RaftRole.Follower && _leader == bond.Peer;
        if (!isAccepted && !TryAccept(bond, message))
            return true;
        _leaderHeardAt = _now;
        ArmElectionTimer();
        if (message.Tail.Round is { } round && round > _highestRound)
            _highestRound = round;
        if (State == RaftState.Running)
            return Follow(bond, message);
        return true;
    }

    /// <summary>Whether the sender is the leader of this term from now on (rules 4 to 6 of §6.2).</summary>
    private bool TryAccept(BondView bond, in AppendEntries message)
    {
        if (Refuses(message))
        {
            _effects.Events.Add(new RaftEvent.RefusedLeader(bond.Peer, message.Term, EndOf(message), _committed));
            BecomeFollower(message.Term);
            CampaignNow();
            return false;
        }

        if (message.Term > _term)
            BecomeFollower(message.Term);
        bool isRival = Role == RaftRole.Leader || (Role == RaftRole.Follower && _leader is not null && _leader != bond.Peer);
        if (isRival)
        {
            _effects.Events.Add(new RaftEvent.RivalLeader(bond.Peer, message.Term));
            if (Role == RaftRole.Leader || (MayCampaign && _now >= EarliestCandidacy))
                CampaignNow();

            // Whoever cannot end the rivalry stays with the leader it has, as long as it has it.
            return false;
        }

        if (Role == RaftRole.Candidate)
            BecomeFollower(_term);
        PublishLeader(bond.Peer);
        _highestRound = 0;
        return true;
    }

    // H6: a leader that lacks committed entries of this node and is not ahead of it would take them back.
    private bool Refuses(in AppendEntries message)
    {
        if (_settings.IsMajority || !MayCampaign || message.EndIndex >= _committed.Index)
            return false;
        return EndOf(message) < _log.Last;
    }

    private static LogCursor EndOf(in AppendEntries message)
    {
        LogCursor end = message.Previous;
        foreach (LogEntry entry in message.Entries)
            end = new LogCursor(entry.Term, end.Index.Next);
        return end;
    }

    private bool HasGoodEntries(EntryBlock entries)
    {
        if (!_settings.IsMajority)
            return true;
        foreach (LogEntry entry in entries)
        {
            if (!RosterEntry.IsWellFormed(entry.Bytes.Span, _settings.Voters))
                return false;
        }

        return true;
    }

    private bool Follow(BondView leader, in AppendEntries message)
    {
        ulong previous = message.Previous.Index.Value;
        if (previous == 0 || IsSameEntry(message.Previous, leader, message.Tail.Lineage))
        {
            EndCatchUp();
            return Extend(leader, message, previous);
        }

        _online = false;
        if (_settings.IsMajority)
            Answer(leader, _committed.Index.Value, Vote.Denied);
        if (_catchUp is { } running)
        {
            running.Buffer(message);
            return true;
        }

        if (!_sync.KeepsHistory && _log.TermAt(message.Previous.Index) is not null && message.Previous.Index > _committed.Index)
            TruncateFrom(previous, leader.Peer);
        _effects.Events.Add(new RaftEvent.CatchUpStarted(leader.Peer, message.Previous, _log.Last));
        _catchUp = _sync.CreateCatchUp(this, leader, message);
        _catchUp.Advance(_now);
        return true;
    }

    /// <summary>Takes in entries that follow what is verified; false when one of them may not be there.</summary>
    private bool Extend(BondView leader, in AppendEntries message, ulong previous)
    {
        bool wasEmpty = _log.Last.Index.IsZero;
        bool settlesFounding = !_settings.IsMajority && previous == 0 && message.Entries.Count > 0;
        ulong index = previous;
        foreach (LogEntry entry in message.Entries)
        {
            index++;
            if (index <= _log.Available.Start.Value || Holds(index, entry, leader, message.Tail.Lineage))
                continue;
            if (index <= _log.Last.Index.Value && !TruncateFrom(index, leader.Peer))
            {
                _online = false;
                return true;
            }

            if (!TryAppend(entry))
                return false;
        }

        if (settlesFounding && !SettleFounding(leader, message.Tail.Lineage, message.Term, index, wasEmpty))
            return true;
        Verified(leader, index, message.LeaderCommit);
        return true;
    }

    /// <summary>The log up to an index is the leader's.</summary>
    private void Verified(BondView leader, ulong index, LogIndex leaderCommit)
    {
        _online = true;
        bool isCounted = _settings.IsMajority ? _settings.IsVoter : !_machine.Preference.IsObserver;
        Answer(leader, index, isCounted ? Vote.Granted : Vote.Abstained);
        CommitUpTo(Math.Min(leaderCommit.Value, index));
    }

    private bool Holds(ulong index, LogEntry entry, BondView sender, UniqueId? lineage)
    {
        if (_log.TermAt(new LogIndex(index)) != entry.Term)
            return false;
        return IsUnique(entry.Term) || AgreesOnFounding(sender, lineage)
            || (_log.TryGet(new LogIndex(index), out LogEntry own) && own.Bytes.Span.SequenceEqual(entry.Bytes.Span));
    }

    /// <summary>Whether the own entry at the cursor's index is the sender's (spec/groups.md §6.3).</summary>
    private bool IsSameEntry(LogCursor cursor, BondView sender, UniqueId? lineage) =>
        _log.TermAt(cursor.Index) == cursor.Term && (IsUnique(cursor.Term) || AgreesOnFounding(sender, lineage));

    // Whether one index and this term name one entry everywhere.
    private bool IsUnique(Term term) => _settings.IsMajority || term != Term.One;

    // Lineages decide where both are known; elsewhere the bytes have been compared, or not yet.
    private bool AgreesOnFounding(BondView sender, UniqueId? lineage) =>
        lineage is not null && _lineage is not null ? lineage == _lineage : sender.HasSameFounding;

    /// <summary>
    /// Whose founding the own entries of term 1 belong to, after entries from the first index on were taken over or found equal.
    /// </summary>
    private bool SettleFounding(BondView leader, UniqueId? lineage, Term term, ulong verified, bool wasEmpty)
    {
        if (_log.TermAt(LogIndex.One) != Term.One || AgreesOnFounding(leader, lineage))
            return true;

        // What is left of another founding would pass for the leader's under its lineage.
        if (!wasEmpty && _log.Last.Index.Value > verified && !TruncateFrom(verified + 1, leader.Peer))
            return false;
        AdoptFounding(leader, lineage, term);
        return true;
    }

    private void AdoptFounding(BondView leader, UniqueId? lineage, Term term)
    {
        leader.HasSameFounding = true;
        if (leader.IsExtended)
            _lineage = lineage;
        else
            _lineage = term == Term.One ? Lineage.Of(leader.Member) : null;
    }

    // Answers are cumulative: the last one of a turn says everything (spec/groups.md §6.8).
    private void Answer(BondView leader, ulong index, Vote vote) => _answer = new PendingAnswer(leader.Peer, index, vote);

    private void FlushAnswer()
    {
        if (_answer is not { } answer)
            return;
        _answer = null;
        if (!_bonds.Contains(answer.Leader))
            return;
        var tail = new MessageTail(null, _settings.IsMajority ? _highestRound : null);
        Send(answer.Leader, RaftFrames.AppendEntriesResponse(_term, new LogIndex(answer.Index), answer.Vote, tail));
    }

    [StructLayout(LayoutKind.Auto)]
    private readonly record struct PendingAnswer(PeerId Leader, ulong Index, Vote Vote);
}
