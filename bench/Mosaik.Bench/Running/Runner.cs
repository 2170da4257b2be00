using Mosaik.Bench.Contracts;
using Mosaik.Bench.Floors;
using Mosaik.Bench.Results;

namespace Mosaik.Bench.Running;

/// <summary>
/// Runs workloads by the rules of evidence (spec/performance.md §6): floors first; ours and the peers interleaved, round by
/// round; ratios per round, oriented so that larger is better, and their median; noisy rounds discarded and repeated.
/// </summary>
internal sealed class Runner(ResultWriter writer, RunOptions options)
{
    private const double MaxExtraLoad = 0.5;
    private const double MaxStealPercent = 1;
    private const int MaxRepeats = 2;

    private readonly string _runId = Guid.CreateVersion7().ToString("N");
    private readonly Dictionary<string, double> _floors = new(StringComparer.Ordinal);
    private double _loadAtStart;

    public void Begin()
    {
        var environment = Machine.Describe(_runId);
        _loadAtStart = environment.LoadAtStart;
        writer.Write(environment);
    }

    public async Task MeasureFloorsAsync()
    {
        foreach (var floor in FloorList.All)
        {
            var result = await floor.MeasureAsync(FloorList.Window(options.IsQuick));
            var placement = floor.IsPinned ? Placement.Pinned : Placement.Free;
            _floors[$"{floor.Name}/{placement}"] = result.Value;
            writer.Write(new FloorLine(
                _runId, floor.Name, floor.Variant, Name(placement), result.Value, result.Unit, Better(result.IsHigherBetter),
                result.P50Us, result.P99Us, result.Samples, result.LossPercent));
        }
    }

    public async Task RunAsync(Workload workload)
    {
        foreach (var variant in workload.Variants)
        {
            foreach (var placement in options.Placements ?? workload.Placements)
                await RunAsync(workload, variant, placement);
        }
    }

    private async Task RunAsync(Workload workload, string variant, Placement placement)
    {
        var processes = options.Processes ?? workload.Processes;
        var plan = new RunPlan(variant, placement, processes, options.WarmUp, options.Window, options.IsQuick);
        var peers = workload.Peers(variant).Select(static make => make())
            .Where(p => options.Peers.Count == 0 || options.Peers.Contains(p.Name, StringComparer.Ordinal)).ToList();
        var rounds = peers.ToDictionary(static p => p.Name, static _ => new List<(Sample Ours, Sample Peer)>(), StringComparer.Ordinal);
        for (var round = 1; round <= options.Rounds; round++)
        {
            foreach (var peer in peers)
            {
                if (await RoundAsync(workload, plan, peer, round) is { } pair)
                    rounds[peer.Name].Add(pair);
            }
        }

        foreach (var peer in peers)
            WriteRatio(workload, plan, peer.Name, rounds[peer.Name]);
    }

    // One round of B1: ours, then the peer. Repeated at most twice when the machine was busy with something else (B7).
    private async Task<(Sample Ours, Sample Peer)?> RoundAsync(Workload workload, RunPlan plan, IWorkloadSide peer, int round)
    {
        for (var repeat = 0; repeat <= MaxRepeats; repeat++)
        {
            var load = Machine.Load();
            var before = Machine.CpuTicks();
            var side = workload.Ours();
            var ours = await RunSideAsync(side, plan);
            var theirs = await RunSideAsync(peer, plan);
            var after = Machine.CpuTicks();
            var steal = 100.0 * (after.Steal - before.Steal) / Math.Max(1, after.Total - before.Total);
            var reason = load > _loadAtStart + MaxExtraLoad ? "load"
                : steal > MaxStealPercent ? "steal"
                : ours.LossPercent > 0 || theirs.LossPercent > 0 ? "loss"
                : null;
            WriteSample(workload, plan, side, "ours", round, ours, load, steal, reason);
            WriteSample(workload, plan, peer, "peer", round, theirs, load, steal, reason);
            if (reason is null)
                return (ours, theirs);
        }

        return null;
    }

    private static async Task<Sample> RunSideAsync(IWorkloadSide side, RunPlan plan)
    {
        try
        {
            await side.StartAsync(plan);
            return await side.RunAsync(plan);
        }
        finally
        {
            await side.StopAsync();
        }
    }

    private void WriteSample(
        Workload workload, RunPlan plan, IWorkloadSide side, string role, int round, Sample sample, double load, double steal,
        string? reason)
    {
        var operations = Math.Max(1, sample.Operations);
        var resources = sample.Resources;
        var latency = sample.Latency is { } l ? new LatencyFields(l.P50, l.P90, l.P99, l.Max, l.Samples) : null;
        writer.Write(new SampleLine(
            _runId, round, workload.Id, plan.Variant, role, side.Name, side.IsEncrypted, Name(plan.Placement), plan.Processes,
            sample.Value, sample.Unit, Better(sample.IsHigherBetter), sample.Operations, sample.Seconds, latency,
            (double)resources.AllocatedBytes / operations, resources.CpuSeconds * 1e6 / operations,
            [resources.Gen0, resources.Gen1, resources.Gen2], resources.PeakResidentBytes, sample.LossPercent, load, steal,
            reason is not null, reason));
    }

    private void WriteRatio(Workload workload, RunPlan plan, string peer, List<(Sample Ours, Sample Peer)> rounds)
    {
        if (rounds.Count == 0)
            return;
        var ratios = rounds.ConvertAll(static r => r.Ours.IsHigherBetter ? r.Ours.Value / r.Peer.Value : r.Peer.Value / r.Ours.Value);
        var median = Median(ratios);
        var target = workload.Targets(plan.Variant, peer);
        var floor = workload.Floor is { } name
            && (_floors.TryGetValue($"{name}/{plan.Placement}", out var value) || _floors.TryGetValue($"{name}/{Placement.Free}", out value))
            ? new FloorReference(name, value)
            : null;
        writer.Write(new RatioLine(
            _runId, workload.Id, plan.Variant, peer, Name(plan.Placement), plan.Processes, workload.Metric, median, ratios.Min(),
            ratios.Max(), rounds.Count, Median(rounds.ConvertAll(static r => r.Ours.Value)),
            Median(rounds.ConvertAll(static r => r.Peer.Value)), rounds[0].Ours.Unit, floor, target?.Must, target?.Stretch,
            target is null ? null : median >= target.Must, target?.Stretch is { } stretch ? median >= stretch : null));
    }

    private static double Median(List<double> values)
    {
        var sorted = values.Order().ToArray();
        var middle = sorted.Length / 2;
        return sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }

    private static string Name(Placement placement) => placement == Placement.Pinned ? "pinned" : "free";

    private static string Better(bool isHigherBetter) => isHigherBetter ? "higher" : "lower";
}
