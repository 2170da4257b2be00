using Mosaik.Primitives;

namespace Mosaik.Groups.Raft;

// Terms, votes and candidacy (spec/groups.md §6.3–§6.6; spec/groups-safety.md §7.2–§7.6).
internal sealed partial class RaftCore
{
    private const int StripeBits = 20;
    private const int OutsiderFactor = 3;
    private static readonly TimeSpan LeastCorrection = TimeSpan.FromMilliseconds(100);

    private readonly ulong _stripe;
    private TimeSpan _joinedAt;
    private TimeSpan _firstTimeout;
    private bool _hasCampaigned;
    private TimeSpan _electionDeadline = TimeSpan.MaxValue;
    private Election? _election;

    // The time, if this node may campaign at all; the first candidacy waits for the bootstrap delay (H10).
    private TimeSpan EarliestCandidacy => _hasCampaigned ? TimeSpan.MinValue : _joinedAt + (_firstTimeout * TimerFactor);

    private double TimerFactor => (double)_machine.Preference.Factor * (IsOutsider ? OutsiderFactor : 1);

    private bool MayCampaign => State == RaftState.Running && _authorized && !_machine.Preference.IsObserver
        && (!_settings.IsMajority || _settings.IsVoter);

    // Majority: a process that the roster in force here does not name.
    private bool IsOutsider => _settings.IsMajority && _rosters.Current is { } roster && !roster.Contains(_settings.Member);

    private TimeSpan DrawUpTo(TimeSpan most) => TimeSpan.FromTicks((long)_random.NextBelow((ulong)most.Ticks + 1));

    private TimeSpan DrawTimeout() => _settings.ElectionTimeout + DrawUpTo(_settings.ElectionTimeoutJitter);

    private void ArmElectionTimer()
    {
        _electionDeadline = _now + (DrawTimeout() * TimerFactor);
        if (_electionDeadline < EarliestCandidacy)
            _electionDeadline = EarliestCandidacy;
    }

    // The candidate should not win: the search for the greatest log is shortened (spec/groups.md §6.4).
    private void CampaignSoon()
    {
        TimeSpan most = _settings.ElectionTimeoutJitter > LeastCorrection ? _settings.ElectionTimeoutJitter : LeastCorrection;
        TimeSpan soon = _now + (DrawUpTo(most) * TimerFactor);
        if (soon < EarliestCandidacy)
            soon = EarliestCandidacy;
        _electionDeadline = Earlier(_electionDeadline, soon);
    }

    private void OnElectionTimeout()
    {
        if (_settings.IsMajority)
            ReportMissingQuorum();

        // The preference may have changed since the timer was armed.
        if (_now < EarliestCandidacy)
        {
            _electionDeadline = EarliestCandidacy;
            return;
        }

        if (MayCampaign && (!_settings.IsMajority || MayCampaignInRoster()))
        {
            BecomeCandidate();
            return;
        }

        // A candidate that may not go on waits like everybody else. Whoever may not begin, an observer for instance, has lost
        // its leader as the others have: it is not online, and calls are told at once.
        if (Role == RaftRole.Candidate || _leader is not null)
            BecomeFollower(_term);
        ArmElectionTimer();
    }

    /// <summary>Campaigns at once, or as soon as the first candidacy is allowed.</summary>
    private void CampaignNow()
    {
        if (MayCampaign && _now >= EarliestCandidacy && (!_settings.IsMajority || MayCampaignInRoster()))
        {
            BecomeCandidate();
            return;
        }

        if (Role != RaftRole.Follower)
            BecomeFollower(_term);

        // What asks for a candidacy may repeat itself before the first one is allowed, and must not postpone it.
        TimeSpan earliest = EarliestCandidacy;
        _electionDeadline = Earlier(_electionDeadline, earliest > _now ? earliest : TimeSpan.MaxValue);
    }

    private Term NextTerm()
    {
        if (_outrun > _term)
            return _outrun.Next;
        if (_settings.IsMajority || _term.IsZero)
            return _term.Next;
        ulong next = (_term.Value >> StripeBits << StripeBits) | _stripe;
        return new Term(next > _term.Value ? next : next + (1UL << StripeBits));
    }

