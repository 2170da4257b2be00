using Mosaik.Primitives;

namespace Mosaik.Discovery.Gossip;

/// <summary>A topic as the driver has it: who sends, who reads, and the published neighbours.</summary>
internal sealed class TopicState(TopicId id)
{
    private PeerId[] _neighbours = [];

    public TopicId Id { get; } = id;

    /// <summary>Owned by the loop.</summary>
    public List<GossipTopic> Handles { get; } = [];

    /// <summary>Owned by the loop.</summary>
    public List<GossipEvents> Readers { get; } = [];

    /// <summary>Written by the loop, read by anybody.</summary>
    public IReadOnlyCollection<PeerId> Neighbours => Volatile.Read(ref _neighbours);

    public void Publish(PeerId[] neighbours) => Volatile.Write(ref _neighbours, neighbours);

    public void Post(GossipEvent item)
    {
        foreach (GossipEvents reader in Readers)
            reader.Post(item);
    }

    /// <summary>The node has left the topic.</summary>
    public void End()
    {
        Publish([]);
        foreach (GossipEvents reader in Readers)
            reader.End();
    }
}
