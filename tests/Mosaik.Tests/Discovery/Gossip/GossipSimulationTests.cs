using System.Globalization;
using Mosaik.Discovery.Gossip;
using Mosaik.Discovery.Gossip.Protocol;
using Mosaik.Primitives;

namespace Mosaik.Tests.Discovery.Gossip;

/// <summary>Swarms of cores under virtual time: scenarios and thresholds of spec/gossip.md §16.4.</summary>
public sealed class GossipSimulationTests(ITestOutputHelper output)
{
    private const int SmallSeeds = 100;

    [Theory, InlineData(false), InlineData(true)]
    public void Hyparview_smoke(bool upstreamExact) => ForSeeds(SmallSeeds, seed =>
    {
        var world = new GossipSimulator(seed, upstreamExact, activeView: 2, isFixed: true);
        world.Join(0, 1, 2);
        world.Join(1, 2);
        world.Join(2);
        world.RunTrips(3);
        string[] expected = ["0 up 1", "0 up 2", "1 up 0", "1 up 2", "2 up 0", "2 up 1"];
        Assert.Equal(expected, Changes(world));
        Assert.Equal(["0-1", "0-2", "1-2"], world.Connections);
        Assert.Empty(world.Asymmetries());

        world.Join(3, 0);
        world.RunTrips(2);
        string[] changes = Changes(world);
        int loser = changes.Contains("0 down 1") ? 1 : 2;
        int keeper = 3 - loser;
        Assert.Equal([$"0 down {loser}", "0 up 3", $"{loser} down 0", "3 up 0"], changes.Order(StringComparer.Ordinal));
        string[] connections = [$"0-{keeper}", "0-3", "1-2"];
        Assert.Equal(connections.Order(StringComparer.Ordinal), world.Connections);
        Assert.Empty(world.Asymmetries());
    });

    [Theory, InlineData(false), InlineData(true)]
    public void Plumtree_smoke(bool upstreamExact) => ForSeeds(SmallSeeds, seed =>
    {
        var world = new GossipSimulator(seed, upstreamExact, isFixed: true);
        world.Join(0);
        world.Join(3);
        world.Join(1, 0);
        world.Join(2, 0);
        world.Join(4, 3);
        world.Join(5, 3);
        world.RunTrips(4);
        Assert.Empty(world.Asymmetries());
        world.Broadcast(Peers.Of(1), [1]);
        world.RunTrips(4);
        Assert.Equal(["A", "C"], Peers.Text(Received(world).Select(static r => r.At)));
        Assert.Empty(world.Asymmetries());

        world.Join(2, 5);
        world.RunTrips(3);
        world.Emitted.Clear();
        world.Broadcast(Peers.Of(1), [2]);
        world.RunTrips(5);
        Assert.Equal(["A", "C", "D", "E", "F"], Peers.Text(Received(world).Select(static r => r.At)));
        Assert.Empty(world.Asymmetries());
    });

    [Theory, InlineData(false), InlineData(true)]
    public void Quit(bool upstreamExact) => ForSeeds(SmallSeeds, seed =>
    {
        var world = new GossipSimulator(seed, upstreamExact, activeView: 2, isFixed: true);
        world.Join(0);
        for (int i = 1; i < 4; i++)
            world.Join(i, i - 1);
        world.RunTrips(2);
        Assert.Equal([0, 1, 2, 3], Neighbours(world));
        world.Quit(3);
        world.RunTrips(4);
        Assert.Equal([0, 1, 2], Neighbours(world));
        Assert.Null(world[3]);
        Assert.Empty(world.Asymmetries());
    });

    [Theory]
    [InlineData(false, 20), InlineData(true, 5)]
    public void A_single_sender_in_a_hundred_nodes(bool upstreamExact, int seeds) =>
        Measure("single", seeds, upstreamExact, rounds: 30, ldhBelow: 15, rmrBelow: 0.2, static (_, nodes) => [nodes[7]]);

    [Theory]
    [InlineData(false, 10), InlineData(true, 5)]
    public void Random_senders_in_a_hundred_nodes(bool upstreamExact, int seeds) =>
        Measure("random", seeds, upstreamExact, rounds: 30, ldhBelow: 18, rmrBelow: 1,
            static (world, nodes) => [nodes[world.Random.NextBelow(nodes.Length)]]);

    [Theory]
    [InlineData(false, 3), InlineData(true, 3)]
    public void All_hundred_nodes_send_at_once(bool upstreamExact, int seeds) =>
        Measure("burst", seeds, upstreamExact, rounds: 5, ldhBelow: 30, rmrBelow: 3, static (_, nodes) => nodes);

    [Theory]
    [InlineData(false, 4.5), InlineData(true, 4.0)]
    public void The_swarm_survives_the_death_of_a_third(bool upstreamExact, double meanActiveView) => ForSeeds(5, seed =>
    {
        GossipSimulator world = Swarm(seed, upstreamExact);
        PeerId[] victims = [.. Enumerable.Range(0, 100).Select(Peers.Of)];
        for (int i = 0; i < 30; i++)
        {
            int other = i + world.Random.NextBelow(100 - i);
            (victims[i], victims[other]) = (victims[other], victims[i]);
            world.Kill(victims[i], noticedWithin: TimeSpan.FromSeconds(30));
        }

        world.RunFor(TimeSpan.FromSeconds(120));
        PeerId[] alive = [.. world.Alive.Order()];
        Assert.Equal(70, alive.Length);
        Assert.DoesNotContain(alive, p => world.Find(p)!.Membership.Active.Count == 0);
        double mean = alive.Average(p => world.Find(p)!.Membership.Active.Count);
        Assert.True(mean >= meanActiveView, $"the mean active view is {mean}");
        Assert.DoesNotContain(alive, p => world.Find(p)!.Membership.Active.Any(n => world.Find(n) is null));
        (double ldh, double rmr) = Rounds(world, 10, static (w, nodes) => [nodes[w.Random.NextBelow(nodes.Length)]]);
        Assert.Empty(world.Asymmetries());
        output.WriteLine(Line($"seed {seed}: mean active view {mean:F2}, LDH {ldh:F1}, RMR {rmr:F3}"));
    });

