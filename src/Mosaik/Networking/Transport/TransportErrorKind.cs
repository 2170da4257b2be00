namespace Mosaik.Networking.Transport;

/// <summary>What a <see cref="TransportException"/> tells.</summary>
public enum TransportErrorKind
{
    /// <summary>The connection has ended.</summary>
    ConnectionClosed,

    /// <summary>The connection could not be made.</summary>
    ConnectFailed,

    /// <summary>The peer abandoned its direction of the stream.</summary>
    StreamReset,

    /// <summary>The peer no longer reads the stream.</summary>
    StreamStopped,

    /// <summary>This end has finished or abandoned its direction of the stream.</summary>
    StreamEnded,

    /// <summary>The transport is closed.</summary>
    TransportClosed,
}
