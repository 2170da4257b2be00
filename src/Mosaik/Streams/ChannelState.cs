namespace Mosaik.Streams;

/// <summary>Where a channel, the subscription of one consumer to one producer, stands (spec/streams.md §7.2).</summary>
public enum ChannelState
{
    /// <summary>Being connected, for the first time or again.</summary>
    Connecting = 0,

    /// <summary>The producer has confirmed the subscription; datums flow.</summary>
    Connected = 1,

    /// <summary>Ended for good.</summary>
    Terminated = 2,
}
