using System.Diagnostics;
using Mosaik.Bench.Contracts;
using Mosaik.Bench.Floors;
using Mosaik.Bench.Results;

namespace Mosaik.Bench.Running;

/// <summary>
/// Runs workloads by the rules of evidence (spec/performance.md §6): floors first; ours and the peers interleaved, round by
/// round; ratios per round, oriented so that larger is better, and their median. A round that the machine disturbed is
/// repeated; when it stays disturbed the last attempt is kept and says so, for a machine that is never quiet shall still
/// give ratios, which suffer less than rates. A round that lost application data is void.
/// </summary>
internal sealed class Runner(ResultWriter writer, Summary summary, RunOptions options)
{
    private const int MaxRepeats = 2;

    private readonly string _runId = Guid.CreateVersion7().ToString("N");
    private readonly Dictionary<string, double> _floors = new(StringComparer.Ordinal);
    private TimeSpan _repeatTime = options.RepeatTime;

    public void Begin()
    {
        writer.Write(Machine.Describe(_runId));
    }

    public async Task MeasureFloorsAsync()
    {
        foreach (var floor in FloorList.All)
        {
            var result = await floor.MeasureAsync(FloorList.Window(options.IsQuick));
            var placement = floor.IsPinned ? Placement.Pinned : Placement.Free;
            _floors[$"{floor.Name}/{placement}"] = result.Value;
            var line = new FloorLine(
                _runId, floor.Name, floor.Variant, Name(placement), result.Value, result.Unit, Better(result.IsHigherBetter),
                result.P50Us, result.P99Us, result.Samples, result.LossPercent);
            writer.Write(line);
            summary.Show(line);
        }
    }

    public async Task RunAsync(Workload workload)
    {
        var placements = options.Placements ?? (options.IsQuick ? [workload.Placements[0]] : workload.Placements);
        // One process has no two places.
        if (Processes(workload) == 1)
            placements = [Placement.Free];
        var variants = options.Variants.Count > 0 ? workload.Variants.Where(options.Variants.Contains)
            : options.IsQuick ? workload.QuickVariants : workload.Variants;
        foreach (var variant in variants)
        {
            foreach (var placement in placements)
                await RunAsync(workload, variant, placement);
        }
    }

    private async Task RunAsync(Workload workload, string variant, Placement placement)
    {
        var (warmUp, window) = workload.IsOpenLoop
            ? (options.OpenLoopWarmUp, options.OpenLoopWindow)
            : (options.WarmUp, options.Window);
        var plan = new RunPlan(variant, placement, Processes(workload), warmUp, window, options.IsQuick);
        var peers = workload.Peers(variant).Select(static make => make())
            .Where(p => options.Peers.Count == 0 || options.Peers.Contains(p.Name, StringComparer.Ordinal)).ToList();
        foreach (var absent in peers.Where(static p => p.Missing is not null))
            summary.NotShown($"{workload.Id} {variant} / {absent.Name} {Name(placement)}: {absent.Missing}", workload.Targets(variant, absent.Name) is not null);
        peers.RemoveAll(static p => p.Missing is not null);
        var rounds = new List<Round>();
        for (var round = 1; round <= options.Rounds; round++)
        {
            if (await RoundAsync(workload, plan, peers, round) is { } kept)
                rounds.Add(kept);
        }

        for (var i = 0; i < peers.Count; i++)
        {
            WriteRatio(workload, plan, peers[i].Name, rounds, i, workload.Metric, static s => s.Value, workload.Targets);
            if (workload.TailTargets is { } tails && rounds.TrueForAll(r => r.Peers[i].Latency is not null))
                WriteRatio(workload, plan, peers[i].Name, rounds, i, "p99", static s => s.Latency?.P99 ?? 0, tails);
        }
    }

    private int Processes(Workload workload) => options.Processes ?? workload.Processes;

    // One round of B1: ours, then each peer; the next round begins with ours again.
    private async Task<Round?> RoundAsync(Workload workload, RunPlan plan, List<IWorkloadSide> peers, int round)
    {
        for (var attempt = 0; ; attempt++)
        {
            var start = Stopwatch.GetTimestamp();
            var load = Machine.Load();
            var noise = new MachineNoise();
            IWorkloadSide[] sides = [workload.Ours(plan.Variant), .. peers];
            var samples = new List<Sample>();
            foreach (var side in sides)
            {
                if (await TryRunSideAsync(workload, plan, side) is not { } sample)
                    return null;
                samples.Add(sample);
            }

            var (steal, reason) = noise.End();
            if (samples.Exists(static s => s.LossPercent > 0))
                reason = "loss";
            var taken = Stopwatch.GetElapsedTime(start);
            var isLast = attempt == MaxRepeats || taken > _repeatTime;
            var isKept = reason is null || (isLast && reason != "loss");
            for (var i = 0; i < sides.Length; i++)
                WriteSample(workload, plan, sides[i], i == 0 ? "ours" : "peer", round, samples[i], load, steal, !isKept, reason);
            if (isKept)
                return new Round(samples[0], samples[1..], reason is not null);
            if (isLast)
                return null;
            _repeatTime -= taken;
        }
    }

