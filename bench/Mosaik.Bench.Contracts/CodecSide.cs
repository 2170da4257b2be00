using System.Runtime.CompilerServices;

namespace Mosaik.Bench.Contracts;

/// <summary>A side of X1: writes a value into a reused buffer and reads it back, in one process.</summary>
public abstract class CodecSide(string name) : IWorkloadSide
{
    private static object? _kept;
    private Action<int>? _runMany;

    public string Name => name;

    public bool IsEncrypted => false;

    public ValueTask StartAsync(RunPlan plan)
    {
        ArgumentNullException.ThrowIfNull(plan);
        _runMany = Prepare(plan.Variant);
        return ValueTask.CompletedTask;
    }

    public ValueTask<Sample> RunAsync(RunPlan plan) => ValueTask.FromResult(TimedLoop.Time(plan, _runMany!));

    public ValueTask StopAsync() => ValueTask.CompletedTask;

    protected abstract Action<int> Prepare(string variant);

    protected static List<int> Numbers(string variant) => variant switch
    {
        "ints" => [.. CodecData.Counting],
        "ints-small" => [.. CodecData.Small],
        "ints-mixed" => [.. CodecData.Mixed],
        _ => throw new ArgumentOutOfRangeException(nameof(variant), variant, "unknown variant"),
    };

    // Keeps what was read alive, so that reading is not optimised away.
    [MethodImpl(MethodImplOptions.NoInlining)]
    protected static void Keep(object? value) => _kept = value;
}
