using System.Buffers.Binary;

namespace Mosaik.Bench.Contracts.Messaging;

/// <summary>The first bytes of every message: who sent it, its number, and when it was to be sent.</summary>
public static class MessageStamp
{
    /// <summary>Bytes of a stamp; no message is shorter.</summary>
    public const int Length = 20;

    public static void Write(Span<byte> message, int producer, long number, long scheduled)
    {
        BinaryPrimitives.WriteInt64LittleEndian(message, number);
        BinaryPrimitives.WriteInt64LittleEndian(message[8..], scheduled);
        BinaryPrimitives.WriteInt32LittleEndian(message[16..], producer);
    }

    public static (int Producer, long Number, long Scheduled) Read(ReadOnlySpan<byte> message) =>
    (
        BinaryPrimitives.ReadInt32LittleEndian(message[16..]),
        BinaryPrimitives.ReadInt64LittleEndian(message),
        BinaryPrimitives.ReadInt64LittleEndian(message[8..]));
}
