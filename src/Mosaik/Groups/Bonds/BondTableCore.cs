using Mosaik.Networking;
using Mosaik.Primitives;
using Mosaik.Quic;

namespace Mosaik.Groups.Bonds;

/// <summary>
/// Who is dialled when, and which of two connections between the same nodes is kept (spec/groups.md §4.2, §4.4).
/// </summary>
/// <remarks>
/// <para>Both sides may dial. Per peer at most one dial is in flight. The node with the larger id waits 100–250 ms before it
/// dials; after a failed dial or a lost bond there is a back-off of 500 ms, doubling to 30 s, each ± 20 %, which is reset
/// when the peer's entry changes or a bond has lived for 10 s.</para>
/// <para>Of two connections the one initiated by the smaller id is kept; of two with the same initiator the older one. An
/// existing bond gives way only to a peer that proves the key and is another process, or that has missed a heartbeat.</para>
/// <para>Inputs: <see cref="SetTarget"/> whenever the evidence about a peer changes; what happens to dials and bonds;
/// <see cref="Advance"/> at <see cref="NextDeadline"/>. After each, <see cref="TakeEffects"/>.</para>
/// </remarks>
internal sealed class BondTableCore(PeerId self, RandomSource random)
{
    private static readonly TimeSpan ShortestDelay = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LongestDelay = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan FirstBackoff = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan LongestBackoff = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan HealthyAfter = TimeSpan.FromSeconds(10);

    // Sorted: what leaves this table may not depend on hashes.
    private readonly SortedDictionary<PeerId, Peer> _peers = [];
    private List<BondEffect> _effects = [];
    private long _lastDial;

    /// <summary>What is to be done since the last time.</summary>
    public IReadOnlyList<BondEffect> TakeEffects()
    {
        if (_effects.Count == 0)
            return [];
        var effects = _effects;
        _effects = [];
        return effects;
    }

    /// <summary>When <see cref="Advance"/> has something to do.</summary>
    public TimeSpan? NextDeadline
    {
        get
        {
            TimeSpan? next = null;
            foreach (var peer in _peers.Values)
            {
                if (peer.Phase is DialPhase.Delayed or DialPhase.Backoff && !(next <= peer.Until))
                    next = peer.Until;
            }

            return next;
        }
    }

    /// <summary>Where we are with a peer.</summary>
    public DialPhase PhaseOf(PeerId peer) => _peers.TryGetValue(peer, out var known) ? known.Phase : DialPhase.Idle;

    /// <summary>Whether a dial is still the one that is wanted.</summary>
    public bool IsCurrentDial(PeerId peer, long dial) =>
        _peers.TryGetValue(peer, out var known) && known.Phase == DialPhase.Dialling && known.Dial == dial;

    /// <summary>Whether a peer is to be dialled, by all evidence there is.</summary>
    public void SetTarget(PeerId peer, bool isTarget, bool entryChanged, TimeSpan now)
    {
        if (!_peers.TryGetValue(peer, out var known))
        {
            if (!isTarget || peer == self)
                return;
            _peers[peer] = known = new Peer();
        }

        known.IsTarget = isTarget;
        if (entryChanged)
            known.Backoff = TimeSpan.Zero;
        switch (known.Phase)
        {
            case DialPhase.Idle when isTarget:
            case DialPhase.Backoff when isTarget && entryChanged:
                Begin(peer, known, now);
                break;
            case DialPhase.Delayed or DialPhase.Backoff when !isTarget:
                known.Phase = DialPhase.Idle;
                break;
            case DialPhase.Dialling when !isTarget:
                Abort(peer, known, CloseCode.Cancelled);
                known.Phase = DialPhase.Idle;
                break;
        }

        if (!isTarget && known.Phase == DialPhase.Idle)
            _peers.Remove(peer);
    }

    /// <summary>Begins the dials whose time has come.</summary>
    public void Advance(TimeSpan now)
    {
        foreach (var (peer, known) in _peers)
        {
            if (known.Phase is DialPhase.Delayed or DialPhase.Backoff && known.Until <= now)
                Dial(peer, known);
        }
    }

    /// <summary>
    /// A dial is about to send its HandshakeStart, or (<paramref name="sent"/> false) begins again. False if it is no longer
    /// wanted.
    /// </summary>
    public bool OnStartSent(PeerId peer, long dial, bool sent = true)
    {
        if (!IsCurrentDial(peer, dial))
            return false;
        _peers[peer].IsStartSent = sent;
        return true;
    }

    /// <summary>What becomes of a HandshakeStart that arrives (spec/groups.md §4.3 step 6). Changes nothing.</summary>
    /// <param name="peer">Who dials.</param>
    /// <param name="incarnation">Its incarnation; null from a plain peer.</param>
    /// <param name="hasMissedHeartbeat">Whether the existing bond, if any, has missed one.</param>
    public InboundVerdict CheckInbound(PeerId peer, Incarnation? incarnation, bool hasMissedHeartbeat)
    {
        if (!_peers.TryGetValue(peer, out var known))
            return InboundVerdict.Accept;
        return known.Phase switch
        {
            DialPhase.Bonded when known.Incarnation != incarnation || hasMissedHeartbeat => InboundVerdict.Replace,
            DialPhase.Bonded => InboundVerdict.AlreadyBonded,
            DialPhase.Dialling when known.IsStartSent && self < peer => InboundVerdict.AlreadyBonded,
            _ => InboundVerdict.Accept,
        };
    }

