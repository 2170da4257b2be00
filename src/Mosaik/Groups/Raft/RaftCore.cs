using Mosaik.Groups.Sync;
using Mosaik.Networking;
using Mosaik.Primitives;
using Mosaik.Quic;

namespace Mosaik.Groups.Raft;

/// <summary>
/// Consensus of one group as a pure state machine: events and the time go in, <see cref="RaftEffects"/> come out.
/// </summary>
/// <remarks>
/// <para>A variant of Raft (Ongaro, Ousterhout 2014) over reliable ordered bonds: leaders broadcast and never retransmit, a
/// follower with a gap or another history repairs itself from the leader's log (<see cref="ISyncCatchUp"/>). Profile
/// Available (spec/groups.md §6): the electorate is whoever is bonded, a lone node leads itself; histories that meet are told
/// apart by striped terms and by lineage, the greater cursor wins, the others rewind and say so. Profile Majority(n)
/// (spec/groups-safety.md §7): a roster of n processes founded together, fixed quorums, check-quorum, stickiness, reads
/// confirmed by a round, lost voters replaced one by one through the log. What differs between the two asks
/// <see cref="RaftSettings.IsMajority"/>.</para>
/// <para>Use: <see cref="Start"/> once, then any inputs; after one or more of them <see cref="Flush"/> once (it appends and
/// broadcasts what was submitted, answers the leader cumulatively and announces commits); then execute and clear the effects;
/// call <see cref="Advance"/> no later than <see cref="NextDeadline"/>. The time never goes back.</para>
/// <para>It keeps nothing beyond the process, opens and closes no bonds, checks no tickets and decodes no commands. An
/// exception from the machine or the log store passes through and leaves the core unusable.</para>
/// </remarks>
internal sealed partial class RaftCore
{
    private readonly RaftSettings _settings;
    private readonly ILogStore _log;
    private readonly IRaftMachine _machine;
    private readonly RandomSource _random;
    private readonly ISyncScheme _sync;
    private readonly ISyncProvider _provider;
    private readonly BondTable _bonds = new();
    private readonly PendingCalls _pending;
    private readonly RosterLog _rosters = new();

    // Of the call that is being worked on.
    private RaftEffects _effects = new();
    private TimeSpan _now;

    private Term _term;
    private GroupMember? _vote;
    private LogCursor _committed;
    private UniqueId? _lineage;
    private PeerId? _leader;
    private bool _online;
    private bool _authorized = true;
    private Roster? _committedRoster;
    private ISyncCatchUp? _catchUp;

    /// <summary>A core that has not started.</summary>
    /// <param name="settings">Validated settings.</param>
    /// <param name="log">Cleared by <see cref="Start"/>: without term and vote old entries mean nothing.</param>
    /// <param name="machine">In its initial state.</param>
    /// <param name="random">For timers, stripe and request ids.</param>
    /// <param name="sync">How members that are behind catch up; null = log replay.</param>
    public RaftCore(RaftSettings settings, ILogStore log, IRaftMachine machine, RandomSource random, ISyncScheme? sync = null)
    {
        _settings = settings;
        _log = log;
        _machine = machine;
        _random = random;
        _stripe = random.NextBelow(1UL << StripeBits);
        _pending = new PendingCalls(random);
        _sync = sync ?? LogReplayScheme.Instance;
        _provider = _sync.CreateProvider(this);
    }

    /// <summary>What this node does in the current term.</summary>
    public RaftRole Role { get; private set; }

    /// <summary>The current term.</summary>
    public Term Term => _term;

    /// <summary>The leader, as published: this node, or the sender of accepted entries.</summary>
    public PeerId? Leader => _leader;

    /// <summary>Whether this node leads, or follows with a verified log.</summary>
    public bool Online => _online && _authorized && State == RaftState.Running;

    /// <summary>The last committed and applied entry.</summary>
    public LogCursor Committed => _committed;

    /// <summary>The last entry of the log.</summary>
    public LogCursor LogPosition => _log.Last;

    /// <summary>Whether the core still works.</summary>
    public RaftState State { get; private set; }

    /// <summary>Which founding the entries of term 1 belong to; null when there are none, or it is not known.</summary>
    public UniqueId? FoundingLineage => _lineage;

