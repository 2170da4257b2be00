using System.Buffers;

namespace Mosaik.Quic.Recovery;

/// <summary>
/// Arrays for packets with more frames than <see cref="SentFrameList"/> holds inline. A window of small messages has
/// such an array
/// per packet in flight, far more than the shared pool keeps, so arrays of the common size stay on a stack of this
/// thread; what it cannot hold goes to the garbage collector. Longer arrays are rare and come from the shared pool.
/// </summary>
internal static class SentFramePool
{
    /// <summary>Frames of a pooled array; a 1200-byte packet of 30-byte messages has about as many.</summary>
    public const int ArrayLength = 32;

    /// <summary>Arrays a thread keeps: a megabyte and a half at most.</summary>
    private const int MaxArrays = 2048;

    [ThreadStatic]
    private static SentFrame[][]? Arrays;

    [ThreadStatic]
    private static int Count;

    /// <summary>An array with at least that many places.</summary>
    public static SentFrame[] Rent(int length)
    {
        if (length > ArrayLength)
            return ArrayPool<SentFrame>.Shared.Rent(length);
        return Count > 0 ? Arrays![--Count] : new SentFrame[ArrayLength];   // set by the Return that counted
    }

    /// <summary>Gives an array back, once.</summary>
    public static void Return(SentFrame[] array)
    {
        if (array.Length != ArrayLength)
        {
            ArrayPool<SentFrame>.Shared.Return(array);
            return;
        }
        Arrays ??= new SentFrame[MaxArrays][];
        if (Count < MaxArrays)
            Arrays[Count++] = array;
    }
}
