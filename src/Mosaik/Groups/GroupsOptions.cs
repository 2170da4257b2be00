using Mosaik.Networking;

namespace Mosaik.Groups;

/// <summary>Settings of all groups of a network (spec/groups.md §3.2). Immutable.</summary>
public sealed record GroupsOptions
{
    /// <summary>How long either side of a handshake waits for the other; default 2 s.</summary>
    public TimeSpan HandshakeTimeout { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Checks every value.</summary>
    /// <exception cref="MosaikConfigurationException">A value cannot work; <c>Property</c> names it.</exception>
    public void Validate()
    {
        if (HandshakeTimeout <= TimeSpan.Zero)
            throw new MosaikConfigurationException(nameof(HandshakeTimeout), "must be longer than zero");
    }
}