    /// <summary>Whether a catch-up is under way.</summary>
    public bool IsCatchingUp => _catchUp is not null;

    /// <summary>The candidate this node voted for in the current term.</summary>
    public GroupMember? VotedFor => _vote;

    /// <summary>When the next candidacy is due; <see cref="TimeSpan.MaxValue"/> on a leader.</summary>
    public TimeSpan ElectionDeadline => _electionDeadline;

    /// <summary>Calls and queries that are not completed yet.</summary>
    public int PendingCount => _pending.Count + _queuedCalls.Count + _reads.Count;

    /// <summary>The time by which <see cref="Advance"/> has to be called; <see cref="TimeSpan.MaxValue"/> = never.</summary>
    public TimeSpan NextDeadline
    {
        get
        {
            if (State == RaftState.Terminated)
                return TimeSpan.MaxValue;
            TimeSpan next = Role == RaftRole.Leader ? LeaderDeadline : _electionDeadline;
            next = Earlier(next, _pending.NextDeadline);
            next = Earlier(next, _catchUp?.NextDeadline ?? TimeSpan.MaxValue);
            return Earlier(next, _provider.NextDeadline);
        }
    }

    /// <summary>Starts the group on this node: the join.</summary>
    public void Start(TimeSpan now, RaftEffects effects)
    {
        Enter(now, effects);
        _log.ResetTo(LogCursor.Zero);
        _joinedAt = now;
        _firstTimeout = _settings.BootstrapDelay + DrawTimeout();
        ArmElectionTimer();
    }

    /// <summary>Whether the local node's own tickets are valid; true until told otherwise (spec/groups.md §4.7).</summary>
    public void SetAuthorized(bool isAuthorized, TimeSpan now, RaftEffects effects)
    {
        Enter(now, effects);
        if (_authorized == isAuthorized)
            return;
        _authorized = isAuthorized;
        if (!isAuthorized && Role != RaftRole.Follower)
            BecomeFollower(_term);
    }

    /// <summary>A bond was made. One that exists with the same peer is replaced.</summary>
    /// <param name="member">The peer, with its incarnation; none when it sent none.</param>
    /// <param name="isExtended">Whether both ends sent the extension block.</param>
    /// <param name="isVoter">Majority: whether the peer announced the role Voter.</param>
    /// <param name="now">The time.</param>
    /// <param name="effects">What to do.</param>
    public void BondUp(GroupMember member, bool isExtended, bool isVoter, TimeSpan now, RaftEffects effects)
    {
        Enter(now, effects);
        if (State == RaftState.Terminated || member.PeerId == _settings.Self)
            return;
        RemoveBond(member.PeerId, departed: false);
        var bond = new BondView(member, isExtended, isVoter);
        _bonds.Add(bond);
        ForgetLoss(member);
        if (Role == RaftRole.Leader)
            SendHeartbeat(bond);
        _provider.BondUp(bond);
        _catchUp?.BondUp(bond);
    }

    /// <summary>A bond ended.</summary>
    /// <param name="peer">The peer.</param>
    /// <param name="departed">Whether the peer said good-bye.</param>
    /// <param name="now">The time.</param>
    /// <param name="effects">What to do.</param>
    public void BondDown(PeerId peer, bool departed, TimeSpan now, RaftEffects effects)
    {
        Enter(now, effects);
        if (State != RaftState.Terminated)
            RemoveBond(peer, departed);
    }

    /// <summary>Bytes arrived on a bond, though no whole message yet: a large answer is a sign of life.</summary>
    public void Heard(PeerId peer, TimeSpan now, RaftEffects effects)
    {
        Enter(now, effects);
        if (_catchUp is not null && peer == _leader)
            NoteSignOfLife();
    }

