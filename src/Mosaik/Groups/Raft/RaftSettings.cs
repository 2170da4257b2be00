using Mosaik.Primitives;

namespace Mosaik.Groups.Raft;

/// <summary>Everything a core is told once. Validated by whoever makes it.</summary>
internal sealed record RaftSettings
{
    /// <summary>The local node.</summary>
    public required PeerId Self { get; init; }

    /// <summary>Drawn for this join.</summary>
    public required Incarnation Incarnation { get; init; }

    /// <summary>The n of <c>Majority(n)</c>; 0 = <c>Available</c>.</summary>
    public int Voters { get; init; }

    /// <summary>Majority: whether this process has the role Voter; false = Learner. Without meaning in Available.</summary>
    public bool IsVoter { get; init; } = true;

    /// <summary>Period of the leader's empty AppendEntries.</summary>
    public TimeSpan HeartbeatInterval { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>Least time without a leader before a candidacy.</summary>
    public TimeSpan ElectionTimeout { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Most that is added to it at random.</summary>
    public TimeSpan ElectionTimeoutJitter { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>What the first candidacy waits for in addition.</summary>
    public TimeSpan BootstrapDelay { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>How long a forwarded command waits for its acknowledgement.</summary>
    public TimeSpan ForwardTimeout { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How long a strong query waits for its answer.</summary>
    public TimeSpan QueryTimeout { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Majority: how long a voter may be without a bond to the leader before it is lost; infinite = for ever.</summary>
    public TimeSpan VoterReplacementDelay { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Whether verification compares bytes, not only terms.</summary>
    public bool VerifyEntryBytes { get; init; } = true;

    /// <summary>Upper size of the commands of one AppendEntries, in bytes; one call is never split.</summary>
    public int MaxBatchBytes { get; init; } = 256 * 1024;

    /// <summary>Upper number of commands of one AppendEntries; one call is never split.</summary>
    public int MaxBatchCommands { get; init; } = 4096;

    /// <summary>Upper size of the entries kept while catching up, in bytes.</summary>
    public long MaxBufferedBytes { get; init; } = 64L * 1024 * 1024;

    /// <summary>Log replay: entries per request.</summary>
    public int ReplayBatchSize { get; init; } = 2000;

    /// <summary>Log replay: how long a request waits for its answer.</summary>
    public TimeSpan ReplayFetchTimeout { get; init; } = TimeSpan.FromSeconds(25);

    /// <summary>Whether this is a profile that changes the group's id: entries carry a kind, voters are counted by roster.</summary>
    public bool IsMajority => Voters > 0;

    /// <summary>The local process as a member.</summary>
    public GroupMember Member => new(Self, Incarnation);
}
