namespace Mosaik.Quic;

/// <summary>What became of datagrams given to <see cref="IDatagramSocket.Send"/>.</summary>
public enum DatagramSendResult
{
    /// <summary>All were handed to the network, or dropped by it without a trace.</summary>
    Sent,

    /// <summary>No room at the moment: nothing was sent, the same call should be made again a little later.</summary>
    WouldBlock,

    /// <summary>The datagrams are larger than the path allows; none of them will pass.</summary>
    TooLarge,

    /// <summary>
    /// The receiver cannot be reached from this socket now (no route, refused); the datagrams are lost.
    /// </summary>
    Unreachable,
}
