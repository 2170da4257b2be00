using Mosaik.Discovery.Gossip;
using Mosaik.Discovery.Gossip.Protocol;
using Mosaik.Primitives;
using Mosaik.Testing;

namespace Mosaik.Tests.Discovery.Gossip;

/// <summary>Discrete events over the pure cores: one seed, one virtual clock, one latency per pair (spec/gossip.md §16.4).</summary>
internal sealed class GossipSimulator
{
    private static readonly TimeSpan Microsecond = TimeSpan.FromMicroseconds(1);

    private readonly SimulationRandom _random;
    private readonly SimulationRandom _latencies;
    private readonly PriorityQueue<Action, (TimeSpan, long)> _events = new();
    private readonly Dictionary<PeerId, GossipCore> _nodes = [];
    private readonly Dictionary<(PeerId, PeerId), TimeSpan> _latency = [];
    private readonly HashSet<(PeerId, PeerId)> _connections = [];
    private readonly HashSet<PeerId> _dead = [];
    private readonly GossipOptions _options;
    private readonly bool _upstreamExact;
    private readonly TimeSpan _shortest;
    private readonly TimeSpan _longest;
    private long _last;

    public GossipSimulator(ulong seed, bool upstreamExact, int activeView = 5, bool isFixed = false)
    {
        _random = new SimulationRandom(seed);
        _latencies = _random.Stream("latency");
        _upstreamExact = upstreamExact;
        _options = new GossipOptions { ActiveViewCapacity = activeView };
        (_shortest, _longest) = isFixed
            ? (TimeSpan.FromMilliseconds(50), TimeSpan.FromMilliseconds(50))
            : (TimeSpan.FromMilliseconds(10), TimeSpan.FromMilliseconds(100));
    }

    public TimeSpan Now { get; private set; }

    /// <summary>The largest latency.</summary>
    public TimeSpan Trip => _longest;

    /// <summary>What subscribers were told, in order.</summary>
    public List<(PeerId At, GossipEvent Event)> Emitted { get; } = [];

    /// <summary>Payload messages on their way.</summary>
    public int Payloads { get; set; }

    public IEnumerable<PeerId> Alive => _nodes.Keys;

    public SimulationRandom Random => _random;

    public TopicCore? this[int node] => Find(Peers.Of(node));

    public TopicCore? Find(PeerId node) => _nodes.TryGetValue(node, out GossipCore? core) ? core.Find(Peers.Topic) : null;

    public string[] Connections => [.. _connections.Select(c => $"{Peers.NumberOf(c.Item1)}-{Peers.NumberOf(c.Item2)}").Order(StringComparer.Ordinal)];

    public void Join(int node, params int[] peers)
    {
        PeerId id = Peers.Of(node);
        if (!_nodes.ContainsKey(id))
            _nodes[id] = new GossipCore(id, null, _options, _random.Stream($"node/{node}"), _upstreamExact);
        Step(id, core => core.Join(Peers.Topic, peers.Select(Peers.Of)));
    }

    public void Broadcast(PeerId node, byte[] content) =>
        Step(node, core => core.Broadcast(Peers.Topic, content, GossipScope.Swarm, Now));

    public void Quit(int node) => Step(Peers.Of(node), core => core.Quit(Peers.Topic));

    /// <summary>Ends a node at once; those who are connected notice after a while, dials to it fail after 1 s.</summary>
    public void Kill(PeerId node, TimeSpan noticedWithin)
    {
        _nodes.Remove(node);
        _dead.Add(node);
        foreach ((PeerId a, PeerId b) in _connections.Where(c => c.Item1 == node || c.Item2 == node).Order().ToArray())
        {
            _connections.Remove((a, b));
            PeerId other = a == node ? b : a;
            After(noticedWithin * _random.NextDouble(), () => Step(other, core => core.OnPeerDisconnected(node)));
        }
    }

    public void RunTrips(int trips) => RunFor(_longest * trips);

    public void RunFor(TimeSpan duration)
    {
        TimeSpan end = Now + duration;
        while (_events.TryPeek(out _, out (TimeSpan At, long) key) && key.At <= end)
        {
            Now = key.At;
            _events.Dequeue()();
        }

        Now = end;
    }

    /// <summary>Whether the relations are symmetric: neighbours, and eager links.</summary>
    public string[] Asymmetries()
    {
        var found = new List<string>();
        foreach (PeerId a in _nodes.Keys)
        {
            if (Find(a) is not { } own)
                continue;
            foreach (PeerId b in own.Membership.Active)
            {
                if (Find(b)?.Membership.IsActive(a) != true)
                    found.Add($"{Peers.NumberOf(a)} has the neighbour {Peers.NumberOf(b)}, who has not");
            }

            foreach (PeerId b in own.Broadcasts.Eager)
            {
                if (Find(b)?.Broadcasts.Eager.Contains(a) != true)
                    found.Add($"{Peers.NumberOf(a)} pushes to {Peers.NumberOf(b)}, who does not push back");
            }
        }

        return [.. found.Order(StringComparer.Ordinal)];
    }

    private void Step(PeerId node, Action<GossipCore> step)
    {
        if (!_nodes.TryGetValue(node, out GossipCore? core))
            return;
        step(core);
        foreach (GossipEffect effect in core.Effects.ToArray())
        {
            switch (effect)
            {
                case GossipEffect.Send send:
                    Send(node, send);
                    break;
                case GossipEffect.Emit emit:
                    Emitted.Add((node, emit.Event));
                    break;
                case GossipEffect.Schedule schedule:
                    After(schedule.Delay, () => Step(node, c => c.OnTimer(schedule.Topic, schedule.Timer, Now)));
                    break;
                case GossipEffect.DisconnectPeer { Peer: var peer }:
                    if (_connections.Remove(Pair(node, peer)) || _upstreamExact)
                        After(LatencyOf(node, peer) + Microsecond, () => OnDisconnected(peer, from: node));
                    break;
            }
        }

        core.Effects.Clear();
    }

    private void Send(PeerId from, GossipEffect.Send send)
    {
        PeerId to = send.Peer;
        if (_dead.Contains(to))
        {
            After(TimeSpan.FromSeconds(1), () => Step(from, c => c.OnPeerDisconnected(to)));
            return;
        }

        _connections.Add(Pair(from, to));
        if (send.Message is BroadcastMessage)
            Payloads++;
        After(LatencyOf(from, to), () => Step(to, c => c.Receive(from, send.Topic, send.Message, Now)));
    }

    /// <summary>
    /// The end of a connection says nothing when there is a newer one, as in the driver. The bounds for iroh-gossip's own rules
    /// come from a model without that.
    /// </summary>
    private void OnDisconnected(PeerId node, PeerId from)
    {
        if (_upstreamExact || !_connections.Contains(Pair(node, from)))
            Step(node, core => core.OnPeerDisconnected(from));
    }

    private TimeSpan LatencyOf(PeerId a, PeerId b)
    {
        (PeerId, PeerId) pair = Pair(a, b);
        if (!_latency.TryGetValue(pair, out TimeSpan latency))
            _latency[pair] = latency = _shortest + ((_longest - _shortest) * _latencies.NextDouble());
        return latency;
    }

    private void After(TimeSpan delay, Action action) => _events.Enqueue(action, (Now + delay, ++_last));

    private static (PeerId, PeerId) Pair(PeerId a, PeerId b) => a < b ? (a, b) : (b, a);
}
