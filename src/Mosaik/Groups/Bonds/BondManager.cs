using System.Diagnostics.CodeAnalysis;
using Mosaik.Discovery;
using Mosaik.Groups.Raft;
using Mosaik.Networking;
using Mosaik.Primitives;

namespace Mosaik.Groups.Bonds;

/// <summary>
/// The bonds of one group on one node: whom to dial, whom to admit, and what all bonds are told (spec/groups.md §4).
/// </summary>
/// <remarks>
/// Owned by the group's loop: everything that is not said to be otherwise runs there. Dialling, shaking hands, verifying
/// entries and asking validators run in tasks beside it, whose results come back through the loop and are judged again
/// against the state of that moment.
/// </remarks>
internal sealed partial class BondManager : IBondOwner
{
    /// <summary>Peers that are known to be members only from other members.</summary>
    internal const int MaxHints = 4096;

    /// <summary>Entries that came over one bond and are being verified; further ones are dropped, gossip brings them too.</summary>
    internal const int MaxEntriesInWork = 64;

    /// <summary>What the entries in a handshake message may take of its 4 MiB.</summary>
    private const int MaxHandshakeEntryBytes = 3 * 1024 * 1024;

    private readonly GroupContext _context;
    private readonly IGroupLoop _loop;
    private readonly BondTableCore _table;
    private readonly TaskSet _tasks;
    private readonly SortedDictionary<PeerId, BondConnection> _bonds = [];
    private readonly SortedDictionary<PeerId, PeerEvidence> _evidence = [];
    private readonly SortedDictionary<PeerId, DialAttempt> _dials = [];
    private BondConnection[] _all = [];
    private long _lastBond;
    private int _entriesInWork;
    private bool _stopped;

    public BondManager(GroupContext context, IGroupLoop loop)
    {
        _context = context;
        _loop = loop;
        _table = new BondTableCore(context.LocalId, context.Random);
        _tasks = new TaskSet(context.Scheduler);
        Published = new GroupBonds(context.Scheduler);
    }

    /// <summary>The bonds as the application sees them.</summary>
    public GroupBonds Published { get; }

    /// <summary>All bonds, ascending by peer. What was returned does not change.</summary>
    public ReadOnlySpan<BondConnection> All => _all;

    /// <summary>When <see cref="Advance"/> has something to do; null = never.</summary>
    public TimeSpan? NextDeadline
    {
        get
        {
            var next = _table.NextDeadline;
            return NextExpiration() is { } expiration && !(next <= expiration) ? expiration : next;
        }
    }

    /// <summary>Looks at what is known already.</summary>
    public void Start()
    {
        var state = _context.Discovery.Catalog.State;
        OnCatalogChanged(state.ByGroup.TryGetValue(_context.GroupId, out var listed) ? listed : []);
        EvaluateOwn();
    }

    /// <summary>Does what is due.</summary>
    public void Advance()
    {
        CheckExpirations();
        _table.Advance(_context.Now);
        CarryOut();
    }

    /// <summary>The bond with a peer.</summary>
    public bool TryGet(PeerId peer, [MaybeNullWhen(false)] out BondConnection bond) => _bonds.TryGetValue(peer, out bond);

    /// <summary>Hands a frame to one bond or to all; gives the caller's reference up.</summary>
    public void Send(in OutgoingFrame outgoing)
    {
        if (outgoing.To is not { } peer)
        {
            foreach (var bond in _all)
                bond.Send(outgoing.Frame, outgoing.Kind);
        }
        else if (_bonds.TryGetValue(peer, out var bond))
        {
            bond.Send(outgoing.Frame, outgoing.Kind);
        }

        outgoing.Frame.Release();
    }

    /// <summary>Says goodbye on every bond; no new ones are made.</summary>
    public Task DepartAsync(CancellationToken cancellationToken)
    {
        BeginStop();
        return Task.WhenAll(_bonds.Values.Select(b => b.DepartAsync(cancellationToken)).ToArray());
    }

    /// <summary>No new bonds, and the end of those that exist.</summary>
    public void Close()
    {
        BeginStop();
        foreach (var bond in _bonds.Values)
            bond.Close(CloseCode.Cancelled);
    }

