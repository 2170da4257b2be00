using Mosaik.Groups.Raft;
using Mosaik.Primitives;

namespace Mosaik.Groups;

// Carrying out what the core decided, and publishing what it is (spec/groups.md §8, §14).
internal sealed partial class GroupDriver
{
    private readonly LeadershipSource _leadership;
    private readonly FedCommands _fed = new();
    private bool _isAuthorized = true;
    private PeerId? _lastLeader;
    private long _endedCommands;
    private long _endedBytes;
    private (int Voters, int Others) _committee;

    private GroupState State => DivergedAt is null ? GroupState.Running : GroupState.Diverged;

    private void CarryOut()
    {
        foreach (var divergence in _effects.Divergences)
            OnDiverged(divergence);
        foreach (var frame in _effects.Frames)
            _bonds.Send(frame);
        _effects.Frames.Clear();
        foreach (var (peer, code) in _effects.Closes)
        {
            if (_bonds.TryGet(peer, out var bond))
                bond.Close(code);
        }

        // First what is true now, then whoever waited for it.
        Publish();
        (_endedCommands, _endedBytes) = (0, 0);
        foreach (var completion in _effects.Commands)
            Complete(completion);
        var settled = _fed.TakeSettled(_core.Committed.Index, _core.Leader, _core.Term);
        _endedCommands += settled.Commands;
        _endedBytes += settled.Bytes;
        if (_endedCommands > 0)
            Calls.Ended(_endedCommands, _endedBytes);
        foreach (var completion in _effects.Queries)
            Complete(completion);
        foreach (var item in _effects.Events)
            Log(item);
        var termination = _effects.Termination;
        _effects.Clear();
        if (termination is not null)
            throw new InvalidOperationException(termination);
    }

    private void Publish()
    {
        PublishCommittee();
        var before = Status.Current;
        if (IsUnchanged(before))
            return;
        var after = before.Next(before with
        {
            Leader = _core.Leader,
            IsLeader = _core.Role == RaftRole.Leader,
            IsOnline = _core.Online,
            IsAuthorized = _isAuthorized,
            IsRosterComplete = _core.IsRosterComplete,
            Committed = _core.Committed,
            Log = _core.LogPosition,
            State = State,
            IsVoter = _core.IsEffectiveVoter,
            Voters = VotersAfter(before.Voters),
        });
        if (after.IsLeader != before.IsLeader)
            ChangeLeadership(after.IsLeader);
        if (after.Committed != before.Committed)
            _context.Metrics.Committed(after.Committed.Index);
        Status.Publish(after);
    }

    /// <summary>Most turns change nothing: they allocate nothing either.</summary>
    private bool IsUnchanged(GroupStatus status) =>
        status.Committed == _core.Committed
        && status.Log == _core.LogPosition
        && status.Leader == _core.Leader
        && status.IsLeader == (_core.Role == RaftRole.Leader)
        && status.IsOnline == _core.Online
        && status.IsAuthorized == _isAuthorized
        && status.IsRosterComplete == _core.IsRosterComplete
        && status.State == State
        && status.IsVoter == _core.IsEffectiveVoter
        && ReferenceEquals(VotersAfter(status.Voters), status.Voters);

    private void PublishCommittee()
    {
        var voters = _core.CommitteeSize;
        var others = voters == 0 ? 0 : Math.Max(0, _bonds.All.Length + 1 - voters);
        if ((voters, others) == _committee)
            return;
        _committee = (voters, others);
        _context.Metrics.Committee(voters, others);
    }

    private IReadOnlyList<GroupMember> VotersAfter(IReadOnlyList<GroupMember> before)
    {
        var now = _core.Voters;
        if (now.Count != before.Count)
            return [.. now];
        for (var i = 0; i < now.Count; i++)
        {
            if (now[i] != before[i])
                return [.. now];
        }

        return before;
    }

