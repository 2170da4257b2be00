namespace Mosaik.Groups.Bonds;

/// <summary>The tags of messages on a bond (spec/groups.md §4.5), and those that are always the same bytes.</summary>
internal static class BondMessage
{
    public const byte Ping = 0;
    public const byte Pong = 1;
    public const byte Departure = 2;
    public const byte PeerEntryUpdate = 3;
    public const byte BondFormed = 4;
    public const byte Raft = 5;

    /// <summary>Largest message of a bond.</summary>
    public const int MaxPayload = 64 * 1024 * 1024;

    // Their own reference is never given up, so they are never returned to the pool.
    public static SharedFrame PingFrame { get; } = OfTag(Ping);

    public static SharedFrame PongFrame { get; } = OfTag(Pong);

    public static SharedFrame DepartureFrame { get; } = OfTag(Departure);

    /// <summary>A frame with the entry of a peer.</summary>
    public static SharedFrame OfEntry(byte tag, ReadOnlyMemory<byte> entry)
    {
        var frame = SharedFrame.Rent(1 + entry.Length);
        frame.Room[0] = tag;
        entry.Span.CopyTo(frame.Room[1..]);
        frame.Seal(1 + entry.Length);
        return frame;
    }

    private static SharedFrame OfTag(byte tag)
    {
        var frame = SharedFrame.Rent(1);
        frame.Room[0] = tag;
        frame.Seal(1);
        return frame;
    }
}