    /// <summary>Waits for everything that was started. The loop must still take what is posted, or have been closed.</summary>
    public ValueTask WhenEndedAsync() => _tasks.WhenEmptyAsync();

    /// <inheritdoc/>
    void IBondOwner.OnMessage() => _loop.Wake();

    /// <inheritdoc/>
    async ValueTask IBondOwner.OnEndedAsync(BondConnection bond) =>
        await _loop.AskAsync(() =>
        {
            OnEnded(bond);
            return true;
        }).ConfigureAwait(false);

    private void BeginStop()
    {
        _stopped = true;
        _table.Stop();
        CarryOut();
    }

    private void CarryOut()
    {
        foreach (var effect in _table.TakeEffects())
        {
            switch (effect)
            {
                case BondEffect.StartDial start:
                    StartDial(start.Peer, start.Dial);
                    break;
                case BondEffect.AbortDial abort:
                    if (_dials.TryGetValue(abort.Peer, out var dial) && dial.Number == abort.Dial)
                        dial.Abort(abort.Code);
                    break;
                case BondEffect.CloseBond close:
                    if (_bonds.TryGetValue(close.Peer, out var bond) && bond.Number == close.Bond)
                        bond.Close(close.Code);
                    break;
            }
        }
    }

    /// <summary>A connection has become the bond with its peer.</summary>
    private void Register(BondConnection bond, IReadOnlyList<ParsedPeerEntry> entries)
    {
        _bonds[bond.PeerId] = bond;
        _tasks.Start(bond.RunAsync);
        GroupsLog.BondFormed(_context.Logger, _context.GroupId, bond.PeerId);
        Publish();
        TellOthers(bond);
        LearnEntries(bond.PeerId, entries);
        var evidence = EvidenceOf(bond.PeerId);
        evidence.Entry ??= bond.Peer;
        Evaluate(bond.PeerId, evidence, contentChanged: false);
        _loop.OnBondUp(bond);
    }

    private void OnEnded(BondConnection bond)
    {
        GroupsLog.BondLost(_context.Logger, _context.GroupId, bond.PeerId, bond.EndCode);
        if (!_bonds.TryGetValue(bond.PeerId, out var current) || current != bond)
            return; // it was replaced
        _loop.OnBondDown(bond);
        _bonds.Remove(bond.PeerId);
        Publish();
        _table.OnBondLost(bond.PeerId, bond.Number, _context.Now);
        if (_evidence.TryGetValue(bond.PeerId, out var evidence))
        {
            if (bond.HasDeparted)
                evidence.IsHinted = false;
            Decide(bond.PeerId, evidence, entryChanged: false);
        }

        CarryOut();
    }

    private void Publish()
    {
        _all = [.. _bonds.Values];
        Published.Publish([.. _all.Select(static b => b.Handle)]);
        _context.Metrics.Bonds(_bonds.Count);
    }

    /// <summary>All other bonds hear of a new one, so that their ends get to know each other.</summary>
    private void TellOthers(BondConnection formed)
    {
        if (_bonds.Count == 1)
            return;
        var frame = BondMessage.OfEntry(BondMessage.BondFormed, formed.Peer.Bytes);
        foreach (var bond in _bonds.Values)
        {
            if (bond != formed)
                bond.Send(frame, FrameKind.Message);
        }

        frame.Release();
    }

    /// <summary>The entries of all bonds, as far as they fit into a handshake message.</summary>
    private List<SignedPeerEntry> EntriesOfBonds()
    {
        var entries = new List<SignedPeerEntry>();
        var room = MaxHandshakeEntryBytes;
        foreach (var bond in _bonds.Values)
        {
            room -= bond.Peer.Bytes.Length;
            if (room < 0)
                break;
            entries.Add(bond.Peer);
        }

        return entries;
    }

    /// <summary>What this node says of itself in both handshake messages.</summary>
    private BondExtension OwnExtension() => new(
        BondExtension.TrailingTlvs, _context.CountsVoters ? _context.Options.Role : null, _context.Incarnation);

    /// <summary>Whether a peer's extension is what the group needs (spec/groups.md §4.3 step 8).</summary>
    private bool IsSufficient(BondExtension? extension)
    {
        if (_context.CountsVoters)
            return extension is { Role: not null, Incarnation: not null };
        return extension is not null || !_context.RequiresExtendedPeers;
    }
}
