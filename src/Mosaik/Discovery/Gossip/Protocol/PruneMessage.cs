using Mosaik.Postcard;

namespace Mosaik.Discovery.Gossip.Protocol;

/// <summary>"Announce payloads to me, do not push them": the link leaves the tree.</summary>
internal sealed record PruneMessage : GossipMessage
{
    /// <summary>The only one.</summary>
    public static PruneMessage Instance { get; } = new();

    /// <inheritdoc/>
    public override GossipMessageKind Kind => GossipMessageKind.Prune;

    private protected override void WriteBody(ref PostcardWriter writer)
    {
    }
}
