using Mosaik.Primitives;

namespace Mosaik.Groups;

/// <summary>
/// Conditions of a group to await: <c>await group.When.Online()</c> (spec/groups.md §8). All fail with
/// <see cref="GroupTerminatedException"/> when the group ends, except <see cref="Offline"/>, which is met then.
/// </summary>
public sealed class GroupWhen
{
    private readonly ObservedValue<GroupStatus> _status;

    internal GroupWhen(ObservedValue<GroupStatus> status) => _status = status;

    /// <summary>A leader is known; yields it.</summary>
    /// <returns>The condition.</returns>
    public GroupCondition<PeerId> LeaderElected() =>
        GroupCondition<PeerId>.On(_status, static s => s.Leader is not null, static s => s.Leader!.Value); // not null by the predicate

    /// <summary>From now on a leader becomes known that differs from the one known now; yields it. Never met at once.</summary>
    /// <returns>The condition.</returns>
    public GroupCondition<PeerId> LeaderChanged()
    {
        var start = _status.Current;
        return GroupCondition<PeerId>.On(
            _status,
            s => start.Leader is null ? s.Elections > start.Elections : s.LeaderChanges > start.LeaderChanges,
            static s => s.LastLeader!.Value); // a leader was known
    }

    /// <summary>A node leads.</summary>
    /// <param name="peer">The node.</param>
    /// <returns>The condition.</returns>
    public GroupCondition LeaderIs(PeerId peer) => On(s => s.Leader == peer);

    /// <summary>This node leads.</summary>
    /// <returns>The condition.</returns>
    public GroupCondition IsLeader() => On(static s => s.IsLeader);

    /// <summary>This node does not lead; also while nobody does.</summary>
    /// <returns>The condition.</returns>
    public GroupCondition IsFollower() => On(static s => !s.IsLeader && s.State != GroupState.Terminated);

    /// <summary>This node leads, or follows a leader with a verified log.</summary>
    /// <returns>The condition.</returns>
    public GroupCondition Online() => On(static s => s.IsOnline);

    /// <summary>It does not.</summary>
    /// <returns>The condition.</returns>
    public GroupCondition Offline() => On(static s => !s.IsOnline);

    /// <summary>This node's own tickets satisfy the group; always, if the group asks for none.</summary>
    /// <returns>The condition.</returns>
    public GroupCondition Authorized() => On(static s => s.IsAuthorized && s.State != GroupState.Terminated);

    /// <summary>
    /// <see cref="Safety.Majority"/>: online, and all voters of the last committed roster are there: the next process of a
    /// rolling restart may be stopped. In other profiles: online.
    /// </summary>
    /// <returns>The condition.</returns>
    public GroupCondition RosterComplete() => On(static s => s.IsRosterComplete);

    /// <summary>A watcher of the committed index, from now on.</summary>
    /// <returns>The watcher.</returns>
    public PositionWatcher Committed() => new(
        _status, static s => s.Committed.Index, static s => s.CommittedMoves, static s => s.CommittedReverts);

    /// <summary>A watcher of the end of this node's log, from now on.</summary>
    /// <returns>The watcher.</returns>
    public PositionWatcher Log() => new(_status, static s => s.Log.Index, static s => s.LogMoves, static s => s.LogReverts);

    private GroupCondition On(Func<GroupStatus, bool> predicate) => GroupCondition.On(_status, predicate);
}
