using System.Threading.Channels;
using Mosaik.Discovery;
using Mosaik.Networking;
using Mosaik.Primitives;

namespace Mosaik.Streams;

/// <summary>
/// Settings of a producer (spec/streams.md §15). The first producer of a stream on a node decides; later handles share
/// its settings.
/// </summary>
/// <typeparam name="T">The datum.</typeparam>
public sealed record ProducerOptions<T>
{
    /// <summary>
    /// The stream; by default derived from the wire name of <typeparamref name="T"/>. Give an explicit id to what
    /// several programs share.
    /// </summary>
    public StreamId? StreamId { get; init; }

    /// <summary>
    /// How many datums the fastest consumer may be behind before senders wait, in datums; default 1024.
    /// </summary>
    public int BufferSize { get; init; } = 1024;

    /// <summary>How many bytes the fastest consumer may be behind before senders wait; default 64 MiB.</summary>
    public long MaxBufferedBytes { get; init; } = 64L * 1024 * 1024;

    /// <summary>What becomes of a consumer that cannot keep up; default <see cref="LagPolicy.Disconnect"/>.</summary>
    public LagPolicy Lagging { get; init; }

    /// <summary>
    /// After how long without progress those consumers count as lagging that keep senders waiting; default 5 s.
    /// Infinite = never.
    /// </summary>
    public TimeSpan StallTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// How many consumers may be subscribed at once; default unlimited. Further ones are refused with
    /// <c>NoCapacity</c>.
    /// </summary>
    public int MaxConsumers { get; init; } = int.MaxValue;

    /// <summary>Largest encoded datum in bytes; by default <see cref="StreamsOptions.MaxDatumBytes"/>.</summary>
    public int? MaxDatumBytes { get; init; }

    /// <summary>
    /// Who may subscribe; by default everybody in the catalog. Evaluated when a consumer subscribes, and again when its
    /// entry changes or, if it was asked for, its round-trip time: who is not allowed any more is disconnected with
    /// <c>NotAllowed</c>. Fast and without blocking; one that throws says no.
    /// </summary>
    public Func<PeerInfo, bool>? AcceptIf { get; init; }

    /// <summary>
    /// Tickets that a consumer must have, one for each validator; by default none. When one expires, a fresh one is
    /// looked for.
    /// </summary>
    public IReadOnlyList<ITicketValidator> Tickets { get; init; } = [];

    /// <summary>
    /// When the producer is online; by default with at least one connected consumer. Called once, with a fresh
    /// condition.
    /// </summary>
    public Func<ChannelCondition, ChannelCondition>? OnlineWhen { get; init; }

    /// <summary>
    /// Gets datums that no consumer was meant to get: nobody was subscribed, or nobody's criteria matched. Written to
    /// without waiting; what it does not take is discarded and counted. Default none.
    /// </summary>
    public ChannelWriter<T>? UndeliveredSink { get; init; }

    /// <summary>How datums are encoded; by default postcard through the shape of <typeparamref name="T"/>.</summary>
    public IDatumCodec<T>? Codec { get; init; }

    /// <summary>The same settings with one more condition on consumers, besides those there are.</summary>
    /// <param name="predicate">As <see cref="AcceptIf"/>.</param>
    public ProducerOptions<T> Require(Func<PeerInfo, bool> predicate) => this with { AcceptIf = PeerPredicate.And(AcceptIf, predicate) };

    /// <summary>The same settings with one more ticket that consumers must have.</summary>
    /// <param name="validator">Decides about tickets of its class.</param>
    public ProducerOptions<T> RequireTicket(ITicketValidator validator) => this with { Tickets = [.. Tickets, validator] };

    /// <summary>
    /// Throws <see cref="MosaikConfigurationException"/>, naming the property, when a value makes no sense.
    /// </summary>
    public void Validate()
    {
        if (BufferSize < 1)
            throw new MosaikConfigurationException(nameof(BufferSize), "must be at least 1");
        if (MaxBufferedBytes < 1)
            throw new MosaikConfigurationException(nameof(MaxBufferedBytes), "must be at least 1");
        if (MaxConsumers < 1)
            throw new MosaikConfigurationException(nameof(MaxConsumers), "must be at least 1");
        if (MaxDatumBytes < 1)
            throw new MosaikConfigurationException(nameof(MaxDatumBytes), "must be at least 1");
        if (Tickets is null || Tickets.Contains(null!))
            throw new MosaikConfigurationException(nameof(Tickets), "must not contain null");
        if (!Enum.IsDefined(Lagging))
            throw new MosaikConfigurationException(nameof(Lagging), $"has no value {(int)Lagging}");
        if (StallTimeout <= TimeSpan.Zero && StallTimeout != Timeout.InfiniteTimeSpan)
            throw new MosaikConfigurationException(nameof(StallTimeout), "must be longer than zero, or infinite");
    }
}
