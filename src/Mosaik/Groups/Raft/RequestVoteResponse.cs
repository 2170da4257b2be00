using System.Runtime.InteropServices;
using Mosaik.Postcard;

namespace Mosaik.Groups.Raft;

/// <summary>The answer to a candidate.</summary>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct RequestVoteResponse(Term Term, Vote Vote)
{
    public static bool TryRead(ReadOnlySpan<byte> message, bool isExtended, out RequestVoteResponse value)
    {
        value = default;
        var reader = new PostcardReader(message);
        if (!reader.TryReadByte(out _)
            || !Term.TryRead(ref reader, out Term term)
            || !RaftWire.TryReadVote(ref reader, out Vote vote)
            || !MessageTail.TryRead(ref reader, isExtended, out _))
            return false;
        value = new RequestVoteResponse(term, vote);
        return RaftWire.IsSane(term);
    }
}
