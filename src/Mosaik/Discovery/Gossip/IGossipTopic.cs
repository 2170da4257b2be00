using Mosaik.Networking;
using Mosaik.Primitives;

namespace Mosaik.Discovery.Gossip;

/// <summary>
/// A handle of a topic: sends, and reads through <see cref="Events"/>. Thread-safe. The node leaves the topic when all
/// handles and all event streams of the topic are disposed; nobody is told then that neighbours went.
/// </summary>
internal interface IGossipTopic : IDisposable
{
    /// <summary>The topic.</summary>
    TopicId Id { get; }

    /// <summary>The exact direct neighbours now, ascending; one volatile read. Up to date before the event is read.</summary>
    IReadOnlyCollection<PeerId> Neighbours { get; }

    /// <summary>Largest content in bytes that <see cref="BroadcastAsync"/> takes.</summary>
    int MaxContentBytes { get; }

    /// <summary>
    /// What happens in the topic from the subscription on. Lives on its own: it must be disposed beside the handle.
    /// </summary>
    IGossipEvents Events { get; }

    /// <summary>
    /// Broadcasts. Without neighbours it goes nowhere. The same bytes within 90 s are taken for a repetition and are not
    /// delivered again.
    /// </summary>
    /// <param name="content">The bytes, which are copied.</param>
    /// <param name="scope">Swarm or neighbours.</param>
    /// <param name="cancellationToken">Ends the wait for room in the queue of commands.</param>
    /// <returns>A task that completes when it is queued, normally at once.</returns>
    /// <exception cref="GossipMessageTooLargeException">It is too large; thrown by the call itself, nothing is queued.</exception>
    /// <exception cref="ObjectDisposedException">The handle was disposed.</exception>
    /// <exception cref="NetworkClosedException">Gossip has ended.</exception>
    ValueTask BroadcastAsync(ReadOnlyMemory<byte> content, GossipScope scope, CancellationToken cancellationToken = default);

    /// <summary>Asks peers once to let this node in. Success shows as NeighborUp, failure not at all.</summary>
    /// <param name="peers">Whom to ask.</param>
    /// <param name="cancellationToken">Ends the wait for room in the queue of commands.</param>
    /// <returns>A task that completes when it is queued.</returns>
    /// <exception cref="ObjectDisposedException">The handle was disposed.</exception>
    /// <exception cref="NetworkClosedException">Gossip has ended.</exception>
    ValueTask JoinPeersAsync(IReadOnlyCollection<PeerId> peers, CancellationToken cancellationToken = default);
}
