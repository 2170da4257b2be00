using Microsoft.Extensions.Logging;
using Mosaik.Primitives;

namespace Mosaik.Discovery;

/// <summary>Log messages of discovery, event ids 2000–2999.</summary>
internal static partial class DiscoveryLog
{
    [LoggerMessage(2001, LogLevel.Information, "Discovered {Peer}")]
    public static partial void Discovered(ILogger logger, PeerEntry peer);

    [LoggerMessage(2002, LogLevel.Debug, "Updated {Peer}")]
    public static partial void Updated(ILogger logger, PeerEntry peer);

    [LoggerMessage(2003, LogLevel.Information, "Departed {Peer:S}")]
    public static partial void Departed(ILogger logger, PeerId peer);

    [LoggerMessage(2004, LogLevel.Warning, "The entry of {Peer:S} lies in the future: its clock or ours is wrong")]
    public static partial void FromFuture(ILogger logger, PeerId peer);

    [LoggerMessage(2005, LogLevel.Warning,
        "{Count} entries sent by {Peer:S} are not validly signed ({Suppressed} more since the last line)")]
    public static partial void InvalidEntries(ILogger logger, int count, PeerId peer, int suppressed);

    [LoggerMessage(2006, LogLevel.Debug, "Synced catalogs with {Peer:S}: {Changed} new or updated, {Known} known")]
    public static partial void Synced(ILogger logger, PeerId peer, int changed, int known);

    [LoggerMessage(2007, LogLevel.Debug, "Catalog sync with {Peer:S} failed: {Problem}")]
    public static partial void SyncFailed(ILogger logger, PeerId peer, string problem);

    [LoggerMessage(2008, LogLevel.Warning, "{Peer:S} belongs to another network")]
    public static partial void DifferentNetwork(ILogger logger, PeerId peer);

    [LoggerMessage(2009, LogLevel.Warning, "An entry with our own id is newer ({Found}): an earlier run had a faster clock")]
    public static partial void Overtaken(ILogger logger, PeerVersion found);

    [LoggerMessage(2010, LogLevel.Error, "Another process seems to use this node's key: it published version {Found}")]
    public static partial void IdentityConflict(ILogger logger, PeerVersion found);

    [LoggerMessage(2011, LogLevel.Debug, "Served a catalog sync for {Peer:S}: {Changed} new or updated, {Known} known")]
    public static partial void Served(ILogger logger, PeerId peer, int changed, int known);

    [LoggerMessage(2012, LogLevel.Debug, "Serving {Protocol} for {Peer:S} ended: {Problem}")]
    public static partial void ServingEnded(ILogger logger, string protocol, PeerId peer, string problem);

    [LoggerMessage(2013, LogLevel.Debug, "Ping of {Peer:S} failed: {Problem}")]
    public static partial void PingFailed(ILogger logger, PeerId peer, string problem);

    [LoggerMessage(2014, LogLevel.Warning,
        "Dropped an announcement passed on by {Peer:S}: {Problem} ({Suppressed} more since the last line)")]
    public static partial void InvalidAnnouncement(ILogger logger, PeerId peer, string problem, int suppressed);

    [LoggerMessage(2015, LogLevel.Warning, "Fell behind the announcements: {Count} are lost, a sync makes up for them")]
    public static partial void GossipLagged(ILogger logger, long count);

    [LoggerMessage(2016, LogLevel.Warning, "The topic of the network has ended; subscribing again")]
    public static partial void TopicEnded(ILogger logger);

    [LoggerMessage(2017, LogLevel.Debug, "Gossip did not take a message: {Problem}")]
    public static partial void AnnouncingFailed(ILogger logger, string problem);

    [LoggerMessage(2018, LogLevel.Warning, "The own entry takes {Length} of {Limit} bytes that can be announced")]
    public static partial void NearlyOversized(ILogger logger, int length, int limit);

    [LoggerMessage(2019, LogLevel.Warning,
        "The own entry takes {Length} bytes and only {Limit} can be announced: it spreads by syncs, more slowly")]
    public static partial void Oversized(ILogger logger, int length, int limit);

    [LoggerMessage(2020, LogLevel.Debug, "Leaving: the departure is announced to {Neighbours} neighbours")]
    public static partial void Leaving(ILogger logger, int neighbours);

    [LoggerMessage(2021, LogLevel.Warning, "The clock was put forward: the own entry counts from now on")]
    public static partial void ClockPutForward(ILogger logger);
}
