namespace Mosaik.Quic.Endpoint;

/// <summary>Counters of an endpoint; plain fields, written by the endpoint core alone.</summary>
internal sealed class EndpointStatistics
{
    /// <summary>Datagrams of no bytes.</summary>
    public ulong EmptyDatagrams;

    /// <summary>Datagrams that went nowhere.</summary>
    public ulong DatagramsDropped;

    /// <summary>Incoming connections begun.</summary>
    public ulong ConnectionsAccepted;

    /// <summary>Initials dropped because of a limit on handshakes.</summary>
    public ulong HandshakesDropped;

    /// <summary>Initials answered with CONNECTION_REFUSED.</summary>
    public ulong ConnectionsRefused;

    /// <summary>Initials answered with Retry.</summary>
    public ulong RetriesSent;

    /// <summary>Stateless resets sent.</summary>
    public ulong ResetsSent;

    /// <summary>Version Negotiation packets sent.</summary>
    public ulong VersionNegotiationsSent;
}
