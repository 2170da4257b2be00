namespace Mosaik.Primitives;

/// <summary>An encoded datum or command is larger than its limit; nothing of it was sent.</summary>
public sealed class DatumTooLargeException : MosaikException
{
    internal DatumTooLargeException(int size, int limit, string setting = "MaxDatumBytes")
        : base($"The encoded value has {size} bytes; {setting} is {limit}. Send less at once, or raise it on all sides.")
    {
        Size = size;
        Limit = limit;
    }

    /// <summary>Encoded size in bytes.</summary>
    public int Size { get; }

    /// <summary>Largest size allowed in bytes.</summary>
    public int Limit { get; }
}
