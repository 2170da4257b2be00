using Mosaik.Primitives;

namespace Mosaik.Groups;

/// <summary>Committed entries were taken back, because the group's leader has others (spec/groups.md §6.9).</summary>
/// <param name="From">The committed cursor before.</param>
/// <param name="To">The committed cursor after.</param>
/// <param name="Leader">The leader whose log is followed.</param>
/// <param name="Lost">The commands that were taken back, in order; the last 10,000 of them at most.</param>
/// <param name="Missed">How many earlier divergences this reader was too slow for.</param>
/// <typeparam name="TCommand">The command.</typeparam>
public sealed record Divergence<TCommand>(
    LogCursor From, LogCursor To, PeerId Leader, IReadOnlyList<TCommand> Lost, long Missed = 0);
