namespace Mosaik.Groups;

/// <summary>Commands were not executed, as far as this node knows (spec/groups.md §13).</summary>
/// <typeparam name="TCommand">The command.</typeparam>
public sealed class GroupOfflineException<TCommand> : GroupOfflineException
{
    internal GroupOfflineException(
        IReadOnlyList<TCommand> commands, OfflineOutcome outcome, OfflineReason reason, LogRange? assigned)
        : base(outcome, reason, assigned) => Commands = commands;

    /// <summary>The commands of the call.</summary>
    public IReadOnlyList<TCommand> Commands { get; }
}
