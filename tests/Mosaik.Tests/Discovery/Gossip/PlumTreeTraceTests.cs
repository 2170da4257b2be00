using Mosaik.Discovery.Gossip;
using Mosaik.Discovery.Gossip.Protocol;
using Mosaik.Primitives;

namespace Mosaik.Tests.Discovery.Gossip;

/// <summary>The broadcast traces PT1 to PT9 of spec/gossip.md §16.3, Q8, and the bounds of §14.</summary>
public sealed class PlumTreeTraceTests
{
    private readonly List<GossipEffect> _effects = [];
    private readonly HashSet<PeerId> _neighbours = [];
    private readonly PlumTreeCore _core;
    private TimeSpan _now = TimeSpan.FromSeconds(1);
    private int _payloads;

    public PlumTreeTraceTests() => _core = new PlumTreeCore(
        new GossipOptions(), _neighbours.Contains, false, new TopicEffects(Peers.Topic, _effects));

    [Fact]
    public void PT1_and_PT2_a_much_shorter_path_replaces_the_tree()
    {
        Neighbours("BC");
        MakeLazy('B');
        BroadcastMessage first = Payload(6);
        Receive('B', IHave(first, 2));
        Expect("Schedule(80 ms, graft)");
        Receive('C', first);
        Expect("Schedule(5 ms, dispatch)", "Received(from C, swarm, round 6)");

        BroadcastMessage second = Payload(9);
        Receive('B', IHave(second, 2));
        Expect("Schedule(80 ms, graft)");
        Receive('C', second);
        Expect("Send(B, Graft{none, 2})", "Send(C, Prune)", "Received(from C, swarm, round 9)");
        Assert.Equal(["B"], Peers.Text(_core.Eager));
        Assert.Equal(["C"], Peers.Text(_core.Lazy));
    }

    [Fact]
    public void PT3_a_foreign_id_has_no_effect()
    {
        Neighbours("B");
        BroadcastMessage good = Payload(0);
        Receive('B', good);
        Expect("Schedule(5 ms, dispatch)", "Received(from B, swarm, round 0)");
        Receive('B', Payload(0) with { Id = MessageId.Of([9]) });
        Expect("Refuse(B, BadId)");
        Assert.Equal(1, _core.Remembered);
    }

    [Fact]
    public void PT4_payloads_are_kept_for_thirty_seconds()
    {
        Neighbours("B");
        Receive('B', Payload(0));
        Assert.Equal(1, _core.Cached);
        SweepAt(1);
        Assert.Equal(1, _core.Cached);
        SweepAt(31);
        Assert.Equal(0, _core.Cached);
        Assert.Equal(1, _core.Remembered);
        SweepAt(91);
        Assert.Equal(0, _core.Remembered);
    }

    [Fact]
    public void PT5_who_repeats_a_payload_becomes_lazy()
    {
        Neighbours("B");
        BroadcastMessage payload = Payload(0);
        Receive('B', payload);
        _effects.Clear();
        Receive('B', payload);
        Expect("Send(B, Prune)");
        Assert.Equal(["B"], Peers.Text(_core.Lazy));
        Assert.Empty(_core.Eager);
    }

    [Fact]
    public void PT6_a_payload_that_does_not_come_is_asked_for_in_turn()
    {
        Neighbours("BC");
        BroadcastMessage payload = Payload(0);
        Receive('B', IHave(payload, 1));
        Receive('C', IHave(payload, 4));
        Expect("Schedule(80 ms, graft)");
        Timer(new GossipTimer.SendGraft(payload.Id));
        Expect("Send(B, Graft{id, 1})", "Schedule(40 ms, graft)");
        Timer(new GossipTimer.SendGraft(payload.Id));
        Expect("Send(C, Graft{id, 4})", "Schedule(40 ms, graft)");
        Timer(new GossipTimer.SendGraft(payload.Id));
        Expect();
        Assert.Equal(0, _core.Missing);
    }

