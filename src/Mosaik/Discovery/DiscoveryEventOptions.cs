namespace Mosaik.Discovery;

/// <summary>What an event subscription wants to see.</summary>
public sealed record DiscoveryEventOptions
{
    /// <summary>
    /// Whether updates that change nothing but the version are delivered; otherwise they do not count for the backlog
    /// either.
    /// </summary>
    public bool IncludeKeepAlives { get; init; } = true;
}
