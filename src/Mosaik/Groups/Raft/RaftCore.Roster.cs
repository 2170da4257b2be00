namespace Mosaik.Groups.Raft;

// Who votes and counts in Majority (spec/groups-safety.md §7.2–§7.12).
internal sealed partial class RaftCore
{
    private const int OnStack = 64;
    private static readonly TimeSpan ReportInterval = TimeSpan.FromSeconds(30);

    private VoterProgress? _progress;
    private TimeSpan _nextTooManyVoters;
    private TimeSpan _nextNoQuorum;
    private Term _outrun;

    /// <summary>Majority: the members of the last committed roster, ascending; empty before the founding.</summary>
    public IReadOnlyList<GroupMember> Voters => _committedRoster?.List ?? [];

    /// <summary>Majority: the members of the roster in force in this log, committed or not; empty before the founding.</summary>
    public IReadOnlyList<GroupMember> RosterInForce => _rosters.Current?.List ?? [];

    /// <summary>Whether this process counts: a member of the last committed roster; in Available always.</summary>
    public bool IsEffectiveVoter => !_settings.IsMajority || _committedRoster?.Contains(_settings.Member) == true;

    /// <summary>
    /// Majority: online, and the last committed roster has n members, each of them this process or bonded with that
    /// incarnation. In Available: online.
    /// </summary>
    public bool IsRosterComplete
    {
        get
        {
            if (!Online || !_settings.IsMajority)
                return Online;
            if (_committedRoster is not { } roster || roster.Count != _settings.Voters)
                return false;
            foreach (GroupMember member in roster.Members)
            {
                if (!IsPresent(member))
                    return false;
            }

            return true;
        }
    }

    private int BondedVoters
    {
        get
        {
            int count = 0;
            foreach (BondView bond in _bonds)
                count += bond.IsVoter ? 1 : 0;
            return count;
        }
    }

    private bool IsPresent(GroupMember member) => member == _settings.Member || _bonds.Contains(member);

    // Rule 2: a log without entries may only begin with the vote of exactly n processes. Rule 3: everybody else with a log may ask.
    private bool MayCampaignInRoster()
    {
        if (!_log.Last.Index.IsZero)
            return true;
        int voters = BondedVoters + 1;
        if (voters > _settings.Voters)
            ReportTooManyVoters(voters, _settings.Voters);
        return voters == _settings.Voters && !IsFoundedAround();
    }

    // A voter that has a log denies every founding. Asking all the same would only make terms grow, and a leader to whom such
    // a term is answered steps down: with a patient candidate among the others nobody would ever lead for long.
    private bool IsFoundedAround()
    {
        foreach (BondView bond in _bonds)
        {
            if (bond is { IsVoter: true, HasLog: true })
                return true;
        }

        return false;
    }

    private bool IsElectedByRoster(Election election)
    {
        if (_rosters.Current is { } roster)
            return roster.Members.Count(election.IsGranted) >= roster.Quorum;
        return election.Granted.Count == _settings.Voters;
    }

    // Rule 7: the roster itself, or an entry without effect: only entries of the own term are committed by counting.
    private void LeadRoster(Election election)
    {
        _progress = new VoterProgress();
        _commitAtTick = _commitAtPreviousTick = ulong.MaxValue;
        ReadOnlyMemory<byte> entry = _rosters.Current is null
            ? new RosterEntry(RosterChangeKind.Founding, default, new Roster(election.Granted)).Encode()
            : RosterEntry.NoOp;
        AppendOwn(entry);
    }

    private void AppendOwn(ReadOnlyMemory<byte> bytes)
    {
        LogCursor previous = _log.Last;
        var entry = new LogEntry(_term, bytes);
        if (!TryAppend(entry))
            throw new InvalidOperationException("The own roster change does not follow the roster in force.");
        BroadcastEntries(previous, [entry]);
    }

    private ulong RosterQuorumIndex()
    {
        if (_rosters.Current is not { } roster || _progress is not { } progress)
            return 0;
        Span<ulong> indices = roster.Count <= OnStack ? stackalloc ulong[roster.Count] : new ulong[roster.Count];
        for (int i = 0; i < indices.Length; i++)
        {
            GroupMember member = roster.Members[i];
            indices[i] = member == _settings.Member ? _log.Last.Index.Value : progress.IndexOf(member);
        }

        indices.Sort();
        return indices[^roster.Quorum];
    }

