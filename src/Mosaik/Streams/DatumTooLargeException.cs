using Mosaik.Primitives;

namespace Mosaik.Streams;

/// <summary>An encoded datum is larger than the stream allows; nothing of it was sent.</summary>
public sealed class DatumTooLargeException : MosaikException
{
    internal DatumTooLargeException(int size, int limit)
        : base($"The encoded datum has {size} bytes; the stream's MaxDatumBytes is {limit}. "
            + "Send less at once, or raise MaxDatumBytes on both sides.")
    {
        Size = size;
        Limit = limit;
    }

    /// <summary>Encoded size in bytes.</summary>
    public int Size { get; }

    /// <summary>Largest size allowed in bytes.</summary>
    public int Limit { get; }
}