    [Fact]
    public void Nothing_is_left_of_peers_that_come_and_go() => ForSeeds(3, seed =>
    {
        // Q6 over an hour: a hundred peers through a swarm of twenty.
        var world = new GossipSimulator(seed, upstreamExact: false);
        for (int i = 0; i < 20; i++)
            world.Join(i, i == 0 ? [] : [0]);
        for (int i = 20; i < 120; i++)
        {
            world.Join(i, i - 1, 0);
            world.RunFor(TimeSpan.FromSeconds(30));
            world.Kill(Peers.Of(i - (i % 2 == 0 ? 20 : 1)), TimeSpan.FromSeconds(10));
        }

        world.RunFor(TimeSpan.FromMinutes(10));
        foreach (PeerId node in world.Alive)
        {
            TopicCore topic = world.Find(node)!; // everybody has joined
            HyParViewCore membership = topic.Membership;
            PeerId[] roles = [.. membership.Active, .. membership.Passive, .. membership.Pending];
            Assert.Superset(membership.Known.ToHashSet(), roles.ToHashSet());
            Assert.Superset(membership.AliveMarks.ToHashSet(), membership.Passive.ToHashSet());
            Assert.Superset(topic.Broadcasts.Eager.Concat(topic.Broadcasts.Lazy).ToHashSet(), membership.Active.ToHashSet());
        }
    });

    private static void ForSeeds(int count, Action<ulong> body)
    {
        for (int seed = 0; seed < count; seed++)
        {
            try
            {
                body((ulong)seed);
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"seed {seed}: {e.Message}", e);
            }
        }
    }

    private static GossipSimulator Swarm(ulong seed, bool upstreamExact)
    {
        var world = new GossipSimulator(seed, upstreamExact);
        for (int i = 0; i < 100; i++)
            world.Join(i, i == 0 ? [] : [0]);
        world.RunTrips(20);
        world.Emitted.Clear();
        return world;
    }

    private void Measure(
        string name, int seeds, bool upstreamExact, int rounds, double ldhBelow, double rmrBelow,
        Func<GossipSimulator, PeerId[], PeerId[]> senders)
    {
        List<double> ldhs = [], rmrs = [];
        ForSeeds(seeds, seed =>
        {
            GossipSimulator world = Swarm(seed, upstreamExact);
            Assert.DoesNotContain(world.Alive, p => world.Find(p)!.Membership.Active.Count == 0);
            (double ldh, double rmr) = Rounds(world, rounds, senders);
            Assert.True(ldh < ldhBelow, $"LDH {ldh}");
            Assert.True(rmr < rmrBelow, $"RMR {rmr}");
            ldhs.Add(ldh);
            rmrs.Add(rmr);
        });
        output.WriteLine(Line(
            $"{name}, exact {upstreamExact}: LDH {ldhs.Min():F1} to {ldhs.Max():F1}, RMR {rmrs.Min():F3} to {rmrs.Max():F3}"));
    }

    /// <summary>Rounds of broadcasts in which nobody may miss anything; their mean last hop and redundancy.</summary>
    private static (double Ldh, double Rmr) Rounds(
        GossipSimulator world, int rounds, Func<GossipSimulator, PeerId[], PeerId[]> senders)
    {
        PeerId[] nodes = [.. world.Alive.Order()];
        double ldh = 0, rmr = 0;
        for (int round = 0; round < rounds; round++)
        {
            world.Emitted.Clear();
            world.Payloads = 0;
            PeerId[] chosen = senders(world, nodes);
            foreach (PeerId sender in chosen)
                world.Broadcast(sender, [.. sender.AsSpan(), (byte)round]);
            world.RunTrips(40);
            (PeerId At, GossipEvent.Received Event)[] received = [.. Received(world)];
            Assert.Equal(chosen.Length * (nodes.Length - 1), received.Length);
            ldh += received.Max(static r => r.Event.Scope.Round);
            rmr += (double)world.Payloads / (received.Length - 1) - 1;
        }

        return (ldh / rounds, rmr / rounds);
    }

    private static IEnumerable<(PeerId At, GossipEvent.Received Event)> Received(GossipSimulator world) =>
        world.Emitted.Where(static e => e.Event is GossipEvent.Received).Select(static e => (e.At, (GossipEvent.Received)e.Event));

    private static int[] Neighbours(GossipSimulator world) =>
        [.. world.Alive.SelectMany(p => world.Find(p)?.Membership.Active ?? []).Select(Peers.NumberOf).Distinct().Order()];

    private static string[] Changes(GossipSimulator world)
    {
        string[] changes =
        [
            .. world.Emitted.Select(static e => e.Event switch
            {
                GossipEvent.NeighborUp up => Line($"{Peers.NumberOf(e.At)} up {Peers.NumberOf(up.Peer)}"),
                GossipEvent.NeighborDown down => Line($"{Peers.NumberOf(e.At)} down {Peers.NumberOf(down.Peer)}"),
                _ => "",
            }).Where(static t => t.Length > 0).Order(StringComparer.Ordinal),
        ];
        world.Emitted.Clear();
        return changes;
    }

    private static string Line(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
