namespace Mosaik.Bench.Contracts;

/// <summary>A side made of a server node (core 1) and a load node (core 0), measured at one of them.</summary>
public sealed class TwoNodeSide(
    string name, string serverRole, string loadRole, bool measureAtServer, string unit, double divisor, NodeStart start,
    long fullAmount) : IWorkloadSide
{
    private NodeProcess? _server;
    private NodeProcess? _load;

    public string Name => name;

    public bool IsEncrypted => true;

    public async ValueTask StartAsync(RunPlan plan)
    {
        ArgumentNullException.ThrowIfNull(plan);
        var pinned = plan.Placement == Placement.Pinned;
        _server = NodeProcess.Launch(serverRole, pinned ? 1 : null);
        var ready = await _server.StartAsync(start);
        _load = NodeProcess.Launch(loadRole, pinned ? 0 : null);
        await _load.StartAsync(start with { Address = ready.Address, Key = ready.Key });
    }

    public async ValueTask<Sample> RunAsync(RunPlan plan)
    {
        ArgumentNullException.ThrowIfNull(plan);
        var amount = plan.IsQuick ? 0 : fullAmount;
        var measure = new NodeMeasure(plan.WarmUp.TotalSeconds, amount > 0 ? 30 : plan.Window.TotalSeconds, amount);
        var (server, load) = (_server!, _load!);
        var at = measureAtServer ? server : load;
        var other = measureAtServer ? load : server;
        await server.BeginMeasureAsync(measure);
        await load.BeginMeasureAsync(measure);
        var measured = await at.EndMeasureAsync();
        var beside = await other.EndMeasureAsync();
        return new Sample(measured.Operations / measured.Seconds / divisor, unit, true, measured.Operations, measured.Seconds)
        {
            Resources = measured.Resources.Plus(beside.Resources),
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
}
