using Mosaik.Discovery.Gossip;
using Mosaik.Discovery.Gossip.Protocol;
using Mosaik.Primitives;

namespace Mosaik.Tests.Discovery.Gossip;

/// <summary>The membership traces HV1 to HV18 of spec/gossip.md §16.2, and the corrections Q5 to Q7.</summary>
public sealed class HyParViewTraceTests
{
    private const char Me = 'M';

    private readonly List<GossipEffect> _effects = [];
    private readonly HyParViewCore _core;

    public HyParViewTraceTests() => _core = Make();

    [Fact]
    public void HV1_a_join_is_sent_to_whom_it_is_asked_for()
    {
        _core.Join([Peers.Of('A')]);
        Expect("Send(A, Join)");
    }

    [Fact]
    public void HV2_a_join_is_answered()
    {
        Receive('J', new JoinMessage(null));
        Expect("NeighborUp(J)", "Send(J, Neighbor High)");
    }

    [Fact]
    public void HV3_the_news_goes_to_the_other_neighbours()
    {
        Activate("J");
        Receive('K', new JoinMessage(null));
        Expect("NeighborUp(K)", "Send(K, Neighbor High)", "Send(J, ForwardJoin{K, 6})");
    }

    [Fact]
    public void HV4_and_HV5_a_newcomer_becomes_a_neighbour_when_it_answers()
    {
        Activate("S");
        Receive('S', new ForwardJoinMessage(Peers.Info('P'), 6));
        Expect("Send(P, Neighbor High)");
        Assert.Contains(Peers.Of('P'), _core.Pending);
        Receive('P', new NeighborMessage(NeighborPriority.High, null));
        Expect("NeighborUp(P)");
    }

    [Fact]
    public void HV6_half_way_the_newcomer_goes_into_the_reserve()
    {
        Activate("ST");
        Receive('S', new ForwardJoinMessage(Peers.Info('P'), 3));
        Expect("Send(T, ForwardJoin{P, 2})");
        Assert.Equal(["P"], Peers.Text(_core.Passive));
    }

    [Fact]
    public void HV7_where_the_walk_ends_the_newcomer_is_asked()
    {
        Activate("STU");
        Receive('S', new ForwardJoinMessage(Peers.Info('P'), 0));
        Expect("Send(P, Neighbor High)");
    }

    [Fact]
    public void HV8_a_low_request_is_refused_when_there_is_no_room()
    {
        Activate("ABCDE");
        Receive('F', new NeighborMessage(NeighborPriority.Low, null));
        Expect("Send(F, ShuffleReply 5)", "Send(F, Disconnect alive)", "DisconnectPeer(F)", "DisconnectPeer(F)");
    }

    [Fact]
    public void HV9_a_high_request_takes_the_place_of_somebody()
    {
        Activate("ABCDE");
        Receive('F', new NeighborMessage(NeighborPriority.High, null));
        PeerId victim = Assert.Single(_core.Passive);
        string v = Peers.Name(victim);
        Expect(
            $"NeighborDown({v})", $"Send({v}, ShuffleReply 4)", $"Send({v}, Disconnect alive)", $"DisconnectPeer({v})",
            "NeighborUp(F)", "Send(F, Neighbor High)");
        Assert.Contains(victim, _core.AliveMarks);
    }

    [Fact]
    public void HV10_and_HV13_a_neighbour_that_leaves_alive_is_kept_in_reserve()
    {
        Activate("AC");
        Reserve("B", from: 'A');
        Receive('A', new DisconnectMessage(true));
        Expect("NeighborDown(A)", "DisconnectPeer(A)", "Send(B, Neighbor Low)", "Schedule(500 ms, B)");
        Assert.Contains(Peers.Of('A'), _core.Passive);
        Assert.Contains(Peers.Of('A'), _core.AliveMarks);

        _core.OnPeerDisconnected(Peers.Of('A'));
        Expect();
        Assert.Contains(Peers.Of('A'), _core.Passive);
        Assert.Empty(_core.AliveMarks);
        _core.OnPeerDisconnected(Peers.Of('A'));
        Expect();
        Assert.DoesNotContain(Peers.Of('A'), _core.Passive);
    }

