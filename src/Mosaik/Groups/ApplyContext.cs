using System.Runtime.InteropServices;
using Mosaik.Primitives;

namespace Mosaik.Groups;

/// <summary>Where in the log applied commands are (spec/groups.md §10).</summary>
/// <param name="GroupId">The group.</param>
/// <param name="NetworkId">The network.</param>
/// <param name="Committed">
/// The cursor before the commands: the k-th of a batch, counted from 0, has the index <c>Committed.Index + 1 + k</c>.
/// </param>
/// <param name="Term">The term of the commands.</param>
/// <param name="LogPosition">The last entry of this node's log. Differs from node to node: it must not influence state.</param>
[StructLayout(LayoutKind.Auto)]
public readonly record struct ApplyContext(
    GroupId GroupId, NetworkId NetworkId, LogCursor Committed, Term Term, LogCursor LogPosition)
{
    /// <summary>The context of a later command of the same batch.</summary>
    internal ApplyContext After(int commands) =>
        commands == 0 ? this : this with { Committed = new LogCursor(Term, new LogIndex(Committed.Index.Value + (ulong)commands)) };
}