    /// <summary>A Raft message arrived.</summary>
    /// <param name="peer">Over whose bond.</param>
    /// <param name="message">
    /// The message without the bond's tag. If <see cref="RaftWire.IsKept"/>, slices of it are kept: its memory must not
    /// change any more.
    /// </param>
    /// <param name="now">The time.</param>
    /// <param name="effects">What to do.</param>
    public void Receive(PeerId peer, ReadOnlyMemory<byte> message, TimeSpan now, RaftEffects effects)
    {
        Enter(now, effects);
        if (State == RaftState.Terminated || _bonds.Find(peer) is not { } bond)
            return;
        bool isValid = !message.IsEmpty && (RaftMessageKind)message.Span[0] switch
        {
            RaftMessageKind.AppendEntries =>
                AppendEntries.TryRead(message, bond.IsExtended, out AppendEntries entries) && OnAppendEntries(bond, entries),
            RaftMessageKind.AppendEntriesResponse =>
                AppendEntriesResponse.TryRead(message.Span, bond.IsExtended, out AppendEntriesResponse response)
                && OnAppendEntriesResponse(bond, response),
            RaftMessageKind.RequestVote =>
                RequestVote.TryRead(message.Span, bond.IsExtended, out RequestVote request) && OnRequestVote(bond, request),
            RaftMessageKind.RequestVoteResponse =>
                RequestVoteResponse.TryRead(message.Span, bond.IsExtended, out RequestVoteResponse vote)
                && OnRequestVoteResponse(bond, vote),
            RaftMessageKind.Forward =>
                ForwardMessage.Read(message, bond.IsExtended) is { } forward && OnForward(bond, forward),
            RaftMessageKind.StateSync => OnStateSync(bond, message),
            _ => false,
        };
        if (!isValid)
            _effects.Closes.Add((peer, CloseCode.ProtocolViolation));
    }

    /// <summary>Does what is due.</summary>
    public void Advance(TimeSpan now, RaftEffects effects)
    {
        Enter(now, effects);
        if (State == RaftState.Terminated)
            return;
        if (Role == RaftRole.Leader)
            AdvanceLeader();
        else if (_now >= _electionDeadline)
            OnElectionTimeout();
        _pending.Expire(_now, _effects);
        _provider.Advance(_now);
        _catchUp?.Advance(_now);
    }

    /// <summary>Ends a turn: appends, broadcasts and answers what the inputs since the last one asked for.</summary>
    /// <param name="now">The time.</param>
    /// <param name="effects">What to do.</param>
    /// <param name="moreFollows">
    /// Whether commands are about to be submitted: a commit is then announced by the entries that follow at once, not by a
    /// message of its own.
    /// </param>
    public void Flush(TimeSpan now, RaftEffects effects, bool moreFollows = false)
    {
        Enter(now, effects);
        if (State == RaftState.Terminated)
            return;
        if (Role == RaftRole.Leader)
            FlushLeader(moreFollows);
        FlushAnswer();
    }

    private static TimeSpan Earlier(TimeSpan one, TimeSpan other) => one < other ? one : other;

    private void Enter(TimeSpan now, RaftEffects effects)
    {
        _effects = effects;
        _now = now;
    }

    private void RemoveBond(PeerId peer, bool departed)
    {
        if (_bonds.Remove(peer) is not { } bond)
            return;
        DropFramesTo(peer);
        NoteLoss(bond.Member, departed);
        if (peer == _leader)
            _leaderHeardAt = TimeSpan.MinValue;
        if (Role == RaftRole.Leader)
            OnMemberGone(bond);
        _provider.BondDown(bond);
        if (_catchUp is not null && peer == _leader)
            EndCatchUp();
        _catchUp?.BondDown(bond);
    }

    // An answer to one process must not reach its successor on the next bond: it would count there as an answer to it.
    private void DropFramesTo(PeerId peer)
    {
        List<OutgoingFrame> frames = _effects.Frames;
        for (int i = frames.Count - 1; i >= 0; i--)
        {
            if (frames[i].To != peer)
                continue;
            frames[i].Frame.Release();
            frames.RemoveAt(i);
        }
    }

    // Nothing of what an invariant protects may be used any more, least of all to answer others.
    private void Terminate(string reason)
    {
        State = RaftState.Terminated;
        _online = false;
        EndCatchUp();
        _effects.Termination = reason;
    }

    private void Send(PeerId to, SharedFrame frame, FrameKind kind = FrameKind.Message) =>
        _effects.Frames.Add(new OutgoingFrame(to, frame, kind));

    private void Broadcast(SharedFrame frame, FrameKind kind = FrameKind.Message)
    {
        if (_bonds.Count == 0)
            frame.Release();
        else
            _effects.Frames.Add(new OutgoingFrame(null, frame, kind));
    }
}
