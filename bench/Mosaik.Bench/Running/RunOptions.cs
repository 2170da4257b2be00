using Mosaik.Bench.Contracts;

namespace Mosaik.Bench.Running;

/// <summary>The options of <c>run</c> and <c>floors</c>.</summary>
internal sealed record RunOptions(bool IsQuick, int Rounds, IReadOnlyList<Placement>? Placements, int? Processes, string? Output)
{
    private static readonly TimeSpan QuickWarmUp = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan QuickWindow = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan FullWarmUp = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan FullWindow = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan FullOpenLoopWarmUp = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan FullOpenLoopWindow = TimeSpan.FromSeconds(10);

    /// <summary>How long all repetitions of noisy rounds together may take.</summary>
    public TimeSpan RepeatTime => IsQuick ? TimeSpan.FromSeconds(20) : TimeSpan.MaxValue;

    /// <summary>Names of peers to run; all when empty.</summary>
    public IReadOnlyList<string> Peers { get; init; } = [];

    /// <summary>Variants to run; when empty all, or those of a quick run.</summary>
    public IReadOnlyList<string> Variants { get; init; } = [];

    public TimeSpan WarmUp => IsQuick ? QuickWarmUp : FullWarmUp;

    /// <summary>Latencies of a schedule take longer than rates: the tail has to be seen (B6).</summary>
    public TimeSpan OpenLoopWarmUp => IsQuick ? QuickWarmUp : FullOpenLoopWarmUp;

    public TimeSpan OpenLoopWindow => IsQuick ? QuickWindow : FullOpenLoopWindow;

    public TimeSpan Window => IsQuick ? QuickWindow : FullWindow;
}
