using System.Diagnostics.CodeAnalysis;

namespace Mosaik.Discovery.Gossip;

/// <summary>
/// One subscriber's bounded queue of events, with a single reader. When it is full, the oldest events go, and the next
/// event read is <see cref="GossipEvent.Lagged"/>.
/// </summary>
internal interface IGossipEvents : IDisposable
{
    /// <summary>Takes the next event if there is one.</summary>
    /// <param name="item">The event.</param>
    bool TryRead([MaybeNullWhen(false)] out GossipEvent item);

    /// <summary>Waits until there is an event.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>False when no event will come any more: the node has left the topic, or gossip has ended.</returns>
    ValueTask<bool> WaitToReadAsync(CancellationToken cancellationToken = default);
}
