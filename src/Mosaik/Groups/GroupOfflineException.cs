using Mosaik.Primitives;

namespace Mosaik.Groups;

/// <summary>
/// Commands were not executed, as far as this node knows. <see cref="GroupOfflineException{TCommand}"/> carries them.
/// </summary>
public abstract class GroupOfflineException : MosaikException
{
    private protected GroupOfflineException(OfflineOutcome outcome, OfflineReason reason, LogRange? assigned)
        : base($"The group could not execute the command: {reason} ({outcome}).")
    {
        Outcome = outcome;
        Reason = reason;
        Assigned = assigned;
    }

    /// <inheritdoc/>
    public override bool IsTransient => true;

    /// <summary>What became of the commands.</summary>
    public OfflineOutcome Outcome { get; }

    /// <summary>Why.</summary>
    public OfflineReason Reason { get; }

    /// <summary>The indices they had been given; null if none, or if they are not known.</summary>
    public LogRange? Assigned { get; }
}
