namespace Mosaik.Groups;

/// <summary>Watches a position in the log that moves forward, and sometimes back (spec/groups.md §8). Thread-safe.</summary>
public sealed class PositionWatcher
{
    private readonly ObservedValue<GroupStatus> _status;
    private readonly Func<GroupStatus, LogIndex> _position;
    private readonly Func<GroupStatus, long> _moves;
    private readonly Func<GroupStatus, long> _reverts;
    private readonly long _movesAtStart;

    internal PositionWatcher(
        ObservedValue<GroupStatus> status,
        Func<GroupStatus, LogIndex> position,
        Func<GroupStatus, long> moves,
        Func<GroupStatus, long> reverts)
    {
        _status = status;
        _position = position;
        _moves = moves;
        _reverts = reverts;
        _movesAtStart = moves(status.Current);
    }

    /// <summary>The position now.</summary>
    public LogIndex Current => _position(_status.Current);

    /// <summary>It has moved since this watcher was made; at once if it has already.</summary>
    /// <returns>A condition that yields the position.</returns>
    public GroupCondition<LogIndex> Changed() =>
        GroupCondition<LogIndex>.On(_status, s => _moves(s) != _movesAtStart, _position);

    /// <summary>It is beyond where it is at this call.</summary>
    /// <returns>A condition that yields the position.</returns>
    public GroupCondition<LogIndex> Advanced()
    {
        var start = Current;
        return GroupCondition<LogIndex>.On(_status, s => _position(s) > start, _position);
    }

    /// <summary>It moves backwards after this call.</summary>
    /// <returns>A condition that yields the position.</returns>
    public GroupCondition<LogIndex> Reverted()
    {
        var start = _reverts(_status.Current);
        return GroupCondition<LogIndex>.On(_status, s => _reverts(s) != start, _position);
    }

    /// <summary>It is at an index or beyond; at once if it is already.</summary>
    /// <param name="index">The index.</param>
    /// <returns>A condition that yields the position.</returns>
    public GroupCondition<LogIndex> Reaches(LogIndex index) =>
        GroupCondition<LogIndex>.On(_status, s => _position(s) >= index, _position);

    /// <summary>It is at the end of a range or beyond.</summary>
    /// <param name="range">The range.</param>
    /// <returns>A condition that yields the position.</returns>
    public GroupCondition<LogIndex> Reaches(LogRange range) => Reaches(range.End);
}
