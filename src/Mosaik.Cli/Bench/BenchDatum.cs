using System.Buffers.Binary;

namespace Mosaik.Cli.Bench;

/// <summary>
/// The first bytes of a datum of <c>mosaik bench streams</c>: its number, when it was to be sent, and whether it
/// counts.
/// </summary>
internal static class BenchDatum
{
    /// <summary>No datum is shorter.</summary>
    public const int MinLength = 17;

    /// <summary>The last datum of a run.</summary>
    public const byte End = 2;

    /// <summary>A datum that is measured.</summary>
    public const byte Measured = 1;

    public static void Write(Span<byte> datum, long number, long timestamp, byte phase)
    {
        BinaryPrimitives.WriteInt64LittleEndian(datum, number);
        BinaryPrimitives.WriteInt64LittleEndian(datum[8..], timestamp);
        datum[16] = phase;
    }

    public static bool TryRead(ReadOnlySpan<byte> datum, out long number, out long timestamp, out byte phase)
    {
        (number, timestamp, phase) = (0, 0, 0);
        if (datum.Length < MinLength)
            return false;
        number = BinaryPrimitives.ReadInt64LittleEndian(datum);
        timestamp = BinaryPrimitives.ReadInt64LittleEndian(datum[8..]);
        phase = datum[16];
        return true;
    }
}
