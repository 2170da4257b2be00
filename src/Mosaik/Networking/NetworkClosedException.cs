using Mosaik.Primitives;

namespace Mosaik.Networking;

/// <summary>The node is stopping or has stopped.</summary>
public sealed class NetworkClosedException : MosaikException
{
    internal NetworkClosedException(Exception? innerException = null)
        : base("The network is closed.", innerException)
    {
    }
}