    [Fact]
    public void PT7_announcements_are_gathered()
    {
        Neighbours("BC");
        MakeLazy('B');
        for (int i = 0; i < 117; i++)
            _core.Broadcast(new byte[] { (byte)i, 1 }, GossipScope.Swarm, _now);
        Assert.Equal(1, _effects.OfType<GossipEffect.Schedule>().Count(static s => s.Timer is GossipTimer.Dispatch));
        _effects.Clear();
        Timer(new GossipTimer.Dispatch());
        Expect("Send(B, IHave 116)", "Send(B, IHave 1)");
        Timer(new GossipTimer.Dispatch());
        Expect();
    }

    [Fact]
    public void Announcements_of_many_payloads_leave_together()
    {
        Neighbours("BC");
        MakeLazy('B');
        _now += TimeSpan.FromSeconds(1);
        _effects.Clear();
        Announce(1, "Schedule(5 ms, dispatch)");
        _now += TimeSpan.FromMilliseconds(5);
        Timer(new GossipTimer.Dispatch());
        Expect("Send(B, IHave 1)");

        _now += TimeSpan.FromMilliseconds(30);
        Announce(2, "Schedule(70 ms, dispatch)");
        Announce(3);
        _now += TimeSpan.FromMilliseconds(70);
        Timer(new GossipTimer.Dispatch());
        Expect("Send(B, IHave 2)");

        _now += TimeSpan.FromMilliseconds(95); // as soon as the interval is over in any case
        Announce(4, "Schedule(5 ms, dispatch)");

        void Announce(byte content, params string[] scheduled)
        {
            _core.Broadcast(new[] { content }, GossipScope.Swarm, _now);
            Expect([.. scheduled, "Send(C, Gossip swarm, round 0)"]);
        }
    }

    [Fact]
    public void PT8_a_graft_gets_the_payload_with_the_next_round()
    {
        Neighbours("BCD");
        MakeLazy('D');
        BroadcastMessage payload = Payload(3);
        Receive('B', payload);
        Expect("Send(C, Gossip swarm, round 4)", "Schedule(5 ms, dispatch)", "Received(from B, swarm, round 3)");
        Receive('D', new GraftMessage(payload.Id, 4));
        Expect("Send(D, Gossip swarm, round 4)");
        Assert.Contains(Peers.Of('D'), _core.Eager);
        Receive('D', new GraftMessage(MessageId.Of([1, 2, 3]), 4));
        Expect();
    }

    [Fact]
    public void PT9_and_Q8_a_stranger_moves_nobody()
    {
        Neighbours("BC");
        BroadcastMessage payload = Payload(0);
        Receive('B', payload);
        _effects.Clear();
        Receive('X', PruneMessage.Instance);
        Receive('X', new GraftMessage(payload.Id, 1));
        Receive('X', new GraftMessage(null, 1));
        Receive('X', IHave(Payload(0), 1));
        Receive('X', payload);
        Expect();
        Assert.Equal(["B", "C"], Peers.Text(_core.Eager));
        Assert.Empty(_core.Lazy);
        Assert.Equal(0, _core.Missing);

        // Somebody who announced and is no neighbour when the timer fires is not asked.
        BroadcastMessage missing = Payload(0);
        Receive('B', IHave(missing, 0));
        _neighbours.Remove(Peers.Of('B'));
        _effects.Clear();
        Timer(new GossipTimer.SendGraft(missing.Id));
        Expect();
    }

    [Fact]
    public void A_stranger_may_deliver()
    {
        Neighbours("B");
        Receive('X', Payload(2));
        Expect("Send(B, Gossip swarm, round 3)", "Schedule(5 ms, dispatch)", "Received(from X, swarm, round 2)");
        Assert.Equal(["B"], Peers.Text(_core.Eager));
    }

    [Fact]
    public void A_broadcast_to_neighbours_goes_no_further()
    {
        Neighbours("BC");
        MakeLazy('C');
        _core.Broadcast(new byte[] { 1 }, GossipScope.Neighbours, _now);
        Expect("Send(B, Gossip neighbours)");
        BroadcastMessage payload = Payload(0) with { Scope = GossipScope.Neighbours };
        Receive('B', payload);
        Receive('B', payload);
        Expect("Received(from B, neighbours)", "Received(from B, neighbours)");
        Assert.Equal(0, _core.Remembered);
    }

