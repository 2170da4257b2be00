namespace Mosaik.Streams;

/// <summary>What becomes of a consumer that cannot keep up with its producer.</summary>
public enum LagPolicy
{
    /// <summary>
    /// The fastest consumer sets the pace; one that is behind by twice the buffer is disconnected with <c>TooSlow</c>.
    /// </summary>
    Disconnect = 0,

    /// <summary>
    /// The fastest consumer sets the pace; one that is behind by twice the buffer misses new datums until it has caught
    /// up.
    /// </summary>
    Skip = 1,

    /// <summary>
    /// The slowest consumer sets the pace, so that every connected consumer gets everything. One that accepts nothing
    /// at all for the stall timeout is disconnected, so that a dead process does not hold up the others.
    /// </summary>
    SlowProducer = 2,
}
