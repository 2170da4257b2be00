namespace Mosaik.Streams;

/// <summary>What <see cref="Consumer{T}.TryReceive"/> found.</summary>
public enum ReceiveResult
{
    /// <summary>A datum.</summary>
    Item = 0,

    /// <summary>Nothing waits now.</summary>
    Empty = 1,

    /// <summary>Nothing waits and nothing will come any more.</summary>
    Closed = 2,
}
