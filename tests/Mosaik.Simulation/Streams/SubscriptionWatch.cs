using Mosaik.Networking;
using Mosaik.Primitives;
using Mosaik.Streams;

namespace Mosaik.Simulation.Streams;

/// <summary>
/// Looks at the subscriptions of one producer again and again: who may have one, how many there are, why they end, and
/// that none outlives the process that it was made with.
/// </summary>
internal sealed class SubscriptionWatch(StreamsWorld world, ProducerNode owner)
{
    /// <summary>After revocation nothing later than one second (ST-5), looked at four times per second.</summary>
    private static readonly TimeSpan RevocationLimit = TimeSpan.FromSeconds(1.3);

    /// <summary>A new process is connected with at once (spec/streams.md §8.2), however busy the consumer is.</summary>
    private static readonly TimeSpan RestartLimit = TimeSpan.FromSeconds(3);

    /// <summary>
    /// The longest delay of the capacity schedule within its first minute, and a handshake (spec/streams.md §9.4).
    /// </summary>
    private static readonly TimeSpan RefillLimit = TimeSpan.FromSeconds(1.875 + 1);

    /// <summary>
    /// A consumer whose entry has changed asks again within a quarter of a second, and five seconds later if the
    /// producer did not have that entry yet, each ± 20 % (spec/streams.md §9.4).
    /// </summary>
    private static readonly TimeSpan TriggerLimit = TimeSpan.FromSeconds(0.25 + 6 + 1);

    private readonly HashSet<ChannelInfo> _channels = [];
    private readonly Dictionary<ChannelInfo, TimeSpan> _notAllowedSince = [];
    private readonly Dictionary<ConsumerNode, TimeSpan> _outdatedSince = [];
    private readonly Dictionary<ConsumerNode, TimeSpan> _waitingSince = [];
    private readonly Dictionary<ConsumerNode, TimeSpan> _welcomeSince = [];

    /// <summary>Called a few times per second.</summary>
    public void Look()
    {
        CheckEnds();
        foreach (ConsumerNode consumer in world.Consumers)
        {
            Time(
                _outdatedSince, consumer, consumer.IsOutdated(owner), RestartLimit, "ST-9",
                $"c{consumer.Index} stays connected with a process of p{owner.Index} that is no more");
        }

        if (owner is not { Offered: { } producer, Network: { } node })
        {
            _notAllowedSince.Clear();
            _waitingSince.Clear();
            _welcomeSince.Clear();
            return;
        }

        IReadOnlyList<ChannelInfo> channels = producer.Consumers;
        if (channels.Count > world.Plan.MaxConsumers)
            world.Fail("ST-5", $"p{owner.Index} has {channels.Count} consumers, more than {world.Plan.MaxConsumers}");
        foreach (ChannelInfo channel in channels)
        {
            _channels.Add(channel);
            Time(
                _notAllowedSince, channel, IsWelcome(node, channel.ConsumerId) == false, RevocationLimit, "ST-5",
                $"p{owner.Index} goes on with c{world.ConsumerOf(channel).Index}, which it does not accept any more");
        }

        foreach (ConsumerNode consumer in world.Consumers)
        {
            bool isOut = IsOut(consumer, channels);
            Time(
                _waitingSince, consumer, isOut && !world.Plan.HasRule && channels.Count < world.Plan.MaxConsumers,
                RefillLimit, "ST-9", $"p{owner.Index} has a place, and c{consumer.Index} does not take it");
            Time(
                _welcomeSince, consumer,
                isOut && world.Plan.MaxConsumers == int.MaxValue && IsWelcome(node, consumer.Id) == true,
                TriggerLimit, "ST-9", $"p{owner.Index} would accept c{consumer.Index} again, which does not ask");
        }
    }

    private void CheckEnds()
    {
        foreach (ChannelInfo channel in _channels)
        {
            if (channel.CloseReason == CloseCode.TooSlow && world.Plan.Policy == LagPolicy.Skip)
            {
                world.Fail(
                    "ST-7", $"p{owner.Index} has ended {channel} as too slow, where those who lag miss datums instead");
            }
        }

        _channels.RemoveWhere(static channel => channel.State == ChannelState.Terminated);
    }

    /// <summary>
    /// Whether a consumer is not subscribed and has noticed. Only where it is known what keeps it from it: a refusal,
    /// or a healthy connection that broke.
    /// </summary>
    private bool IsOut(ConsumerNode consumer, IReadOnlyList<ChannelInfo> channels) =>
        world.Plan is { IsGentle: true, Policy: LagPolicy.Skip }
        && consumer.Knows(owner) && !consumer.IsConnectedTo(owner)
        && !channels.Any(channel => channel.ConsumerId == consumer.Id);

    /// <summary>What the producer's catalog says of a peer; null if nothing.</summary>
    private bool? IsWelcome(Network node, PeerId id) =>
        node.Discovery.Catalog.GetKnown(id) is { } peer ? world.Welcome.IsShownBy(peer.Entry, world.Plan) : null;

    private void Time<TKey>(
        Dictionary<TKey, TimeSpan> since, TKey key, bool isSo, TimeSpan limit, string invariant, string what)
        where TKey : notnull
    {
        if (!isSo)
            since.Remove(key);
        else if (!since.TryAdd(key, world.Now) && world.Now - since[key] > limit)
            world.Fail(invariant, what);
    }
}
