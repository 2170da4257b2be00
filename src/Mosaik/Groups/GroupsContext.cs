using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;
using Mosaik.Discovery;
using Mosaik.Networking;
using Mosaik.Primitives;
using Mosaik.Quic;

namespace Mosaik.Groups;

/// <summary>What all groups of a node share: identity, clock, scheduler, discovery, and the way to open a link.</summary>
internal sealed class GroupsContext
{
    private readonly long _epoch;

    public required NetworkId NetworkId { get; init; }

    public required PeerId LocalId { get; init; }

    public required GroupsOptions Options { get; init; }

    public required NetworkDiscovery Discovery { get; init; }

    /// <summary>Opens a link of the groups protocol to a member.</summary>
    public required Func<EndpointAddress, CancellationToken, ValueTask<Link>> OpenLinkAsync { get; init; }

    public required TimeProvider TimeProvider
    {
        get;
        init
        {
            field = value;
            _epoch = value.GetTimestamp();
        }
    }

    public required TaskScheduler Scheduler { get; init; }

    public required RandomSource Random { get; init; }

    public required ILogger Logger { get; init; }

    public required Meter Meter { get; init; }

    /// <summary>Keeps messages that a peer can cause at will from flooding the log.</summary>
    public required LogLimiter LogLimiter { get; init; }

    /// <summary>Peers that are farther away are refused; null = nobody is.</summary>
    public required TimeSpan? MaxRtt { get; init; }

    /// <summary>Monotonic time for the pure cores.</summary>
    public TimeSpan Now => TimeProvider.GetElapsedTime(_epoch);

    /// <summary>The same time for a timestamp of the clock: equal timestamps give equal times.</summary>
    public TimeSpan TimeOf(long timestamp) => TimeProvider.GetElapsedTime(_epoch, timestamp);

    /// <summary>Whether a link is slower than the node allows.</summary>
    public bool IsTooFar(PeerId peer, TimeSpan? rtt) =>
        (MaxRtt is { } limit && rtt > limit) || !Discovery.Catalog.State.PassesMaxRtt(peer);
}
