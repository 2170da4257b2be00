using Mosaik.Bench.Contracts;
using Mosaik.Bench.Floors;

namespace Mosaik.Bench.Workloads.Streams;

/// <summary>
/// The limit of S4 as a side: 1.6 × half the round trip of two asynchronous UDP sockets of the same round + 10 µs (B1).
/// </summary>
internal sealed class LatencyLimit : IWorkloadSide
{
    private const double Factor = 1.6;
    private const double Allowance = 10;

    public string Name => "udp-limit";

    public bool IsEncrypted => false;

    public ValueTask StartAsync(RunPlan plan) => ValueTask.CompletedTask;

    public async ValueTask<Sample> RunAsync(RunPlan plan)
    {
        var floor = await UdpFloors.RoundTripAsync(plan.Window / 2);
        return new Sample((Factor * floor.Value / 2) + Allowance, "us", IsHigherBetter: false, floor.Samples, (plan.Window / 2).TotalSeconds);
    }

    public ValueTask StopAsync() => ValueTask.CompletedTask;
}