    /// <summary>The connection of a peer has passed all checks: it is the bond.</summary>
    public void AcceptInbound(PeerId peer, long bond, Incarnation? incarnation, TimeSpan now)
    {
        if (!_peers.TryGetValue(peer, out var known))
            _peers[peer] = known = new Peer();
        if (known.Phase == DialPhase.Bonded)
            _effects.Add(new BondEffect.CloseBond(peer, known.Bond, CloseCode.Cancelled));
        else if (known.Phase == DialPhase.Dialling)
            Abort(peer, known, known.IsStartSent ? CloseCode.AlreadyBonded : CloseCode.Cancelled);
        SetBonded(known, bond, incarnation, now);
    }

    /// <summary>A dial has succeeded. False if its connection is not the one to be kept.</summary>
    public bool OnDialCompleted(PeerId peer, long dial, long bond, Incarnation? incarnation, TimeSpan now)
    {
        if (!IsCurrentDial(peer, dial))
            return false;
        SetBonded(_peers[peer], bond, incarnation, now);
        return true;
    }

    /// <summary>A dial has failed.</summary>
    /// <param name="peer">The peer.</param>
    /// <param name="dial">The dial.</param>
    /// <param name="isRefused">Whether the peer will not change its mind before its entry changes.</param>
    /// <param name="now">The current time.</param>
    public void OnDialFailed(PeerId peer, long dial, bool isRefused, TimeSpan now)
    {
        if (!IsCurrentDial(peer, dial))
            return;
        var known = _peers[peer];
        if (isRefused)
            known.Backoff = LongestBackoff;
        BackOff(peer, known, now);
    }

    /// <summary>A bond has ended. Of no effect if it was replaced before.</summary>
    public void OnBondLost(PeerId peer, long bond, TimeSpan now)
    {
        if (!_peers.TryGetValue(peer, out var known) || known.Phase != DialPhase.Bonded || known.Bond != bond)
            return;
        if (now - known.BondedAt >= HealthyAfter)
            known.Backoff = TimeSpan.Zero;
        BackOff(peer, known, now);
    }

    /// <summary>No more dials: the group is being left.</summary>
    public void Stop()
    {
        foreach (var (peer, known) in _peers)
        {
            known.IsTarget = false;
            if (known.Phase == DialPhase.Dialling)
                Abort(peer, known, CloseCode.Cancelled);
            if (known.Phase != DialPhase.Bonded)
                known.Phase = DialPhase.Idle;
        }
    }

    private static void SetBonded(Peer known, long bond, Incarnation? incarnation, TimeSpan now)
    {
        known.Phase = DialPhase.Bonded;
        known.Bond = bond;
        known.Incarnation = incarnation;
        known.BondedAt = now;
    }

    private void Begin(PeerId peer, Peer known, TimeSpan now)
    {
        if (self < peer)
        {
            Dial(peer, known);
            return;
        }

        known.Phase = DialPhase.Delayed;
        known.Until = now + ShortestDelay + ((LongestDelay - ShortestDelay) * random.NextDouble());
    }

    private void Dial(PeerId peer, Peer known)
    {
        known.Phase = DialPhase.Dialling;
        known.Dial = ++_lastDial;
        known.IsStartSent = false;
        _effects.Add(new BondEffect.StartDial(peer, known.Dial));
    }

    private void Abort(PeerId peer, Peer known, CloseCode code) => _effects.Add(new BondEffect.AbortDial(peer, known.Dial, code));

    private void BackOff(PeerId peer, Peer known, TimeSpan now)
    {
        if (!known.IsTarget)
        {
            _peers.Remove(peer);
            return;
        }

        known.Phase = DialPhase.Backoff;
        known.Backoff = known.Backoff == TimeSpan.Zero ? FirstBackoff
            : known.Backoff >= LongestBackoff / 2 ? LongestBackoff : known.Backoff * 2;
        known.Until = now + (known.Backoff * (0.8 + (0.4 * random.NextDouble())));
    }

    private sealed class Peer
    {
        public bool IsTarget { get; set; }

        public DialPhase Phase { get; set; }

        /// <summary>The end of a delay or back-off.</summary>
        public TimeSpan Until { get; set; }

        /// <summary>The last back-off; zero at first and after a reset.</summary>
        public TimeSpan Backoff { get; set; }

        public long Dial { get; set; }

        public bool IsStartSent { get; set; }

        public long Bond { get; set; }

        public Incarnation? Incarnation { get; set; }

        public TimeSpan BondedAt { get; set; }
    }
}
