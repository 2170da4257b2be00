using Mosaik.Groups.Raft;
using Mosaik.Simulation.Raft.Cluster;
using Mosaik.Testing;

namespace Mosaik.Tests.Groups.Raft;

/// <summary>
/// Pseudo-random schedules in the manner of spec/groups-safety.md §10.1, few of them: the simulator runs many. Every step
/// checks Election Safety, state = committed log, and in Majority that nobody commits another entry.
/// </summary>
public sealed class RaftRandomTests
{
    private const int Steps = 600;

    // More seeds on demand, for whoever changes the core.
    private static readonly int Seeds = int.TryParse(Environment.GetEnvironmentVariable("MOSAIK_RAFT_SEEDS"), out int n) ? n : 60;

    private static readonly int FirstSeed =
        int.TryParse(Environment.GetEnvironmentVariable("MOSAIK_RAFT_SEED"), out int n) ? n : 1;

    /// <summary>What may go wrong.</summary>
    public enum Faults
    {
        Delays,
        Churn,
        Restarts,
        SeparateBoot,
        Skips,
    }

    [Theory]
    [InlineData(Faults.Delays), InlineData(Faults.Churn), InlineData(Faults.Restarts), InlineData(Faults.SeparateBoot)]
    [InlineData(Faults.Skips)]
    public void Available_converges(Faults faults)
    {
        for (ulong seed = (ulong)FirstSeed; seed < (ulong)(FirstSeed + Seeds); seed++)
            Guard(seed, random => RunAvailable(seed, faults, random));
    }

    [Theory]
    [InlineData(Faults.Delays, 3), InlineData(Faults.Delays, 5), InlineData(Faults.Churn, 3), InlineData(Faults.Churn, 5)]
    [InlineData(Faults.Skips, 3), InlineData(Faults.Restarts, 3), InlineData(Faults.Restarts, 4), InlineData(Faults.Restarts, 5)]
    public void Majority_loses_nothing(Faults faults, int voters)
    {
        for (ulong seed = (ulong)FirstSeed; seed < (ulong)(FirstSeed + Seeds); seed++)
            Guard(seed, random => RunMajority(seed, faults, voters, random));
    }

    private static void Guard(ulong seed, Action<SimulationRandom> run)
    {
        try
        {
            run(new SimulationRandom(seed).Stream("schedule"));
        }
        catch (Exception e)
        {
            throw new InvalidOperationException($"Seed {seed}: {e.Message}", e);
        }
    }

    private static RaftCluster Create(ulong seed, Faults faults)
    {
        var cluster = new RaftCluster(seed);
        SimulationRandom slow = new SimulationRandom(seed).Stream("slow");
        if (faults == Faults.Skips)
            cluster.SkipsEntries = (_, _) => slow.NextBelow(5) == 0;
        return cluster;
    }

    private static void RunAvailable(ulong seed, Faults faults, SimulationRandom random)
    {
        RaftCluster cluster = Create(seed, faults);
        int count = seed % 2 == 1 ? 3 : 5;
        for (int i = 0; i < count; i++)
            cluster.Start($"n{i}");
        if (faults == Faults.SeparateBoot)
        {
            for (int i = 0; i < count; i++)
            {
                if (random.NextDouble() >= 0.8)
                    continue;
                cluster.TimeOut($"n{i}");
                int own = random.NextBelow(4);
                for (int k = 0; k < own; k++)
                    cluster.Feed($"n{i}", $"own{i}.{k}");
            }
        }

        cluster.Mesh();
        for (int step = 0; step < Steps; step++)
            Step(cluster, random, faults, step, (c, name) => c.Restart(name, isYoung: random.NextBelow(2) == 0));
        Heal(cluster, random, 60);
    }

    private static void RunMajority(ulong seed, Faults faults, int voters, SimulationRandom random)
    {
        RaftCluster cluster = Create(seed, faults);
        string[] names = [.. Enumerable.Range(0, voters).Select(i => $"n{i}")];
        foreach (string name in names)
            cluster.Start(name, s => s with { Voters = voters });
        cluster.Start("x0", s => s with { Voters = voters, IsVoter = false });
        cluster.Mesh();
        AvailableScheduleTests.Elect(cluster, "n0");
        cluster.Settle();
        if (faults == Faults.Restarts)
        {
            cluster.Start("s0", s => s with { Voters = voters });
            cluster.Mesh();
        }

        for (int step = 0; step < Steps; step++)
            Step(cluster, random, faults, step, TryRestart);
        Heal(cluster, random, 160);
        Assert.All(cluster.Nodes, n => Assert.Null(n.Termination));
        if (faults == Faults.Restarts)
            Assert.All(cluster.Nodes, n => Assert.Equal(voters, n.Core.Voters.Count));
    }

