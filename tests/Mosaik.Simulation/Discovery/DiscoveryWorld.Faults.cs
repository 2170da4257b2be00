using System.Net;
using Mosaik.Primitives;
using Mosaik.Testing;

namespace Mosaik.Simulation.Discovery;

// What goes wrong, and how it is put right again (spec/reliability.md §4).
internal sealed partial class DiscoveryWorld
{
    // 60 s by DI-1, and one full backoff more, for after a long cut the two sides may know each other only by configuration.
    private static readonly TimeSpan AfterShortCuts = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan AfterLongCuts = TimeSpan.FromSeconds(60 + 72);

    private readonly List<DiscoveryFault.Cut> _cuts = [];
    private readonly Dictionary<DiscoveryFault, DiscoveryFault.Cut> _lostDepartures = new(ReferenceEqualityComparer.Instance);
    private readonly List<LinkConditions> _badLinks = [];

    private TimeSpan QuietBound => _plan.Faults.Exists(fault => fault is DiscoveryFault.Cut && fault.Duration > TimeSpan.FromSeconds(20))
        ? AfterLongCuts
        : AfterShortCuts;

    private async Task GoWrongAsync()
    {
        TimeSpan begin = Scheduler.Now;
        var steps = new List<(TimeSpan At, int Order, Action Do)>();
        foreach (DiscoveryFault fault in _plan.Faults)
        {
            steps.Add((fault.At, steps.Count, () => Begin(fault)));
            steps.Add((fault.At + fault.Duration, steps.Count, () => End(fault)));
        }
        foreach ((TimeSpan at, _, Action step) in steps.OrderBy(static s => s.At).ThenBy(static s => s.Order))
        {
            await DelayAsync(begin + at - Scheduler.Now).ConfigureAwait(false);
            step();
        }
    }

    private void Begin(DiscoveryFault fault)
    {
        if (Log.IsLogging)
            Log.Line($"begin {Describe(fault)}");
        switch (fault)
        {
            case DiscoveryFault.BadLinks bad:
                Log.Faults.Count(FaultKind.Loss);
                _badLinks.Add(bad.Conditions);
                ApplyConditions();
                break;
            case DiscoveryFault.Cut cut:
                Log.Faults.Count(cut.IsOneWay ? FaultKind.OneWay : FaultKind.Partition);
                _cuts.Add(cut);
                ApplyCuts();
                break;
            case DiscoveryFault.Crash crash when _nodes[crash.Node].IsWanted:
                Log.Faults.Count(FaultKind.Crash);
                Kill(_nodes[crash.Node]);
                break;
            case DiscoveryFault.Leave leave when _nodes[leave.Node].IsWanted:
                Log.Faults.Count(FaultKind.Leave);
                Stop(_nodes[leave.Node]);
                break;
            case DiscoveryFault.LostDeparture lost when _nodes[lost.Node].IsWanted:
                Log.Faults.Count(FaultKind.LostDeparture);
                _lostDepartures[lost] = CutOf(lost);
                _cuts.Add(_lostDepartures[lost]);
                ApplyCuts();
                Stop(_nodes[lost.Node]);
                break;
            case DiscoveryFault.Join join when !_nodes[join.Node].IsWanted:
                Log.Faults.Count(FaultKind.Join);
                _tasks.Add(StartAsync(_nodes[join.Node]));
                break;
            case DiscoveryFault.ChangeTags change:
                Log.Faults.Count(FaultKind.Change);
                _nodes[change.Node].Process?.Discovery.AddTags(Tag.From(change.Tag));
                break;
            // Possibly to before a run of its own that said goodbye, for which it is taken (spec/discovery.md §12.2) until it
            // begins anew under the right time.
            case DiscoveryFault.WrongClock wrong when _nodes[wrong.Node].IsWanted:
                Log.Faults.Count(FaultKind.WrongClock);
                Kill(_nodes[wrong.Node]);
                _nodes[wrong.Node].Clock.WallOffset -= wrong.Behind;
                _tasks.Add(StartAsync(_nodes[wrong.Node]));
                break;
            case DiscoveryFault.HastyClock hasty when _nodes[hasty.Node].IsWanted:
                Log.Faults.Count(FaultKind.WrongClock);
                Kill(_nodes[hasty.Node]);
                _nodes[hasty.Node].Clock.WallOffset += hasty.Ahead;
                _tasks.Add(StartAsync(_nodes[hasty.Node]));
                break;
        }
    }

    private void End(DiscoveryFault fault)
    {
        if (Log.IsLogging && fault.Duration > TimeSpan.Zero)
            Log.Line($"end {Describe(fault)}");
        switch (fault)
        {
            case DiscoveryFault.BadLinks bad:
                _badLinks.Remove(bad.Conditions);
                ApplyConditions();
                break;
            case DiscoveryFault.Cut cut:
                _cuts.Remove(cut);
                ApplyCuts();
                break;
            case DiscoveryFault.Crash { IsForGood: false } crash:
                Return(_nodes[crash.Node]);
                break;
            case DiscoveryFault.Leave { IsForGood: false } leave:
                Return(_nodes[leave.Node]);
                break;
            case DiscoveryFault.LostDeparture lost when _lostDepartures.Remove(lost, out DiscoveryFault.Cut? cut):
                _cuts.Remove(cut);
                ApplyCuts();
                break;
            case DiscoveryFault.HastyClock hasty:
                _nodes[hasty.Node].Clock.WallOffset = _plan.Clocks[hasty.Node].Offset;
                if (!_nodes[hasty.Node].IsWanted)
                    break;
                Kill(_nodes[hasty.Node]);
                Return(_nodes[hasty.Node]);
                break;
            case DiscoveryFault.WrongClock wrong:
                _nodes[wrong.Node].Clock.WallOffset = _plan.Clocks[wrong.Node].Offset;
                break;
        }
    }

    private void Return(SimulatedNode node)
    {
        if (node.IsWanted)
            return;
        Log.Faults.Count(FaultKind.Restart);
        _tasks.Add(StartAsync(node));
    }

    private static DiscoveryFault.Cut CutOf(DiscoveryFault.LostDeparture lost) =>
        new(lost.At, lost.Duration, [lost.Node], lost.Deaf, IsOneWay: false);

    private void ApplyConditions() => _transports.Links.Default = _badLinks.Count > 0 ? _badLinks[^1] : _plan.CleanLink;

    private void ApplyCuts()
    {
        _transports.Links.Heal();
        foreach (DiscoveryFault.Cut cut in _cuts)
        {
            IPAddress[] left = [.. cut.Left.Select(Address)], right = [.. cut.Right.Select(Address)];
            if (!cut.IsOneWay)
            {
                _transports.Links.Partition(left, right);
                continue;
            }
            foreach (IPAddress from in left)
            {
                foreach (IPAddress to in right)
                    _transports.Links.Block(from, to);
            }
        }

        IPAddress Address(int node) => _nodes[node].EndPoint.Address;
    }

    private static string Describe(DiscoveryFault fault) => fault switch
    {
        DiscoveryFault.Cut cut =>
            $"cut{(cut.IsOneWay ? " one way" : "")} [{string.Join(' ', cut.Left)}] from [{string.Join(' ', cut.Right)}] for {cut.Duration}",
        DiscoveryFault.LostDeparture lost => $"departure of n{lost.Node} lost on [{string.Join(' ', lost.Deaf)}] for {lost.Duration}",
        _ => fault.ToString(),
    };
}
