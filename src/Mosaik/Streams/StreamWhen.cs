using Mosaik.Primitives;

namespace Mosaik.Streams;

/// <summary>
/// The conditions of a producer or consumer, as in <c>await producer.When.Subscribed().AtLeast(2)</c>.
/// </summary>
/// <remarks>Each call makes a fresh condition: its first wait completes at once if it is met already.</remarks>
public sealed class StreamWhen
{
    private readonly ChannelSet _channels;
    private readonly ConditionSource _online;

    internal StreamWhen(ChannelSet channels, ConditionSource online) => (_channels, _online) = (channels, online);

    /// <summary>Whether the producer or consumer is online now.</summary>
    public bool IsOnline => _online.IsMet;

    /// <summary>
    /// Met while online. Waits fail with <see cref="System.Threading.Channels.ChannelClosedException"/> once the stream
    /// is closed.
    /// </summary>
    public Condition Online() => _online.Condition;

    /// <summary>Met while not online; for good once the stream is closed.</summary>
    public Condition Offline() => _online.Condition.Not();

    /// <summary>Met while at least one channel is connected; describe it further with its methods.</summary>
    public ChannelCondition Subscribed() => new(_channels);

    /// <summary>Met while no channel is connected.</summary>
    public ChannelCondition Unsubscribed() => Subscribed().Not();
}