    // Only while of every roster in force anywhere a quorum keeps its memory (spec/groups-safety.md §7.4).
    private static void TryRestart(RaftCluster cluster, string name)
    {
        var survivors = cluster.Nodes.Where(n => n.Name != name).Select(n => n.Member).ToHashSet();
        foreach (ClusterNode node in cluster.Nodes)
        {
            var roster = node.Core.RosterInForce;
            if (roster.Count > 0 && roster.Count(survivors.Contains) < (roster.Count / 2) + 1)
                return;
        }

        var bonded = cluster.Nodes.Where(o => cluster.AreBonded(cluster[name], o)).Select(o => o.Name).ToArray();
        cluster.Restart(name);
        foreach (string other in bonded)
            cluster.Bond(name, other);
    }

    private static void Step(RaftCluster cluster, SimulationRandom random, Faults faults, int step, Action<RaftCluster, string> restart)
    {
        double u = random.NextDouble();
        string Any(IEnumerable<ClusterNode> nodes)
        {
            ClusterNode[] all = [.. nodes];
            return all.Length == 0 ? "" : all[random.NextBelow(all.Length)].Name;
        }

        if (u < 0.74)
        {
            var loaded = cluster.Loaded;
            if (loaded.Count == 0)
                return;
            (string from, string to) = loaded[random.NextBelow(loaded.Count)];
            cluster.Deliver(from, to, 1);
        }
        else if (u < 0.78)
        {
            if (Any(cluster.Nodes.Where(n => !n.IsLeader)) is { Length: > 0 } name)
                cluster.TimeOut(name);
        }
        else if (u < 0.86)
        {
            Call(cluster, random, step, Any(random.NextBelow(3) == 0 ? cluster.Nodes : cluster.Leaders));
        }
        else if (u < 0.92)
        {
            if (Any(cluster.Leaders) is { Length: > 0 } name)
                cluster.Heartbeat(name);
        }
        else if (u < 0.985 && faults is not (Faults.Delays or Faults.Skips))
        {
            string a = Any(cluster.Nodes);
            string b = Any(cluster.Nodes);
            if (a == b)
                return;
            if (u < 0.95)
                cluster.Unbond(a, b);
            else
                cluster.Bond(a, b);
        }
        else if (faults == Faults.Restarts)
        {
            string name = Any(cluster.Nodes);
            var bonded = cluster.Nodes.Where(o => cluster.AreBonded(cluster[name], o)).Select(o => o.Name).ToArray();
            restart(cluster, name);
            foreach (string other in bonded)
                cluster.Bond(name, other);
        }
    }

    private static void Call(RaftCluster cluster, SimulationRandom random, int step, string name)
    {
        if (name.Length == 0)
            return;
        switch (random.NextBelow(4))
        {
            case 0:
                cluster.Feed(name, $"c{step}");
                break;
            case 1:
                cluster.Execute(name, $"c{step}a", $"c{step}b");
                break;
            case 2:
                cluster.Execute(name, $"c{step}");
                break;
            default:
                cluster.Query(name, isStrong: true);
                break;
        }
    }

    private static void Heal(RaftCluster cluster, SimulationRandom random, int rounds)
    {
        cluster.SkipsEntries = null;
        foreach (string name in cluster.Nodes.Select(n => n.Name).ToArray())
            cluster.Isolate(name);
        cluster.Mesh();
        for (int round = 0; ; round++)
        {
            cluster.DeliverAll();
            ClusterNode[] leaders = [.. cluster.Leaders];
            if (round >= 20 && leaders.Length == 1 && cluster.Nodes.All(n => n.Core.Online))
                break;
            Assert.True(round < rounds, $"No single leader:\n{cluster}");
            if (leaders.Length == 0)
            {
                ClusterNode[] all = [.. cluster.Nodes];
                ClusterNode next = all[random.NextBelow(all.Length)];

                // Time passes for all of them, so nobody takes a leader of long ago for a live one.
                foreach (ClusterNode node in all)
                    node.Now += node == next ? TimeSpan.Zero : node.Settings.ElectionTimeout;
                cluster.TimeOut(next.Name);
            }

            foreach (ClusterNode leader in leaders)
                cluster.Heartbeat(leader.Name);
            foreach (ClusterNode node in cluster.Nodes.Where(n => leaders.Length > 0 && !n.IsLeader && !n.Core.Online).ToArray())
                cluster.Pass(node.Name, node.Settings.HeartbeatInterval);
        }

        ClusterNode last = cluster.Leaders.Single();
        ulong token = cluster.Execute(last.Name, "last");
        cluster.Settle();
        Assert.Equal(CommandOutcome.Done, last.Commands[token].Outcome);
        AvailableScheduleTests.AssertAll(cluster, [.. last.Commanded]);

        // Forwarded calls whose answer was lost with a bond end in time.
        foreach (ClusterNode node in cluster.Nodes.Where(n => !n.IsLeader).ToArray())
        {
            node.Now += TimeSpan.FromSeconds(2);
            cluster.Step(node, "timer", n => n.Core.Advance(n.Now, n.Effects));
        }

        Assert.Empty(cluster.OpenCalls);
    }
}
