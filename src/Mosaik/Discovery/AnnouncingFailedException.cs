using Mosaik.Primitives;

namespace Mosaik.Discovery;

/// <summary>
/// The node could not stay subscribed to the announcements of its network; it has stopped (spec/discovery.md §8.5).
/// </summary>
public sealed class AnnouncingFailedException : MosaikException
{
    internal AnnouncingFailedException(int attempts)
        : base($"The announcements of the network ended {attempts} times in a row.")
    {
    }
}
