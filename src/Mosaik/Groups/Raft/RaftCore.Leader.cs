using System.Runtime.InteropServices;
using Mosaik.Primitives;

namespace Mosaik.Groups.Raft;

// What a leader does (spec/groups.md §6.7).
internal sealed partial class RaftCore
{
    private const long MaxEntryBytes = RaftWire.MaxPayload - RaftWire.Overhead;

    private readonly List<QueuedCall> _queuedCalls = [];
    private readonly List<ReadOnlyMemory<byte>> _queuedCommands = [];
    private readonly List<LogEntry> _batch = [];

    private Committee? _committee;
    private LogIndex _electedAtIndex;
    private TimeSpan _electedAt;
    private TimeSpan _heartbeatDeadline;
    private ulong _announcedCommit;
    private bool _heartbeatWanted;
    private ulong _round;

    /// <summary>Members that count, this node included; 0 when it does not lead. In Majority: members of the roster.</summary>
    public int CommitteeSize => Role != RaftRole.Leader ? 0 : _committee?.Count ?? _rosters.Current?.Count ?? 0;

    private TimeSpan LeaderDeadline
    {
        get
        {
            TimeSpan next = Earlier(_heartbeatDeadline, ReadDeadline);
            return _settings.IsMajority ? Earlier(next, QuorumDeadline) : next;
        }
    }

    private void BecomeLeader(Election election)
    {
        _election = null;
        Role = RaftRole.Leader;
        _electionDeadline = TimeSpan.MaxValue;
        _electedAt = _now;
        _electedAtIndex = _log.Last.Index;
        _announcedCommit = _committed.Index.Value;
        _round = 0;
        _online = true;
        PublishLeader(_settings.Self);
        if (_settings.IsMajority)
        {
            LeadRoster(election);
            return;
        }

        if (_term == Term.One)
            _lineage = Lineage.Of(_settings.Member);
        _committee = new Committee();
        foreach (GroupMember member in election.Requested)
        {
            bool isPresent = member == _settings.Member || _bonds.Contains(member);
            if (isPresent && !election.IsAbstained(member))
                _committee.Acknowledge(member.PeerId, election.IsGranted(member) ? _log.Last.Index.Value : 0);
        }

        Heartbeat();
    }

    private void LeaveLeadership()
    {
        _committee = null;
        _progress = null;
        _removal = null;
        _heartbeatWanted = false;
        if (_term == Term.One && _log.Last.Index.IsZero)
            _lineage = null;
        foreach (QueuedCall call in _queuedCalls)
        {
            if (call.From is null)
                Complete(call.Token, CommandOutcome.Unknown, CommandFailure.LeadershipLost);
        }

        _queuedCalls.Clear();
        _queuedCommands.Clear();
        FailReads();
    }

    private void OnMemberGone(BondView bond)
    {
        _committee?.Remove(bond.Peer);
        if (_progress is { } progress && _rosters.Current?.Contains(bond.Member) != true)
            progress.Forget(bond.Member);
        DropReadsOf(bond.Peer);
    }

    private bool OnAppendEntriesResponse(BondView bond, in AppendEntriesResponse response)
    {
        if (response.Term > _term)
        {
            BecomeFollower(response.Term);
            return true;
        }

        if (response.Term < _term || Role != RaftRole.Leader)
            return true;
        ulong index = Math.Min(response.LastIndex.Value, _log.Last.Index.Value);
        if (_progress is { } progress)
        {
            progress.Heard(bond.Member, _now, Math.Min(response.Tail.Round ?? 0, _round));
            if (response.Vote == Vote.Granted && bond.IsVoter)
                progress.Acknowledge(bond.Member, index);
        }
        else if (response.Vote == Vote.Granted)
        {
            _committee?.Acknowledge(bond.Peer, index);
        }
        else if (response.Vote == Vote.Abstained)
        {
            _committee?.Remove(bond.Peer);
        }

        return true;
    }

    private void OnLateVote(BondView bond, Vote vote)
    {
        if (_committee is not { } committee)
            return;
        if (vote == Vote.Granted)
            committee.Acknowledge(bond.Peer, _electedAtIndex.Value);
        else if (vote == Vote.Abstained)
            committee.Remove(bond.Peer);
    }

    private void AdvanceLeader()
    {
        if (_settings.IsMajority && _now >= QuorumDeadline)
        {
            BecomeFollower(_term);
            return;
        }

        ExpireReads();
        if (_now < _heartbeatDeadline)
            return;
        Heartbeat();
        if (_settings.IsMajority)
            OnHeartbeatTick();
    }

    private void FlushLeader(bool moreFollows)
    {
        AdvanceCommit();
        if (_settings.IsMajority)
        {
            ChangeRoster();
            if (Role != RaftRole.Leader)
                return;
            BeginReads();
        }

        AppendQueued();
        AdvanceCommit();
        if (_heartbeatWanted || (!moreFollows && _committed.Index.Value > _announcedCommit))
            Heartbeat();
        if (_settings.IsMajority)
            AnswerReads();
    }