    private async Task<Sample?> TryRunSideAsync(Workload workload, RunPlan plan, IWorkloadSide side)
    {
        try
        {
            return await RunSideAsync(side, plan);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // The others can still be measured; the run as a whole has failed.
            summary.Failed($"{workload.Id} {plan.Variant} {side.Name}", e.Message);
            return null;
        }
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
        bool isDiscarded, string? reason)
    {
        var operations = Math.Max(1, sample.Operations);
        var resources = sample.Resources;
        var latency = sample.Latency is { } l ? new LatencyFields(l.P50, l.P90, l.P99, l.P999, l.Max, l.Samples) : null;
        writer.Write(new SampleLine(
            _runId, round, workload.Id, plan.Variant, role, side.Name, side.IsEncrypted, Name(plan.Placement), plan.Processes,
            sample.Value, sample.Unit, Better(sample.IsHigherBetter), sample.Operations, sample.Seconds, latency,
            (double)resources.AllocatedBytes / operations, resources.CpuSeconds * 1e6 / operations,
            [resources.Gen0, resources.Gen1, resources.Gen2], resources.PeakResidentBytes, sample.LossPercent, load, steal,
            isDiscarded, reason));
    }

    private void WriteRatio(
        Workload workload, RunPlan plan, string peer, List<Round> rounds, int index, string metric, Func<Sample, double> valueOf,
        Func<string, string, Target?> targets)
    {
        var target = plan.Placement == workload.Placements[0] ? targets(plan.Variant, peer) : null;
        if (rounds.Count == 0)
        {
            summary.NotShown($"{workload.Id} {plan.Variant} / {peer} {Name(plan.Placement)}", target is not null);
            return;
        }

        var ours = rounds.ConvertAll(static r => r.Ours);
        var theirs = rounds.ConvertAll(r => r.Peers[index]);
        var ratios = ours.Zip(theirs, (o, t) => o.IsHigherBetter ? valueOf(o) / valueOf(t) : valueOf(t) / valueOf(o)).ToList();
        var median = Median(ratios);
        var judged = workload.JudgesWorstRound ? ratios.Min() : median;
        var floor = workload.Floor is { } name
            && (_floors.TryGetValue($"{name}/{plan.Placement}", out var value) || _floors.TryGetValue($"{name}/{Placement.Free}", out value))
            ? new FloorReference(name, value)
            : null;
        var line = new RatioLine(
            _runId, workload.Id, plan.Variant, peer, Name(plan.Placement), plan.Processes, metric, median, ratios.Min(),
            ratios.Max(), rounds.Count, rounds.Count(static r => r.IsNoisy), Median(ours.ConvertAll(s => valueOf(s))),
            Median(theirs.ConvertAll(s => valueOf(s))), ours[0].Unit, floor, target?.Must, target?.Stretch,
            target is null ? null : judged >= target.Must, target?.Stretch is { } stretch ? judged >= stretch : null)
        {
            OursCpuUsPerOp = Median(ours.ConvertAll(CpuPerOperation)),
            PeerCpuUsPerOp = Median(theirs.ConvertAll(CpuPerOperation)),
            OursAllocBytesPerOp = Median(ours.ConvertAll(AllocatedPerOperation)),
            PeerAllocBytesPerOp = Median(theirs.ConvertAll(AllocatedPerOperation)),
        };
        writer.Write(line);
        summary.Show(line);
    }

    private static double CpuPerOperation(Sample sample) => sample.Resources.CpuSeconds * 1e6 / Math.Max(1, sample.Operations);

    private static double AllocatedPerOperation(Sample sample) =>
        (double)sample.Resources.AllocatedBytes / Math.Max(1, sample.Operations);

    private static double Median(List<double> values)
    {
        var sorted = values.Order().ToArray();
        var middle = sorted.Length / 2;
        return sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }

    private static string Name(Placement placement) => placement == Placement.Pinned ? "pinned" : "free";

    private static string Better(bool isHigherBetter) => isHigherBetter ? "higher" : "lower";

    private sealed record Round(Sample Ours, List<Sample> Peers, bool IsNoisy);
}