    private void BecomeCandidate()
    {
        Term next = NextTerm();
        if (!RaftWire.IsSane(next))
        {
            ArmElectionTimer();
            return;
        }

        LeaveTerm();
        _term = next;
        _vote = _settings.Member;
        _hasCampaigned = true;
        Role = RaftRole.Candidate;
        _election = new Election(_settings.Member, _bonds);
        ArmElectionTimer();
        _effects.Events.Add(new RaftEvent.ElectionStarted(_term));
        Broadcast(RaftFrames.RequestVote(_term, _settings.Self, _log.Last));
        CountVotes(_election);
    }

    /// <summary>Follows nobody yet, in this term or a greater one.</summary>
    private void BecomeFollower(Term term)
    {
        LeaveTerm();
        if (term > _term)
        {
            _term = term;
            _vote = null;
        }

        bool wasFollower = Role == RaftRole.Follower;
        Role = RaftRole.Follower;
        if (!wasFollower)
            ArmElectionTimer();
    }

    // Everything that holds only under the leader of a term.
    private void LeaveTerm()
    {
        FlushAnswer();
        EndCatchUp();
        if (Role == RaftRole.Leader)
            LeaveLeadership();
        _election = null;
        _online = false;
        PublishLeader(null);
        _pending.FailAll(_effects);
    }

    private void PublishLeader(PeerId? leader)
    {
        if (_leader == leader)
            return;
        if (_leader is { } lost)
            _effects.Events.Add(new RaftEvent.LeaderLost(lost, _term));
        _leader = leader;
        if (leader is { } elected)
            _effects.Events.Add(new RaftEvent.LeaderElected(elected, _term));
    }

    private bool OnRequestVote(BondView bond, in RequestVote request)
    {
        if (request.Candidate != bond.Peer)
            return false;
        bond.HasLog |= !request.Last.Index.IsZero;
        if (_settings.IsMajority && IsDisturbance(bond, request))
            return true;
        if (request.Term > _term)
            BecomeFollower(request.Term);
        Vote vote = request.Term < _term ? Vote.Denied : Decide(bond.Member, request.Last);
        Send(bond.Peer, RaftFrames.RequestVoteResponse(_term, vote));
        return true;
    }

    private Vote Decide(GroupMember candidate, LogCursor last)
    {
        if (_settings.IsMajority && !_settings.IsVoter)
            return Vote.Abstained;
        if (_vote is { } vote && vote != candidate)
            return Vote.Denied;
        if (State == RaftState.Diverged)
            return Record(candidate, Vote.Abstained);
        if (last < _log.Last)
        {
            if (Role == RaftRole.Follower && MayCampaign)
                CampaignSoon();
            return Vote.Denied;
        }

        if (_settings.IsMajority)
            return Role == RaftRole.Follower ? Record(candidate, Vote.Granted) : Vote.Denied;
        bool isYoung = _now < _joinedAt + _settings.BootstrapDelay;
        bool isEqual = _log.Last == last;
        return Record(candidate, isYoung || !isEqual || _machine.Preference.IsObserver ? Vote.Abstained : Vote.Granted);
    }

    private Vote Record(GroupMember candidate, Vote vote)
    {
        _vote = candidate;
        if (Role == RaftRole.Follower)
            ArmElectionTimer();
        return vote;
    }

    private bool OnRequestVoteResponse(BondView bond, in RequestVoteResponse response)
    {
        if (response.Term > _term)
        {
            BecomeFollower(response.Term);
            return true;
        }

        if (response.Term < _term)
            return true;
        if (Role == RaftRole.Candidate && _election is { } election)
        {
            election.Answer(bond.Member, response.Vote);
            CountVotes(election);
        }
        else if (Role == RaftRole.Leader)
        {
            OnLateVote(bond, response.Vote);
        }

        return true;
    }

    private void CountVotes(Election election)
    {
        bool isElected = _settings.IsMajority ? IsElectedByRoster(election) : election.HasMajorityOfPresent;
        if (isElected)
            BecomeLeader(election);
    }
}
