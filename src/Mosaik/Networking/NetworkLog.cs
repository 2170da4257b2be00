using System.Net;
using Microsoft.Extensions.Logging;
using Mosaik.Primitives;

namespace Mosaik.Networking;

/// <summary>Log messages of the networking room, event ids 1000–1999.</summary>
internal static partial class NetworkLog
{
    [LoggerMessage(1001, LogLevel.Warning,
        "Connection of {Peer:S} for {Alpn} ended: {Reason} ({Suppressed} more since the last line)")]
    public static partial void ConnectionRefused(
        ILogger logger, string reason, PeerId peer, string alpn, int suppressed);

    [LoggerMessage(1002, LogLevel.Information, "Network {Network:S} started as {Peer:S} on {Addresses}")]
    public static partial void Started(ILogger logger, NetworkId network, PeerId peer, string addresses);

    [LoggerMessage(1003, LogLevel.Information, "Network {Network:S} stopped")]
    public static partial void Stopped(ILogger logger, NetworkId network);

    [LoggerMessage(1004, LogLevel.Information, "This build has no relay client: relays are disabled")]
    public static partial void RelaysUnavailable(ILogger logger);

    [LoggerMessage(1005, LogLevel.Warning, "No usable address after {Timeout}: the network is not online yet")]
    public static partial void NotOnline(ILogger logger, TimeSpan timeout);

    [LoggerMessage(1006, LogLevel.Error, "Network {Network:S} stops because {Subsystem} failed")]
    public static partial void SubsystemFailed(ILogger logger, Exception exception, NetworkId network, string subsystem);

    [LoggerMessage(1007, LogLevel.Warning, "Leaving took longer than {Timeout}; what is left is aborted")]
    public static partial void LeaveTimedOut(ILogger logger, TimeSpan timeout);

    [LoggerMessage(1008, LogLevel.Error, "The handler of {Protocol} failed for {Peer:S}")]
    public static partial void HandlerFailed(ILogger logger, Exception exception, string protocol, PeerId peer);

    [LoggerMessage(1009, LogLevel.Debug, "Connected to {Peer:S} at {EndPoint} for {Alpn}")]
    public static partial void Connected(ILogger logger, PeerId peer, IPEndPoint endPoint, string alpn);

    [LoggerMessage(1010, LogLevel.Debug, "Cannot connect to {Peer:S} for {Alpn}: {Problem}")]
    public static partial void ConnectFailed(ILogger logger, PeerId peer, string alpn, string problem);

    [LoggerMessage(1011, LogLevel.Debug, "Accepted {Peer:S} at {EndPoint} for {Alpn}")]
    public static partial void Accepted(ILogger logger, PeerId peer, IPEndPoint endPoint, string alpn);

    [LoggerMessage(1012, LogLevel.Debug, "Addresses of this node: {Addresses}")]
    public static partial void AddressesChanged(ILogger logger, string addresses);

    [LoggerMessage(1013, LogLevel.Warning, "Address lookup failed for {Peer:S}")]
    public static partial void LookupFailed(ILogger logger, Exception exception, PeerId peer);

    [LoggerMessage(1014, LogLevel.Warning, "{Subsystem} failed while the network was stopping")]
    public static partial void StopFailed(ILogger logger, Exception exception, string subsystem);
}
