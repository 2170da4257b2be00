using Mosaik.Postcard;

namespace Mosaik.Groups.Raft;

/// <summary>A call on its way to the leader, or its answer (spec/groups.md §5). Carries no term.</summary>
internal abstract record ForwardMessage
{
    private ForwardMessage()
    {
    }

    /// <summary>The variants.</summary>
    internal enum Kind : uint
    {
        /// <summary><see cref="ForwardMessage.Command"/>.</summary>
        Command = 0,

        /// <summary><see cref="ForwardMessage.CommandAck"/>.</summary>
        CommandAck = 1,

        /// <summary><see cref="ForwardMessage.Query"/>.</summary>
        Query = 2,

        /// <summary><see cref="ForwardMessage.QueryResponse"/>.</summary>
        QueryResponse = 3,
    }

    /// <summary>Reads one; bytes are slices of the message.</summary>
    public static ForwardMessage? Read(ReadOnlyMemory<byte> message, bool isExtended)
    {
        var reader = new PostcardReader(message.Span);
        if (!reader.TryReadByte(out _) || !reader.TryReadUInt32(out uint variant))
            return null;
        ForwardMessage? value = (Kind)variant switch
        {
            Kind.Command => ReadCommand(ref reader, message),
            Kind.CommandAck => ReadAck(ref reader),
            Kind.Query => ReadQuery(ref reader, message),
            Kind.QueryResponse => ReadResponse(ref reader, message),
            _ => null,
        };
        return value is not null && MessageTail.TryRead(ref reader, isExtended, out _) ? value : null;
    }

    private static Command? ReadCommand(scoped ref PostcardReader reader, ReadOnlyMemory<byte> message)
    {
        if (!reader.TryReadCount(1, out int count) || count == 0)
            return null;
        var commands = new List<ReadOnlyMemory<byte>>(PostcardReader.InitialCapacity(count, 16));
        for (int i = 0; i < count; i++)
        {
            if (!reader.TryReadBytes(out ReadOnlySpan<byte> command))
                return null;
            commands.Add(message.Slice(reader.Position - command.Length, command.Length));
        }

        return RaftWire.TryReadOptional(ref reader, out ulong? id) ? new Command(commands, id) : null;
    }

    private static CommandAck? ReadAck(scoped ref PostcardReader reader) =>
        reader.TryReadUInt64(out ulong id) && LogRange.TryRead(ref reader, out LogRange range)
        && RaftWire.IsSane(range.End) && !range.Start.IsZero && !range.IsEmpty
            ? new CommandAck(id, range)
            : null;

    private static Query? ReadQuery(scoped ref PostcardReader reader, ReadOnlyMemory<byte> message)
    {
        if (!reader.TryReadBytes(out ReadOnlySpan<byte> query))
            return null;
        ReadOnlyMemory<byte> bytes = message.Slice(reader.Position - query.Length, query.Length);
        return reader.TryReadUInt64(out ulong id) ? new Query(bytes, id) : null;
    }

    private static QueryResponse? ReadResponse(scoped ref PostcardReader reader, ReadOnlyMemory<byte> message)
    {
        if (!reader.TryReadUInt64(out ulong id) || !reader.TryReadBytes(out ReadOnlySpan<byte> result))
            return null;
        ReadOnlyMemory<byte> bytes = message.Slice(reader.Position - result.Length, result.Length);
        return LogIndex.TryRead(ref reader, out LogIndex position) && RaftWire.IsSane(position)
            ? new QueryResponse(id, bytes, position)
            : null;
    }

    /// <summary>Commands to append, without kind bytes; an id when an acknowledgement is wanted.</summary>
    internal sealed record Command(List<ReadOnlyMemory<byte>> Commands, ulong? RequestId) : ForwardMessage;

    /// <summary>Where they were appended.</summary>
    internal sealed record CommandAck(ulong RequestId, LogRange Assigned) : ForwardMessage;

    /// <summary>A strong query.</summary>
    internal sealed record Query(ReadOnlyMemory<byte> Bytes, ulong RequestId) : ForwardMessage;

    /// <summary>Its result.</summary>
    internal sealed record QueryResponse(ulong RequestId, ReadOnlyMemory<byte> Result, LogIndex Position) : ForwardMessage;
}
