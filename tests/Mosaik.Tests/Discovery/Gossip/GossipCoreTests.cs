using Mosaik.Discovery.Gossip;
using Mosaik.Discovery.Gossip.Protocol;
using Mosaik.Primitives;
using Mosaik.Quic;

namespace Mosaik.Tests.Discovery.Gossip;

/// <summary>Several topics over the same connections (spec/gossip.md §6), and whatever strangers may send (§14).</summary>
public sealed class GossipCoreTests
{
    private const char Me = 'M';

    private static readonly TopicId Other = TopicId.Of("other");

    private readonly GossipCore _core = new(Peers.Of(Me), null, new GossipOptions(), new SeededRandom(3));

    [Fact]
    public void Only_a_join_makes_a_topic()
    {
        Receive('A', Peers.Topic, new JoinMessage(null));
        _core.Broadcast(Peers.Topic, new byte[1], GossipScope.Swarm, default);
        _core.OnTimer(Peers.Topic, new GossipTimer.DoShuffle(), default);
        _core.Quit(Peers.Topic);
        Expect();
        Assert.Equal(0, _core.PeersHeard);
        _core.Join(Peers.Topic, []);
        Receive('A', Peers.Topic, new JoinMessage(null));
        Expect("NeighborUp(A)", "Send(A, Neighbor High)");
        Assert.Equal([Peers.Of('A')], _core.NeighboursOf(Peers.Topic));
    }

    [Fact]
    public void A_connection_is_given_up_by_the_last_topic()
    {
        foreach (TopicId topic in (TopicId[])[Peers.Topic, Other])
        {
            _core.Join(topic, []);
            Receive('A', topic, new NeighborMessage(NeighborPriority.High, null));
        }

        _core.Effects.Clear();
        Receive('A', Peers.Topic, new DisconnectMessage(false));
        Expect("NeighborDown(A)");
        Assert.True(_core.IsNeighbour(Peers.Of('A')));
        Receive('A', Other, new DisconnectMessage(false));
        Expect("NeighborDown(A)", "DisconnectPeer(A)");
        Assert.False(_core.IsNeighbour(Peers.Of('A')));
        Assert.Equal(0, _core.PeersHeard);
    }

    [Fact]
    public void The_end_of_a_connection_concerns_all_topics()
    {
        foreach (TopicId topic in (TopicId[])[Other, Peers.Topic])
        {
            _core.Join(topic, []);
            Receive('A', topic, new NeighborMessage(NeighborPriority.High, null));
        }

        _core.Effects.Clear();
        _core.OnPeerDisconnected(Peers.Of('A'));
        TopicId[] told = [.. _core.Effects.OfType<GossipEffect.Emit>().Select(static e => e.Topic)];
        Assert.Equal([Other, Peers.Topic], told);
        Assert.Equal(0, _core.PeersHeard);
    }

    [Fact]
    public void A_topic_that_was_left_is_forgotten()
    {
        _core.Join(Peers.Topic, []);
        Receive('A', Peers.Topic, new JoinMessage(null));
        Receive('B', Peers.Topic, new ShuffleReplyMessage([]));
        Receive('B', Peers.Topic, PruneMessage.Instance);
        _core.Effects.Clear();
        _core.Quit(Peers.Topic);
        Expect("Send(A, ShuffleReply 0)", "Send(A, Disconnect gone)", "DisconnectPeer(A)");
        Assert.Null(_core.Find(Peers.Topic));
        Assert.Equal(0, _core.PeersHeard);
    }

    [Fact]
    public void What_we_tell_of_ourselves_changes_everywhere()
    {
        var data = new PeerData([0, 0]);
        _core.Join(Peers.Topic, []);
        _core.UpdatePeerData(data);
        _core.Join(Peers.Topic, [Peers.Of('A')]);
        _core.Join(Other, [Peers.Of('A')]);
        PeerData?[] told = [.. _core.Effects.OfType<GossipEffect.Send>().Select(static s => ((JoinMessage)s.Message).Data)];
        Assert.Equal(2, told.Length);
        Assert.All(told, d => Assert.Equal(data, d));
    }

    [Fact]
    public void Whatever_comes_the_rules_hold()
    {
        for (ulong seed = 0; seed < 20; seed++)
        {
            RandomSource random = new SeededRandom(seed);
            var options = new GossipOptions { PassiveViewCapacity = 10 };
            var core = new GossipCore(Peers.Of(Me), new PeerData([0, 0]), options, random);
            core.Join(Peers.Topic, []);
            var timers = new List<GossipTimer>();
            TimeSpan now = default;
            for (int i = 0; i < 3_000; i++)
            {
                now += TimeSpan.FromMilliseconds(random.NextBelow(20));
                Step(core, random, timers, now);
                Check(core, options, timers);
            }
        }
    }

    private static void Step(GossipCore core, RandomSource random, List<GossipTimer> timers, TimeSpan now)
    {
        PeerId peer = Peers.Of(random.NextBelow(40));
        if (peer == Peers.Of(Me))
            return; // nobody else can prove our id
        switch (random.NextBelow(12))
        {
            case 0:
                core.OnPeerDisconnected(peer);
                break;
            case 1:
                core.Join(Peers.Topic, [peer, Peers.Of(Me)]);
                break;
            case 2:
                core.Broadcast(Peers.Topic, BitConverter.GetBytes(random.NextUInt64()), GossipScope.Swarm, now);
                break;
            case 3 or 4 when timers.Count > 0:
                int at = random.NextBelow(timers.Count);
                GossipTimer timer = timers[at];
                timers.RemoveAt(at);
                core.OnTimer(Peers.Topic, timer, now);
                break;
            default:
                core.Receive(peer, Peers.Topic, RandomMessages.Next(random), now);
                break;
        }
    }

    private static void Check(GossipCore core, GossipOptions options, List<GossipTimer> timers)
    {
        TopicCore topic = core.Find(Peers.Topic)!; // joined at the start
        HyParViewCore members = topic.Membership;
        Assert.InRange(members.Active.Count, 0, options.ActiveViewCapacity);
        Assert.InRange(members.Passive.Count, 0, options.PassiveViewCapacity);
        Assert.Empty(members.Active.Intersect(members.Passive));
        PeerId[] roles = [.. members.Active, .. members.Passive, .. members.Pending];
        Assert.DoesNotContain(Peers.Of(Me), roles);
        Assert.Empty(members.Known.Except(roles));
        Assert.Empty(members.AliveMarks.Except(members.Passive));
        Assert.Equal(members.Active.Order(), topic.Broadcasts.Eager.Concat(topic.Broadcasts.Lazy).Order());
        foreach (GossipEffect effect in core.Effects)
        {
            if (effect is GossipEffect.Schedule schedule)
                timers.Add(schedule.Timer);
            if (effect is not GossipEffect.Send send)
                continue;
            Assert.NotEqual(Peers.Of(Me), send.Peer);
            int length = GossipCodec.Encode(send.Message).Length - GossipCodec.PrefixLength;
            Assert.True(GossipCodec.MaySend(length, options.MaxMessageSize), $"{send.Message.Kind} has {length} bytes");
            if (send.Message.IsBroadcastLayer)
                Assert.Contains(send.Peer, members.Active);
        }

        Assert.Single(timers, static t => t is GossipTimer.DoShuffle);
        core.Effects.Clear();
    }

    private void Receive(char from, TopicId topic, GossipMessage message) => _core.Receive(Peers.Of(from), topic, message, default);

    private void Expect(params string[] effects) => Assert.Equal(effects, Peers.Text(_core.Effects));
}
