using Mosaik.Discovery;
using Mosaik.Networking;
using Mosaik.Primitives;

namespace Mosaik.Streams;

/// <summary>Settings of a consumer (spec/streams.md §15).</summary>
/// <typeparam name="T">The datum.</typeparam>
public sealed record ConsumerOptions<T>
{
    /// <summary>The stream; by default derived from the wire name of <typeparamref name="T"/>.</summary>
    public StreamId? StreamId { get; init; }

    /// <summary>How many datums may wait to be read; default 1024.</summary>
    public int QueueSize { get; init; } = 1024;

    /// <summary>What happens while so many wait; by default the producers are slowed down.</summary>
    public QueueFullMode QueueFullMode { get; init; }

    /// <summary>Which datums are wanted; by default all. Evaluated by the producers.</summary>
    public Criteria Criteria { get; init; } = Criteria.Default;

    /// <summary>
    /// Whether a datum that cannot be decoded is skipped and counted, rather than ending the subscription; default no.
    /// </summary>
    public bool SkipUndecodable { get; init; }

    /// <summary>
    /// Largest encoded datum in bytes; by default <see cref="StreamsOptions.MaxDatumBytes"/>. A larger one closes the
    /// connection.
    /// </summary>
    public int? MaxDatumBytes { get; init; }

    /// <summary>
    /// To whom to subscribe; by default to every producer of the stream in the catalog. Evaluated when a producer
    /// appears, and again when its entry changes or, if it was asked for, its round-trip time. Fast and without
    /// blocking; one that throws says no.
    /// </summary>
    public Func<PeerInfo, bool>? SubscribeIf { get; init; }

    /// <summary>
    /// Tickets that a producer must have, one for each validator; by default none. When one expires, a fresh one is
    /// looked for.
    /// </summary>
    public IReadOnlyList<ITicketValidator> Tickets { get; init; } = [];

    /// <summary>
    /// When the consumer is online; by default with at least one connected producer. Called once, with a fresh
    /// condition.
    /// </summary>
    public Func<ChannelCondition, ChannelCondition>? OnlineWhen { get; init; }

    /// <summary>How datums are decoded; by default postcard through the shape of <typeparamref name="T"/>.</summary>
    public IDatumCodec<T>? Codec { get; init; }

    /// <summary>Makes the backoff of one receiver; by default <see cref="StreamsOptions.Backoff"/>.</summary>
    public Func<IBackoff>? Backoff { get; init; }

    /// <summary>The same settings with one more condition on producers, besides those there are.</summary>
    /// <param name="predicate">As <see cref="SubscribeIf"/>.</param>
    public ConsumerOptions<T> Require(Func<PeerInfo, bool> predicate) =>
        this with { SubscribeIf = PeerPredicate.And(SubscribeIf, predicate) };

    /// <summary>The same settings with one more ticket that producers must have.</summary>
    /// <param name="validator">Decides about tickets of its class.</param>
    public ConsumerOptions<T> RequireTicket(ITicketValidator validator) => this with { Tickets = [.. Tickets, validator] };

    /// <summary>
    /// Throws <see cref="MosaikConfigurationException"/>, naming the property, when a value makes no sense.
    /// </summary>
    public void Validate()
    {
        if (QueueSize < 1)
            throw new MosaikConfigurationException(nameof(QueueSize), "must be at least 1");
        if (!Enum.IsDefined(QueueFullMode))
            throw new MosaikConfigurationException(nameof(QueueFullMode), $"has no value {(int)QueueFullMode}");
        if (Tickets is null || Tickets.Contains(null!))
            throw new MosaikConfigurationException(nameof(Tickets), "must not contain null");
        if (Criteria is null)
            throw new MosaikConfigurationException(nameof(Criteria), "must not be null");
        if (MaxDatumBytes < 1)
            throw new MosaikConfigurationException(nameof(MaxDatumBytes), "must be at least 1");
    }
}
