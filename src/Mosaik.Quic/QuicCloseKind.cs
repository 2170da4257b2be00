namespace Mosaik.Quic;

/// <summary>How a connection came to its end.</summary>
public enum QuicCloseKind
{
    /// <summary>
    /// An application close (CONNECTION_CLOSE 0x1d) by either side; the code belongs to the application.
    /// </summary>
    Application,

    /// <summary>
    /// A transport close (CONNECTION_CLOSE 0x1c) by either side; the code is a <see cref="QuicError"/>.
    /// </summary>
    Transport,

    /// <summary>Nothing was heard from the peer within the idle timeout.</summary>
    IdleTimeout,

    /// <summary>The handshake did not finish in time.</summary>
    HandshakeTimeout,

    /// <summary>The peer has lost the connection's state and said so with a stateless reset.</summary>
    StatelessReset,

    /// <summary>The server speaks no version of QUIC that we speak.</summary>
    VersionNegotiation,
}