    private void OnDiverged(RaftDivergence divergence)
    {
        if (divergence.IsRebuilt)
        {
            GroupsLog.Diverged(_context.Logger, GroupId, divergence.From, divergence.To, divergence.Leader);
        }
        else
        {
            DivergedAt = divergence.To;
            GroupsLog.MachineNotRebuildable(_context.Logger, GroupId, divergence.From, divergence.To, divergence.Leader);
        }

        _context.Metrics.Reverted();
        var before = Status.Current;
        Status.Publish(before.Next(before with { Committed = divergence.To, IsOnline = false }));
        Divergences.Post(divergence);
    }

    private void ChangeLeadership(bool isLeader)
    {
        if (isLeader)
        {
            _leadership.Begin();
        }
        else if (_leadership.Take() is { } ended)
        {
            // The callbacks are the application's: not on this loop.
            _tasks.Start(() =>
            {
                Cancel(ended);
                return Task.CompletedTask;
            });
        }
    }

    private void Cancel(CancellationTokenSource source)
    {
        try
        {
            source.Cancel();
        }
        catch (AggregateException error)
        {
            GroupsLog.LeadershipCallbackFailed(_context.Logger, error, GroupId);
        }
    }

    private void Complete(in CommandCompletion completion)
    {
        if (!_commands.Remove(completion.Token, out var call))
            return;
        if (call.Mode == SubmitMode.Feed && completion.Assigned is { } range && range.End > _core.Committed.Index)
        {
            _fed.Appended(range.End, call.CommandCount, call.CommandBytes);
        }
        else
        {
            _endedCommands += call.CommandCount;
            _endedBytes += call.CommandBytes;
        }

        call.Result.TrySetResult(completion);
    }

    private void Complete(in QueryCompletion completion)
    {
        if (!_queries.Remove(completion.Token, out var call))
            return;
        if (completion.Outcome == QueryOutcome.Diverged)
            call.Fail(new GroupDivergedException(GroupId, DivergedAt ?? Committed));
        else
            call.Result.TrySetResult(completion);
    }

    private void Log(RaftEvent item)
    {
        var logger = _context.Logger;
        switch (item)
        {
            case RaftEvent.ElectionStarted e:
                _context.Metrics.ElectionStarted();
                GroupsLog.ElectionStarted(logger, GroupId, e.Term);
                break;
            case RaftEvent.LeaderElected e:
                if (e.Leader != _lastLeader)
                    _context.Metrics.LeaderChanged();
                _lastLeader = e.Leader;
                GroupsLog.LeaderElected(logger, GroupId, e.Leader, e.Term);
                break;
            case RaftEvent.LeaderLost e:
                GroupsLog.LeaderLost(logger, GroupId, e.Leader, e.Term);
                break;
            case RaftEvent.RivalLeader e:
                GroupsLog.RivalLeader(logger, GroupId, e.Rival, e.Term);
                break;
            case RaftEvent.RefusedLeader e:
                GroupsLog.RefusedLeader(logger, GroupId, e.Leader, e.Term, e.End, e.Committed);
                break;
            case RaftEvent.CatchUpStarted e:
                _context.Metrics.CatchUpStarted();
                GroupsLog.CatchUpStarted(logger, GroupId, e.Leader, e.Last, e.Target);
                break;
            case RaftEvent.CatchUpCompleted e:
                GroupsLog.CatchUpCompleted(logger, GroupId, e.Leader, e.Last);
                break;
            case RaftEvent.TooManyVoters e:
                GroupsLog.TooManyVoters(logger, GroupId, e.Seen, e.Limit);
                break;
            case RaftEvent.NoQuorum e:
                GroupsLog.NoQuorum(logger, GroupId, e.Present, e.Needed);
                break;
            case RaftEvent.VoterAdded e:
                GroupsLog.VoterAdded(logger, GroupId, e.Member, e.Index, e.Members);
                break;
            case RaftEvent.VoterRemoved e:
                GroupsLog.VoterRemoved(logger, GroupId, e.Member, e.Reason?.ToString() ?? "decided by the leader", e.Index, e.Members);
                break;
        }
    }
}
