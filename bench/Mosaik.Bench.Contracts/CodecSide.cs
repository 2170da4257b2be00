using System.Runtime.CompilerServices;

namespace Mosaik.Bench.Contracts;

/// <summary>A side of X1: writes a value into a reused buffer and reads it back, in one process.</summary>
public abstract class CodecSide(string name) : IWorkloadSide
{
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan QuickWindow = TimeSpan.FromSeconds(0.4);
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(0.25);

    private static object? Kept;
    private Action<int>? _runMany;

    public string Name => name;

    public bool IsEncrypted => false;

    public ValueTask StartAsync(RunPlan plan)
    {
        ArgumentNullException.ThrowIfNull(plan);
        _runMany = Prepare(plan.Variant);
        return ValueTask.CompletedTask;
    }

    public ValueTask<Sample> RunAsync(RunPlan plan)
    {
        ArgumentNullException.ThrowIfNull(plan);
        // Nothing but one loop on one thread: the median over batches needs no seconds.
        var shorter = plan with { WarmUp = WarmUp, Window = plan.IsQuick ? QuickWindow : Window };
        return ValueTask.FromResult(TimedLoop.Time(shorter, _runMany!));
    }

    public ValueTask StopAsync() => ValueTask.CompletedTask;

    protected abstract Action<int> Prepare(string variant);

    protected static List<int> Numbers(string variant) => variant switch
    {
        "ints" => [.. CodecData.Below1000],
        "ints-small" => [.. CodecData.Small],
        "ints-mixed" => [.. CodecData.Mixed],
        _ => throw new ArgumentOutOfRangeException(nameof(variant), variant, "unknown variant"),
    };

    // Keeps what was read alive, so that reading is not optimised away.
    [MethodImpl(MethodImplOptions.NoInlining)]
    protected static void Keep(object? value) => Kept = value;
}
