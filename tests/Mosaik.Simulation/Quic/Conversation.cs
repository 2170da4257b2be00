namespace Mosaik.Simulation.Quic;

/// <summary>
/// One connection as it was meant: who dials whom, how many streams each side opens, how much they carry. Usually it
/// has one end on each side; a server can have more when it forgot the first.
/// </summary>
internal sealed class Conversation
{
    public Conversation(DialPlan plan, int largestStream)
    {
        Plan = plan;
        LargestStream = largestStream;
        ulong draw = plan.Script;
        for (int i = 0; i < Streams.Length; i++)
        {
            // A quarter of the conversations says nothing in some direction; some open more streams than are allowed at once.
            Streams[i] = (int)(draw & 7) is < 2 ? 0 : (int)(draw & 7) - 1;
            draw >>= 8;
        }
    }

    public DialPlan Plan { get; }

    public ulong Script => Plan.Script;

    public int LargestStream { get; }

    /// <summary>How many streams are opened, by <see cref="KindOf"/>.</summary>
    public int[] Streams { get; } = new int[4];

    public int TotalStreams => Streams.Sum();

    public QuicEnd? Client { get; set; }

    public List<QuicEnd> Servers { get; } = [];

    /// <summary>True when nothing will happen here any more.</summary>
    public bool IsOver => Client is { IsOver: true } && Servers.TrueForAll(static end => end.IsOver);

    /// <summary>What happens on one direction of a stream.</summary>
    public StreamScript ScriptOf(ulong id, bool fromServer) => StreamScript.Of(Script, id, fromServer, LargestStream);

    /// <summary>The byte at an offset of one direction of a stream.</summary>
    public byte ByteAt(ulong id, bool fromServer, ulong offset) => StreamScript.ByteAt(Script, id, fromServer, offset);

    /// <summary>The place of a kind of streams in <see cref="Streams"/>.</summary>
    public static int KindOf(bool byServer, bool bidirectional) => (byServer ? 2 : 0) + (bidirectional ? 0 : 1);
}
