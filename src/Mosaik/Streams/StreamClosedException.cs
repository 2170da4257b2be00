using System.Threading.Channels;
using Mosaik.Primitives;

namespace Mosaik.Streams;

/// <summary>
/// Why a stream is closed: the inner exception of every <see cref="ChannelClosedException"/> of this library.
/// </summary>
public sealed class StreamClosedException : MosaikException
{
    private StreamClosedException(StreamId streamId, bool isNetworkStopped)
        : base(isNetworkStopped
            ? $"Stream {streamId:S} is closed: the network has stopped."
            : $"Stream {streamId:S} is closed: its producer or consumer was disposed.")
    {
        StreamId = streamId;
        IsNetworkStopped = isNetworkStopped;
    }

    /// <summary>The stream.</summary>
    public StreamId StreamId { get; }

    /// <summary>Whether the whole network has stopped, rather than this producer or consumer.</summary>
    public bool IsNetworkStopped { get; }

    internal static ChannelClosedException Of(StreamId streamId, bool isNetworkStopped) =>
        new(new StreamClosedException(streamId, isNetworkStopped));
}
