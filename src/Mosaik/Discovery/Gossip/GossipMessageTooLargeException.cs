using Mosaik.Primitives;

namespace Mosaik.Discovery.Gossip;

/// <summary>A broadcast does not fit into one gossip frame. Nothing was sent (spec/gossip.md §3, §11).</summary>
public sealed class GossipMessageTooLargeException : MosaikException
{
    internal GossipMessageTooLargeException(int limit, int actualSize)
        : base($"A broadcast has at most {limit} bytes of content; this one has {actualSize}.") =>
        (Limit, ActualSize) = (limit, actualSize);

    /// <summary>The largest content in bytes.</summary>
    public int Limit { get; }

    /// <summary>The size of the content in bytes.</summary>
    public int ActualSize { get; }
}
