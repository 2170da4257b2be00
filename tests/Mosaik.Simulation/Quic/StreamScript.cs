namespace Mosaik.Simulation.Quic;

/// <summary>How a writer ends a stream, or a reader.</summary>
internal enum StreamEnding : byte
{
    /// <summary>With FIN, after everything; the reader reads to it.</summary>
    Complete,

    /// <summary>The writer resets after a part.</summary>
    Reset,

    /// <summary>The reader stops after a part.</summary>
    Stopped,
}

/// <summary>
/// What happens on one direction of one stream: a pure function of the conversation's script and the stream, so that
/// both ends know it without telling each other.
/// </summary>
internal readonly record struct StreamScript(int Length, StreamEnding Ending, int EndsAt, int Slice, bool IsSlow)
{
    /// <summary>The code of a reset, and of a stop, by stream.</summary>
    public static ulong CodeOf(ulong id) => (id * 3) + 7;

    /// <summary>The script of a direction.</summary>
    public static StreamScript Of(ulong conversation, ulong id, bool fromServer, int largest)
    {
        ulong state = conversation ^ (id * 0x9e3779b97f4a7c15) ^ (fromServer ? 0xd1342543de82ef95 : 0);
        double size = Math.Pow(largest + 1, Unit(ref state));
        int length = Next(ref state) % 8 == 0 ? 0 : (int)size - 1;
        StreamEnding ending = (Next(ref state) % 16) switch
        {
            0 => StreamEnding.Reset,
            1 => StreamEnding.Stopped,
            _ => StreamEnding.Complete,
        };
        return new StreamScript(length, ending, (int)(Unit(ref state) * length),
            1 + (int)Math.Pow(20_000, Unit(ref state)), Next(ref state) % 16 == 0);
    }

    /// <summary>The byte at an offset.</summary>
    public static byte ByteAt(ulong conversation, ulong id, bool fromServer, ulong offset) =>
        (byte)((offset * 167) + (offset >> 9) + id + conversation + (fromServer ? 91UL : 0));

    private static double Unit(ref ulong state) => (Next(ref state) >> 11) * (1.0 / (1UL << 53));

    private static ulong Next(ref ulong state)
    {
        ulong z = state += 0x9e3779b97f4a7c15;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }
}