    [Fact]
    public void HV11_a_neighbour_that_leaves_for_good_is_forgotten()
    {
        Activate("A");
        Reserve("B", from: 'A');
        Receive('A', new DisconnectMessage(false));
        Expect("NeighborDown(A)", "DisconnectPeer(A)", "Send(B, Neighbor High)", "Schedule(500 ms, B)");
        Assert.Equal(["B"], Peers.Text(_core.Passive));
        Assert.DoesNotContain(Peers.Of('A'), _core.AliveMarks);
    }

    [Fact]
    public void HV12_who_does_not_answer_makes_room_for_the_next()
    {
        Activate("A");
        Reserve("BD", from: 'A');
        Receive('A', new ShuffleReplyMessage([]));
        string first = Assert.Single(Peers.Text([.. _core.Passive.Where(_core.Pending.Contains)]));
        Expect($"Send({first}, Neighbor Low)", $"Schedule(500 ms, {first})");
        _core.OnTimer(new GossipTimer.PendingNeighbor(Peers.Of(first[0])));
        string second = first == "B" ? "D" : "B";
        Expect($"Send({second}, Neighbor Low)", $"Schedule(500 ms, {second})");
        Assert.Equal([second], Peers.Text(_core.Passive));
    }

    [Theory]
    [InlineData("F"), InlineData("FX"), InlineData("ABCDF")]
    public void HV14_where_a_shuffle_ends_as_many_are_told_back(string active)
    {
        Activate(active);
        List<GossipPeerInfo> nodes = [.. "GHIJKNOP".Select(c => Peers.Info(c))];
        Receive('F', new ShuffleMessage(Peers.Of('Z'), nodes, 0));
        Expect("Send(Z, ShuffleReply 8)");
        Assert.Equal(["G", "H", "I", "J", "K", "N", "O", "P"], Peers.Text(_core.Passive));
    }

    [Fact]
    public void HV15_a_shuffle_goes_on_to_somebody_else_or_nowhere()
    {
        Activate("FX");
        Receive('F', new ShuffleMessage(Peers.Of('O'), [Peers.Info('O')], 6));
        Expect("Send(X, Shuffle{O, 1, 5})");

        HyParViewCore other = Make();
        Activate(other, "FO");
        other.Receive(Peers.Of('F'), new ShuffleMessage(Peers.Of('O'), [Peers.Info('O')], 6));
        Expect();
    }

    [Fact]
    public void HV16_a_reply_of_a_stranger_is_used_and_the_stranger_let_go()
    {
        Receive('S', new ShuffleReplyMessage([Peers.Info('B')]));
        Expect("Send(B, Neighbor High)", "Schedule(500 ms, B)", "DisconnectPeer(S)");
        Assert.Equal(["B"], Peers.Text(_core.Passive));
    }

    [Fact]
    public void HV17_who_quits_says_so_and_tells_of_others()
    {
        Activate("AB");
        _core.Quit();
        Expect(
            "Send(A, ShuffleReply 1)", "Send(A, Disconnect gone)", "DisconnectPeer(A)",
            "Send(B, ShuffleReply 0)", "Send(B, Disconnect gone)", "DisconnectPeer(B)");
        Assert.Empty(_core.Active);
    }

    [Fact]
    public void HV18_a_walk_that_comes_back_ends()
    {
        Activate("ST");
        Receive('S', new ForwardJoinMessage(Peers.Info(Me), 6));
        Expect();
    }

    [Fact]
    public void Q5_a_neighbour_whose_answer_is_open_counts_once()
    {
        // Having answered four requests, each of the four is active and pending.
        Activate("ABCD");
        Assert.Equal(4, _core.Pending.Count);
        Reserve("P", from: 'A');
        Receive('A', new ShuffleReplyMessage([]));
        Expect("Send(P, Neighbor Low)", "Schedule(500 ms, P)");

        HyParViewCore exact = Make(upstreamExact: true);
        Activate(exact, "ABCD");
        exact.Receive(Peers.Of('A'), new ShuffleMessage(Peers.Of('A'), [Peers.Info('P')], 0));
        _effects.Clear();
        exact.Receive(Peers.Of('A'), new ShuffleReplyMessage([]));
        Expect();
    }

