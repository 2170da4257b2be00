using Mosaik.Primitives;
using Mosaik.Quic;

namespace Mosaik.Discovery.Gossip.Protocol;

/// <summary>
/// Membership of one topic: HyParView (Leitão, Pereira, Rodrigues 2007) as iroh-gossip has it (spec/gossip.md §7).
/// </summary>
/// <remarks>
/// <para>Every node has a small <em>active view</em> of neighbours, with whom it is connected and whose relation is
/// symmetric, and a larger <em>passive view</em> of peers in reserve. A newcomer asks one node (Join), which takes it in
/// and sends the news on random walks (ForwardJoin); where a walk ends, that node offers itself (Neighbor). Who loses a
/// neighbour asks one of the reserve. A shuffle every minute mixes the reserves.</para>
/// <para>Unlike in the paper the end of a walk takes the newcomer in only after it has answered, so a neighbour is always
/// somebody who could be reached. A Neighbor that comes while our own is unanswered is the answer to it.</para>
/// <para>Use: any method, then carry out the effects in order. Timers come back through <see cref="OnTimer"/>. Some rules
/// beyond iroh-gossip can be switched off for comparison: our own id never enters a view (Q7), and peers that are both
/// active and asked count once (Q5). Nor does iroh-gossip answer a neighbour that joins anew before the first exchange with
/// it is complete, and it asks a peer that has refused again at once, where here the next shuffle has to come first.</para>
/// <para>A neighbour that is dropped while its answer to our Neighbor is on its way has forgotten us when the answer arrives:
/// iroh-gossip takes it for a new neighbour, one-sidedly and for good. Here such an answer is refused, what was open with a
/// neighbour ends with it, and who is no neighbour and sends what only neighbours get is told so, once per shuffle.</para>
/// <para>It knows no connection: what fails to connect comes back as <see cref="OnPeerDisconnected"/>.</para>
/// </remarks>
internal sealed partial class HyParViewCore
{
    /// <summary>Peers remembered for what happened with them since the last shuffle.</summary>
    private const int MaxRemembered = 4096;

    private readonly PeerId _me;
    private readonly GossipOptions _options;
    private readonly RandomSource _random;
    private readonly bool _upstreamExact;
    private readonly TopicEffects _effects;
    private readonly int _maxPeerData;
    private readonly PeerSet _active = new();
    private readonly PeerSet _passive = new();
    private readonly HashSet<PeerId> _pending = [];
    private readonly HashSet<PeerId> _aliveMarks = [];
    private readonly HashSet<PeerId> _refused = [];
    private readonly HashSet<PeerId> _answered = []; // of those pending: they need not answer
    private readonly HashSet<PeerId> _late = [];
    private readonly HashSet<PeerId> _parted = [];
    private readonly Dictionary<PeerId, PeerData> _peerData = [];
    private readonly List<PeerId> _touched = [];
    private PeerData? _myData;
    private bool _shuffleScheduled;

    public HyParViewCore(
        PeerId me, PeerData? myData, GossipOptions options, RandomSource random, bool upstreamExact, TopicEffects effects)
    {
        _me = me;
        _myData = myData;
        _options = options;
        _random = random;
        _upstreamExact = upstreamExact;
        _effects = effects;
        _maxPeerData = PeerData.LimitFor(options.MaxMessageSize);
    }

    /// <summary>The neighbours, the longest-standing first.</summary>
    public IReadOnlyList<PeerId> Active => _active.Items;

    /// <summary>The reserve.</summary>
    public IReadOnlyList<PeerId> Passive => _passive.Items;

    /// <summary>Peers that were asked to be neighbours and have not answered.</summary>
    public IReadOnlyCollection<PeerId> Pending => _pending;

    /// <summary>Peers known to live on although the connection with them is about to end.</summary>
    public IReadOnlyCollection<PeerId> AliveMarks => _aliveMarks;

    /// <summary>Peers whose data are kept.</summary>
    public IReadOnlyCollection<PeerId> Known => _peerData.Keys;

    /// <summary>Whether a peer is a neighbour.</summary>
    public bool IsActive(PeerId peer) => _active.Contains(peer);

    /// <summary>Asks peers to let this node in.</summary>
    public void Join(IEnumerable<PeerId> peers)
    {
        foreach (PeerId peer in peers)
        {
            if (peer != _me || _upstreamExact)
                _effects.Send(peer, new JoinMessage(_myData));
        }

        Finish();
    }

