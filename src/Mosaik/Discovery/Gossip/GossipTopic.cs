using Mosaik.Discovery.Gossip.Protocol;
using Mosaik.Primitives;

namespace Mosaik.Discovery.Gossip;

/// <inheritdoc cref="IGossipTopic"/>
internal sealed class GossipTopic(GossipDriver driver, TopicId id, GossipEvents events) : IGossipTopic
{
    private int _disposed;

    /// <inheritdoc/>
    public TopicId Id => id;

    /// <inheritdoc/>
    public IReadOnlyCollection<PeerId> Neighbours => State?.Neighbours ?? [];

    /// <inheritdoc/>
    public int MaxContentBytes => GossipCodec.MaxContent(GossipScope.Swarm, driver.Options.MaxMessageSize);

    /// <inheritdoc/>
    public IGossipEvents Events => events;

    /// <summary>For the loop: the reading half.</summary>
    public GossipEvents Reader => events;

    /// <summary>Set by the loop before the handle is given out.</summary>
    public TopicState? State { get; set; }

    public bool IsDisposed => Volatile.Read(ref _disposed) != 0;

    /// <inheritdoc/>
    public ValueTask BroadcastAsync(ReadOnlyMemory<byte> content, GossipScope scope, CancellationToken cancellationToken = default)
    {
        int limit = GossipCodec.MaxContent(scope, driver.Options.MaxMessageSize);
        if (content.Length > limit)
            throw new GossipMessageTooLargeException(limit, content.Length);
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        byte[] copy = content.ToArray();
        return driver.BroadcastAsync(id, copy, scope, cancellationToken);
    }

    /// <inheritdoc/>
    public ValueTask JoinPeersAsync(IReadOnlyCollection<PeerId> peers, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        PeerId[] copy = [.. peers];
        return driver.JoinAsync(id, copy, cancellationToken);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
            driver.OnHandleDisposed();
    }
}
