namespace Mosaik.Groups;

/// <summary>What a process is in a group that counts its voters (<see cref="Safety.Majority"/>).</summary>
public enum GroupRole
{
    /// <summary>Replicates and serves, but never votes and is never counted.</summary>
    Learner = 0,

    /// <summary>Votes, may lead, and is counted once it is a member of the roster.</summary>
    Voter = 1,
}
