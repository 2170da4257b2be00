using System.Globalization;
using Mosaik.Testing;

namespace Mosaik.Simulation.Discovery;

// What is judged every second, whatever goes wrong, and what is judged while nothing does.
internal sealed partial class DiscoveryWorld
{
    private const int MessagesPerSecondAtMost = 500;

    private static readonly TimeSpan WatchInterval = TimeSpan.FromSeconds(1);

    // A dead neighbour is noticed when its connection times out, at the latest.
    private static readonly TimeSpan DeadNeighbourBound = InMemoryTransportNetwork.IdleTimeout + TimeSpan.FromSeconds(5);

    // What was cut has healed, or has been noticed at both ends.
    private static readonly TimeSpan UntilCalm = InMemoryTransportNetwork.IdleTimeout + TimeSpan.FromSeconds(10);

    // Who becomes a neighbour, or ceases to be one, hears of it within some exchanges of messages. Seldom such messages cross,
    // and then it may take until the next shuffle.
    private static readonly TimeSpan OneSidedBound = TimeSpan.FromSeconds(3);
    private const int OneSidedAtMost = 4;

    private readonly Dictionary<(int Node, int Other), TimeSpan> _oneSidedSince = [];
    private TimeSpan? _quietSince;
    private long _watchedMessages = long.MaxValue; // until it is watched
    private int _oneSided;
    private bool _hadFaults;
    private bool _isOver;

    private async Task WatchAsync()
    {
        while (!_isOver)
        {
            _watchedMessages = _transports.SentMessages;
            WatchTheDead();
            WatchRelations();
            await Task.Delay(WatchInterval, Scheduler.TimeProvider).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// Nobody sends without end. Asked after each step, for nothing else may come to an end then. At the end of the world all
    /// say goodbye to all at once, and no seconds are counted any more.
    /// </summary>
    private void WatchTraffic()
    {
        if (!_isOver && _transports.SentMessages - _watchedMessages > MessagesPerSecondAtMost * _nodes.Count)
            _facts.Fail("RE-3", $"{MessagesPerSecondAtMost} messages per node within a second; {_plan}");
    }

    /// <summary>Nobody keeps a neighbour that has ended.</summary>
    private void WatchTheDead()
    {
        foreach (SimulatedNode dead in _nodes)
        {
            if (dead.IsWanted || dead.EndedAt is not { } ended || Scheduler.Now - ended < DeadNeighbourBound)
                continue;
            if (Running.FirstOrDefault(node => node.Process!.Discovery.Driver.Neighbours.Contains(dead.Id)) is { } node) // they run
                _facts.Fail("GO-3", $"n{node.Index} takes n{dead.Index} for its neighbour, which ended at t={ended.TotalSeconds:f1}s; {_plan}");
        }
    }

    /// <summary>While nothing goes wrong, neighbours are so on both sides, but for a moment.</summary>
    private void WatchRelations()
    {
        if (_quietSince is not { } since || Scheduler.Now - since < (_hadFaults ? UntilCalm : TimeSpan.Zero))
        {
            _oneSidedSince.Clear();
            return;
        }
        var oneSided = OneSided().Where(static pair => pair.Other.Process is not null)
            .Select(static pair => (pair.Node.Index, pair.Other.Index)).ToHashSet();
        foreach (var mended in _oneSidedSince.Keys.Where(pair => !oneSided.Contains(pair)).ToList())
            _oneSidedSince.Remove(mended);
        foreach (var pair in oneSided)
        {
            if (_oneSidedSince.TryAdd(pair, Scheduler.Now) || Scheduler.Now - _oneSidedSince[pair] < OneSidedBound)
                continue;
            _oneSidedSince[pair] = TimeSpan.MaxValue; // counted
            if (++_oneSided <= OneSidedAtMost)
                continue;
            _facts.Fail("GO-3", string.Create(
                CultureInfo.InvariantCulture,
                $"n{pair.Item1} is the {_oneSided}th that takes somebody for its neighbour, n{pair.Item2}, who does not, "
                + $"for {OneSidedBound.TotalSeconds} s; {_plan}"));
        }
    }

    private IEnumerable<SimulatedNode> Running => _nodes.Where(static node => node.IsWanted && node.Process is not null);
}
