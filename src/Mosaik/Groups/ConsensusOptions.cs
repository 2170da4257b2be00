using Mosaik.Networking;

namespace Mosaik.Groups;

/// <summary>
/// The timing of a group (spec/groups.md §3.2). Immutable. Three values are part of the group's id; the others may differ
/// from node to node.
/// </summary>
public sealed record ConsensusOptions
{
    /// <summary>
    /// How often a bond that is otherwise silent is pinged, and how often a leader reminds its followers; default 500 ms,
    /// whole milliseconds.
    /// </summary>
    [AffectsGroupId]
    public TimeSpan HeartbeatInterval { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>Up to how much shorter a ping interval may be; default 150 ms, whole milliseconds, 0 for none.</summary>
    [AffectsGroupId]
    public TimeSpan HeartbeatJitter { get; init; } = TimeSpan.FromMilliseconds(150);

    /// <summary>
    /// After how many silent intervals a bond is lost; default 10. With the other defaults a silent peer counts in quorums
    /// for 3.9 to 5.5 s, longer than an election takes.
    /// </summary>
    [AffectsGroupId]
    public uint MaxMissedHeartbeats { get; init; } = 10;

    /// <summary>How long a follower waits for its leader before it asks for votes; default 2 s.</summary>
    public TimeSpan ElectionTimeout { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Up to how much longer it waits, drawn anew each time; default 500 ms, 0 for none.</summary>
    public TimeSpan ElectionTimeoutJitter { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>
    /// How much later than its election timeout a node asks for votes for the first time after it joined; default 3 s. The
    /// time to be found by members that run already.
    /// </summary>
    public TimeSpan BootstrapDelay { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>How long a follower waits until the leader acknowledges a forwarded command; default 2 s.</summary>
    public TimeSpan ForwardTimeout { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How long a strong query may take; default 2 s.</summary>
    public TimeSpan QueryTimeout { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>
    /// A copy for a node that should rarely lead: it waits longer before it asks for votes. Does not change the group's id.
    /// </summary>
    /// <param name="factor">By what <see cref="ElectionTimeout"/> and <see cref="BootstrapDelay"/> are multiplied; at least 1.</param>
    /// <returns>The copy.</returns>
    public ConsensusOptions Deprioritized(int factor = 3)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(factor, 1);
        return this with { ElectionTimeout = ElectionTimeout * factor, BootstrapDelay = BootstrapDelay * factor };
    }

    /// <summary>Checks every value.</summary>
    /// <exception cref="MosaikConfigurationException">A value cannot work; <c>Property</c> names it.</exception>
    public void Validate()
    {
        RequirePositive(HeartbeatInterval, nameof(HeartbeatInterval));
        RequireNotNegative(HeartbeatJitter, nameof(HeartbeatJitter));
        RequireWholeMilliseconds(HeartbeatInterval, nameof(HeartbeatInterval));
        RequireWholeMilliseconds(HeartbeatJitter, nameof(HeartbeatJitter));
        if (HeartbeatJitter >= HeartbeatInterval)
            throw new MosaikConfigurationException(nameof(HeartbeatJitter), "must be shorter than HeartbeatInterval");
        if (MaxMissedHeartbeats < 1)
            throw new MosaikConfigurationException(nameof(MaxMissedHeartbeats), "must be at least 1");
        if (ElectionTimeout <= HeartbeatInterval)
            throw new MosaikConfigurationException(nameof(ElectionTimeout), "must be longer than HeartbeatInterval");
        RequireNotNegative(ElectionTimeoutJitter, nameof(ElectionTimeoutJitter));
        RequirePositive(BootstrapDelay, nameof(BootstrapDelay));
        RequirePositive(ForwardTimeout, nameof(ForwardTimeout));
        RequirePositive(QueryTimeout, nameof(QueryTimeout));
    }

    private static void RequirePositive(TimeSpan value, string property)
    {
        if (value <= TimeSpan.Zero)
            throw new MosaikConfigurationException(property, "must be longer than zero");
    }

    private static void RequireNotNegative(TimeSpan value, string property)
    {
        if (value < TimeSpan.Zero)
            throw new MosaikConfigurationException(property, "must not be negative");
    }

    private static void RequireWholeMilliseconds(TimeSpan value, string property)
    {
        if (value.Ticks % TimeSpan.TicksPerMillisecond != 0)
            throw new MosaikConfigurationException(property, "must be whole milliseconds, because it is part of the group's id");
    }
}
