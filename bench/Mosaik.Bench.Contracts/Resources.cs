using System.Diagnostics;

namespace Mosaik.Bench.Contracts;

/// <summary>Resources of one or more processes over a span of time (B8).</summary>
public sealed record Resources(
    long AllocatedBytes = 0, double CpuSeconds = 0, int Gen0 = 0, int Gen1 = 0, int Gen2 = 0, long PeakResidentBytes = 0)
{
    /// <summary>Both together.</summary>
    public Resources Plus(Resources other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return new(
            AllocatedBytes + other.AllocatedBytes, CpuSeconds + other.CpuSeconds, Gen0 + other.Gen0, Gen1 + other.Gen1,
            Gen2 + other.Gen2, PeakResidentBytes + other.PeakResidentBytes);
    }
}

/// <summary>Measures the resources of this process from its creation to <see cref="Stop"/>.</summary>
public sealed class ResourceMeter
{
    private readonly long _allocated = GC.GetTotalAllocatedBytes();
    private readonly TimeSpan _cpu = Environment.CpuUsage.TotalTime;
    private readonly int _gen0 = GC.CollectionCount(0);
    private readonly int _gen1 = GC.CollectionCount(1);
    private readonly int _gen2 = GC.CollectionCount(2);

    public Resources Stop()
    {
        using var process = Process.GetCurrentProcess();
        return new Resources(
            GC.GetTotalAllocatedBytes() - _allocated,
            (Environment.CpuUsage.TotalTime - _cpu).TotalSeconds,
            GC.CollectionCount(0) - _gen0,
            GC.CollectionCount(1) - _gen1,
            GC.CollectionCount(2) - _gen2,
            process.PeakWorkingSet64);
    }
}
