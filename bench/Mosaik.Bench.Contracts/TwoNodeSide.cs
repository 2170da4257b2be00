namespace Mosaik.Bench.Contracts;

/// <summary>A side made of a server node (core 1) and a load node (core 0), measured at one of them.</summary>
public sealed class TwoNodeSide(
    string name, string serverRole, string loadRole, bool measureAtServer, string unit, double divisor, NodeStart start,
    long fullAmount, Func<string, INodeRole> createRole) : IWorkloadSide
{
    private const double LongestWindow = 30;
    private INode? _server;
    private INode? _load;

    public string Name => name;

    public bool IsEncrypted { get; init; } = true;

    /// <summary>Why this side cannot run here; null if it can.</summary>
    public string? Missing { get; init; }

    /// <summary>Whether the median latency is measured, and not the rate.</summary>
    public bool MeasuresLatency { get; init; }

    public async ValueTask StartAsync(RunPlan plan)
    {
        ArgumentNullException.ThrowIfNull(plan);
        _server = Node(plan, serverRole, core: 1);
        var ready = await _server.StartAsync(start);
        _load = Node(plan, loadRole, core: 0);
        await _load.StartAsync(start with { Address = ready.Address, Key = ready.Key });
    }

    public async ValueTask<Sample> RunAsync(RunPlan plan)
    {
        ArgumentNullException.ThrowIfNull(plan);
        await BothAsync(new NodeMeasure(plan.WarmUp.TotalSeconds, 0, 0));
        var amount = plan.IsQuick ? 0 : fullAmount;
        var (server, load) = await BothAsync(new NodeMeasure(0, amount > 0 ? LongestWindow : plan.Window.TotalSeconds, amount));
        var measured = measureAtServer ? server : load;
        if (measured.Operations == 0)
            throw new InvalidDataException("nothing arrived while it was measured");
        var value = MeasuresLatency ? measured.Latency!.P50 : measured.Operations / measured.Seconds / divisor; // the role has it
        return new Sample(value, unit, !MeasuresLatency, measured.Operations, measured.Seconds)
        {
            LossPercent = 100.0 * measured.Lost / Math.Max(1, measured.Operations + measured.Lost),
            // Two nodes in one process both see all of it.
            Resources = plan.Processes == 1 ? measured.Resources : server.Resources.Plus(load.Resources),
            Latency = measured.Latency,
        };
    }

    public async ValueTask StopAsync()
    {
        if (_load is not null)
            await _load.DisposeAsync();
        if (_server is not null)
            await _server.DisposeAsync();
        (_load, _server) = (null, null);
    }

    private INode Node(RunPlan plan, string role, int core) => plan.Processes == 1
        ? new LocalNode(createRole(role))
        : NodeProcess.Launch(role, plan.Placement == Placement.Pinned ? core : null);

    private async Task<(NodeMeasured Server, NodeMeasured Load)> BothAsync(NodeMeasure measure)
    {
        // Both are set by StartAsync.
        var server = _server!.MeasureAsync(measure);
        var load = _load!.MeasureAsync(measure);
        await Task.WhenAll(server, load);
        return (await server, await load);
    }
}
