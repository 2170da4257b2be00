using Mosaik.Primitives;

namespace Mosaik.Streams;

/// <summary>
/// The producer's side of a <see cref="StreamDefinition{T}"/>, to hand to code that must not consume.
/// </summary>
/// <typeparam name="T">The datum.</typeparam>
public sealed class ProducerDefinition<T>
{
    private readonly StreamDefinition<T> _definition;

    internal ProducerDefinition(StreamDefinition<T> definition) => _definition = definition;

    /// <summary>The stream.</summary>
    public StreamId StreamId => _definition.StreamId;

    /// <inheritdoc cref="StreamDefinition{T}.Producer"/>
    public Producer<T> Producer(NetworkStreams streams) => _definition.Producer(streams);

    /// <inheritdoc cref="StreamDefinition{T}.OnlineProducerAsync"/>
    public ValueTask<Producer<T>> OnlineProducerAsync(NetworkStreams streams, CancellationToken cancellationToken = default) =>
        _definition.OnlineProducerAsync(streams, cancellationToken);
}