    private void AdvanceCommit()
    {
        ulong quorum = _settings.IsMajority ? RosterQuorumIndex() : AvailableQuorumIndex();
        if (quorum <= _committed.Index.Value || _log.TermAt(new LogIndex(quorum)) != _term)
            return;
        CommitUpTo(quorum);
    }

    private ulong AvailableQuorumIndex()
    {
        if (_committee is not { } committee)
            return 0;
        committee.Acknowledge(_settings.Self, _log.Last.Index.Value);
        return committee.QuorumIndex;
    }

    private void AppendQueued()
    {
        int call = 0;
        int command = 0;
        while (call < _queuedCalls.Count)
        {
            LogCursor previous = _log.Last;
            _batch.Clear();
            long bytes = 0;
            int first = call;
            do
            {
                QueuedCall queued = _queuedCalls[call];
                for (int i = 0; i < queued.Count; i++)
                {
                    ReadOnlyMemory<byte> entry = _queuedCommands[command++];
                    _log.Append(_term, entry);
                    _batch.Add(new LogEntry(_term, entry));
                }

                bytes += queued.Bytes;
                call++;
            }
            while (call < _queuedCalls.Count && bytes + _queuedCalls[call].Bytes <= _settings.MaxBatchBytes
                && _batch.Count + _queuedCalls[call].Count <= _settings.MaxBatchCommands);
            BroadcastEntries(previous, CollectionsMarshal.AsSpan(_batch));
            CompleteAppended(first, call, previous.Index.Value);
        }

        _batch.Clear();
        _queuedCalls.Clear();
        _queuedCommands.Clear();
    }

    private void CompleteAppended(int first, int end, ulong previous)
    {
        for (int i = first; i < end; i++)
        {
            QueuedCall call = _queuedCalls[i];
            LogRange assigned = LogRange.Of(previous + 1, previous + (ulong)call.Count);
            previous = assigned.End.Value;
            if (call.From is { } peer)
            {
                if (call.RequestId is { } id && _bonds.Contains(peer))
                    Send(peer, RaftFrames.ForwardCommandAck(id, assigned));
            }
            else if (call.Mode == SubmitMode.Feed)
            {
                _effects.Commands.Add(new CommandCompletion(call.Token, CommandOutcome.Done, CommandFailure.None, assigned));
            }
            else
            {
                _pending.AddExecute(call.Token, assigned, _term);
            }
        }
    }

    /// <summary>Sends entries behind a cursor: in one message, unless no frame would hold it.</summary>
    private void BroadcastEntries(LogCursor previous, ReadOnlySpan<LogEntry> entries)
    {
        while (!entries.IsEmpty)
        {
            const int PerEntry = 20;
            int count = 1;
            long bytes = entries[0].Bytes.Length;
            while (count < entries.Length && bytes + entries[count].Bytes.Length + ((count + 1L) * PerEntry) <= MaxEntryBytes)
                bytes += entries[count++].Bytes.Length;
            Broadcast(AppendEntriesFrame(previous, entries[..count], bytes), FrameKind.Entries);
            previous = new LogCursor(entries[count - 1].Term, new LogIndex(previous.Index.Value + (ulong)count));
            entries = entries[count..];
        }
    }

    private void Heartbeat()
    {
        SharedFrame frame = AppendEntriesFrame(_log.Last, [], 0);
        Broadcast(frame, FrameKind.Heartbeat);
    }

    private void SendHeartbeat(BondView bond)
    {
        // One member more does not postpone what all the others wait for.
        TimeSpan deadline = _heartbeatDeadline;
        ulong announced = _announcedCommit;
        bool isWanted = _heartbeatWanted;
        Send(bond.Peer, AppendEntriesFrame(_log.Last, [], 0), FrameKind.Heartbeat);
        (_heartbeatDeadline, _announcedCommit, _heartbeatWanted) = (deadline, announced, isWanted);
    }

    private SharedFrame AppendEntriesFrame(LogCursor previous, ReadOnlySpan<LogEntry> entries, long bytes)
    {
        _heartbeatDeadline = _now + _settings.HeartbeatInterval;
        _announcedCommit = _committed.Index.Value;
        _heartbeatWanted = false;
        _round++;
        var tail = new MessageTail(LineageToSend, _settings.IsMajority ? _round : null);
        return RaftFrames.AppendEntries(_term, _settings.Self, previous, entries, bytes, _committed.Index, tail);
    }

    // Said only while there is something it is true of.
    private UniqueId? LineageToSend => _settings.IsMajority || _log.Last.Index.IsZero ? null : _lineage;

    private void Complete(ulong token, CommandOutcome outcome, CommandFailure failure) =>
        _effects.Commands.Add(new CommandCompletion(token, outcome, failure, null));

    [StructLayout(LayoutKind.Auto)]
    private readonly record struct QueuedCall(
        ulong Token, PeerId? From, ulong? RequestId, int Count, long Bytes, SubmitMode Mode);
}
