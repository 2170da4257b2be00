using System.Diagnostics;
using Mosaik.Postcard;
using Mosaik.Primitives;

namespace Mosaik.Groups.Raft;

/// <summary>Serializes Raft messages: once, into a frame that all bonds share.</summary>
internal static class RaftFrames
{
    private const int MaxVarint = 10;
    private const int MaxSmall = 128 + MessageTail.MaxLength;

    /// <summary>
    /// AppendEntries with the entries behind <paramref name="previous"/>, whose lengths add up to
    /// <paramref name="entryBytes"/>; without entries a heartbeat.
    /// </summary>
    public static SharedFrame AppendEntries(
        Term term, PeerId leader, LogCursor previous, ReadOnlySpan<LogEntry> entries, long entryBytes, LogIndex commit,
        MessageTail tail)
    {
        var frame = SharedFrame.Rent(checked((int)(MaxSmall + entryBytes + (entries.Length * 2L * MaxVarint))));
        var writer = Begin(frame, RaftMessageKind.AppendEntries);
        term.Write(ref writer);
        writer.WriteRaw(leader.AsSpan());
        previous.Write(ref writer);
        writer.WriteCount(entries.Length);
        foreach (ref readonly LogEntry entry in entries)
        {
            entry.Term.Write(ref writer);
            writer.WriteBytes(entry.Bytes.Span);
        }

        commit.Write(ref writer);
        tail.Write(ref writer);
        return Seal(frame, ref writer);
    }

    public static SharedFrame AppendEntriesResponse(Term term, LogIndex last, Vote vote, MessageTail tail)
    {
        var frame = SharedFrame.Rent(MaxSmall);
        var writer = Begin(frame, RaftMessageKind.AppendEntriesResponse);
        term.Write(ref writer);
        last.Write(ref writer);
        writer.WriteByte((byte)vote);
        tail.Write(ref writer);
        return Seal(frame, ref writer);
    }

    public static SharedFrame RequestVote(Term term, PeerId candidate, LogCursor last)
    {
        var frame = SharedFrame.Rent(MaxSmall);
        var writer = Begin(frame, RaftMessageKind.RequestVote);
        term.Write(ref writer);
        writer.WriteRaw(candidate.AsSpan());
        last.Write(ref writer);
        return Seal(frame, ref writer);
    }

    public static SharedFrame RequestVoteResponse(Term term, Vote vote)
    {
        var frame = SharedFrame.Rent(MaxSmall);
        var writer = Begin(frame, RaftMessageKind.RequestVoteResponse);
        term.Write(ref writer);
        writer.WriteByte((byte)vote);
        return Seal(frame, ref writer);
    }

    public static SharedFrame ForwardCommand(ReadOnlySpan<ReadOnlyMemory<byte>> commands, ulong? requestId)
    {
        long size = MaxSmall;
        foreach (ReadOnlyMemory<byte> command in commands)
            size += command.Length + MaxVarint;
        var frame = SharedFrame.Rent(checked((int)size));
        var writer = Begin(frame, RaftMessageKind.Forward);
        writer.WriteVariant((uint)ForwardMessage.Kind.Command);
        writer.WriteCount(commands.Length);
        foreach (ReadOnlyMemory<byte> command in commands)
            writer.WriteBytes(command.Span);
        writer.WriteOption(requestId is not null);
        if (requestId is { } id)
            writer.WriteUInt64(id);
        return Seal(frame, ref writer);
    }

    public static SharedFrame ForwardCommandAck(ulong requestId, LogRange assigned)
    {
        var frame = SharedFrame.Rent(MaxSmall);
        var writer = Begin(frame, RaftMessageKind.Forward);
        writer.WriteVariant((uint)ForwardMessage.Kind.CommandAck);
        writer.WriteUInt64(requestId);
        assigned.Write(ref writer);
        return Seal(frame, ref writer);
    }

    public static SharedFrame ForwardQuery(ReadOnlySpan<byte> query, ulong requestId)
    {
        var frame = SharedFrame.Rent(checked(MaxSmall + query.Length));
        var writer = Begin(frame, RaftMessageKind.Forward);
        writer.WriteVariant((uint)ForwardMessage.Kind.Query);
        writer.WriteBytes(query);
        writer.WriteUInt64(requestId);
        return Seal(frame, ref writer);
    }

    public static SharedFrame ForwardQueryResponse(ulong requestId, ReadOnlySpan<byte> result, LogIndex position)
    {
        var frame = SharedFrame.Rent(checked(MaxSmall + result.Length));
        var writer = Begin(frame, RaftMessageKind.Forward);
        writer.WriteVariant((uint)ForwardMessage.Kind.QueryResponse);
        writer.WriteUInt64(requestId);
        writer.WriteBytes(result);
        position.Write(ref writer);
        return Seal(frame, ref writer);
    }

    /// <summary>Starts a message in a frame that has room for all of it.</summary>
    public static PostcardWriter Begin(SharedFrame frame, RaftMessageKind kind)
    {
        var writer = new PostcardWriter(frame.Room);
        writer.WriteByte(RaftWire.BondTag);
        writer.WriteByte((byte)kind);
        return writer;
    }

    /// <summary>Ends the message.</summary>
    public static SharedFrame Seal(SharedFrame frame, ref PostcardWriter writer)
    {
        // A writer that outgrew the frame would have moved away from it: the size computed above was wrong.
        if (!writer.Written.Overlaps(frame.Room, out int offset) || offset != 0)
            throw new UnreachableException("A message is larger than the room that was computed for it.");
        frame.Seal(writer.Position);
        return frame;
    }
}