    [Fact]
    public void Q6_what_was_known_of_a_peer_goes_with_its_last_role()
    {
        var data = new PeerData([0, 0]);
        Activate("AC");
        Receive('A', new ShuffleMessage(Peers.Of('A'), [.. "BDEFGH".Select(c => Peers.Info(c, data))], 0));
        Assert.Equal(["B", "D", "E", "F", "G", "H"], Peers.Text(_core.Known));
        foreach (char peer in "BDEFGH")
            _core.OnPeerDisconnected(Peers.Of(peer));
        Assert.Empty(_core.Known);
        Assert.Empty(_core.Passive);

        // Refused, so that nothing is left of it; evicted from a full reserve, and nothing is left of those either.
        Activate("JKN");
        Receive('O', new NeighborMessage(NeighborPriority.Low, data));
        Assert.Empty(_core.Known);
        for (int i = 0; i < 3; i++)
        {
            GossipPeerInfo[] nodes = [.. Enumerable.Range(30 + (30 * i), 30).Select(n => new GossipPeerInfo(Peers.Of(n), data))];
            Receive('A', new ShuffleMessage(Peers.Of('A'), nodes, 0));
        }

        Assert.Equal(30, _core.Passive.Count);
        Assert.Equal(Peers.Text(_core.Passive), Peers.Text(_core.Known));
    }

    [Fact]
    public void Q7_nobody_makes_us_speak_to_ourselves()
    {
        Activate("ST");
        _core.Join([Peers.Of(Me), Peers.Of('A')]);
        Expect("Send(A, Join)");
        foreach (ushort ttl in (ushort[])[0, 3, 6, ushort.MaxValue])
        {
            Receive('S', new ForwardJoinMessage(Peers.Info(Me, new PeerData([1])), ttl));
            Receive('S', new ShuffleMessage(Peers.Of(Me), [Peers.Info(Me, new PeerData([1]))], ttl));
        }

        Expect();
        Receive('S', new ShuffleMessage(Peers.Of('O'), [Peers.Info(Me, new PeerData([1]))], 0));
        Expect("Send(O, ShuffleReply 1)");
        Assert.DoesNotContain(Peers.Of(Me), _core.Passive);
        Assert.Empty(_core.Known);

        HyParViewCore exact = Make(upstreamExact: true);
        exact.Join([Peers.Of(Me)]);
        Expect($"Send({Me}, Join)");
    }

    [Fact]
    public void A_neighbour_that_starts_anew_is_answered()
    {
        Activate("JK"); // they owe us an answer
        Receive('J', new JoinMessage(null));
        Expect("Send(J, Neighbor High)", "Send(K, ForwardJoin{J, 6})");
        Receive('J', new NeighborMessage(NeighborPriority.High, null));
        Expect();
    }

    [Fact]
    public void What_was_open_with_a_peer_ends_with_the_last_connection()
    {
        Activate("ABCDE"); // all five owe us an answer
        Receive('F', new JoinMessage(null));
        PeerId victim = Assert.Single(_core.Passive);
        _core.OnConnectionsEnded(victim);
        Assert.Equal([victim], _core.Passive);
        Assert.Empty(_core.AliveMarks);
        Assert.DoesNotContain(victim, _core.Pending);
        _effects.Clear();
        _core.OnConnectionsEnded(Peers.Of('F')); // a neighbour without connections is none
        Expect("NeighborDown(F)", "DisconnectPeer(F)", $"Send({Peers.Name(victim)}, Neighbor Low)", $"Schedule(500 ms, {Peers.Name(victim)})");
    }

