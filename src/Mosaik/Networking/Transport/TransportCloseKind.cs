namespace Mosaik.Networking.Transport;

/// <summary>How a connection came to its end.</summary>
public enum TransportCloseKind
{
    /// <summary>One end closed it with an application code.</summary>
    Application,

    /// <summary>One end found a violation of the transport protocol, or refused the handshake.</summary>
    Protocol,

    /// <summary>Nothing was heard from the peer for too long.</summary>
    TimedOut,

    /// <summary>The peer has forgotten the connection.</summary>
    Reset,

    /// <summary>The local transport was closed or aborted.</summary>
    Local,
}
