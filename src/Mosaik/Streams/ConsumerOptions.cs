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

    /// <summary>How many datums may wait to be read; default 1024. A full queue slows the producers down.</summary>
    public int QueueSize { get; init; } = 1024;

    /// <summary>Largest encoded datum in bytes; by default <see cref="StreamsOptions.MaxDatumBytes"/>. A larger one closes the connection.</summary>
    public int? MaxDatumBytes { get; init; }

    /// <summary>To whom to subscribe; by default to every producer of the stream in the catalog.</summary>
    public Func<PeerInfo, bool>? SubscribeIf { get; init; }

    /// <summary>When the consumer is online; by default with at least one connected producer. Called once, with a fresh condition.</summary>
    public Func<ChannelCondition, ChannelCondition>? OnlineWhen { get; init; }

    /// <summary>How datums are decoded; by default postcard through the shape of <typeparamref name="T"/>.</summary>
    public IDatumCodec<T>? Codec { get; init; }

    /// <summary>Makes the backoff of one receiver; by default <see cref="StreamsOptions.Backoff"/>.</summary>
    public Func<IBackoff>? Backoff { get; init; }

    /// <summary>Throws <see cref="MosaikConfigurationException"/>, naming the property, when a value makes no sense.</summary>
    public void Validate()
    {
        if (QueueSize < 1)
            throw new MosaikConfigurationException(nameof(QueueSize), "must be at least 1");
        if (MaxDatumBytes < 1)
            throw new MosaikConfigurationException(nameof(MaxDatumBytes), "must be at least 1");
    }
}
