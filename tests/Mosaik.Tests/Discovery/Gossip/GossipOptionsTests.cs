using System.Diagnostics.Metrics;
using Mosaik.Discovery;
using Mosaik.Discovery.Gossip;
using Mosaik.Discovery.Gossip.Protocol;
using Mosaik.Networking;

namespace Mosaik.Tests.Discovery.Gossip;

/// <summary>Settings that cannot work are named; messages are counted (spec/gossip.md §5, §15).</summary>
public sealed class GossipOptionsTests
{
    public static TheoryData<string, GossipOptions> Wrong => new()
    {
        { nameof(GossipOptions.ActiveViewCapacity), new() { ActiveViewCapacity = 0 } },
        { nameof(GossipOptions.PassiveViewCapacity), new() { PassiveViewCapacity = 0 } },
        { nameof(GossipOptions.ActiveRandomWalkLength), new() { ActiveRandomWalkLength = -1 } },
        { nameof(GossipOptions.PassiveRandomWalkLength), new() { PassiveRandomWalkLength = -1 } },
        { nameof(GossipOptions.ShuffleRandomWalkLength), new() { ShuffleRandomWalkLength = 70_000 } },
        { nameof(GossipOptions.ShuffleActiveCount), new() { ShuffleActiveCount = 16 } },
        { nameof(GossipOptions.ShufflePassiveCount), new() { ShufflePassiveCount = -1 } },
        { nameof(GossipOptions.ShuffleInterval), new() { ShuffleInterval = TimeSpan.Zero } },
        { nameof(GossipOptions.NeighborRequestTimeout), new() { NeighborRequestTimeout = TimeSpan.FromDays(2) } },
        { nameof(GossipOptions.GraftTimeout1), new() { GraftTimeout1 = TimeSpan.Zero } },
        { nameof(GossipOptions.GraftTimeout2), new() { GraftTimeout2 = TimeSpan.Zero } },
        { nameof(GossipOptions.DispatchTimeout), new() { DispatchTimeout = TimeSpan.Zero } },
        { nameof(GossipOptions.DispatchInterval), new() { DispatchInterval = TimeSpan.Zero } },
        { nameof(GossipOptions.OptimizationThreshold), new() { OptimizationThreshold = 0 } },
        { nameof(GossipOptions.MessageCacheRetention), new() { MessageCacheRetention = TimeSpan.Zero } },
        { nameof(GossipOptions.MessageIdRetention), new() { MessageIdRetention = TimeSpan.Zero } },
        { nameof(GossipOptions.CacheSweepInterval), new() { CacheSweepInterval = TimeSpan.Zero } },
        { nameof(GossipOptions.MaxMessageSize), new() { MaxMessageSize = 511 } },
        { nameof(GossipOptions.SendQueueCapacity), new() { SendQueueCapacity = 7 } },
        { nameof(GossipOptions.CommandQueueCapacity), new() { CommandQueueCapacity = 0 } },
        { nameof(GossipOptions.InboundQueueCapacity), new() { InboundQueueCapacity = 0 } },
        { nameof(GossipOptions.SubscriberQueueCapacity), new() { SubscriberQueueCapacity = 0 } },
    };

    [Theory, MemberData(nameof(Wrong))]
    public async Task A_setting_that_cannot_work_is_named(string property, GossipOptions options)
    {
        var settings = new NetworkOptions { Discovery = new DiscoveryOptions { Gossip = options } };
        var error = await Assert.ThrowsAsync<MosaikConfigurationException>(
            async () => await Network.StartAsync(GossipWorld.App, settings, TestContext.Current.CancellationToken));
        Assert.Equal($"GossipOptions.{property}", error.Property);
    }

    [Fact]
    public void Messages_neighbours_connections_and_losses_are_counted()
    {
        using var counters = new Counters();
        GossipWorld.Run(async world =>
        {
            GossipNode node = await world.StartAsync(configure: o => o with { MeterFactory = counters });
            IGossipTopic topic = await node.Driver.SubscribeAsync(GossipWorld.Topic, []);
            RawGossipPeer peer = world.Raw("peer");
            (_, Mosaik.Networking.Transport.ITransportStream stream) = await peer.JoinAsync(node);
            await world.UntilAsync(() => topic.Neighbours.Count == 1, "the neighbour");
            Assert.Equal(1, counters["connections"]);
            Assert.Equal(1, counters["neighbors"]);
            await RawGossipPeer.SendAsync(
                stream,
                new BroadcastMessage(default, new byte[1], GossipScope.Swarm),
                new ForwardJoinMessage(new GossipPeerInfo(Peers.Of('A'), new PeerData(new byte[2000])), 0),
                new ForwardJoinMessage(new GossipPeerInfo(Peers.Of('B'), new PeerData([9])), 0));
            await world.DelayAsync(1);
            Assert.Equal(1, counters["messages direction=in kind=join"]);
            Assert.Equal(1, counters["messages direction=in kind=neighbor"]);
            Assert.Equal(1, counters["messages direction=out kind=neighbor"]);
            Assert.Equal(1, counters["messages direction=in kind=gossip"]);
            Assert.Equal(1, counters["dropped reason=bad-id"]);
            Assert.Equal(2, counters["dropped reason=bad-peer-data"]);
            Assert.Equal(2, counters["dials result=failure"]);
            await stream.WriteAsync(new byte[] { 0, 0, 0, 1, 9 });
            await world.UntilAsync(() => topic.Neighbours.Count == 0, "the end of the connection");
            Assert.Equal(1, counters["dropped reason=undecodable"]);
            Assert.Equal(0, counters["connections"]);
            Assert.Equal(0, counters["neighbors"]);
        });
    }

    /// <summary>Values by instrument and labels; all have the network's label beside.</summary>
    private sealed class Counters : IMeterFactory
    {
        private readonly MeterListener _listener = new();
        private readonly List<Meter> _meters = [];
        private readonly Dictionary<string, long> _values = [];

        public Counters()
        {
            _listener.InstrumentPublished = (instrument, listener) =>
            {
                if (_meters.Contains(instrument.Meter) && instrument.Name.StartsWith("mosaik.discovery.gossip.", StringComparison.Ordinal))
                    listener.EnableMeasurementEvents(instrument);
            };
            _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) =>
            {
                Assert.Equal("e03989181c", tags[0].Value);
                string key = string.Join(' ', tags[1..].ToArray().Select(static t => $"{t.Key}={t.Value}")
                    .Prepend(instrument.Name["mosaik.discovery.gossip.".Length..]));
                _values[key] = instrument is Counter<long> ? _values.GetValueOrDefault(key) + value : value;
            });
            _listener.Start();
        }

        public long this[string key] => _values.GetValueOrDefault(key);

        public Meter Create(MeterOptions options)
        {
            var meter = new Meter(options);
            _meters.Add(meter);
            return meter;
        }

        public void Dispose()
        {
            _listener.Dispose();
            _meters.ForEach(static m => m.Dispose());
        }
    }
}
