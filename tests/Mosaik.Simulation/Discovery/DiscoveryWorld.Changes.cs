using System.Globalization;
using Mosaik.Discovery;
using Mosaik.Primitives;

namespace Mosaik.Simulation.Discovery;

// What is measured and judged while nothing goes wrong.
internal sealed partial class DiscoveryWorld
{
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan OneChangeBound = TimeSpan.FromSeconds(2);

    private (TimeSpan At, long Messages, long Bytes) _trafficMark;

    /// <summary>The longest that a crashed node may be listed.</summary>
    private async Task ForgetTheDeadAsync()
    {
        while (_nodes.Exists(node => node is { IsWanted: false, EndedAt: not null } && !_facts.MustBeForgotten(node)))
            await DelayAsync(TimeSpan.FromSeconds(1)).ConfigureAwait(false);
        foreach (SimulatedNode node in Live)
        {
            foreach (SimulatedNode dead in _nodes.Where(_facts.MustBeForgotten))
            {
                if (node.State!.Signed.ContainsKey(dead.Id)) // live, and started: they have converged
                    _facts.Fail("DI-1", $"n{node.Index} still lists n{dead.Index}, which ended at {dead.EndedAt}");
            }
        }
    }

    /// <summary>Keep-alives reach everybody, and everybody has neighbours to hear them from.</summary>
    private void CheckFresh()
    {
        DiscoveryOptions options = _plan.Discovery;
        TimeSpan oldest = (options.AnnounceInterval * (1 + options.AnnounceJitter)) + OneChangeBound;
        foreach (SimulatedNode node in Live)
        {
            DiscoveryDriver driver = node.Process!.Discovery.Driver; // they have converged
            if (driver.Neighbours.Count == 0 && Live.Skip(1).Any())
                _facts.Fail("GO-4", $"n{node.Index} has no neighbour; {_plan}");
            foreach (SimulatedNode subject in Live.Where(subject => subject != node))
            {
                // By the clock of who signed it.
                long age = subject.Clock.GetUtcNow().ToUnixTimeMilliseconds() - driver.State.Signed[subject.Id].Version.Update;
                if (age > (long)oldest.TotalMilliseconds)
                    _facts.Fail("GO-1", $"n{node.Index} has heard nothing of n{subject.Index} for {age} ms; {_plan}");
            }
        }
    }

    /// <summary>Nothing happens but keep-alives: what that costs.</summary>
    private async Task MeasureQuietAsync(string what)
    {
        var duration = TimeSpan.FromSeconds(_plan.NodeCount > 100 ? 5 : 30);
        await DelayAsync(duration).ConfigureAwait(false);
        double perNode = NoteTraffic(what);
        // Each keep-alive reaches each node once, and some more with what the trees cost: far from the square.
        double keepAlives = (_plan.NodeCount - 1) / _plan.Discovery.AnnounceInterval.TotalSeconds;
        double bound = (MessagesPerKeepAlive * keepAlives) + MessagesAside;
        if (perNode > bound)
        {
            _facts.Fail("RE-3", string.Create(
                CultureInfo.InvariantCulture, $"{perNode:f1} messages per node and second while nothing happens, at most {bound:f1} expected; {_plan}"));
        }
    }

    private const double MessagesPerKeepAlive = 6;
    private const double MessagesAside = 20;

    /// <returns>Messages per node and second since the last mark.</returns>
    private double NoteTraffic(string what)
    {
        (TimeSpan at, long messages, long bytes) = (Scheduler.Now, _transports.SentMessages, _transports.SentBytes);
        double share = Live.Count() * (at - _trafficMark.At).TotalSeconds;
        double perNode = share > 0 ? (messages - _trafficMark.Messages) / share : 0;
        Notes.Add(string.Create(
            CultureInfo.InvariantCulture,
            $"{what}: {perNode:f1} messages and {(bytes - _trafficMark.Bytes) / Math.Max(share, 0.001) / 1000:f1} kB per node and second"));
        _trafficMark = (at, messages, bytes);
        return perNode;
    }

    private async Task ChangeOneAsync()
    {
        SimulatedNode node = Any();
        node.Process!.Discovery.AddTags(Tag.From("changed")); // it lives and all have converged
        await DelayAsync(TimeSpan.FromMilliseconds(6)).ConfigureAwait(false); // the window in which changes are gathered
        await MeasureAsync("one changes", OneChangeBound).ConfigureAwait(false);
    }

    private async Task LoseOneAsync()
    {
        if (Live.Skip(2).FirstOrDefault() is null)
            return;
        SimulatedNode node = Any();
        Stop(node);
        TimeSpan begin = Scheduler.Now;
        while (Live.FirstOrDefault(other => other.State!.Signed.ContainsKey(node.Id)) is { } other) // all run
        {
            if (Scheduler.Now - begin > OneChangeBound)
                throw new InvariantViolationException("DI-1", $"n{other.Index} has not heard after {OneChangeBound} that n{node.Index} left; {_plan}");
            await DelayAsync(LookInterval).ConfigureAwait(false);
        }
        NoteTime("one leaves", Scheduler.Now - begin);
    }

    private async Task GainOneAsync()
    {
        SimulatedNode? node = _nodes.Find(node => !node.IsWanted && _plan.BootstrapOf[node.Index].Any(peer => _nodes[peer].IsWanted));
        if (node is null)
            return;
        await node.Ending.ConfigureAwait(false);
        _tasks.Add(StartAsync(node));
        await MeasureAsync("one joins", _plan.JoinBound).ConfigureAwait(false);
    }

    private async Task MeasureAsync(string what, TimeSpan bound) => NoteTime(what, await ConvergeAsync("D1", bound).ConfigureAwait(false));

    private void NoteTime(string what, TimeSpan took) =>
        Notes.Add(string.Create(CultureInfo.InvariantCulture, $"{what}: {took.TotalSeconds:f2} s"));

    private SimulatedNode Any()
    {
        List<SimulatedNode> live = Live.ToList();
        return live[_random.Stream("choice").NextBelow(live.Count)];
    }

    /// <summary>What the events told is what the catalogs hold.</summary>
    private void CheckEvents()
    {
        foreach (SimulatedNode node in Live.Where(static node => node.Observer is not null))
        {
            IEnumerable<PeerId> held = node.Process!.Discovery.Catalog.Peers.Select(static peer => peer.Id); // it has an observer
            if (!held.SequenceEqual(node.Observer!.Known.Order()))
                _facts.Fail("DI-6", $"n{node.Index} holds other peers than its events tell of");
        }
    }
}
