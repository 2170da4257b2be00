namespace Mosaik.Bench.Contracts;

/// <summary>One side of a comparison: ours or a peer's. Started once per variant and round, run, stopped.</summary>
public interface IWorkloadSide
{
    /// <summary>"mosaik", or the peer's name.</summary>
    string Name { get; }

    /// <summary>Whether the bytes of this side are encrypted on the wire.</summary>
    bool IsEncrypted { get; }

    /// <summary>Why this side cannot run here; null if it can.</summary>
    string? Missing => null;

    ValueTask StartAsync(RunPlan plan);

    ValueTask<Sample> RunAsync(RunPlan plan);

    ValueTask StopAsync();
}
