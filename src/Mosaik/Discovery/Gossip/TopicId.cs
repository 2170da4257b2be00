using Mosaik.Primitives;

namespace Mosaik.Discovery.Gossip;

/// <summary>What a broadcast belongs to: 32 raw bytes. Mosaik uses one topic, the network id (spec/gossip.md §13.1).</summary>
internal readonly record struct TopicId(UniqueId Value)
{
    /// <summary>The topic of a network: the same 32 bytes.</summary>
    public static TopicId Of(NetworkId network) => new(network);

    /// <inheritdoc/>
    public override string ToString() => Value.ToAbbreviatedString(10);
}