    [Fact]
    public void The_last_round_is_delivered_and_not_passed_on()
    {
        Neighbours("BC");
        Receive('B', Payload(ushort.MaxValue));
        Expect("Received(from B, swarm, round 65535)");
        Receive('B', Payload(ushort.MaxValue - 1));
        Expect("Send(C, Gossip swarm, round 65535)", "Schedule(5 ms, dispatch)", "Received(from B, swarm, round 65534)");
    }

    [Fact]
    public void A_lost_neighbour_takes_its_announcements_along()
    {
        Neighbours("BC");
        MakeLazy('B');
        BroadcastMessage one = Payload(0), both = Payload(0);
        Receive('B', IHave(one, 0));
        Receive('B', IHave(both, 0));
        Receive('C', IHave(both, 0));
        _core.Broadcast(new byte[] { 1 }, GossipScope.Swarm, _now);
        _neighbours.Remove(Peers.Of('B'));
        _core.OnNeighborDown(Peers.Of('B'));
        Assert.Equal(1, _core.Missing);
        Assert.Empty(_core.Lazy);
        _effects.Clear();
        Timer(new GossipTimer.Dispatch());
        Expect();
    }

    [Fact]
    public void Announcements_of_what_does_not_exist_stay_bounded()
    {
        Neighbours("BCDEFGHIJKL");
        for (int i = 0; i < 6000; i++)
            Receive('B', new IHaveMessage([new Announced(MessageId.Of(BitConverter.GetBytes(i)), 0)]));
        Assert.Equal(PlumTreeCore.MaxMissing, _core.Missing);
        Assert.Equal(PlumTreeCore.MaxMissing, _effects.Count(static e => e is GossipEffect.Schedule { Timer: GossipTimer.SendGraft }));
        MessageId id = MessageId.Of(BitConverter.GetBytes(5999));
        foreach (char peer in "CDEFGHIJKL")
            Receive(peer, new IHaveMessage([new Announced(id, 0)]));
        int asked = 0;
        for (; asked < 20; asked++)
        {
            _effects.Clear();
            Timer(new GossipTimer.SendGraft(id));
            if (_effects.Count == 0)
                break;
        }

        Assert.Equal(PlumTreeCore.MaxSources, asked);
        SweepAt(91);
        Assert.Equal(0, _core.Missing);
    }

    [Fact]
    public void What_is_remembered_stays_bounded()
    {
        Neighbours("B");
        byte[] content = new byte[4000];
        for (int i = 0; i < PlumTreeCore.MaxReceived + 100; i++)
        {
            BitConverter.TryWriteBytes(content, i);
            byte[] bytes = i < 5000 ? content.ToArray() : content[..4];
            Receive('B', new BroadcastMessage(MessageId.Of(bytes), bytes, GossipScope.Swarm));
            _effects.Clear();
            if (i == 4999)
                Assert.Equal(PlumTreeCore.MaxCachedBytes / content.Length, _core.Cached);
        }

        Assert.Equal(PlumTreeCore.MaxReceived, _core.Remembered);
    }

    private static IHaveMessage IHave(BroadcastMessage payload, ushort round) => new([new Announced(payload.Id, round)]);

    private BroadcastMessage Payload(ushort round)
    {
        byte[] content = BitConverter.GetBytes(++_payloads);
        return new BroadcastMessage(MessageId.Of(content), content, GossipScope.SwarmAt(round));
    }

    private void Neighbours(string peers)
    {
        foreach (char peer in peers)
        {
            _neighbours.Add(Peers.Of(peer));
            _core.OnNeighborUp(Peers.Of(peer));
        }

        _effects.Clear();
    }

    private void MakeLazy(char peer) => Receive(peer, PruneMessage.Instance);

    private void Receive(char from, GossipMessage message) => _core.Receive(Peers.Of(from), message, _now);

    private void Timer(GossipTimer timer) => _core.OnTimer(timer, _now);

    private void SweepAt(int seconds)
    {
        _now = TimeSpan.FromSeconds(1 + seconds);
        Timer(new GossipTimer.Sweep());
        _effects.Clear();
    }

    private void Expect(params string[] effects) => Assert.Equal(effects, Peers.Text(_effects));
}
