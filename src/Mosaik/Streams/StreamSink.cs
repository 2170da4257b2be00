using Mosaik.Discovery;
using Mosaik.Networking;
using Mosaik.Primitives;

namespace Mosaik.Streams;

/// <summary>One produced stream of this node, without its type: what the acceptor needs.</summary>
internal abstract class StreamSink
{
    /// <summary>The stream.</summary>
    public abstract StreamId StreamId { get; }

    /// <summary>The type of its datums, for the mismatch check.</summary>
    public abstract Type ElementType { get; }

    /// <summary>
    /// Decides about a consumer whose handshake was right (spec/streams.md §3.1, steps 6–9) and, if it is welcome,
    /// sends to it until one side ends.
    /// </summary>
    /// <param name="link">The link; closed when the task completes.</param>
    /// <param name="peer">The consumer's node.</param>
    /// <param name="criteria">What it asks for.</param>
    public abstract Task ServeAsync(Link link, PeerInfo peer, Criteria criteria);

    /// <summary>Accepts nothing from now on, neither datums nor consumers; ends all waits of senders.</summary>
    public abstract void MarkClosed();

    /// <summary>After <see cref="MarkClosed"/>: drains and closes every link with 204. Called once.</summary>
    public abstract Task CloseAsync();
}
