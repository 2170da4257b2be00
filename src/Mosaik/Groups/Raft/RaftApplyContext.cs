using System.Runtime.InteropServices;

namespace Mosaik.Groups.Raft;

/// <summary>Where in the log a batch of commands is (spec/groups.md §10).</summary>
/// <param name="Committed">The cursor before the batch.</param>
/// <param name="LogPosition">The last entry of this node's log; differs between nodes.</param>
/// <param name="Term">The term of the commands.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct RaftApplyContext(LogCursor Committed, LogCursor LogPosition, Term Term);
