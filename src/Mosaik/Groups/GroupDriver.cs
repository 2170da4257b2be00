using Mosaik.Discovery;
using Mosaik.Groups.Bonds;
using Mosaik.Groups.Raft;
using Mosaik.Groups.Sync;
using Mosaik.Networking;
using Mosaik.Primitives;
using Mosaik.Waiting;

namespace Mosaik.Groups;

/// <summary>
/// Owns the <see cref="RaftCore"/> and the bonds of one group: one loop for all of its state (spec/groups.md §12).
/// </summary>
/// <remarks>
/// <para>A turn gives every kind of input a bounded share: events, changes of the catalog, messages of each bond, calls. Then
/// timers, then the core is flushed once and its effects are carried out: what was published before what it completes.
/// Nothing in the loop waits for a peer; only apply and query are user code.</para>
/// <para>A failure ends this group only. The loop goes on until all bonds are closed, because they report to it.</para>
/// </remarks>
internal sealed partial class GroupDriver : IGroupLoop
{
    private const int EventCapacity = 1024;
    private const int ItemsPerTurn = 64;

    // As many as make a batch: they cost little, and each turn sends a message.
    private const int CallsPerTurn = 4096;

    private readonly GroupContext _context;
    private readonly RaftCore _core;
    private readonly RaftEffects _effects = new();
    private readonly BondManager _bonds;
    private readonly Mailbox<LoopItem> _events;
    private readonly Signal _wake;
    private readonly Dictionary<ulong, CommandCall> _commands = [];
    private readonly Dictionary<ulong, StrongQueryCall> _queries = [];
    private readonly List<GroupCall> _taken = [];
    private readonly BatchPace _pace = new();
    private readonly Lock _catalogLock = new();
    private readonly SortedSet<PeerId> _changedPeers = [];
    private readonly TaskSet _tasks;
    private readonly Completion _completion;
    private readonly Action<GroupDriver> _failed;
    private bool _ownEntryPublished;
    private ulong _lastToken;
    private long _heardAt;
    private bool _isHolding;
    private bool _isStopping;
    private Task _loop = Task.CompletedTask;

    public GroupDriver(
        GroupContext context, ILogStore log, IRaftMachine machine, RaftSettings settings, ISyncScheme? sync, Action<GroupDriver> failed)
    {
        _context = context;
        _failed = failed;
        _core = new RaftCore(settings, log, machine, context.Random, sync);
        _bonds = new BondManager(context, this);
        _events = new Mailbox<LoopItem>(EventCapacity, context.Scheduler);
        _wake = new Signal(context.Scheduler, context.TimeProvider);
        _tasks = new TaskSet(context.Scheduler);
        _completion = new Completion(context.Scheduler);
        Status = new ObservedValue<GroupStatus>(
            new GroupStatus
            {
                IsVoter = context.Options.Safety.Digest is null,
                IsAuthorized = context.Options.Tickets.Count == 0,
            },
            context.Scheduler);
        Calls = new CallQueue(context.Options.CommandQueueCapacity, _wake.Set);
        Divergences = new DivergenceHub(context.Scheduler);
        _leadership = new LeadershipSource();
    }

    public GroupId GroupId => _context.GroupId;

    /// <summary>Where handles put their calls.</summary>
    public CallQueue Calls { get; }

    /// <summary>What is published about the group.</summary>
    public ObservedValue<GroupStatus> Status { get; }

    /// <summary>Entries that were taken back.</summary>
    public DivergenceHub Divergences { get; }

    /// <summary>The bonds as the application sees them.</summary>
    public GroupBonds Bonds => _bonds.Published;

    /// <summary>Cancelled when this node's leadership ends; of a node that does not lead, cancelled already.</summary>
    public CancellationToken LeadershipToken => _leadership.Token;

    /// <summary>Completes when the group has ended on this node; faults with the cause if it failed.</summary>
    public Task Completion => _completion.WaitAsync().AsTask();

    /// <summary>On the loop: the committed cursor.</summary>
    public LogCursor Committed => _core.Committed;

    /// <summary>On the loop: the last entry in common with the leader, if the machine could not be rebuilt.</summary>
    public LogCursor? DivergedAt { get; private set; }

    /// <summary>Starts the loop.</summary>
    public void Start()
    {
        _context.Metrics.Joined();
        GroupsLog.GroupJoined(_context.Logger, GroupId, GroupId);
        _loop = _context.Scheduler.Start(RunAsync);
    }

    /// <summary>The catalog has changed, or the own entry was published. From any thread; coalesces.</summary>
    public void OnCatalogUpdate(CatalogUpdate update)
    {
        lock (_catalogLock)
        {
            _changedPeers.UnionWith(update.Added);
            _changedPeers.UnionWith(update.Updated);
            _changedPeers.UnionWith(update.Removed);
            _ownEntryPublished = true;
        }

        _wake.Set();
    }

    /// <summary>Judges a handshake that has arrived. From a task.</summary>
    public ValueTask<CloseCode?> AdmitAsync(Link link, BondHandshake.Start start, SignedPeerEntry caller) =>
        _bonds.AdmitAsync(link, start, caller);

