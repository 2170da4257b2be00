using Mosaik.Primitives;

namespace Mosaik.Discovery.Gossip.Protocol;

/// <summary>Where the cores of one topic put their effects.</summary>
internal sealed class TopicEffects(TopicId topic, List<GossipEffect> effects)
{
    public void Send(PeerId peer, GossipMessage message) => effects.Add(new GossipEffect.Send(peer, topic, message));

    public void Emit(GossipEvent item) => effects.Add(new GossipEffect.Emit(topic, item));

    public void Schedule(TimeSpan delay, GossipTimer timer) => effects.Add(new GossipEffect.Schedule(delay, topic, timer));

    public void DisconnectPeer(PeerId peer) => effects.Add(new GossipEffect.DisconnectPeer(peer));

    public void PeerDataSeen(PeerId peer, PeerData data) => effects.Add(new GossipEffect.PeerDataSeen(peer, data));

    public void Refuse(PeerId from, GossipFault reason) => effects.Add(new GossipEffect.Refuse(from, reason));
}
