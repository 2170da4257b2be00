using Mosaik.Discovery;
using Mosaik.Networking;

namespace Mosaik.Groups;

/// <summary>Settings of one group on one node (spec/groups.md §3.2). Immutable; bind it from configuration or use <c>with</c>.</summary>
/// <remarks>
/// <see cref="Consensus"/> (three of its values), <see cref="Safety"/> and <see cref="Tickets"/> are part of the group's
/// id, together with key and machine: members must agree on them. Everything else may differ per node.
/// </remarks>
public sealed record GroupOptions
{
    /// <summary>Timing.</summary>
    public ConsensusOptions Consensus { get; init; } = new();

    /// <summary>What is given up when members are unreachable; default <see cref="Safety.Available"/>.</summary>
    [AffectsGroupId]
    public Safety Safety { get; init; } = Safety.Available;

    /// <summary>
    /// Whether this process votes. Required with <see cref="Safety.Majority"/>, must not be set with the other profiles.
    /// </summary>
    public GroupRole? Role { get; init; }

    /// <summary>
    /// <see cref="Safety.Majority"/>: a voter that the leader has not been bonded with for so long is replaced, if another
    /// voter process is there; default 30 s, at least the election timeout. Infinite = only those that have left or were
    /// restarted are replaced.
    /// </summary>
    public TimeSpan VoterReplacementDelay { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Validators that every member must satisfy, this node included; their order matters. Default none.</summary>
    [AffectsGroupId]
    public IReadOnlyList<ITicketValidator> Tickets { get; init; } = [];

    /// <summary>Where the log is kept; null = in memory. Belongs to the group from now on, and is emptied at joining.</summary>
    public ILogStore? LogStore { get; init; }

    /// <summary>
    /// Whether entries are compared by their bytes, not only by their terms, when a log is verified; default true. False
    /// for commands whose encoding is not canonical (unordered maps encoded by Rust members).
    /// </summary>
    public bool VerifyEntryBytes { get; init; } = true;

    /// <summary>Largest encoded command in bytes; default 16 MiB. A larger one is refused at the call.</summary>
    public int MaxCommandBytes { get; init; } = 16 * 1024 * 1024;

    /// <summary>How many bytes of commands one replication message takes; default 256 KiB. A caller's batch is never split.</summary>
    public int MaxBatchBytes { get; init; } = 256 * 1024;

    /// <summary>How many commands one replication message takes; default 4096. A caller's batch is never split.</summary>
    public int MaxBatchCommands { get; init; } = 4096;

    /// <summary>Bytes of entries that are buffered while catching up; default 64 MiB.</summary>
    public long MaxBufferedBytes { get; init; } = 64L * 1024 * 1024;

    /// <summary>
    /// How many commands of this node may be under way, which they are until they are committed, fed ones too; default 65,536.
    /// Above that, and above 8 MiB of them, further calls wait in order. A call that is larger than either goes alone.
    /// </summary>
    public int CommandQueueCapacity { get; init; } = 65_536;

    /// <summary>
    /// The options of one of <paramref name="count"/> equal replicas: <see cref="Safety.Majority"/> with
    /// <see cref="GroupRole.Voter"/>.
    /// </summary>
    /// <param name="count">How many processes run; at least 1.</param>
    /// <returns>The options.</returns>
    public static GroupOptions Replicas(int count) => new() { Safety = Safety.Majority(count), Role = GroupRole.Voter };

    /// <summary>Checks every value.</summary>
    /// <exception cref="MosaikConfigurationException">A value cannot work; <c>Property</c> names it.</exception>
    public void Validate()
    {
        RequireNotNull(Consensus, nameof(Consensus));
        RequireNotNull(Safety, nameof(Safety));
        RequireNotNull(Tickets, nameof(Tickets));
        Consensus.Validate();
        Safety.Validate();
        if (Tickets.Contains(null!)) // what is looked for is a mistake of the caller
            throw new MosaikConfigurationException(nameof(Tickets), "contains null");
        ValidateRole();
        RequireAtLeast(MaxCommandBytes, 1, nameof(MaxCommandBytes));
        RequireAtLeast(MaxBatchBytes, 1, nameof(MaxBatchBytes));
        RequireAtLeast(MaxBatchCommands, 1, nameof(MaxBatchCommands));
        RequireAtLeast(MaxBufferedBytes, 1, nameof(MaxBufferedBytes));
        RequireAtLeast(CommandQueueCapacity, 1, nameof(CommandQueueCapacity));
    }

    private void ValidateRole()
    {
        if (Safety is Safety.MajorityProfile)
        {
            if (Role is not (GroupRole.Voter or GroupRole.Learner))
                throw new MosaikConfigurationException(nameof(Role), "must be Voter or Learner with Safety.Majority");
        }
        else if (Role is not null)
        {
            throw new MosaikConfigurationException(nameof(Role), "must not be set with this Safety");
        }

        if (VoterReplacementDelay != Timeout.InfiniteTimeSpan && VoterReplacementDelay < Consensus.ElectionTimeout)
            throw new MosaikConfigurationException(nameof(VoterReplacementDelay), "must be at least Consensus.ElectionTimeout");
    }

    private static void RequireNotNull(object? value, string property)
    {
        if (value is null)
            throw new MosaikConfigurationException(property, "is null");
    }

    private static void RequireAtLeast(long value, long least, string property)
    {
        if (value < least)
            throw new MosaikConfigurationException(property, $"must be at least {least}");
    }
}
