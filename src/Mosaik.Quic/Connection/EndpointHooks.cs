using Mosaik.Quic.Wire;

namespace Mosaik.Quic.Connection;

/// <summary>
/// What an endpoint remembers in each of its connections instead of in tables of its own: its places in the queues and
/// in
/// the timer heap, and what has to be undone when it is forgotten.
/// </summary>
internal struct EndpointHooks
{
    /// <summary>The endpoint still routes to the connection.</summary>
    public bool IsRegistered;

    /// <summary>The connection waits in one of the work queues.</summary>
    public bool IsQueued;

    /// <summary>The connection waits in the queue of those that may have events.</summary>
    public bool IsEventQueued;

    /// <summary>The deadline the heap knows; null when the connection is not in the heap.</summary>
    public TimeSpan? Deadline;

    /// <summary>Its place in the heap while <see cref="Deadline"/> is set.</summary>
    public int HeapIndex;

    /// <summary>The connection counts as an unfinished incoming handshake of <see cref="Source"/>.</summary>
    public bool IsUnfinishedHandshake;

    /// <summary>The connection is complete and waits to be accepted.</summary>
    public bool IsAwaitingAccept;

    /// <summary>Which source the unfinished handshake is counted for.</summary>
    public SourceKey Source;

    /// <summary>The destination id of the first Initial we saw, under which copies of it are routed.</summary>
    public ConnectionId FirstDestination;

    /// <summary>What the endpoint last counted as received and unread.</summary>
    public ulong BufferedBytes;

    /// <summary>Our windows are frozen and must be thawed when the endpoint has room again.</summary>
    public bool IsFrozen;
}
