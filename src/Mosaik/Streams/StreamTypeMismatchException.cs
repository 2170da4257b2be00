using Mosaik.Primitives;

namespace Mosaik.Streams;

/// <summary>A stream of this node is produced with one type and was opened with another.</summary>
public sealed class StreamTypeMismatchException : MosaikException
{
    internal StreamTypeMismatchException(StreamId streamId, Type existing, Type requested)
        : base($"Stream {streamId:S} of this node carries {existing}; it cannot be opened for {requested}. "
            + "Use the same type, or another StreamId.") => StreamId = streamId;

    /// <summary>The stream.</summary>
    public StreamId StreamId { get; }
}
