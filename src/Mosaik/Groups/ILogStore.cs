namespace Mosaik.Groups;

/// <summary>
/// Where a group keeps its log. One owner, the group's loop; no member is called concurrently, and none may block.
/// </summary>
/// <remarks>
/// spec/groups.md §9. Indices start at 1; index 0 stands for "no entry" and has term 0. After pruning, the index and the
/// term of the last pruned entry (the boundary) are remembered. An exception ends the group.
/// </remarks>
public interface ILogStore
{
    /// <summary>
    /// The indices that can be asked about: from the boundary (0 when nothing is pruned) to the last entry.
    /// </summary>
    LogRange Available { get; }

    /// <summary>The last entry; the boundary when only that is left; (0,0) when there was never an entry.</summary>
    LogCursor Last { get; }

    /// <summary>Adds an entry behind the last one.</summary>
    /// <param name="term">Its term.</param>
    /// <param name="entry">Its bytes, which nobody changes afterwards: a store may keep them without copying.</param>
    /// <returns>Its index.</returns>
    LogIndex Append(Term term, ReadOnlyMemory<byte> entry);

    /// <summary>Looks an entry up.</summary>
    /// <param name="index">Its index.</param>
    /// <param name="entry">The entry.</param>
    /// <returns>False for index 0, for what is pruned and for what does not exist.</returns>
    bool TryGet(LogIndex index, out LogEntry entry);

    /// <summary>The entries of a range, clipped to what exists.</summary>
    /// <param name="range">The range.</param>
    /// <returns>The entries in order; none when nothing of the range exists.</returns>
    IReadOnlyList<LogEntry> GetRange(LogRange range);

    /// <summary>The term of an entry, without touching its bytes.</summary>
    /// <param name="index">Its index.</param>
    /// <returns>0 for index 0, the remembered term for the boundary, null for what is pruned before it or does not exist.</returns>
    Term? TermAt(LogIndex index);

    /// <summary>
    /// Removes the entries from an index on. At or below the boundary everything is removed and the boundary stays.
    /// </summary>
    /// <param name="at">The first index that goes.</param>
    void Truncate(LogIndex at);

    /// <summary>
    /// Forgets the entries up to an index; the others keep their indices. Beyond the end: all of them. At or below the
    /// boundary: nothing.
    /// </summary>
    /// <param name="upTo">The last index that goes.</param>
    void PrunePrefix(LogIndex upTo);

    /// <summary>Empties the log; the next entry follows the cursor, which becomes the boundary.</summary>
    /// <param name="cursor">The new boundary.</param>
    void ResetTo(LogCursor cursor);
}
