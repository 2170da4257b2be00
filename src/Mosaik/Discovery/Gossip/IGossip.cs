using Mosaik.Networking;
using Mosaik.Primitives;

namespace Mosaik.Discovery.Gossip;

/// <summary>The gossip of one node, for all its topics (spec/gossip.md). Thread-safe.</summary>
/// <remarks>
/// Life: made and registered with the router before accepting starts → <see cref="Start"/> →
/// <see cref="SubscribeAsync"/> … → <see cref="LeaveAsync"/> → <see cref="IAsyncDisposable.DisposeAsync"/>; after an
/// abort only the last step comes.
/// </remarks>
internal interface IGossip : IAsyncDisposable
{
    /// <summary>Starts the loop. Inbound connections are served from now on.</summary>
    void Start();

    /// <summary>
    /// Creates or joins a topic. Neighbours the topic already has are reported to the new subscriber first; then the
    /// given peers are asked once to let this node in. Without peers the topic exists and answers others.
    /// </summary>
    /// <param name="topic">The topic.</param>
    /// <param name="bootstrap">Peers to ask. Their addresses must be in the address book, or be known to a lookup.</param>
    /// <param name="cancellationToken">Abandons the call; the topic ends then.</param>
    /// <returns>The handle. It lives until it is disposed.</returns>
    /// <exception cref="NetworkClosedException">Gossip has ended.</exception>
    ValueTask<IGossipTopic> SubscribeAsync(
        TopicId topic, IReadOnlyCollection<PeerId> bootstrap, CancellationToken cancellationToken = default);

    /// <summary>This node's own address has changed: from now on messages carry the new one. Quick, any thread.</summary>
    void OnAddressChanged(EndpointAddress address);

    /// <summary>
    /// Leaves all topics, waits until what was said is acknowledged, at most 5 s, and closes all connections with code 0.
    /// </summary>
    /// <param name="cancellationToken">Ends the wait sooner; the connections are closed nevertheless.</param>
    ValueTask LeaveAsync(CancellationToken cancellationToken);
}