    /// <inheritdoc/>
    public async ValueTask<bool> PostAsync(Action body)
    {
        var posting = _events.PostAsync(new LoopItem(body, null));
        _wake.Set(); // the loop makes room
        return await posting.ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask<bool> AskAsync(Func<bool> question)
    {
        var answer = new Completion<bool>(_context.Scheduler);
        var posting = _events.PostAsync(new LoopItem(() => answer.TrySetResult(question()), answer));
        _wake.Set();
        return await posting.ConfigureAwait(false) && await answer.WaitAsync().ConfigureAwait(false);
    }

    /// <inheritdoc/>
    void IGroupLoop.Wake() => _wake.Set();

    /// <inheritdoc/>
    void IGroupLoop.OnBondUp(BondConnection bond)
    {
        var member = new GroupMember(bond.PeerId, bond.Extension?.Incarnation ?? Incarnation.None);
        _core.BondUp(member, bond.IsExtended, bond.Extension?.Role == GroupRole.Voter, _context.Now, _effects);
        CarryOut();
    }

    /// <inheritdoc/>
    void IGroupLoop.OnBondDown(BondConnection bond)
    {
        // What came before the end counts.
        while (bond.TryTake(out var message))
            Receive(bond, message);
        _core.BondDown(bond.PeerId, bond.HasDeparted, _context.Now, _effects);
        CarryOut();
    }

    /// <inheritdoc/>
    void IGroupLoop.OnAuthorized(bool isAuthorized)
    {
        if (!isAuthorized && _isAuthorized)
            GroupsLog.Unauthorized(_context.Logger, GroupId);
        _isAuthorized = isAuthorized;
        _core.SetAuthorized(isAuthorized, _context.Now, _effects);
    }

    /// <summary>Submits commands. On the loop.</summary>
    public void Submit(CommandCall call)
    {
        var token = ++_lastToken;
        _commands.Add(token, call);
        _core.Submit(token, call.Commands, call.Mode, _context.Now, _effects);
    }

    /// <summary>Asks a strong query. On the loop.</summary>
    public void Ask(StrongQueryCall call)
    {
        var token = ++_lastToken;
        _queries.Add(token, call);
        _core.Query(token, call.Query, isStrong: true, _context.Now, _effects);
    }

    private async Task RunAsync()
    {
        Exception? cause = null;
        try
        {
            // Until its own tickets have been looked at a node takes no part.
            if (_context.Options.Tickets.Count > 0)
                _core.SetAuthorized(_isAuthorized = false, _context.Now, _effects);
            _core.Start(_context.Now, _effects);
            _bonds.Start();
            while (!Volatile.Read(ref _isStopping))
            {
                if (!Turn())
                    await _wake.WaitAsync(TimeToNextDeadline()).ConfigureAwait(false);
            }
        }
        catch (Exception error)
        {
            // Whatever it is, the state can no longer be trusted: this group ends, and only this one.
            cause = error;
            GroupsLog.GroupFailed(_context.Logger, error, GroupId);
        }

        End(cause);
    }

    /// <summary>One share for everybody; whether something is left.</summary>
    private bool Turn()
    {
        RunEvents();
        TakeCatalog();
        RunBonds();
        RunCalls();
        NoteSignsOfLife();
        _bonds.Advance();
        _core.Advance(_context.Now, _effects);
        var before = _core.LogPosition.Index;
        _core.Flush(_context.Now, _effects, moreFollows: Calls.HasCommandNext);
        if (_core.Role == RaftRole.Leader && _core.LogPosition.Index > before)
            _pace.OnBatch(_core.LogPosition.Index, _context.Now);
        CarryOut();
        return Calls.HasWork(_isHolding = MustHold()) || _events.Count > 0 || HasMessages();
    }

    private bool HasMessages()
    {
        foreach (var bond in _bonds.All)
        {
            if (bond.HasMessages)
                return true;
        }

        return false;
    }

    private void RunEvents()
    {
        for (var i = 0; i < ItemsPerTurn && _events.TryRead(out var item); i++)
            item.Run();
    }

    private void TakeCatalog()
    {
        PeerId[] peers;
        lock (_catalogLock)
        {
            if (!_ownEntryPublished)
                return;
            _ownEntryPublished = false;
            peers = [.. _changedPeers];
            _changedPeers.Clear();
        }

        _bonds.OnCatalogChanged(peers);
        _bonds.OnOwnEntryPublished();
    }

    private void RunBonds()
    {
        foreach (var bond in _bonds.All)
        {
            for (var i = 0; i < ItemsPerTurn && bond.TryTake(out var message); i++)
                Receive(bond, message);
        }
    }

    private void Receive(BondConnection bond, in InboundMessage message)
    {
        _core.Receive(bond.PeerId, message.Bytes, _context.Now, _effects);
        message.Release();
    }

    private void RunCalls()
    {
        Calls.Take(_taken, CallsPerTurn, MustHold());
        foreach (var call in _taken)
            call.Begin(this);
        _taken.Clear();
    }

    private bool MustHold() => _core.Role == RaftRole.Leader && !_pace.IsOpen(_core.Committed.Index, _context.Now);

    /// <summary>A large answer of the leader is a sign of life before it is complete.</summary>
    private void NoteSignsOfLife()
    {
        if (!_core.IsCatchingUp || _core.Leader is not { } leader || !_bonds.TryGet(leader, out var bond))
            return;
        var at = bond.LastReadAt;
        if (at == _heardAt)
            return;
        _heardAt = at;
        _core.Heard(leader, _context.Now, _effects);
    }

    private TimeSpan TimeToNextDeadline()
    {
        var next = _core.NextDeadline;
        if (_bonds.NextDeadline is { } other && other < next)
            next = other;
        if (_isHolding && _pace.OpensAt < next)
            next = _pace.OpensAt;
        if (next == TimeSpan.MaxValue)
            return Timeout.InfiniteTimeSpan;
        var left = next - _context.Now;
        return left > TimeSpan.Zero ? left : TimeSpan.Zero;
    }
}