    /// <summary>A membership message has come.</summary>
    public void Receive(PeerId from, GossipMessage message)
    {
        switch (message)
        {
            case JoinMessage join:
                OnJoin(from, join);
                break;
            case ForwardJoinMessage forwardJoin:
                OnForwardJoin(from, forwardJoin);
                break;
            case NeighborMessage neighbor:
                OnNeighbor(from, neighbor);
                break;
            case ShuffleMessage shuffle:
                OnShuffle(from, shuffle);
                break;
            case ShuffleReplyMessage reply:
                OnShuffleReply(from, reply);
                break;
            case DisconnectMessage disconnect:
                OnDisconnect(from, disconnect);
                Finish();
                return;
            default:
                throw new ArgumentException($"{message.Kind} is no message of the membership.", nameof(message));
        }

        if (message is ForwardJoinMessage or ShuffleMessage)
            SetRight(from);
        if (!_active.Contains(from))
            _effects.DisconnectPeer(from);
        Finish();
    }

    /// <summary>A broadcast message has come. Only neighbours get these.</summary>
    public void OnBroadcastFrom(PeerId from) => SetRight(from);

    /// <summary>A timer is due.</summary>
    public void OnTimer(GossipTimer timer)
    {
        switch (timer)
        {
            case GossipTimer.DoShuffle:
                DoShuffle();
                break;
            case GossipTimer.PendingNeighbor { Peer: var peer }:
                if (_pending.Remove(peer))
                {
                    _answered.Remove(peer);
                    Touch(peer);
                    _passive.Remove(peer);
                    Refill(null);
                }

                break;
        }

        Finish();
    }

    /// <summary>Connections with the peer have ended, or it could not be reached.</summary>
    public void OnPeerDisconnected(PeerId peer)
    {
        Touch(peer);
        Forget(peer);
        if (_active.Contains(peer))
            RemoveActive(peer, Leaving.ConnectionClosed);
        else if (!_aliveMarks.Remove(peer))
            _passive.Remove(peer);
        Finish();
    }

    /// <summary>
    /// The last connection with a peer that was given up before has ended, as was to be expected: it stays in reserve, but
    /// what was open between the two is void.
    /// </summary>
    public void OnConnectionsEnded(PeerId peer)
    {
        Touch(peer);
        Forget(peer);
        _aliveMarks.Remove(peer);
        if (_active.Contains(peer))
            RemoveActive(peer, Leaving.ConnectionClosed);
        Finish();
    }

    /// <summary>What this node tells of itself from now on.</summary>
    public void UpdateMyData(PeerData data) => _myData = data;

    /// <summary>Leaves: the last call. Neighbours get peers to replace us; nobody here is told that they went.</summary>
    public void Quit()
    {
        foreach (PeerId peer in _active.Items.ToArray())
        {
            _active.Remove(peer);
            SendDisconnect(peer, isAlive: false);
        }
    }

    private enum Leaving
    {
        /// <summary>To make room.</summary>
        Random,

        /// <summary>It said so, and lives on.</summary>
        SaidAlive,

        /// <summary>It said so, for good.</summary>
        SaidGone,

        /// <summary>The connection ended.</summary>
        ConnectionClosed,
    }

    /// <summary>Nothing is open any more with a peer whose connections have ended.</summary>
    private void Forget(PeerId peer)
    {
        _pending.Remove(peer);
        _answered.Remove(peer);
        _late.Remove(peer);
        _parted.Remove(peer);
    }

    private void Finish()
    {
        if (!_shuffleScheduled)
        {
            _shuffleScheduled = true;
            _effects.Schedule(_options.ShuffleInterval, new GossipTimer.DoShuffle());
        }

        // What is known of a peer goes with its last role (Q6).
        foreach (PeerId peer in _touched)
        {
            if (!_passive.Contains(peer))
            {
                _aliveMarks.Remove(peer);
                _refused.Remove(peer);
            }

            if (!_passive.Contains(peer) && !_active.Contains(peer) && !_pending.Contains(peer))
                _peerData.Remove(peer);
        }

        _touched.Clear();
    }

    private void Touch(PeerId peer) => _touched.Add(peer);
}
