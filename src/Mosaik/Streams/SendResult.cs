namespace Mosaik.Streams;

/// <summary>
/// What became of a datum that <see cref="Producer{T}.TrySend"/> was given (spec/streams.md §4.3, rule S4).
/// </summary>
public enum SendResult
{
    /// <summary>Accepted: it will be sent to every consumer subscribed now.</summary>
    Accepted = 0,

    /// <summary>
    /// Every consumer is behind by the buffer size, or another sender waits: try later, or wait in WriteAsync.
    /// </summary>
    Full = 1,

    /// <summary>The producer is not online: too few consumers are connected.</summary>
    Offline = 2,

    /// <summary>The producer or its network has been closed.</summary>
    Closed = 3,
}
