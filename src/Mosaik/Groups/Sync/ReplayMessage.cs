using Mosaik.Groups.Raft;
using Mosaik.Postcard;
using Mosaik.Primitives;

namespace Mosaik.Groups.Sync;

/// <summary>The messages of log replay (spec/groups.md §5), carried as the Raft message StateSync.</summary>
internal abstract record ReplayMessage
{
    private const int MaxSmall = 64 + MessageTail.MaxLength;
    private const int MaxEntryOverhead = 20;

    private ReplayMessage()
    {
    }

    private enum Kind : uint
    {
        AvailabilityRequest = 0,
        AvailabilityResponse = 1,
        FetchRequest = 2,
        FetchResponse = 3,
    }

    /// <summary>Reads a StateSync message, without the bond tag; entries are slices of it.</summary>
    public static ReplayMessage? Read(ReadOnlyMemory<byte> message, bool isExtended)
    {
        var reader = new PostcardReader(message.Span);
        if (!reader.TryReadByte(out _) || !reader.TryReadUInt32(out uint variant))
            return null;
        LogRange range = default;
        EntryBlock entries = default;
        bool read = (Kind)variant switch
        {
            Kind.AvailabilityRequest => true,
            Kind.AvailabilityResponse or Kind.FetchRequest => TryReadRange(ref reader, out range),
            Kind.FetchResponse => TryReadRange(ref reader, out range)
                && EntryBlock.TryRead(ref reader, message, termFirst: false, out entries),
            _ => false,
        };
        if (!read || !MessageTail.TryRead(ref reader, isExtended, out MessageTail tail))
            return null;
        return (Kind)variant switch
        {
            Kind.AvailabilityRequest => new AvailabilityRequest(),
            Kind.AvailabilityResponse => new AvailabilityResponse(range, tail.Lineage),
            Kind.FetchRequest => new FetchRequest(range),
            _ => new FetchResponse(range, entries, tail.Lineage),
        };
    }

    public static SharedFrame AvailabilityRequestFrame()
    {
        var frame = SharedFrame.Rent(MaxSmall);
        var writer = Begin(frame, Kind.AvailabilityRequest);
        return RaftFrames.Seal(frame, ref writer);
    }

    public static SharedFrame AvailabilityResponseFrame(LogRange range, UniqueId? lineage)
    {
        var frame = SharedFrame.Rent(MaxSmall);
        var writer = Begin(frame, Kind.AvailabilityResponse);
        range.Write(ref writer);
        new MessageTail(lineage, null).Write(ref writer);
        return RaftFrames.Seal(frame, ref writer);
    }

    public static SharedFrame FetchRequestFrame(LogRange range)
    {
        var frame = SharedFrame.Rent(MaxSmall);
        var writer = Begin(frame, Kind.FetchRequest);
        range.Write(ref writer);
        return RaftFrames.Seal(frame, ref writer);
    }

    public static SharedFrame FetchResponseFrame(LogRange range, IReadOnlyList<LogEntry> entries, UniqueId? lineage)
    {
        long size = MaxSmall;
        foreach (LogEntry entry in entries)
            size += entry.Bytes.Length + MaxEntryOverhead;
        var frame = SharedFrame.Rent(checked((int)size));
        var writer = Begin(frame, Kind.FetchResponse);
        range.Write(ref writer);
        writer.WriteCount(entries.Count);
        foreach (LogEntry entry in entries)
        {
            writer.WriteBytes(entry.Bytes.Span);
            entry.Term.Write(ref writer);
        }

        new MessageTail(lineage, null).Write(ref writer);
        return RaftFrames.Seal(frame, ref writer);
    }

    private static PostcardWriter Begin(SharedFrame frame, Kind kind)
    {
        var writer = RaftFrames.Begin(frame, RaftMessageKind.StateSync);
        writer.WriteVariant((uint)kind);
        return writer;
    }

    private static bool TryReadRange(scoped ref PostcardReader reader, out LogRange range) =>
        LogRange.TryRead(ref reader, out range)
        && ((RaftWire.IsSane(range.Start) && RaftWire.IsSane(range.End)) || reader.Fail(PostcardError.TooLarge));

    /// <summary>What do you have?</summary>
    internal sealed record AvailabilityRequest : ReplayMessage;

    /// <summary>From the last pruned index up to the last one served.</summary>
    internal sealed record AvailabilityResponse(LogRange Range, UniqueId? Lineage) : ReplayMessage;

    /// <summary>Give me these.</summary>
    internal sealed record FetchRequest(LogRange Range) : ReplayMessage;

    /// <summary>What there is of them; 0..=0 when nothing.</summary>
    internal sealed record FetchResponse(LogRange Range, EntryBlock Entries, UniqueId? Lineage) : ReplayMessage;
}