    /// <summary>The greatest round that enough others have answered.</summary>
    private ulong ConfirmedRound()
    {
        if (_rosters.Current is not { } roster || _progress is not { } progress)
            return 0;
        Span<ulong> rounds = roster.Count <= OnStack ? stackalloc ulong[roster.Count] : new ulong[roster.Count];
        for (int i = 0; i < rounds.Length; i++)
        {
            GroupMember member = roster.Members[i];
            rounds[i] = member == _settings.Member ? ulong.MaxValue : progress.RoundOf(member);
        }

        rounds.Sort();
        return rounds[^roster.Quorum];
    }

    /// <summary>
    /// When the leader gives up unless a quorum answers: ElectionTimeout after the latest time at which it had one
    /// (rule 11). At first the votes count as answers.
    /// </summary>
    private TimeSpan QuorumDeadline
    {
        get
        {
            if (_rosters.Current is not { } roster || _progress is not { } progress)
                return TimeSpan.MaxValue;
            Span<TimeSpan> heard = roster.Count <= OnStack ? stackalloc TimeSpan[roster.Count] : new TimeSpan[roster.Count];
            for (int i = 0; i < heard.Length; i++)
            {
                GroupMember member = roster.Members[i];
                TimeSpan at = member == _settings.Member ? TimeSpan.MaxValue : progress.HeardAt(member) ?? _electedAt;
                heard[i] = at > _electedAt ? at : _electedAt;
            }

            heard.Sort();
            TimeSpan quorum = heard[^roster.Quorum];
            return quorum == TimeSpan.MaxValue ? quorum : quorum + _settings.ElectionTimeout;
        }
    }

    private bool HearsLeader =>
        _leader is { } leader && _bonds.Contains(leader) && _now < _leaderHeardAt + _settings.ElectionTimeout;

    // Rule 3: who is outside and behind cannot win. Rule 12: who hears a leader does not help to depose it.
    private bool IsDisturbance(BondView bond, in RequestVote request)
    {
        bool isOutsider = _rosters.Current is { } roster && !roster.Contains(bond.Member);
        if (isOutsider && request.Last < _log.Last)
        {
            Outrun(request.Term);
            return true;
        }

        if (request.Term <= _term)
            return false;
        return Role == RaftRole.Leader ? _now < QuorumDeadline : HearsLeader;
    }

    /// <summary>
    /// Where nobody leads, an outsider that cannot win still takes the votes of those that do not know better, in every term in
    /// which it asks first. Who knows better asks soon, in a term above that: the faster of the two would be first for ever.
    /// </summary>
    private void Outrun(Term asked)
    {
        bool isBefore = Role == RaftRole.Follower ? asked >= _term : asked > _term;
        if (!isBefore || Role == RaftRole.Leader || HearsLeader || !MayCampaign)
            return;
        if (asked > _outrun)
            _outrun = asked;
        CampaignSoon();
    }

    private void OnProtocolEntryCommitted(ulong index)
    {
        if (_rosters.At(index) is not { } entry)
            return;
        _committedRoster = _rosters.Commit(index);
        int members = entry.Roster.Count;
        var at = new LogIndex(index);
        switch (entry.Change)
        {
            case RosterChangeKind.Founding:
                foreach (GroupMember member in entry.Roster.Members)
                    _effects.Events.Add(new RaftEvent.VoterAdded(member, at, members));
                break;
            case RosterChangeKind.Add:
                _effects.Events.Add(new RaftEvent.VoterAdded(entry.Subject, at, members));
                break;
            default:
                VoterRemoval? reason = _removal is { } removal && removal.Member == entry.Subject ? removal.Reason : null;
                _effects.Events.Add(new RaftEvent.VoterRemoved(entry.Subject, reason, at, members));
                break;
        }
    }

    private void ReportTooManyVoters(int seen, int limit)
    {
        if (_now < _nextTooManyVoters)
            return;
        _nextTooManyVoters = _now + ReportInterval;
        _effects.Events.Add(new RaftEvent.TooManyVoters(seen, limit));
    }

    private void ReportMissingQuorum()
    {
        if (_rosters.Current is not { } roster || _now < _nextNoQuorum)
            return;
        int present = roster.Members.Count(IsPresent);
        if (present >= roster.Quorum)
            return;
        _nextNoQuorum = _now + ReportInterval;
        _effects.Events.Add(new RaftEvent.NoQuorum(present, roster.Quorum));
    }
}
