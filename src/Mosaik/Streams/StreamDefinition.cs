using Mosaik.Discovery;
using Mosaik.Primitives;

namespace Mosaik.Streams;

/// <summary>
/// A stream as an application defines it once, for its producers and its consumers: what Rust declares with
/// <c>stream!</c>. Immutable; meant for a <c>static readonly</c> field.
/// </summary>
/// <remarks>
/// What a side <i>must</i> fulfil is enforced by the other side: <see cref="ConsumersMust"/> by producers,
/// <see cref="ProducersMust"/> by consumers. Source: spec/streams.md §12.3.
/// </remarks>
/// <typeparam name="T">The datum.</typeparam>
public sealed record StreamDefinition<T>
{
    /// <summary>Defines a stream.</summary>
    /// <param name="streamId">Its id or name; null = derived from the wire name of <typeparamref name="T"/>.</param>
    public StreamDefinition(StreamId? streamId = null) => StreamId = streamId ?? WireNames.Of<T>();

    /// <summary>The stream.</summary>
    public StreamId StreamId { get; }

    /// <summary>What a producer asks of consumers; all must say yes.</summary>
    public IReadOnlyList<Func<PeerInfo, bool>> ConsumersMust { get; init; } = [];

    /// <summary>What a consumer asks of producers; all must say yes.</summary>
    public IReadOnlyList<Func<PeerInfo, bool>> ProducersMust { get; init; } = [];

    /// <summary>Tickets that consumers must have, one for each validator.</summary>
    public IReadOnlyList<ITicketValidator> ConsumerTickets { get; init; } = [];

    /// <summary>Tickets that producers must have, one for each validator.</summary>
    public IReadOnlyList<ITicketValidator> ProducerTickets { get; init; } = [];

    /// <inheritdoc cref="ProducerOptions{T}.OnlineWhen"/>
    public Func<ChannelCondition, ChannelCondition>? ProducerOnlineWhen { get; init; }

    /// <inheritdoc cref="ConsumerOptions{T}.OnlineWhen"/>
    public Func<ChannelCondition, ChannelCondition>? ConsumerOnlineWhen { get; init; }

    /// <inheritdoc cref="ProducerOptions{T}.MaxConsumers"/>
    public int MaxConsumers { get; init; } = int.MaxValue;

    /// <inheritdoc cref="ProducerOptions{T}.BufferSize"/>
    public int BufferSize { get; init; } = 1024;

    /// <inheritdoc cref="ProducerOptions{T}.Lagging"/>
    public LagPolicy Lagging { get; init; }

    /// <inheritdoc cref="ConsumerOptions{T}.Criteria"/>
    public Criteria Criteria { get; init; } = Criteria.Default;

    /// <inheritdoc cref="ConsumerOptions{T}.Backoff"/>
    public Func<IBackoff>? Backoff { get; init; }

    /// <summary>
    /// How datums are encoded and decoded; by default postcard through the shape of <typeparamref name="T"/>.
    /// </summary>
    public IDatumCodec<T>? Codec { get; init; }

    /// <summary>The producer's side alone.</summary>
    public ProducerDefinition<T> ForProducers => new(this);

    /// <summary>The consumer's side alone.</summary>
    public ConsumerDefinition<T> ForConsumers => new(this);

    /// <summary>Opens a handle to the stream, creating it where this node does not produce it yet.</summary>
    /// <param name="streams">The streams of the node: <c>network.Streams</c>.</param>
    /// <exception cref="StreamTypeMismatchException">The stream exists with another type of datum.</exception>
    public Producer<T> Producer(NetworkStreams streams) => Checked(streams).Produce(ToProducerOptions());

    /// <summary>The same, and waits until it is online.</summary>
    /// <param name="streams">The streams of the node: <c>network.Streams</c>.</param>
    /// <param name="cancellationToken">Ends the wait; the handle is closed then.</param>
    public async ValueTask<Producer<T>> OnlineProducerAsync(NetworkStreams streams, CancellationToken cancellationToken = default)
    {
        var producer = Producer(streams);
        try
        {
            await producer.When.Online().WaitAsync(cancellationToken).ConfigureAwait(false);
            return producer;
        }
        catch
        {
            await producer.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Subscribes to the stream.</summary>
    /// <param name="streams">The streams of the node: <c>network.Streams</c>.</param>
    public Consumer<T> Consumer(NetworkStreams streams) => Checked(streams).Consume(ToConsumerOptions());

    /// <summary>The same, and waits until it is online.</summary>
    /// <param name="streams">The streams of the node: <c>network.Streams</c>.</param>
    /// <param name="cancellationToken">Ends the wait; the consumer is closed then.</param>
    public async ValueTask<Consumer<T>> OnlineConsumerAsync(NetworkStreams streams, CancellationToken cancellationToken = default)
    {
        var consumer = Consumer(streams);
        try
        {
            await consumer.When.Online().WaitAsync(cancellationToken).ConfigureAwait(false);
            return consumer;
        }
        catch
        {
            await consumer.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>The settings of a producer of this stream, to be refined with <c>with</c>.</summary>
    public ProducerOptions<T> ToProducerOptions() => new()
    {
        StreamId = StreamId,
        AcceptIf = PeerPredicate.All(ConsumersMust),
        Tickets = ConsumerTickets,
        OnlineWhen = ProducerOnlineWhen,
        MaxConsumers = MaxConsumers,
        BufferSize = BufferSize,
        Lagging = Lagging,
        Codec = Codec,
    };

    /// <summary>The settings of a consumer of this stream, to be refined with <c>with</c>.</summary>
    public ConsumerOptions<T> ToConsumerOptions() => new()
    {
        StreamId = StreamId,
        SubscribeIf = PeerPredicate.All(ProducersMust),
        Tickets = ProducerTickets,
        OnlineWhen = ConsumerOnlineWhen,
        Criteria = Criteria,
        Backoff = Backoff,
        Codec = Codec,
    };

    private static NetworkStreams Checked(NetworkStreams streams)
    {
        ArgumentNullException.ThrowIfNull(streams);
        return streams;
    }
}
