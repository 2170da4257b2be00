using System.Runtime.InteropServices;

namespace Mosaik.Groups.Raft;

/// <summary>The end of a query; every token is completed exactly once while the group runs.</summary>
/// <param name="Token">The token given with the query.</param>
/// <param name="Outcome">How it ended.</param>
/// <param name="Result">The encoded result.</param>
/// <param name="Position">The committed index of the node that answered, when it answered.</param>
/// <param name="Error">What the machine threw.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct QueryCompletion(
    ulong Token, QueryOutcome Outcome, ReadOnlyMemory<byte> Result, LogIndex Position, Exception? Error);

/// <summary>How a query ended (spec/groups.md §7.5).</summary>
internal enum QueryOutcome
{
    /// <summary>With a result.</summary>
    Answered,

    /// <summary>Nobody could answer it in time.</summary>
    Offline,

    /// <summary>The local state is not to be trusted any more.</summary>
    Diverged,

    /// <summary>The machine threw.</summary>
    Failed,
}
