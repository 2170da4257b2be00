using Mosaik.Primitives;

namespace Mosaik.Streams;

/// <summary>
/// The consumer's side of a <see cref="StreamDefinition{T}"/>, to hand to code that must not produce.
/// </summary>
/// <typeparam name="T">The datum.</typeparam>
public sealed class ConsumerDefinition<T>
{
    private readonly StreamDefinition<T> _definition;

    internal ConsumerDefinition(StreamDefinition<T> definition) => _definition = definition;

    /// <summary>The stream.</summary>
    public StreamId StreamId => _definition.StreamId;

    /// <inheritdoc cref="StreamDefinition{T}.Consumer"/>
    public Consumer<T> Consumer(NetworkStreams streams) => _definition.Consumer(streams);

    /// <inheritdoc cref="StreamDefinition{T}.OnlineConsumerAsync"/>
    public ValueTask<Consumer<T>> OnlineConsumerAsync(NetworkStreams streams, CancellationToken cancellationToken = default) =>
        _definition.OnlineConsumerAsync(streams, cancellationToken);
}
