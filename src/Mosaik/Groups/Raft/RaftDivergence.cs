using Mosaik.Primitives;

namespace Mosaik.Groups.Raft;

/// <summary>Committed entries were taken back: the committed index moved backwards (spec/groups.md §6.9).</summary>
/// <param name="From">The committed cursor before.</param>
/// <param name="To">The committed cursor after.</param>
/// <param name="Leader">Whose log was followed.</param>
/// <param name="Lost">The commands taken back, in order; the last 10,000 of them at most. Without kind bytes.</param>
/// <param name="IsRebuilt">Whether the machine was rebuilt; if not, the state is <see cref="RaftState.Diverged"/>.</param>
internal sealed record RaftDivergence(
    LogCursor From, LogCursor To, PeerId Leader, IReadOnlyList<LogEntry> Lost, bool IsRebuilt);
