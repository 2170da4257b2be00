using System.Globalization;
using Mosaik.Discovery.Gossip;
using Mosaik.Discovery.Gossip.Protocol;
using Mosaik.Primitives;

namespace Mosaik.Tests.Discovery.Gossip;

/// <summary>Peers with short names, ascending in the order of their names, and effects as text.</summary>
internal static class Peers
{
    private static readonly PeerId[] Ascending =
        [.. Enumerable.Range(0, 120).Select(i => SecretKey.FromText($"gossip {i}").PeerId).Order()];

    private static readonly Dictionary<PeerId, string> Names = Ascending
        .Select((id, i) => (id, name: i < 26 ? ((char)('A' + i)).ToString() : i.ToString(CultureInfo.InvariantCulture)))
        .ToDictionary(p => p.id, p => p.name);

    public static PeerId Of(char name) => Ascending[name - 'A'];

    public static PeerId Of(int number) => Ascending[number];

    public static int NumberOf(PeerId peer) => Array.BinarySearch(Ascending, peer);

    public static TopicId Topic { get; } = TopicId.Of("my-app");

    public static string Name(PeerId peer) => Names[peer];

    public static string[] Text(IEnumerable<PeerId> peers) => [.. peers.Select(Name).Order(StringComparer.Ordinal)];

    public static GossipPeerInfo Info(char name, PeerData? data = null) => new(Of(name), data);

    /// <summary>Effects without the timers that a trace does not list, in the notation of the specification.</summary>
    public static string[] Text(List<GossipEffect> effects, bool withTimers = true)
    {
        string[] text =
        [
            .. effects
                .Where(e => e is not GossipEffect.Schedule s
                    || (withTimers && s.Timer is not (GossipTimer.DoShuffle or GossipTimer.Sweep)))
                .Select(Text),
        ];
        effects.Clear();
        return text;
    }

    private static string Text(GossipEffect effect) => effect switch
    {
        GossipEffect.Send s => $"Send({Name(s.Peer)}, {Text(s.Message)})",
        GossipEffect.Emit { Event: GossipEvent.NeighborUp up } => $"NeighborUp({Name(up.Peer)})",
        GossipEffect.Emit { Event: GossipEvent.NeighborDown down } => $"NeighborDown({Name(down.Peer)})",
        GossipEffect.Emit { Event: GossipEvent.Received r } => $"Received(from {Name(r.DeliveredFrom)}, {r.Scope})",
        GossipEffect.Schedule s => string.Create(
            CultureInfo.InvariantCulture, $"Schedule({s.Delay.TotalMilliseconds} ms, {Text(s.Timer)})"),
        GossipEffect.DisconnectPeer d => $"DisconnectPeer({Name(d.Peer)})",
        GossipEffect.PeerDataSeen d => $"PeerDataSeen({Name(d.Peer)}, {d.Data})",
        GossipEffect.Refuse r => $"Refuse({Name(r.From)}, {r.Reason})",
        _ => throw new ArgumentOutOfRangeException(nameof(effect)),
    };

    private static string Text(GossipTimer timer) => timer switch
    {
        GossipTimer.PendingNeighbor p => Name(p.Peer),
        GossipTimer.SendGraft => "graft",
        GossipTimer.Dispatch => "dispatch",
        _ => timer.GetType().Name,
    };

    private static string Text(GossipMessage message) => message switch
    {
        JoinMessage => "Join",
        ForwardJoinMessage m => string.Create(CultureInfo.InvariantCulture, $"ForwardJoin{{{Name(m.Peer.Id)}, {m.Ttl}}}"),
        NeighborMessage m => $"Neighbor {m.Priority}",
        DisconnectMessage m => m.IsAlive ? "Disconnect alive" : "Disconnect gone",
        ShuffleMessage m => string.Create(
            CultureInfo.InvariantCulture, $"Shuffle{{{Name(m.Origin)}, {m.Nodes.Count}, {m.Ttl}}}"),
        ShuffleReplyMessage m => string.Create(CultureInfo.InvariantCulture, $"ShuffleReply {m.Nodes.Count}"),
        BroadcastMessage m => $"Gossip {m.Scope}",
        PruneMessage => "Prune",
        GraftMessage m => string.Create(CultureInfo.InvariantCulture, $"Graft{{{(m.Id is null ? "none" : "id")}, {m.Round}}}"),
        IHaveMessage m => string.Create(CultureInfo.InvariantCulture, $"IHave {m.Items.Count}"),
        _ => message.Kind.ToString(),
    };
}
