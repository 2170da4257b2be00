namespace Mosaik.Streams;

/// <summary>The conditions of a producer or consumer, as in <c>await producer.When.Subscribed().AtLeast(2)</c>.</summary>
/// <remarks>Each call makes a fresh condition: its first wait completes at once if it is met already.</remarks>
public sealed class StreamWhen
{
    private readonly ChannelSet _channels;
    private readonly Func<ChannelCondition> _online;

    internal StreamWhen(ChannelSet channels, Func<ChannelCondition> online) => (_channels, _online) = (channels, online);

    /// <summary>Met while the producer or consumer is online.</summary>
    public ChannelCondition Online() => _online();

    /// <summary>Met while at least one channel is connected; describe it further with its methods.</summary>
    public ChannelCondition Subscribed() => new(_channels);

    /// <summary>Met while no channel is connected.</summary>
    public ChannelCondition Unsubscribed() => Subscribed().Not();
}