    [Fact]
    public void Who_has_refused_is_asked_again_only_after_the_next_shuffle()
    {
        Activate("A");
        Reserve("BCD", from: 'A');
        Receive('A', new ShuffleReplyMessage([]));
        int asked = 0;
        while (_effects.OfType<GossipEffect.Send>().FirstOrDefault(IsRequest) is { } request)
        {
            Assert.True(++asked <= 3, "somebody who has refused is asked again");
            _effects.Clear();
            _core.Receive(request.Peer, new ShuffleReplyMessage([Peers.Info('B'), Peers.Info('C'), Peers.Info('D')]));
            List<GossipEffect> next = [.. _effects];
            _core.Receive(request.Peer, new DisconnectMessage(IsAlive: true));
            _effects.AddRange(next);
        }

        Assert.Equal(3, asked);
        _core.OnTimer(new GossipTimer.DoShuffle());
        _effects.Clear();
        Receive('A', new ShuffleReplyMessage([]));
        Assert.Contains(_effects.OfType<GossipEffect.Send>(), IsRequest);
        Receive('A', new DisconnectMessage(IsAlive: false)); // the last neighbour: nobody refuses a request now
        Assert.Contains(_effects.OfType<GossipEffect.Send>(), e => e.Message is NeighborMessage { Priority: NeighborPriority.High });

        static bool IsRequest(GossipEffect.Send send) => send.Message is NeighborMessage { Priority: NeighborPriority.Low };
    }

    [Fact]
    public void An_answer_that_crosses_our_parting_makes_nobody_a_neighbour()
    {
        HyParViewCore core = Make(capacity: 1);
        core.Receive(Peers.Of('J'), new JoinMessage(null));
        core.Receive(Peers.Of('K'), new JoinMessage(null)); // there is room for one
        _effects.Clear();
        core.Receive(Peers.Of('J'), new NeighborMessage(NeighborPriority.High, null)); // and next it reads that it was dropped
        Expect("Send(J, ShuffleReply 2)", "Send(J, Disconnect alive)", "DisconnectPeer(J)", "DisconnectPeer(J)");
        Assert.Equal(["K"], Peers.Text(core.Active));

        core.Receive(Peers.Of('J'), new NeighborMessage(NeighborPriority.High, null)); // this is a request
        Assert.Equal(["J"], Peers.Text(core.Active));
        Assert.Contains(_effects.OfType<GossipEffect.Send>(), e => e.Peer == Peers.Of('J') && e.Message is NeighborMessage);
    }

    [Fact]
    public void A_former_neighbour_that_asks_is_answered()
    {
        HyParViewCore core = Make(capacity: 1);
        core.Receive(Peers.Of('F'), new NeighborMessage(NeighborPriority.Low, null));
        Expect("NeighborUp(F)", "Send(F, Neighbor Low)"); // which it need not answer
        core.Receive(Peers.Of('K'), new JoinMessage(null)); // there is room for one
        Assert.Equal(["K"], Peers.Text(core.Active));
        _effects.Clear();
        core.Receive(Peers.Of('F'), new NeighborMessage(NeighborPriority.High, null));
        Assert.Contains("Send(F, Neighbor High)", Peers.Text(_effects));
    }

    [Fact]
    public void Who_takes_us_for_a_neighbour_without_being_one_is_told_once_per_shuffle()
    {
        Activate("A");
        Receive('F', new ForwardJoinMessage(Peers.Info('P'), 6));
        Expect("Send(P, Neighbor High)", "Send(F, Disconnect alive)", "DisconnectPeer(F)", "DisconnectPeer(F)");
        _core.OnBroadcastFrom(Peers.Of('F'));
        _core.OnBroadcastFrom(Peers.Of('A'));
        _core.OnBroadcastFrom(Peers.Of('P')); // is about to answer
        Expect();
        _core.OnTimer(new GossipTimer.DoShuffle());
        _effects.Clear();
        _core.OnBroadcastFrom(Peers.Of('F'));
        Expect("Send(F, Disconnect alive)", "DisconnectPeer(F)");
        Receive('F', new NeighborMessage(NeighborPriority.Low, null));
        Expect("NeighborUp(F)", "Send(F, Neighbor Low)");
        _core.OnBroadcastFrom(Peers.Of('F'));
        Expect();
    }

    [Fact]
    public void A_walk_is_never_longer_than_ours()
    {
        Activate("ST");
        Receive('S', new ForwardJoinMessage(Peers.Info('P'), ushort.MaxValue));
        Expect("Send(T, ForwardJoin{P, 5})");
        Receive('S', new ShuffleMessage(Peers.Of('O'), [], ushort.MaxValue));
        Expect("Send(T, Shuffle{O, 0, 5})");
    }

