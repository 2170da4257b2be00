using System.Runtime.InteropServices;

namespace Mosaik.Discovery;

/// <summary>
/// A smoothed round-trip time (spec/discovery.md §10.2): α = 1/8, β = 1/4, nanoseconds, each product truncated.
/// </summary>
/// <param name="SmoothedNs">The smoothed time.</param>
/// <param name="VarianceNs">The smoothed deviation.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct RttEstimate(long SmoothedNs, long VarianceNs)
{
    public TimeSpan Smoothed => TimeSpan.FromTicks(SmoothedNs / TimeSpan.NanosecondsPerTick);

    /// <summary>The estimate after the first sample.</summary>
    public static RttEstimate First(long sampleNs) => new(sampleNs, sampleNs / 2);

    /// <summary>The estimate after another sample. The deviation is taken from the old smoothed time.</summary>
    public RttEstimate Next(long sampleNs)
    {
        long difference = Math.Abs(SmoothedNs - sampleNs);
        return new RttEstimate(
            (SmoothedNs * 7 / 8) + (sampleNs / 8),
            (VarianceNs * 3 / 4) + (difference / 4));
    }
}
