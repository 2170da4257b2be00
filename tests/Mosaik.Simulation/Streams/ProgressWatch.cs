using Mosaik.Streams;

namespace Mosaik.Simulation.Streams;

/// <summary>
/// Looks at one producer again and again: while somebody waits to write and the producer is online, something has to
/// move.
/// </summary>
/// <remarks>
/// <para>Rule L4 of spec/streams.md §4.4 drops, or passes over, those who keep a writer waiting and hand nothing over
/// for the stall timeout. How long a single write may wait has no such bound: a subscription holds up to two buffers
/// (L1), has room again below one (S1), and each datum that it hands over starts the clock anew. So what is judged is
/// every stretch of time in which nothing moves.</para>
/// <para>A subscription that has brought its consumer everything it was given has no backlog, hence room: who waits for
/// room only is served at once (S1, S5, S6). With the slowest setting the pace, all of them must be so.</para>
/// </remarks>
internal sealed class ProgressWatch(StreamsWorld world, ProducerNode owner)
{
    private static readonly TimeSpan Slack = TimeSpan.FromMilliseconds(200);

    private IReadOnlyList<ChannelInfo> _channels = [];
    private State? _last;
    private TimeSpan _since;
    private bool _hadRoom;

    /// <summary>Called a few times per second.</summary>
    public void Look()
    {
        if (owner.Offered is not { IsOnline: true } producer || owner.Writers == 0)
        {
            _last = null;
            return;
        }

        IReadOnlyList<ChannelInfo> channels = producer.Consumers;
        var state = new State(
            owner.Accepted, owner.Breaks, channels.Count(static c => c.IsConnected),
            channels.Sum(static c => c.Datums));
        bool hasRoom = HasRoom(channels);
        if (state != _last || !channels.SequenceEqual(_channels))
        {
            (_last, _channels, _since, _hadRoom) = (state, channels, world.Now, hasRoom);
            return;
        }

        if (hasRoom && _hadRoom)
        {
            world.Fail(
                "ST-8", $"a write of p{owner.Index} waits since t={_since.TotalSeconds:f6} although there is room");
        }
        _hadRoom = hasRoom;
        TimeSpan stall = world.Plan.StallTimeout;
        if (stall != Timeout.InfiniteTimeSpan && world.Now - _since > stall + Slack)
        {
            world.Fail(
                "ST-6", $"{owner.Writers} writes of p{owner.Index} wait while it is online, and nothing has moved "
                + $"since t={_since.TotalSeconds:f6}");
        }
    }

    private bool HasRoom(IReadOnlyList<ChannelInfo> channels)
    {
        int idle = channels.Count(
            channel => world.Consumers.Any(consumer => consumer.HasAll(owner, channels, channel)));
        return idle > 0 && (idle == channels.Count || world.Plan.Policy != LagPolicy.SlowProducer);
    }

    private readonly record struct State(long Accepted, int Breaks, int Connected, long Datums);
}
