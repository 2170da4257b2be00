using Mosaik.Primitives;

namespace Mosaik.Networking.Transport;

/// <summary>A connection or stream of the transport failed.</summary>
public sealed class TransportException : MosaikException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="kind">What happened.</param>
    /// <param name="message">The same in words.</param>
    /// <param name="closeInfo">How the connection ended, if it did.</param>
    /// <param name="innerException">The cause, if any.</param>
    public TransportException(
        TransportErrorKind kind,
        string message,
        TransportCloseInfo? closeInfo = null,
        Exception? innerException = null)
        : base(message, innerException)
    {
        Kind = kind;
        CloseInfo = closeInfo;
    }

    /// <summary>What happened.</summary>
    public TransportErrorKind Kind { get; }

    /// <summary>How the connection ended, if it did.</summary>
    public TransportCloseInfo? CloseInfo { get; }

    /// <summary>The code of a reset or stopped stream.</summary>
    public CloseCode StreamCode { get; init; }

    /// <inheritdoc/>
    public override bool IsTransient => Kind is not (TransportErrorKind.StreamEnded or TransportErrorKind.TransportClosed);
}
