using System.Collections.Immutable;
using Mosaik.Discovery.Gossip;
using Mosaik.Networking;
using Mosaik.Primitives;

namespace Mosaik.Discovery;

/// <summary>How a node finds its peers (spec/discovery.md §5). Validated when the network starts.</summary>
public sealed record DiscoveryOptions
{
    /// <summary>How many events a slow subscriber may fall behind before the oldest are dropped; at least 1.</summary>
    public int EventsBacklog { get; init; } = 100;

    /// <summary>Peers to contact at the start; a bare <see cref="PeerId"/> converts to an address.</summary>
    public ImmutableArray<EndpointAddress> BootstrapPeers { get; init; } = [];

    /// <summary>The roles of this node from the start.</summary>
    public ImmutableArray<Tag> Tags { get; init; } = [];

    /// <summary>An entry that was not refreshed for so long is stale: no query shows it, and it is removed.</summary>
    public TimeSpan PurgeAfter { get; init; } = TimeSpan.FromSeconds(300);

    /// <summary>How far the clock of another node may differ.</summary>
    public TimeSpan MaxTimeDrift { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How often the node refreshes its own entry, on average.</summary>
    public TimeSpan AnnounceInterval { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>Each interval is drawn from interval·(1 ± jitter); 0 … 1.</summary>
    public double AnnounceJitter { get; init; } = 0.5;

    /// <summary>
    /// How long a node that leaves stays after it has said so, to let the word spread; 0 s … 60 s. Without neighbours it
    /// does not wait. <see cref="NetworkOptions.ShutdownTimeout"/> bounds it too.
    /// </summary>
    public TimeSpan GracefulDepartureWindow { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>Which peers are pinged to learn their round-trip time.</summary>
    public RttProbe RttProbe { get; init; } = RttProbe.WhenNeeded;

    /// <summary>How often, on average; each interval is drawn from 0.5 … 1.5 of it.</summary>
    public TimeSpan RttProbeInterval { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Peers with a greater smoothed round-trip time are hidden; null = no limit. An unknown one passes.
    /// </summary>
    public TimeSpan? MaxRtt { get; init; }

    /// <summary>How announcements spread. The limit of its frames must be equal on all nodes of a network.</summary>
    public GossipOptions Gossip { get; init; } = new();

    internal long PurgeAfterMs => (long)PurgeAfter.TotalMilliseconds;

    internal long MaxTimeDriftMs => (long)MaxTimeDrift.TotalMilliseconds;

    /// <summary>Refuses values that cannot work.</summary>
    /// <exception cref="MosaikConfigurationException">Names the property.</exception>
    internal void Validate()
    {
        Require(EventsBacklog >= 1, nameof(EventsBacklog), "must be at least 1");
        Require(!BootstrapPeers.IsDefault && BootstrapPeers.All(static p => p is not null), nameof(BootstrapPeers), "must not hold null");
        Require(!Tags.IsDefault, nameof(Tags), "must not be default");
        RequirePositive(PurgeAfter, nameof(PurgeAfter));
        RequirePositive(MaxTimeDrift, nameof(MaxTimeDrift));
        RequirePositive(AnnounceInterval, nameof(AnnounceInterval));
        Require(AnnounceJitter is >= 0 and <= 1, nameof(AnnounceJitter), "must be between 0 and 1");
        Require(
            GracefulDepartureWindow >= TimeSpan.Zero && GracefulDepartureWindow <= TimeSpan.FromMinutes(1),
            nameof(GracefulDepartureWindow),
            "must be between 0 s and 60 s");
        Require(Enum.IsDefined(RttProbe), nameof(RttProbe), "is not one of the known values");
        RequirePositive(RttProbeInterval, nameof(RttProbeInterval));
        Require(MaxRtt is null || MaxRtt > TimeSpan.Zero, nameof(MaxRtt), "must be positive or null");
        Require(
            PurgeAfter > AnnounceInterval * (1 + AnnounceJitter),
            nameof(PurgeAfter),
            "must be longer than AnnounceInterval × (1 + AnnounceJitter), or live peers go stale");
        Require(Gossip is not null, nameof(Gossip), "must not be null");
        Gossip!.Validate(); // checked by the line before
    }

    private static void RequirePositive(TimeSpan value, string property) =>
        Require(
            value >= TimeSpan.FromMilliseconds(1) && value <= TimeSpan.FromDays(365),
            property,
            "must be between 1 ms and 365 days");

    private static void Require(bool condition, string property, string problem)
    {
        if (!condition)
            throw new MosaikConfigurationException($"{nameof(DiscoveryOptions)}.{property}", problem);
    }
}
