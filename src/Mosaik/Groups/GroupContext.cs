using Microsoft.Extensions.Logging;
using Mosaik.Discovery;
using Mosaik.Networking;
using Mosaik.Primitives;
using Mosaik.Quic;

namespace Mosaik.Groups;

/// <summary>What all parts of one group on one node share.</summary>
internal sealed partial class GroupContext(GroupsContext node, GroupKey key, GroupId id, GroupOptions options, GroupMetrics metrics)
{
    public GroupsContext Node { get; } = node;

    public GroupKey Key { get; } = key;

    public GroupId GroupId { get; } = id;

    public GroupOptions Options { get; } = options;

    public GroupMetrics Metrics { get; } = metrics;

    /// <summary>Drawn once per join.</summary>
    public Incarnation Incarnation { get; } = Incarnation.Random(node.Random);

    /// <summary>Whether the machine refuses peers without extensions.</summary>
    public bool RequiresExtendedPeers { get; init; }

    /// <summary>Whether voters are counted, so that peers must say what they are.</summary>
    public bool CountsVoters => Options.Safety.Digest is not null;

    public NetworkId NetworkId => Node.NetworkId;

    public PeerId LocalId => Node.LocalId;

    public NetworkDiscovery Discovery => Node.Discovery;

    public TimeProvider TimeProvider => Node.TimeProvider;

    public TaskScheduler Scheduler => Node.Scheduler;

    public RandomSource Random => Node.Random;

    public ILogger Logger => Node.Logger;

    public LogLimiter LogLimiter => Node.LogLimiter;

    public TimeSpan Now => Node.Now;
}
