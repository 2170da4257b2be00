using Mosaik.Quic.Paths;

namespace Mosaik.Quic.Connection;

/// <summary>
/// What a connection asks of the endpoint that routes to it. Every call is made from inside a call into the connection
/// and
/// must not call back into it.
/// </summary>
internal interface IConnectionOwner
{
    /// <summary>The connection may have something to send, another deadline or an event.</summary>
    void OnWork(QuicConnectionCore connection);

    /// <summary>Makes a connection id that routes to the connection from now on.</summary>
    ulong IssueConnectionId(QuicConnectionCore connection);

    /// <summary>The id no longer routes to the connection.</summary>
    void RetireConnectionId(ulong connectionId);

    /// <summary>The stateless reset token that goes with one of our ids.</summary>
    StatelessResetToken GetResetToken(ulong connectionId);

    /// <summary>A datagram of unknown destination that ends in this token resets the connection.</summary>
    void AddPeerResetToken(QuicConnectionCore connection, in StatelessResetToken token);

    /// <summary>The token is not in use any more.</summary>
    void RemovePeerResetToken(QuicConnectionCore connection, in StatelessResetToken token);
}
