namespace Mosaik.Quic;

/// <summary>The one exception of this library for everything that happens to connections and streams.</summary>
/// <remarks>Wrong use (a second concurrent read, bad arguments) throws the usual BCL exceptions instead.</remarks>
public class QuicException : IOException
{
    /// <summary>An exception without further data.</summary>
    public QuicException(QuicErrorKind kind, string message)
        : base(message) => Kind = kind;

    /// <summary>An exception that carries an application code of a stream.</summary>
    public QuicException(QuicErrorKind kind, string message, ulong errorCode)
        : base(message)
    {
        Kind = kind;
        ErrorCode = errorCode;
    }

    /// <summary>An exception for the end of a connection.</summary>
    public QuicException(QuicErrorKind kind, string message, QuicCloseInfo closeInfo)
        : base(message)
    {
        ArgumentNullException.ThrowIfNull(closeInfo);
        Kind = kind;
        CloseInfo = closeInfo;
        ErrorCode = closeInfo.Code;
    }

    /// <summary>An exception with a cause, for example of the operating system.</summary>
    public QuicException(QuicErrorKind kind, string message, Exception innerException)
        : base(message, innerException) => Kind = kind;

    /// <summary>What happened.</summary>
    public QuicErrorKind Kind { get; }

    /// <summary>The close code or stream error code that belongs to <see cref="Kind"/>; 0 if there is none.</summary>
    public ulong ErrorCode { get; }

    /// <summary>How the connection ended, if it ended.</summary>
    public QuicCloseInfo? CloseInfo { get; }

    /// <summary>True if the peer caused it.</summary>
    public bool IsRemote => CloseInfo?.IsRemote ?? Kind is QuicErrorKind.StreamReset or QuicErrorKind.StreamStopped;

    /// <summary>
    /// The application code, if the peer or we gave one; null for transport errors, timeouts and resets.
    /// </summary>
    public ulong? ApplicationCode => CloseInfo is { } info
        ? info.Kind == QuicCloseKind.Application ? info.Code : null
        : Kind is QuicErrorKind.StreamReset or QuicErrorKind.StreamStopped ? ErrorCode : null;
}
