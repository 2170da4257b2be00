namespace Mosaik.Quic.Endpoint;

/// <summary>What became of a datagram.</summary>
internal enum DatagramOutcome
{
    /// <summary>Nobody wanted it.</summary>
    Dropped,

    /// <summary>It went to a connection.</summary>
    Routed,

    /// <summary>It began a connection.</summary>
    Accepted,

    /// <summary>It is answered without a connection: Version Negotiation, Retry, refusal or stateless reset.</summary>
    Replied,
}
