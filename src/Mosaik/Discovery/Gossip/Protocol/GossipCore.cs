using Mosaik.Primitives;
using Mosaik.Quic;

namespace Mosaik.Discovery.Gossip.Protocol;

/// <summary>
/// The gossip of one node as a pure state machine: inputs and time go in, <see cref="Effects"/> come out
/// (spec/gossip.md §6).
/// </summary>
/// <remarks>
/// <para>Topics share the connections of the node. A connection is given up when the last topic that has heard of the
/// peer gives it up. Only <see cref="Join"/> makes a topic; whatever else concerns an unknown one is dropped, so a node
/// outside a topic does not answer in it.</para>
/// <para>Use: after each call the owner carries out the effects in their order and clears them, before the next call.
/// Every effect Schedule comes back through <see cref="OnTimer"/>, late rather than early.</para>
/// </remarks>
internal sealed class GossipCore
{
    private readonly PeerId _me;
    private readonly GossipOptions _options;
    private readonly RandomSource _random;
    private readonly bool _upstreamExact;
    private readonly List<GossipEffect> _effects = [];
    private readonly Dictionary<TopicId, TopicCore> _topics = [];
    private readonly List<TopicId> _order = [];
    private readonly Dictionary<PeerId, HashSet<TopicId>> _topicsOf = [];
    private PeerData? _myData;

    /// <param name="me">This node.</param>
    /// <param name="myData">What it tells of itself; null = nothing.</param>
    /// <param name="options">Settings.</param>
    /// <param name="random">The sequence of the instance; each topic derives its own.</param>
    /// <param name="upstreamExact">Behave like iroh-gossip where rules Q5, Q7 and Q8 differ; for the simulator alone.</param>
    public GossipCore(PeerId me, PeerData? myData, GossipOptions options, RandomSource random, bool upstreamExact = false)
    {
        _me = me;
        _myData = myData;
        _options = options;
        _random = random;
        _upstreamExact = upstreamExact;
    }

    /// <summary>What the owner has to do, in order.</summary>
    public List<GossipEffect> Effects => _effects;

    /// <summary>Peers of which some topic has heard since their connections were made.</summary>
    public int PeersHeard => _topicsOf.Count;

    /// <summary>A topic, to be looked at; null if there is none.</summary>
    public TopicCore? Find(TopicId topic) => _topics.GetValueOrDefault(topic);

    /// <summary>The neighbours in a topic, ascending.</summary>
    public PeerId[] NeighboursOf(TopicId topic) => Find(topic) is { } t ? [.. t.Membership.Active.Order()] : [];

    /// <summary>Whether some topic needs connections with the peer.</summary>
    public bool IsNeighbour(PeerId peer) => _topics.Values.Any(t => t.Membership.IsActive(peer));

    /// <summary>Creates the topic if need be, and asks peers to let this node in.</summary>
    public void Join(TopicId topic, IEnumerable<PeerId> peers)
    {
        if (!_topics.TryGetValue(topic, out TopicCore? core))
        {
            core = new TopicCore(topic, _me, _myData, _options, new TopicRandom(_random), _upstreamExact, _effects);
            _topics.Add(topic, core);
            _order.Add(topic);
        }

        int start = _effects.Count;
        core.Join(peers);
        Settle(topic, start);
    }

    /// <summary>Broadcasts in a topic.</summary>
    public void Broadcast(TopicId topic, ReadOnlyMemory<byte> content, GossipScope scope, TimeSpan now) =>
        Find(topic)?.Broadcast(content, scope, now);

    /// <summary>Leaves a topic and forgets it.</summary>
    public void Quit(TopicId topic)
    {
        if (!_topics.TryGetValue(topic, out TopicCore? core))
            return;
        int start = _effects.Count;
        core.Quit();
        Settle(topic, start);
        _topics.Remove(topic);
        _order.Remove(topic);
        foreach ((PeerId peer, HashSet<TopicId> topics) in _topicsOf.ToArray())
        {
            topics.Remove(topic);
            if (topics.Count == 0)
                _topicsOf.Remove(peer);
        }
    }

    /// <summary>A message has come.</summary>
    public void Receive(PeerId from, TopicId topic, GossipMessage message, TimeSpan now)
    {
        if (!_topics.TryGetValue(topic, out TopicCore? core))
            return;
        if (!_topicsOf.TryGetValue(from, out HashSet<TopicId>? topics))
            _topicsOf[from] = topics = [];
        topics.Add(topic);
        int start = _effects.Count;
        core.Receive(from, message, now);
        Settle(topic, start);
    }

    /// <summary>A timer is due.</summary>
    public void OnTimer(TopicId topic, GossipTimer timer, TimeSpan now)
    {
        if (!_topics.TryGetValue(topic, out TopicCore? core))
            return;
        int start = _effects.Count;
        core.OnTimer(timer, now);
        Settle(topic, start);
    }

    /// <summary>The connection with the peer has ended, or it could not be reached.</summary>
    public void OnPeerDisconnected(PeerId peer)
    {
        foreach (TopicId topic in _order)
        {
            int start = _effects.Count;
            _topics[topic].OnPeerDisconnected(peer);
            Settle(topic, start);
        }

        _topicsOf.Remove(peer);
    }

    /// <summary>The last connection with a peer that was given up before has ended.</summary>
    public void OnConnectionsEnded(PeerId peer)
    {
        foreach (TopicId topic in _order)
        {
            int start = _effects.Count;
            _topics[topic].OnConnectionsEnded(peer);
            Settle(topic, start);
        }

        _topicsOf.Remove(peer);
    }

    /// <summary>What this node tells of itself from now on.</summary>
    public void UpdatePeerData(PeerData data)
    {
        _myData = data;
        foreach (TopicId topic in _order)
            _topics[topic].UpdateMyData(data);
    }

    /// <summary>Passes on only the last one of the topics' wishes to give up a peer.</summary>
    private void Settle(TopicId topic, int start)
    {
        for (int i = start; i < _effects.Count; i++)
        {
            if (_effects[i] is GossipEffect.DisconnectPeer { Peer: var peer } && !TryGiveUp(topic, peer))
                _effects.RemoveAt(i--);
        }
    }

    private bool TryGiveUp(TopicId topic, PeerId peer)
    {
        if (!_topicsOf.TryGetValue(peer, out HashSet<TopicId>? topics))
            return false;
        topics.Remove(topic);
        if (topics.Count > 0)
            return false;
        _topicsOf.Remove(peer);
        return true;
    }
}