    [Fact]
    public void Data_are_told_once_and_large_ones_never()
    {
        var data = new PeerData([0, 1, 0, 10, 0, 0, 1, 5]);
        Receive('J', new JoinMessage(data));
        Expect("PeerDataSeen(J, 0001000a00000105)", "NeighborUp(J)", "Send(J, Neighbor High)");
        Receive('J', new NeighborMessage(NeighborPriority.High, data));
        Receive('J', new NeighborMessage(NeighborPriority.High, new PeerData([])));
        Expect("Send(J, Neighbor High)"); // the first was the answer to ours
        Receive('K', new JoinMessage(new PeerData(new byte[PeerData.MaxStored + 1])));
        Expect("Refuse(K, BadPeerData)", "NeighborUp(K)", "Send(K, Neighbor High)", "Send(J, ForwardJoin{K, 6})");
    }

    [Theory]
    [InlineData(512), InlineData(4096)]
    public void Whatever_peers_tell_of_themselves_every_message_fits_a_frame(int maxMessageSize)
    {
        var options = new GossipOptions { MaxMessageSize = maxMessageSize };
        var data = new PeerData(new byte[PeerData.LimitFor(maxMessageSize)]);
        var own = new PeerData(new byte[150]);
        var core = new HyParViewCore(Peers.Of(Me), own, options, new SeededRandom(1), false, new TopicEffects(Peers.Topic, _effects));
        for (int i = 0; i < 5; i++)
            core.Receive(Peers.Of(i), new JoinMessage(data));
        GossipPeerInfo[] nodes = [.. Enumerable.Range(30, 40).Select(n => new GossipPeerInfo(Peers.Of(n), data))];
        core.Receive(Peers.Of(0), new ShuffleMessage(Peers.Of(0), nodes, 0));
        core.Receive(Peers.Of(0), new ShuffleMessage(Peers.Of(90), nodes, 6));
        core.Receive(Peers.Of(0), new ForwardJoinMessage(new GossipPeerInfo(Peers.Of(91), data), 6));
        core.OnTimer(new GossipTimer.DoShuffle());
        core.Join([Peers.Of(92)]);
        core.Receive(Peers.Of(93), new NeighborMessage(NeighborPriority.High, data));
        core.Quit();
        int shuffles = 0;
        foreach (GossipEffect.Send send in _effects.OfType<GossipEffect.Send>())
        {
            int length = GossipCodec.Encode(send.Message).Length - GossipCodec.PrefixLength;
            Assert.True(GossipCodec.MaySend(length, maxMessageSize), $"{send.Message.Kind} has {length} bytes");
            if (send.Message is ShuffleMessage { Nodes: var told } shuffle && shuffle.Origin == Peers.Of(Me))
            {
                Assert.Equal(own, told[^1].Data); // ours is the last to be left out
                Assert.Equal(Peers.Of(Me), told[^1].Id);
                shuffles++;
            }
        }

        Assert.Equal(1, shuffles);
    }

    private static HyParViewCore Make(List<GossipEffect> effects, bool upstreamExact, int capacity = 5) => new(
        Peers.Of(Me), null, new GossipOptions { ActiveViewCapacity = capacity }, new SeededRandom(7), upstreamExact,
        new TopicEffects(Peers.Topic, effects));

    private HyParViewCore Make(bool upstreamExact = false, int capacity = 5) => Make(_effects, upstreamExact, capacity);

    private void Receive(char from, GossipMessage message) => _core.Receive(Peers.Of(from), message);

    private void Expect(params string[] effects) => Assert.Equal(effects, Peers.Text(_effects));

    private void Activate(string peers) => Activate(_core, peers);

    private void Activate(HyParViewCore core, string peers)
    {
        foreach (char peer in peers)
            core.Receive(Peers.Of(peer), new NeighborMessage(NeighborPriority.High, null));
        Assert.Superset(peers.Select(Peers.Of).ToHashSet(), core.Active.ToHashSet());
        _effects.Clear();
    }

    /// <summary>Puts peers in reserve without asking any of them.</summary>
    private void Reserve(string peers, char from)
    {
        Receive(from, new ShuffleMessage(Peers.Of(from), [.. peers.Select(c => Peers.Info(c))], 0));
        _effects.Clear();
    }
}
