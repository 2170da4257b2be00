namespace Mosaik.Primitives;

/// <summary>Received or stored bytes are not what they should be.</summary>
public sealed class MosaikDecodeException : MosaikException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="reason">What is wrong, in one short phrase.</param>
    /// <param name="offset">Offset of the first offending byte.</param>
    /// <param name="innerException">The cause, if any.</param>
    public MosaikDecodeException(string reason, long offset, Exception? innerException = null)
        : base($"Undecodable at byte {offset}: {reason}", innerException)
    {
        Reason = reason;
        Offset = offset;
    }

    /// <summary>What is wrong.</summary>
    public string Reason { get; }

    /// <summary>Offset of the first offending byte.</summary>
    public long Offset { get; }
}
