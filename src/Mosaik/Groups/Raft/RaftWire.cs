using Mosaik.Postcard;
using Mosaik.Primitives;

namespace Mosaik.Groups.Raft;

/// <summary>Numbers of the Raft messages (spec/groups.md §4.5, §5), and what a receiver refuses whatever the message.</summary>
internal static class RaftWire
{
    /// <summary>The tag of a Raft message among the messages of a bond.</summary>
    public const byte BondTag = 5;

    /// <summary>The largest payload of a frame on a bond.</summary>
    public const int MaxPayload = 64 * 1024 * 1024;

    /// <summary>Room that is kept free of entries in a frame: header fields and trailing TLVs.</summary>
    public const int Overhead = 256;

    /// <summary>
    /// Terms and indices at or above this are refused: nobody gets there honestly, and below it no sum overflows.
    /// </summary>
    public const ulong NumberLimit = 1UL << 62;

    /// <summary>
    /// Whether the core keeps slices of a message after <see cref="RaftCore.Receive"/> has returned; the memory of others
    /// may be used again.
    /// </summary>
    /// <param name="message">A Raft message, without the bond tag.</param>
    public static bool IsKept(ReadOnlySpan<byte> message) => message.Length > 0 && (RaftMessageKind)message[0] switch
    {
        RaftMessageKind.AppendEntries => HasEntries(message),
        RaftMessageKind.Forward => message.Length > 1 && message[1] != (byte)ForwardMessage.Kind.CommandAck,
        RaftMessageKind.StateSync => true,
        _ => false,
    };

    public static bool IsSane(Term term) => term.Value < NumberLimit;

    public static bool IsSane(LogIndex index) => index.Value < NumberLimit;

    // Index 0 is the sentinel and has term 0; every entry has a term.
    public static bool IsSane(LogCursor cursor) =>
        IsSane(cursor.Term) && IsSane(cursor.Index) && cursor.Term.IsZero == cursor.Index.IsZero;

    public static bool TryReadVote(scoped ref PostcardReader reader, out Vote vote)
    {
        vote = default;
        if (!reader.TryReadUInt32(out uint variant))
            return false;
        vote = (Vote)variant;
        return variant <= (uint)Vote.Abstained || reader.Fail(PostcardError.InvalidVariant);
    }

    // What cannot be read is refused and not kept.
    private static bool HasEntries(ReadOnlySpan<byte> message)
    {
        var reader = new PostcardReader(message);
        return reader.TryReadByte(out _) && Term.TryRead(ref reader, out _) && reader.TryReadRaw(PeerId.Length, out _)
            && LogCursor.TryRead(ref reader, out _) && reader.TryReadUInt64(out ulong count) && count > 0;
    }

    /// <summary>An option of a u64.</summary>
    public static bool TryReadOptional(scoped ref PostcardReader reader, out ulong? value)
    {
        value = null;
        if (!reader.TryReadOption(out bool isSome))
            return false;
        if (!isSome)
            return true;
        bool read = reader.TryReadUInt64(out ulong number);
        value = number;
        return read;
    }
}

/// <summary>The messages (spec/groups.md §5).</summary>
internal enum RaftMessageKind : byte
{
    /// <summary>The leader's entries and heartbeats.</summary>
    AppendEntries = 0,

    /// <summary>How far a follower's log is verified.</summary>
    AppendEntriesResponse = 1,

    /// <summary>A candidate asks.</summary>
    RequestVote = 2,

    /// <summary>The answer.</summary>
    RequestVoteResponse = 3,

    /// <summary>A call on its way to the leader, or its answer.</summary>
    Forward = 4,

    /// <summary>A message of the machine's state sync.</summary>
    StateSync = 5,
}
