using System.Runtime.InteropServices;
using Mosaik.Postcard;
using Mosaik.Primitives;

namespace Mosaik.Groups.Raft;

/// <summary>A candidate asks for a vote.</summary>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct RequestVote(Term Term, PeerId Candidate, LogCursor Last)
{
    public static bool TryRead(ReadOnlySpan<byte> message, bool isExtended, out RequestVote value)
    {
        value = default;
        var reader = new PostcardReader(message);
        if (!reader.TryReadByte(out _)
            || !Term.TryRead(ref reader, out Term term)
            || !reader.TryReadRaw(PeerId.Length, out ReadOnlySpan<byte> candidate)
            || !LogCursor.TryRead(ref reader, out LogCursor last)
            || !MessageTail.TryRead(ref reader, isExtended, out _))
            return false;
        value = new RequestVote(term, PeerId.FromRawUnchecked(candidate), last);
        return !term.IsZero && RaftWire.IsSane(term) && RaftWire.IsSane(last) && last.Term <= term;
    }
}
