using System.Net;

namespace Mosaik.Quic;

/// <summary>
/// What the endpoint needs from UDP. The operating system's sockets implement it, and test networks in memory.
/// </summary>
/// <remarks>
/// The endpoint calls <see cref="Start"/> once, then <see cref="Send"/> from one thread at a time, and at last
/// <see cref="IDisposable.Dispose"/>, after which the receiver must hear nothing more. An in-memory socket delivers
/// from its world's thread, never from inside <see cref="Send"/>.
/// </remarks>
public interface IDatagramSocket : IDisposable
{
    /// <summary>The address the socket is bound to.</summary>
    IPEndPoint LocalEndPoint { get; }

    /// <summary>
    /// Datagrams one <see cref="Send"/> may carry; 1 if the system cannot cut a buffer into datagrams. May fall later.
    /// </summary>
    int MaxSegments { get; }

    /// <summary>Begins to deliver what arrives to <paramref name="receiver"/>.</summary>
    void Start(IDatagramReceiver receiver);

    /// <summary>
    /// Sends datagrams without waiting. A larger batch than <see cref="MaxSegments"/> is sent in several parts.
    /// </summary>
    DatagramSendResult Send(in OutgoingDatagrams datagrams);
}
