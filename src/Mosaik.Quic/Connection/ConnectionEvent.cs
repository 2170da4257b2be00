using System.Runtime.InteropServices;
using Mosaik.Quic.Streams;

namespace Mosaik.Quic.Connection;

/// <summary>What happened on a connection.</summary>
internal enum ConnectionEventKind
{
    /// <summary>The handshake is complete: peer key, ALPN and exporter are available, streams may be opened.</summary>
    Connected,

    /// <summary>The handshake is confirmed (RFC 9001 §4.1.2).</summary>
    Confirmed,

    /// <summary>Something happened on a stream; see <see cref="ConnectionEvent.Stream"/>.</summary>
    Stream,

    /// <summary>
    /// The connection ended; <see cref="QuicConnectionCore.CloseInfo"/> says how. Data received before is still
    /// readable.
    /// Raised exactly once, after every stream event of data received before.
    /// </summary>
    Closed,

    /// <summary>The last event: the endpoint has forgotten the connection.</summary>
    Drained,
}

/// <summary>One event of a connection.</summary>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct ConnectionEvent(ConnectionEventKind Kind, StreamEvent Stream = default);
