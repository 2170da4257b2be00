using System.Runtime.InteropServices;
using Mosaik.Postcard;
using Mosaik.Primitives;

namespace Mosaik.Groups.Raft;

/// <summary>The leader's entries, or none: a heartbeat.</summary>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct AppendEntries(
    Term Term, PeerId Leader, LogCursor Previous, EntryBlock Entries, LogIndex LeaderCommit, MessageTail Tail)
{
    /// <summary>The index of the last entry.</summary>
    public LogIndex EndIndex => new(Previous.Index.Value + (ulong)Entries.Count);

    public static bool TryRead(ReadOnlyMemory<byte> message, bool isExtended, out AppendEntries value)
    {
        value = default;
        var reader = new PostcardReader(message.Span);
        if (!reader.TryReadByte(out _)
            || !Term.TryRead(ref reader, out Term term)
            || !reader.TryReadRaw(PeerId.Length, out ReadOnlySpan<byte> leader)
            || !LogCursor.TryRead(ref reader, out LogCursor previous)
            || !EntryBlock.TryRead(ref reader, message, termFirst: true, out EntryBlock entries)
            || !LogIndex.TryRead(ref reader, out LogIndex commit)
            || !MessageTail.TryRead(ref reader, isExtended, out MessageTail tail))
            return false;
        value = new AppendEntries(term, PeerId.FromRawUnchecked(leader), previous, entries, commit, tail);
        return !term.IsZero && RaftWire.IsSane(term) && RaftWire.IsSane(previous) && RaftWire.IsSane(commit)
            && previous.Term <= term && entries.GreatestTerm <= term;
    }
}
