using Mosaik.Primitives;

namespace Mosaik.Groups;

/// <summary>
/// Commands that were fed and are in the leader's log, but not known here to be committed. Their callers have gone on, and
/// yet they are under way: without a bound on them one who feeds faster than a quorum stores would push every follower
/// into catching up, and nothing would be committed any more.
/// </summary>
/// <remarks>
/// What was appended under one leader and term is committed in order or replaced by a later one, which is why a change of
/// either forgets all of it. Owned by the group's loop.
/// </remarks>
internal sealed class FedCommands
{
    private readonly Queue<(LogIndex End, int Commands, long Bytes)> _appended = new();
    private (PeerId? Leader, Term Term) _reign;

    /// <summary>A call's commands have been appended.</summary>
    public void Appended(LogIndex end, int commands, long bytes) => _appended.Enqueue((end, commands, bytes));

    /// <summary>Takes out what is no longer under way.</summary>
    /// <param name="committed">What is known to be committed here.</param>
    /// <param name="leader">The leader in sight.</param>
    /// <param name="term">Its term.</param>
    /// <returns>How many commands, and their bytes.</returns>
    public (long Commands, long Bytes) TakeSettled(LogIndex committed, PeerId? leader, Term term)
    {
        var isOver = _reign != (leader, term);
        _reign = (leader, term);
        var (commands, bytes) = (0L, 0L);
        while (_appended.TryPeek(out var next) && (isOver || next.End <= committed))
        {
            _appended.Dequeue();
            commands += next.Commands;
            bytes += next.Bytes;
        }

        return (commands, bytes);
    }
}
