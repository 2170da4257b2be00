using System.Diagnostics;
using System.Diagnostics.Metrics;
using Mosaik.Discovery.Gossip.Protocol;
using Mosaik.Primitives;

namespace Mosaik.Discovery.Gossip;

/// <summary>The instruments <c>mosaik.discovery.gossip.*</c> of one network (spec/gossip.md §15). Labels are built once.</summary>
internal sealed class GossipMetrics
{
    private readonly Gauge<long> _neighbours;
    private readonly Gauge<long> _connections;
    private readonly Counter<long> _messages;
    private readonly Counter<long> _dropped;
    private readonly Counter<long> _dials;
    private readonly TagList _network;
    private readonly Dictionary<GossipMessageKind, TagList> _received = [];
    private readonly Dictionary<GossipMessageKind, TagList> _sent = [];
    private readonly string _label;

    public GossipMetrics(Meter meter, NetworkId network)
    {
        _label = network.ToString("S", null);
        _network = new TagList { { "network", _label } };
        foreach (GossipMessageKind kind in Enum.GetValues<GossipMessageKind>())
        {
            string name = NameOf(kind);
            _received[kind] = new TagList { { "network", _label }, { "direction", "in" }, { "kind", name } };
            _sent[kind] = new TagList { { "network", _label }, { "direction", "out" }, { "kind", name } };
        }

        _neighbours = meter.CreateGauge<long>("mosaik.discovery.gossip.neighbors", null, "Active gossip neighbours.");
        _connections = meter.CreateGauge<long>("mosaik.discovery.gossip.connections", null, "Gossip connections.");
        _messages = meter.CreateCounter<long>("mosaik.discovery.gossip.messages", null, "Gossip messages.");
        _dropped = meter.CreateCounter<long>("mosaik.discovery.gossip.dropped", null, "Gossip messages or data that were dropped.");
        _dials = meter.CreateCounter<long>("mosaik.discovery.gossip.dials", null, "Dials made for gossip.");
    }

    public void SetNeighbours(int count)
    {
        if (_neighbours.Enabled)
            _neighbours.Record(count, _network);
    }

    public void SetConnections(int count)
    {
        if (_connections.Enabled)
            _connections.Record(count, _network);
    }

    public void OnReceived(GossipMessageKind kind)
    {
        if (_messages.Enabled)
            _messages.Add(1, _received[kind]);
    }

    /// <summary>A message was handed to a connection's queue.</summary>
    public void OnSent(GossipMessageKind kind)
    {
        if (_messages.Enabled)
            _messages.Add(1, _sent[kind]);
    }

    /// <param name="reason"><c>queue-full</c>, <c>oversized</c>, <c>bad-id</c>, <c>bad-peer-data</c> or <c>undecodable</c>.</param>
    public void OnDropped(string reason)
    {
        if (_dropped.Enabled)
            _dropped.Add(1, new TagList { { "network", _label }, { "reason", reason } });
    }

    /// <param name="result"><c>success</c>, <c>failure</c> or <c>cancelled</c>.</param>
    public void OnDial(string result)
    {
        if (_dials.Enabled)
            _dials.Add(1, new TagList { { "network", _label }, { "result", result } });
    }

    private static string NameOf(GossipMessageKind kind) => kind switch
    {
        GossipMessageKind.Join => "join",
        GossipMessageKind.ForwardJoin => "forward-join",
        GossipMessageKind.Shuffle => "shuffle",
        GossipMessageKind.ShuffleReply => "shuffle-reply",
        GossipMessageKind.Neighbor => "neighbor",
        GossipMessageKind.Disconnect => "disconnect",
        GossipMessageKind.Gossip => "gossip",
        GossipMessageKind.Prune => "prune",
        GossipMessageKind.Graft => "graft",
        GossipMessageKind.IHave => "ihave",
        _ => throw new ArgumentOutOfRangeException(nameof(kind)),
    };
}
