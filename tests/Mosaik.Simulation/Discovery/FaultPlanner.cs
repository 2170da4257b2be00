using Mosaik.Testing;

namespace Mosaik.Simulation.Discovery;

/// <summary>
/// Swarm testing (spec/reliability.md §4): every kind of trouble is part of a run with probability one half, so that runs
/// differ in kinds and not only in luck; durations come from all buckets of §4.3.
/// </summary>
internal sealed class FaultPlanner
{
    private static readonly (double From, double To)[] Buckets = [(0.05, 1.5), (1.5, 3), (3, 8), (8, 60), (60, 400)];

    private readonly DiscoveryPlan _plan;
    private readonly SimulationRandom _random;
    private readonly TimeSpan _phase;

    private FaultPlanner(DiscoveryPlan plan, SimulationRandom random)
    {
        _plan = plan;
        _random = random;
        _phase = TimeSpan.FromSeconds(30 + random.NextBelow(150));
    }

    public static IEnumerable<DiscoveryFault> Draw(DiscoveryPlan plan, SimulationRandom random)
    {
        var planner = new FaultPlanner(plan, random);
        // Every kind draws, wanted or not, so that leaving one out does not shift the others.
        return planner.DrawAll().OrderBy(static fault => fault.At).ToList();
    }

    private List<DiscoveryFault> DrawAll()
    {
        var faults = new List<DiscoveryFault>();
        AddSome(faults, 2, BadLinks);
        AddSome(faults, 2, Partition);
        AddSome(faults, 2, Isolation);
        AddSome(faults, 3, OneWay);
        AddSome(faults, 4, Crash);
        AddSome(faults, 3, Leave);
        AddSome(faults, 2, LostDeparture);
        AddSome(faults, 4, ChangeTags);
        AddSome(faults, 1, WrongClock);
        int joins = _random.NextBelow(2) == 0 ? 0 : 1 + _random.NextBelow(DiscoveryPlan.MaxJoins);
        for (int i = 0; i < joins; i++)
            faults.Add(new DiscoveryFault.Join(At(), _plan.NodeCount + i));
        AddSome(faults, 2, HastyClock);
        return faults;
    }

    private void AddSome(List<DiscoveryFault> faults, int most, Func<DiscoveryFault> draw)
    {
        bool isOn = _random.NextBelow(2) == 0;
        int count = 1 + _random.NextBelow(most);
        for (int i = 0; i < count; i++)
        {
            DiscoveryFault fault = draw();
            if (isOn)
                faults.Add(fault);
        }
    }

    private DiscoveryFault.BadLinks BadLinks() => new(At(), Duration(), new LinkConditions
    {
        MinLatency = TimeSpan.FromMilliseconds(1 + _random.NextBelow(100)),
        MaxLatency = TimeSpan.FromMilliseconds(100 + _random.NextBelow(400)),
        TailProbability = 0.01,
        Loss = 0.3 * _random.NextDouble(),
        Bandwidth = _random.NextBelow(2) == 0 ? null : 20_000 + _random.NextBelow(200_000),
    });

    private DiscoveryFault.Cut Partition()
    {
        int[] all = Shuffled();
        int split = 1 + _random.NextBelow(all.Length - 1);
        return new(At(), Duration(), all[..split], all[split..], IsOneWay: false);
    }

    private DiscoveryFault.Cut Isolation()
    {
        int[] all = Shuffled();
        return new(At(), Duration(), all[..1], all[1..], IsOneWay: false);
    }

    private DiscoveryFault.Cut OneWay()
    {
        int[] all = Shuffled();
        return new(At(), Duration(), all[..1], all[1..(1 + _random.NextBelow(all.Length - 1) + 1)], IsOneWay: true);
    }

    private DiscoveryFault.Crash Crash()
    {
        int node = Node();
        bool isForGood = _random.NextBelow(3) == 0 && !_plan.IsBootstrap(node);
        return new(At(), Duration(), node, isForGood);
    }

    private DiscoveryFault.Leave Leave()
    {
        int node = Node();
        bool isForGood = _random.NextBelow(2) == 0 && !_plan.IsBootstrap(node);
        return new(At(), Duration(), node, isForGood);
    }

    private DiscoveryFault LostDeparture()
    {
        int[] all = Shuffled();
        int deaf = 1 + _random.NextBelow(all.Length - 1);
        TimeSpan at = At();
        var duration = TimeSpan.FromSeconds(2 + _random.NextBelow(20));
        int[] ears = all[1..(1 + Math.Min(deaf, all.Length - 1))];
        return _plan.IsBootstrap(all[0])
            ? new DiscoveryFault.Leave(at, duration, all[0], IsForGood: false)
            : new DiscoveryFault.LostDeparture(at, duration, all[0], ears);
    }

    private DiscoveryFault.ChangeTags ChangeTags() => new(At(), Node(), $"tag {_random.NextBelow(1000)}");

    private DiscoveryFault.WrongClock WrongClock() => new(
        At(), TimeSpan.FromSeconds(5 + _random.NextBelow(60)), Node(), TimeSpan.FromSeconds(60 + _random.NextBelow(3600)));

    private DiscoveryFault.HastyClock HastyClock() => new(
        At(), TimeSpan.FromMilliseconds(300 + _random.NextBelow(1500)), Node(), TimeSpan.FromMilliseconds(3000 + _random.NextBelow(1000)));

    private TimeSpan At() => _phase * _random.NextDouble();

    private TimeSpan Duration()
    {
        (double from, double to) = Buckets[_random.NextBelow(Buckets.Length)];
        return TimeSpan.FromSeconds(from + ((to - from) * _random.NextDouble()));
    }

    private int Node() => _random.NextBelow(_plan.NodeCount);

    private int[] Shuffled()
    {
        int[] all = [.. Enumerable.Range(0, _plan.NodeCount)];
        for (int i = all.Length - 1; i > 0; i--)
        {
            int other = _random.NextBelow(i + 1);
            (all[i], all[other]) = (all[other], all[i]);
        }
        return all;
    }
}
