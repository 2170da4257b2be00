using Mosaik.Primitives;

namespace Mosaik.Streams;

/// <summary>This node produces the stream already, where a new one was asked for.</summary>
public sealed class ProducerExistsException : MosaikException
{
    private readonly NetworkStreams _streams;

    internal ProducerExistsException(NetworkStreams streams, StreamId streamId)
        : base($"This node produces stream {streamId:S} already. Use Produce to share it, or another StreamId.")
    {
        _streams = streams;
        StreamId = streamId;
    }

    /// <summary>The stream.</summary>
    public StreamId StreamId { get; }

    /// <summary>Opens a handle to the existing stream; it keeps its settings.</summary>
    /// <typeparam name="T">The datum.</typeparam>
    /// <exception cref="StreamTypeMismatchException">The stream carries another type.</exception>
    public Producer<T> OpenExisting<T>() => _streams.Produce(new ProducerOptions<T> { StreamId = StreamId });
}
