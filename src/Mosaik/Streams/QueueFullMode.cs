namespace Mosaik.Streams;

/// <summary>What a consumer does while its application does not read fast enough.</summary>
public enum QueueFullMode
{
    /// <summary>
    /// It stops reading from the network, so that the producers feel it; nothing is lost on this side.
    /// </summary>
    Wait = 0,

    /// <summary>The oldest datum makes room for the newest and is counted; producers are never slowed down.</summary>
    DropOldest = 1,
}
