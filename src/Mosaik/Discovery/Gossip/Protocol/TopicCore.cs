using Mosaik.Primitives;
using Mosaik.Quic;

namespace Mosaik.Discovery.Gossip.Protocol;

/// <summary>One topic: membership and broadcast together (spec/gossip.md §6).</summary>
/// <remarks>
/// The membership runs first; the neighbours it has gained and lost are told to the broadcast in order. A peer whose
/// connections have ended is told to the broadcast in any case. Otherwise the two do not know each other, but that the
/// broadcast asks who is a neighbour.
/// </remarks>
internal sealed class TopicCore
{
    private readonly List<GossipEffect> _all;

    public TopicCore(
        TopicId id,
        PeerId me,
        PeerData? myData,
        GossipOptions options,
        RandomSource random,
        bool upstreamExact,
        List<GossipEffect> effects)
    {
        _all = effects;
        var own = new TopicEffects(id, effects);
        Membership = new HyParViewCore(me, myData, options, random, upstreamExact, own);
        Broadcasts = new PlumTreeCore(options, Membership.IsActive, upstreamExact, own);
    }

    public HyParViewCore Membership { get; }

    public PlumTreeCore Broadcasts { get; }

    public void Join(IEnumerable<PeerId> peers) => Run(m => m.Join(peers));

    public void Broadcast(ReadOnlyMemory<byte> content, GossipScope scope, TimeSpan now) =>
        Broadcasts.Broadcast(content, scope, now);

    public void Receive(PeerId from, GossipMessage message, TimeSpan now)
    {
        if (message.IsBroadcastLayer)
        {
            Broadcasts.Receive(from, message, now);
            Membership.OnBroadcastFrom(from);
        }
        else
        {
            Run(m => m.Receive(from, message));
        }
    }

    public void OnTimer(GossipTimer timer, TimeSpan now)
    {
        if (timer is GossipTimer.DoShuffle or GossipTimer.PendingNeighbor)
            Run(m => m.OnTimer(timer));
        else
            Broadcasts.OnTimer(timer, now);
    }

    public void OnPeerDisconnected(PeerId peer)
    {
        Run(m => m.OnPeerDisconnected(peer));
        Broadcasts.OnNeighborDown(peer);
    }

    public void OnConnectionsEnded(PeerId peer) => Run(m => m.OnConnectionsEnded(peer));

    public void UpdateMyData(PeerData data) => Membership.UpdateMyData(data);

    public void Quit() => Membership.Quit();

    private void Run(Action<HyParViewCore> step)
    {
        int start = _all.Count;
        step(Membership);
        int end = _all.Count;
        for (int i = start; i < end; i++)
        {
            if (_all[i] is GossipEffect.Emit { Event: GossipEvent.NeighborUp up })
                Broadcasts.OnNeighborUp(up.Peer);
            else if (_all[i] is GossipEffect.Emit { Event: GossipEvent.NeighborDown down })
                Broadcasts.OnNeighborDown(down.Peer);
        }
    }
}
