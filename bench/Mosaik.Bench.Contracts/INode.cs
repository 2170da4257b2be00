namespace Mosaik.Bench.Contracts;

/// <summary>One end of a side, in a process of its own or in this one (B4).</summary>
public interface INode : IAsyncDisposable
{
    Task<NodeReady> StartAsync(NodeStart start);

    /// <summary>Warms up, or measures. To be called for both ends before either is awaited.</summary>
    Task<NodeMeasured> MeasureAsync(NodeMeasure measure);
}

/// <summary>A node in this process, for profiling.</summary>
public sealed class LocalNode(INodeRole role) : INode
{
    public Task<NodeReady> StartAsync(NodeStart start) => role.StartAsync(start);

    public async Task<NodeMeasured> MeasureAsync(NodeMeasure measure)
    {
        ArgumentNullException.ThrowIfNull(measure);
        if (!measure.IsWarmUp)
            return await role.MeasureAsync(measure);
        await CompilerRest.WaitAsync(TimeSpan.FromSeconds(measure.WarmUpSeconds));
        return NodeMeasured.Nothing;
    }

    public ValueTask DisposeAsync() => role.DisposeAsync();
}
