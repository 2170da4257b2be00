using Microsoft.Extensions.Logging;
using Mosaik.Primitives;

namespace Mosaik.Discovery.Gossip;

/// <summary>Log messages of gossip, event ids 2100–2199.</summary>
internal static partial class GossipLog
{
    [LoggerMessage(2101, LogLevel.Debug, "Gossip neighbour {Peer:S} in {Topic}")]
    public static partial void NeighbourUp(ILogger logger, PeerId peer, TopicId topic);

    [LoggerMessage(2102, LogLevel.Debug, "Gossip neighbour {Peer:S} in {Topic} is gone")]
    public static partial void NeighbourDown(ILogger logger, PeerId peer, TopicId topic);

    [LoggerMessage(2103, LogLevel.Debug, "Dialling {Peer:S} for gossip failed: {Problem}")]
    public static partial void DialFailed(ILogger logger, PeerId peer, string problem);

    [LoggerMessage(2104, LogLevel.Warning,
        "Closing the gossip connection with {Peer:S}: {Problem} ({Suppressed} more since the last line)")]
    public static partial void Violation(ILogger logger, PeerId peer, string problem, int suppressed);

    [LoggerMessage(2105, LogLevel.Debug, "A gossip stream of {Peer:S} ended: {Problem}")]
    public static partial void StreamEnded(ILogger logger, PeerId peer, string problem);

    [LoggerMessage(2106, LogLevel.Warning,
        "The gossip queue of {Peer:S} was full for {Limit}: closing the connection ({Suppressed} more since the last line)")]
    public static partial void QueueFull(ILogger logger, PeerId peer, TimeSpan limit, int suppressed);

    [LoggerMessage(2107, LogLevel.Warning,
        "A gossip message for {Peer:S} has {Length} bytes and was not sent ({Suppressed} more since the last line)")]
    public static partial void Oversized(ILogger logger, PeerId peer, int length, int suppressed);

    [LoggerMessage(2108, LogLevel.Warning, "Dialling {Peer:S} for gossip failed unexpectedly")]
    public static partial void DialBroke(ILogger logger, Exception exception, PeerId peer);

    [LoggerMessage(2109, LogLevel.Debug, "Leaving gossip without waiting for connections that acknowledge nothing: {Count}")]
    public static partial void NotAcknowledged(ILogger logger, int count);
}
