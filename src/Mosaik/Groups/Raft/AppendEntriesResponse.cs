using System.Runtime.InteropServices;
using Mosaik.Postcard;

namespace Mosaik.Groups.Raft;

/// <summary>How far the sender's log is verified against the leader's.</summary>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct AppendEntriesResponse(Term Term, LogIndex LastIndex, Vote Vote, MessageTail Tail)
{
    public static bool TryRead(ReadOnlySpan<byte> message, bool isExtended, out AppendEntriesResponse value)
    {
        value = default;
        var reader = new PostcardReader(message);
        if (!reader.TryReadByte(out _)
            || !Term.TryRead(ref reader, out Term term)
            || !LogIndex.TryRead(ref reader, out LogIndex last)
            || !RaftWire.TryReadVote(ref reader, out Vote vote)
            || !MessageTail.TryRead(ref reader, isExtended, out MessageTail tail))
            return false;
        value = new AppendEntriesResponse(term, last, vote, tail);
        return RaftWire.IsSane(term) && RaftWire.IsSane(last);
    }
}
