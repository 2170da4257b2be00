namespace Mosaik.Quic;

/// <summary>What a <see cref="QuicException"/> tells.</summary>
public enum QuicErrorKind
{
    /// <summary>The connection has ended; <see cref="QuicException.CloseInfo"/> says how.</summary>
    ConnectionClosed,

    /// <summary>
    /// A connection could not be established; <see cref="QuicException.CloseInfo"/> says how it ended.
    /// </summary>
    ConnectFailed,

    /// <summary>The peer reset its side of the stream (RESET_STREAM); the code is the application's.</summary>
    StreamReset,

    /// <summary>The peer no longer reads the stream (STOP_SENDING); the code is the application's.</summary>
    StreamStopped,

    /// <summary>This side reset or finished its side of the stream and can write nothing more.</summary>
    StreamEnded,

    /// <summary>The endpoint is closed.</summary>
    EndpointClosed,
}
